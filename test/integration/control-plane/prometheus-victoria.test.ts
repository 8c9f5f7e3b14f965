/**
 * VictoriaMetrics in the place of Prometheus: both have the very same samples, one by scraping and the
 * other by remote write from it, and the plane reads, decides and acts on them alike.
 */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { createPrometheusSource } from '../../../control-plane/adapters/prometheus/source.ts';
import type { PrometheusSource } from '../../../control-plane/adapters/prometheus/source.ts';
import { decideScale } from '../../../control-plane/deciders/scale.ts';
import { observationsOf, queriesOf } from '../../../control-plane/loops/observe.ts';
import type { DecisionRecord } from '../../../control-plane/model/decision.ts';
import { NO_BRAKES } from '../../../control-plane/model/decision.ts';
import type { ScalePolicy } from '../../../control-plane/model/policy.ts';
import type { InstantReading } from '../../../control-plane/ports/metrics-source.ts';
import { parsePolicy } from '../../../control-plane/schemas/policy.ts';
import { startExporter } from '../../support/exporter.ts';
import { planePlace, startPlane, WORKLOAD_ID } from '../../support/plane-process.ts';
import { pollUntil } from '../../support/process.ts';
import { sourceOptions } from '../../support/prometheus-options.ts';
import {
  preparePrometheus,
  scrapeConfigOf,
  startPrometheus,
} from '../../support/prometheus-process.ts';
import type { PrometheusProcess } from '../../support/prometheus-process.ts';
import { markedProcesses } from '../../support/replica-processes.ts';
import { skipWithout } from '../../support/skip.ts';
import { startVictoria } from '../../support/victoria-process.ts';
import type { VictoriaProcess } from '../../support/victoria-process.ts';

const NEVER = new AbortController().signal;
const EXPOSITION = `in_system{replica="a"} 11.25
in_system{replica="b"} 12.5
in_system{replica="c"} 11.125
busy_ratio{replica="a"} 0.1
busy_ratio{replica="b"} 0.2
not_a_number NaN
latency_seconds_bucket{le="0.1"} 50
latency_seconds_bucket{le="1"} 90
latency_seconds_bucket{le="+Inf"} 100
`;

/** After so long a sample is with both. */
const ARRIVED_MS = 3_000;

