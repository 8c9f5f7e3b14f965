/**
 * A loaded workload, a real Prometheus, and everything that can go wrong with its answers. In none
 * of it may the plane scale in; each decision meanwhile is a hold with the right reason, and
 * decisions resume within two ticks after. OMNIMIND_TEST_OUTAGE_SECONDS sets how long each lasts.
 */

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import { startExporter } from '../support/exporter.ts';
import type { Exporter } from '../support/exporter.ts';
import { loadMetrics } from '../support/load-policy.ts';
import { WORKLOAD_ID, planePlace, startPlane } from '../support/plane-process.ts';
import type { PlanePlace, PlaneProcess } from '../support/plane-process.ts';
import { pollUntil } from '../support/process.ts';
import { startPrometheusFake } from '../support/prometheus-fake.ts';
import type { FakeMode, PrometheusFake } from '../support/prometheus-fake.ts';
import {
  preparePrometheus,
  scrapeConfigOf,
  startPrometheus,
} from '../support/prometheus-process.ts';
import type { PrometheusPlace, PrometheusProcess } from '../support/prometheus-process.ts';
import { skipWithout } from '../support/skip.ts';

const OUTAGE_MS = 1_000 * Number(process.env['OMNIMIND_TEST_OUTAGE_SECONDS'] ?? 7);
const TICK_MS = 2_000;
const TIMEOUT_MS = 1_500;
/** Replicas that the load asks for, of eight. */
const REPLICAS = 4;

const RULES = `
groups:
  - name: test
    interval: 1s
    rules:
      - record: workload:test_load:sum
        expr: sum(test_load)
      - record: workload:test_load:oldest_timestamp_seconds
        expr: min(timestamp(test_load))
`;

