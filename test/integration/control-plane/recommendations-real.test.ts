/** Vertical recommendations from two days of history in a real Prometheus. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPrometheusSource } from '../../../control-plane/adapters/prometheus/source.ts';
import { VerticalReader } from '../../../control-plane/loops/vertical-reader.ts';
import { parseVertical } from '../../../control-plane/schemas/vertical.ts';
import { sourceOptions } from '../../support/prometheus-options.ts';
import { preparePrometheus, startPrometheus } from '../../support/prometheus-process.ts';
import { skipWithout } from '../../support/skip.ts';

const NEVER = new AbortController().signal;
const MIB = 1024 * 1024;
const MINUTE_S = 60;
const DAY_S = 24 * 60 * MINUTE_S;
/** On a whole step, so that minutes of the history are known to lie between two steps. */
const END_S = Math.floor(Date.now() / 1_000 / 300) * 300;

/** Each minute: `busy` cores, 500 MiB, and of replica a for one minute between two steps 900. */
function openMetrics(): string {
  const minutes = Array.from({ length: (2 * DAY_S) / MINUTE_S }, (_, index) => index);
  const atS = (minute: number): number => END_S - 2 * DAY_S + (minute + 1) * MINUTE_S;
  const spikeS = END_S - DAY_S + 2 * MINUTE_S;
  const rows = (name: string, replica: string, valueAt: (minute: number) => number | null) =>
    minutes.flatMap((minute) => {
      const value = valueAt(minute);
      return value === null ? [] : [`${name}{replica="${replica}"} ${value} ${atS(minute)}`];
    });
  const memoryOf = (minute: number): number => (atS(minute) === spikeS ? 900 : 500) * MIB;
  return [
    '# TYPE m gauge',
    ...rows('m', 'a', memoryOf),
    ...rows('m', 'b', () => 500 * MIB),
    '# TYPE gaps gauge',
    ...rows('gaps', 'a', (minute) => (minute % 60 < 35 ? 1e9 : null)),
    '# TYPE c counter',
    ...rows('c_total', 'a', (minute) => minute * 90),
    '# EOF',
    '',
  ].join('\n');
}

describe('vertical recommendations from a real Prometheus', function () {
  this.timeout(60_000);
  let reader: VerticalReader;
  /** Undone last first, as far as the start came. */
  const started: (() => unknown)[] = [];

  before(async function () {
    skipWithout(this, 'prometheus');
    skipWithout(this, 'promtool');
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-vertical-'));
    started.push(() => rm(directory, { recursive: true, force: true }));
    const place = await preparePrometheus(directory, 'global: {}', 'groups: []');
    const text = join(directory, 'history.txt');
    await writeFile(text, openMetrics());
    const blocks = ['tsdb', 'create-blocks-from', 'openmetrics', text, join(directory, 'data')];
    const made = spawnSync('promtool', blocks, { encoding: 'utf8', timeout: 55_000 });
    assert.equal(made.status, 0, made.stderr);
    const server = await startPrometheus(place);
    started.push(() => server.kill());
    const source = createPrometheusSource(sourceOptions(server.url, { timeoutMs: 10_000 }));
    started.push(() => source.close());
    const clock = { nowMs: () => END_S * 1_000 + 1_234, monotonicMs: () => performance.now() };
    reader = new VerticalReader({ source, clock });
  });

  after(async () => {
    for (const stop of started.reverse()) await stop();
  });

  const read = async (resources: readonly object[]) => {
    const question = {
      policyId: 'p',
      policyVersion: 1,
      spec: parseVertical({ resources, history: '48h' }),
    };
    const answer = await reader.read(question, NEVER);
    if (answer.kind === 'busy') assert.fail('busy');
    return answer.report.recommendations;
  };

  it('find the peak of one minute that lies between two samples', async () => {
    const [memory] = await read([{ resource: 'memory', query: 'm # bytes' }]);
    assert.ok(memory?.kind === 'recommended', JSON.stringify(memory));
    assert.equal(memory.peak, 900 * MIB);
    assert.equal(memory.target, 1_035 * MIB);
    const { samples, replicas, gaps, coverageRatio } = memory.evidence;
    assert.deepEqual([samples, replicas, gaps, coverageRatio], [2 * 2 * 288, 2, 0, 1]);
  });

  it('tell cores from a counter', async () => {
    const [cpu] = await read([{ resource: 'cpu', query: 'rate(c_total[5m])', request: 4 }]);
    assert.ok(cpu?.kind === 'recommended', JSON.stringify(cpu));
    assert.ok(Math.abs(cpu.target - 1.725) <= 0.001, `${cpu.target}`);
    assert.equal(cpu.advice, 'lower');
  });

  it('withhold what is gappy, absent, wrong or refused, each with its reason', async () => {
    const reasonFor = async (query: string) => {
      const [one] = await read([{ resource: 'cpu', query }]);
      assert.ok(one?.kind === 'withheld', JSON.stringify(one));
      return one.reason;
    };
    assert.equal(await reasonFor('gaps'), 'history_gappy');
    assert.equal(await reasonFor('nothing_of_the_kind'), 'signal_absent');
    assert.equal(await reasonFor('m * NaN'), 'signal_not_a_number');
    assert.equal(await reasonFor('-m'), 'signal_out_of_range');
    assert.equal(await reasonFor('m or label_replace(m, "x", "y", "", "")'), 'signal_ambiguous');
    assert.equal(await reasonFor('m * on () group_left () m'), 'signal_rejected');
  });
});