describe('the Prometheus source against a real VictoriaMetrics', function () {
  this.timeout(90_000);
  let prometheus: PrometheusProcess;
  let victoria: VictoriaProcess;
  let fromPrometheus: PrometheusSource;
  let fromVictoria: PrometheusSource;
  /** When both have what was scraped last. */
  let atMs: number;
  const started: (() => unknown)[] = [];

  before(async function () {
    skipWithout(this, 'prometheus');
    skipWithout(this, 'victoria-metrics');
    const exporter = await startExporter(EXPOSITION);
    started.push(() => exporter.stop());
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-victoria-'));
    started.push(() => rm(directory, { recursive: true, force: true }));
    victoria = await startVictoria(join(directory, 'victoria'));
    started.push(() => victoria.kill());
    const config = `${scrapeConfigOf(exporter.address)}
remote_write:
  - url: ${victoria.remoteWriteUrl}
    queue_config: { batch_send_deadline: 200ms }
`;
    const place = await preparePrometheus(join(directory, 'prometheus'), config, 'groups: []');
    prometheus = await startPrometheus(place);
    started.push(() => prometheus.kill());
    fromPrometheus = sourceOf(prometheus.url);
    fromVictoria = sourceOf(victoria.url);
    started.push(() => {
      fromPrometheus.close();
      fromVictoria.close();
    });
    atMs = await pollUntil('both have three samples, the last the same', 30_000, async () => {
      // What was scraped a moment ago is sent on, and visible there, some time later.
      const nowMs = Date.now() - ARRIVED_MS;
      const queries = ['count_over_time(in_system{replica="a"}[1m])', 'max(timestamp(in_system))'];
      const read = (source: PrometheusSource) => source.readInstant(queries, nowMs, NEVER);
      const [one, other] = await Promise.all([read(fromPrometheus), read(fromVictoria)]);
      const [count, last] = one.map(valueOf);
      const same = JSON.stringify(one.map(valueOf)) === JSON.stringify(other.map(valueOf));
      return same && Number(count) >= 3 && Number(last) > 0 ? nowMs : null;
    });
  });

  after(async () => {
    for (const stop of started.reverse()) await stop();
  });

  const both = async (queries: readonly string[]) =>
    Promise.all([fromPrometheus, fromVictoria].map((one) => one.readInstant(queries, atMs, NEVER)));

  const imported = async (lines: readonly string[]): Promise<void> => {
    const answer = await fetch(`${victoria.url}/api/v1/import/prometheus`, {
      method: 'POST',
      body: `${lines.join('\n')}\n`,
      signal: AbortSignal.timeout(5_000),
    });
    assert.ok(answer.ok, `${answer.status}`);
  };

  it('reads the same values, in one merged request and one by one', async () => {
    const queries = [
      'sum(in_system)',
      'max by (replica) (in_system)',
      'avg(busy_ratio) * 3',
      'in_system{replica="b"} / on () group_left () sum(in_system)',
      'histogram_quantile(0.9, latency_seconds_bucket)',
      'min(timestamp(in_system))',
      'count(in_system > 12)',
      'nothing_of_this_name',
      'vector(1)',
      'scalar(sum(in_system)) + 1',
    ];
    const [expected, merged] = await both(queries);
    assert.deepEqual(merged?.map(samplesOf), expected?.map(samplesOf));
    assert.equal(valueOf(merged?.[0]), 34.875);
    for (const [index, query] of queries.entries()) {
      const [, alone] = await both([query]);
      assert.deepEqual(alone?.map(samplesOf), [expected?.[index]].map(samplesOf), query);
    }
  });

  it('reads as of the time that it asks for, and not of half a minute before', async () => {
    const [reading] = await fromVictoria.readInstant(['max(timestamp(in_system))'], atMs, NEVER);
    const ageMs = atMs - Number(valueOf(reading)) * 1_000;
    assert.ok(ageMs >= 0 && ageMs < 5_000, `${ageMs} ms`);
  });

  it('sees what VictoriaMetrics refuses as a rejected query, and answers the others', async () => {
    const queries = ['sum(in_system)', 'nope(in_system)', 'in_system[5m]'];
    const readings = await fromVictoria.readInstant(queries, atMs, NEVER);
    assert.equal(valueOf(readings[0]), 34.875);
    const [, refused, matrix] = readings;
    assert.ok(refused?.kind === 'failed' && refused.reason === 'signal_rejected');
    assert.match(refused.detail, /unknown func "?nope/);
    assert.ok(matrix?.kind === 'failed');
  });

  it('takes a value that is not a number for absent: VictoriaMetrics leaves it out', async () => {
    const [reading] = await fromVictoria.readInstant(['not_a_number'], atMs, NEVER);
    assert.deepEqual(samplesOf(reading), []);
  });

  it('reads ranges', async () => {
    // Of the last 30 s VictoriaMetrics repeats what was before them: a range ends earlier.
    const endMs = Math.floor(atMs / 10_000) * 10_000 - 60_000;
    const times = [endMs - 20_000, endMs - 10_000, endMs];
    await imported(times.map((time, n) => `earlier{n="1"} ${n} ${time}`));
    const range = { query: 'sum(earlier)', startMs: endMs - 20_000, endMs, stepMs: 10_000 };
    const expected = times.map((time, n) => [time, n]);
    await pollUntil('the samples can be read', 15_000, async () => {
      const [reading] = await fromVictoria.readRange([range], NEVER);
      assert.ok(reading?.kind === 'matrix', JSON.stringify(reading));
      return JSON.stringify(reading.series[0]?.points) === JSON.stringify(expected);
    });
  });

  it('reads merged ranges exactly as one by one', async () => {
    const endMs = Math.floor(atMs / 10_000) * 10_000 - 60_000;
    const times = [endMs - 30_000, endMs - 20_000, endMs];
    const lines = ['a', 'b'].flatMap((n) =>
      times.map((time, at) => `before{n="${n}"} ${at + (n === 'a' ? 0.1 : 0.2)} ${time}`),
    );
    await imported(lines);
    const queries = [
      'before',
      'sum(before)',
      'before{n="b"} > 1',
      'max_over_time(before[15s])',
      'nothing_of_this_name',
      'vector(3)',
      'time()',
    ].map((query) => ({ query, startMs: endMs - 40_000, endMs, stepMs: 10_000 }));
    await pollUntil('the samples can be read', 15_000, async () => {
      const [reading] = await fromVictoria.readRange(queries.slice(0, 1), NEVER);
      return reading?.kind === 'matrix' && reading.series.length === 2;
    });
    const merged = await fromVictoria.readRange(queries, NEVER);
    for (const [at, query] of queries.entries()) {
      const [alone] = await fromVictoria.readRange([query], NEVER);
      assert.ok(alone?.kind === 'matrix', query.query);
      assert.deepEqual(merged[at], alone, query.query);
    }
    assert.deepEqual(
      merged.map((one) => (one.kind === 'matrix' ? one.series.length : one.reason)),
      [2, 1, 1, 2, 0, 1, 1],
    );
  });

  for (const [title, desired, verdict] of [
    ['scales out', 1, { kind: 'act', direction: 'out', replicas: 4, reason: 'above_target' }],
    ['scales in', 8, { kind: 'act', direction: 'in', replicas: 4, reason: 'below_target' }],
    ['holds', 4, { kind: 'hold', replicas: 4, reason: 'at_desired' }],
  ] as const) {
    it(`${title} on the data of either, to the same number for the same reason`, async () => {
      const policy = parsePolicy(POLICY);
      const [one, other] = await both(queriesOf(policy, atMs).instants);
      assert.ok(one !== undefined && other !== undefined);
      const outcomes = [one, other].map((readings) => decide(policy, readings, desired, atMs));
      assert.deepEqual(outcomes[1], outcomes[0]);
      assert.deepEqual(outcomes[1]?.outcome.verdict, verdict);
      assert.ok(outcomes[1].observations.every(({ kind }) => kind === 'sample'));
    });
  }

  it('has a plane act on either to the same number of replicas', async () => {
    const act = async (prometheusUrl: string): Promise<DecisionRecord> => {
      const { workload, id, ...policy } = POLICY;
      const place = await planePlace({
        prometheusUrl,
        tickInterval: '1s',
        prometheusTimeout: '800ms',
        settings: { OMNIMIND_LOCAL_PROCESS_ON_STOP: 'stop' },
        policy,
      });
      const plane = await startPlane(place);
      try {
        return await pollUntil(`${workload} acts by ${id}`, 40_000, async () => {
          const found = await plane.decisions(100).catch(() => []);
          return found.find(({ outcome }) => outcome.verdict.kind === 'act');
        });
      } finally {
        plane.running.child.kill('SIGTERM');
        await plane.running.exit(10_000).catch(() => plane.running.kill());
        for (const { pid } of await markedProcesses(place.data)) process.kill(pid, 'SIGKILL');
        await rm(dirname(place.data), { recursive: true, force: true });
      }
    };
    const one = await act(prometheus.url);
    const other = await act(victoria.url);
    assert.deepEqual(other.outcome.verdict, one.outcome.verdict);
    assert.deepEqual(other.outcome.verdict, {
      kind: 'act',
      direction: 'out',
      replicas: 4,
      reason: 'above_target',
    });
    const values = [one, other].map(({ input }) =>
      input.observations.map((each) => (each.kind === 'sample' ? each.value : each.reason)),
    );
    assert.deepEqual(values[1], values[0]);
  });
});

/** 34.875 in the system, shared out by ten to a replica, and a ratio that asks for less. */
const POLICY = {
  id: 'stub-load',
  workload: WORKLOAD_ID,
  replicas: { min: 1, max: 8 },
  metrics: [
    {
      name: 'in_system',
      query: 'sum(in_system)',
      timestampQuery: 'min(timestamp(in_system))',
      coverage: { query: 'count(in_system)', min: 0 },
      target: { averageValue: 10 },
    },
    { name: 'busy_ratio', query: 'max(busy_ratio)', target: { value: 0.9 } },
  ],
};

function decide(
  policy: ScalePolicy,
  readings: readonly InstantReading[],
  desired: number,
  nowMs: number,
) {
  const { observations } = observationsOf(policy, { instants: readings, ranges: [] });
  // A memory of the number for longer than any window: nothing is held back.
  const seen = [{ replicas: 4, firstAtMs: nowMs - 3_600_000, lastAtMs: nowMs - 1_000 }];
  const outcome = decideScale({
    nowMs,
    policy,
    mode: 'act',
    desired,
    actual: { kind: 'known', ready: desired, starting: 0 },
    observations,
    brakes: { ...NO_BRAKES, recommendations: seen },
    inFlight: null,
  });
  return { observations, outcome };
}

function sourceOf(baseUrl: string): PrometheusSource {
  return createPrometheusSource(sourceOptions(baseUrl, { timeoutMs: 10_000 }));
}

function valueOf(reading: InstantReading | undefined): unknown {
  if (reading?.kind !== 'vector') return reading?.reason;
  const [first, second] = reading.samples;
  return second === undefined ? first?.value : `${reading.samples.length} samples`;
}

/** Sorted, since the order of a vector says nothing. */
function samplesOf(reading: InstantReading | undefined): unknown {
  if (reading?.kind !== 'vector') return reading;
  const key = (labels: object) => JSON.stringify(Object.entries(labels).sort());
  return reading.samples
    .map(({ labels, value }) => ({ labels, value }))
    .sort((a, b) => key(a.labels).localeCompare(key(b.labels)));
}