describe(`bad metrics under high load (${OUTAGE_MS} ms each)`, () => {
  let load: Exporter;
  let prometheus: PrometheusProcess;
  let prometheusPlace: PrometheusPlace;
  let proxy: PrometheusFake;
  let place: PlanePlace;
  let plane: PlaneProcess;
  /** Undone last first, as far as the start came. */
  const started: (() => unknown)[] = [];

  before(async function () {
    this.timeout(90_000);
    skipWithout(this, 'prometheus');
    load = await startExporter(`test_load ${REPLICAS * 10}\n`);
    started.push(() => load.stop());
    place = await planePlace({
      prometheusUrl: 'http://127.0.0.1:1',
      tickInterval: `${TICK_MS}ms`,
      prometheusTimeout: `${TIMEOUT_MS}ms`,
      settings: { OMNIMIND_LOCAL_PROCESS_ON_STOP: 'stop' },
      policy: {
        replicas: { min: 1, max: 8 },
        metrics: loadMetrics(
          'workload:test_load:sum',
          'workload:test_load:oldest_timestamp_seconds',
        ),
        stabilization: { up: '0s', down: '0s' },
        signalAgeMax: '5s',
        actionTimeout: '20s',
      },
    });
    started.push(() => rm(dirname(place.data), { recursive: true, force: true }));
    prometheusPlace = await preparePrometheus(
      join(dirname(place.data), 'prometheus'),
      scrapeConfigOf(load.address),
      RULES,
    );
    prometheus = await startPrometheus(prometheusPlace);
    started.push(() => prometheus.kill());
    proxy = await startPrometheusFake({ upstream: prometheus.url });
    started.push(() => proxy.stop());
    plane = await startPlane({
      ...place,
      environment: { ...place.environment, OMNIMIND_PROMETHEUS_URL: proxy.url },
    });
    started.push(async () => {
      plane.running.child.kill('SIGTERM');
      await plane.running.exit(10_000).catch(() => plane.running.kill());
    });
    await pollUntil('the load has scaled the workload out', 60_000, async () => {
      const view = await plane.get<{ desired: number; inFlight: unknown }>(
        `/v1/workloads/${WORKLOAD_ID}`,
      );
      return view.desired === REPLICAS && view.inFlight === null;
    });
    await pollUntil('the record can be read', 30_000, () => plane.decisions(1).catch(() => null));
  });

  after(async () => {
    for (const stop of started.toReversed()) await stop();
  });

  const since = async (atMs: number): Promise<readonly DecisionRecord[]> => {
    const records = await plane.decisions(100);
    return records.filter((record) => record.atMs >= atMs).toReversed();
  };

  /** All holds, and from the second tick on for that very reason: the first may have begun before. */
  const assertHeld = (records: readonly DecisionRecord[], reason: string): void => {
    assert.ok(records.length >= OUTAGE_MS / TICK_MS - 3, `only ${records.length} decisions`);
    for (const [index, { outcome }] of records.entries()) {
      assert.equal(outcome.verdict.kind, 'hold');
      assert.equal(outcome.verdict.replicas, REPLICAS);
      if (index > 0) assert.equal(outcome.verdict.reason, reason, story(records));
    }
  };

  const assertResumed = async (fromMs: number): Promise<void> => {
    const [, second] = await pollUntil('two ticks', 15_000, async () => {
      const records = await since(fromMs);
      return records.length >= 2 ? records : null;
    });
    assert.equal(second?.outcome.verdict.reason, 'within_tolerance');
  };

  const outage = async (reason: string, begin: () => Promise<void>, end: () => Promise<void>) => {
    const fromMs = Date.now();
    await begin();
    const begunMs = Date.now();
    await sleep(OUTAGE_MS);
    const endingMs = Date.now();
    await end();
    const resumedMs = Date.now();
    const settled = await pollUntil('the outage is recorded', 15_000, async () => {
      const records = await since(begunMs);
      return records.some((record) => record.atMs >= endingMs) ? records : null;
    });
    assertHeld(
      // A tick that began just before the end may have been answered after it.
      settled.filter((record) => record.atMs < endingMs - TICK_MS),
      reason,
    );
    await assertResumed(resumedMs);
    const all = await since(fromMs);
    assert.ok(all.every((record) => record.outcome.verdict.kind === 'hold'));
  };

  it('holds while Prometheus is stopped by a signal', async function () {
    this.timeout(OUTAGE_MS + 60_000);
    await outage(
      'signal_unavailable',
      () => Promise.resolve(void prometheus.running.child.kill('SIGSTOP')),
      async () => {
        prometheus.running.child.kill('SIGCONT');
        await freshData();
      },
    );
  });

  it('holds while Prometheus is gone', async function () {
    this.timeout(OUTAGE_MS + 60_000);
    await outage(
      'signal_unavailable',
      async () => {
        prometheus.running.kill();
        await prometheus.running.exit(5_000);
      },
      async () => {
        prometheus = await startPrometheus(prometheusPlace);
        await freshData();
      },
    );
  });

  const spoilt: readonly (readonly [title: string, mode: FakeMode, reason: string])[] = [
    ['an empty result', 'empty', 'signal_absent'],
    ['NaN', 'nan', 'signal_not_a_number'],
    ['two series instead of one', 'two_series', 'signal_ambiguous'],
    ['samples that are 30 minutes old', 'old_samples', 'signal_stale'],
    ['HTML', 'html', 'signal_malformed'],
    ['10 MB of JSON', 'oversized', 'signal_oversized'],
  ];
  for (const [title, mode, reason] of spoilt) {
    it(`holds on ${title}`, async function () {
      this.timeout(OUTAGE_MS + 60_000);
      await outage(
        reason,
        () => proxy.setMode(mode),
        () => proxy.setMode('ok'),
      );
    });
  }

  /** Prometheus is back once it answers with what it scraped after its return. */
  async function freshData(): Promise<void> {
    await pollUntil('fresh data in Prometheus', 20_000, async () => {
      const seconds = await prometheus
        .value('workload:test_load:oldest_timestamp_seconds')
        .catch(() => null);
      return seconds !== null && Date.now() / 1_000 - seconds < 3;
    });
  }
});

/** What happened, for the message of a failed assertion. */
function story(records: readonly DecisionRecord[]): string {
  return records
    .map(({ atMs, outcome }) => {
      const details = outcome.proposals.map((one) => (one.kind === 'none' ? one.detail : 'usable'));
      return `${new Date(atMs).toISOString()} ${outcome.verdict.reason} ${details.join()}`;
    })
    .join('\n');
}
