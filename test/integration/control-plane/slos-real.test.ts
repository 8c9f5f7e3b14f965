/** From counters that a real Prometheus scrapes, over the generated rules, to what the API would tell. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSlos } from '../../../control-plane/adapters/document-files/slos.ts';
import {
  createPrometheusSource,
  type PrometheusSource,
} from '../../../control-plane/adapters/prometheus/source.ts';
import { SloReader } from '../../../control-plane/loops/slo-reader.ts';
import type { SloReport } from '../../../control-plane/model/slo.ts';
import { type Exporter, startExporter } from '../../support/exporter.ts';
import { pollUntil } from '../../support/process.ts';
import { sourceOptions } from '../../support/prometheus-options.ts';
import {
  preparePrometheus,
  type PrometheusProcess,
  scrapeConfigOf,
  startPrometheus,
} from '../../support/prometheus-process.ts';
import { skipWithout } from '../../support/skip.ts';
import { ROOT } from '../../support/source-tree.ts';

const NEVER = new AbortController().signal;

describe('the generated rules in a real Prometheus', function () {
  this.timeout(60_000);
  let exporter: Exporter;
  let server: PrometheusProcess;
  let source: PrometheusSource;
  let reader: SloReader;
  let answers = 0;
  let growing: NodeJS.Timeout;
  const started: (() => unknown)[] = [];

  /** Nine of ten requests are served; nobody uses the workload "idle". */
  const grow = (): void => {
    answers += 10;
    exporter.text = [
      `omnimind_http_answers_total{result="served"} ${answers * 0.9}`,
      `omnimind_http_answers_total{result="failed"} ${answers * 0.1}`,
      'inference_requests_total{workload="idle",status="200"} 5',
      'inference_requests_total{workload="idle",status="503"} 0',
      '',
    ].join('\n');
  };

  before(async function () {
    skipWithout(this, 'prometheus');
    exporter = await startExporter('');
    started.push(() => exporter.stop());
    grow();
    growing = setInterval(grow, 200);
    started.push(() => clearInterval(growing));
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-slos-'));
    started.push(() => rm(directory, { recursive: true, force: true }));
    const rules = await readFile(join(ROOT, 'prometheus/rules/slo.rules.yml'), 'utf8');
    const quick = rules.replaceAll(/interval: \d+s/g, 'interval: 1s');
    const place = await preparePrometheus(directory, scrapeConfigOf(exporter.address), quick);
    server = await startPrometheus(place);
    started.push(() => server.kill());
    source = createPrometheusSource(sourceOptions(server.url));
    started.push(() => source.close());
    const slos = await readSlos(join(ROOT, 'prometheus/slos'), AbortSignal.timeout(5_000));
    const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
    reader = new SloReader({ slos, source, clock });
  });

  after(async () => {
    for (const stop of started.reverse()) await stop();
  });

  const reports = async (): Promise<ReadonlyMap<string, SloReport['data']>> => {
    const all = await reader.read(reader.slos, NEVER);
    return new Map(all.map(({ slo, data }) => [slo.id, data]));
  };

  it('give ratios of the counters over every window, and what that takes of the whole window’s budget', async () => {
    const found = await pollUntil('the budget is recorded', 30_000, async () => {
      const data = (await reports()).get('api-availability');
      if (data?.kind !== 'available') return undefined;
      // Each window is a group of rules of its own, and they are not evaluated at the same moment.
      return data.measurements.find(
        ({ budgetRemainingRatio, coverageRatio, windows }) =>
          budgetRemainingRatio !== null &&
          coverageRatio !== null &&
          windows.every(({ errorRatio, burnRate }) => errorRatio !== null && burnRate !== null),
      );
    });
    for (const { window, errorRatio, burnRate } of found.windows) {
      assert.ok(errorRatio !== null && burnRate !== null, window);
      assert.ok(Math.abs(errorRatio - 0.1) < 0.001, `${window}: ${errorRatio}`);
      assert.ok(Math.abs(burnRate - 100) < 1, `${window}: ${burnRate}`);
    }
    assert.ok(found.budgetRemainingRatio !== null && found.coverageRatio !== null);
    assert.ok(found.coverageRatio > 0 && found.coverageRatio < 0.01);
    // A hundred times too fast, for as long as there are recordings.
    const taken = 1 - found.budgetRemainingRatio;
    assert.ok(Math.abs(taken / found.coverageRatio - 100) < 1, `${taken}`);
    assert.ok(found.recordedAtMs !== null && Date.now() - found.recordedAtMs < 10_000);
  });

  it('give no ratio where there was no event, and say what nothing was recorded of', async () => {
    const all = await reports();
    const idle = all.get('inference-availability');
    assert.ok(idle?.kind === 'available');
    const [only] = idle.measurements;
    assert.deepEqual(only?.labels, { workload: 'idle' });
    assert.ok(only.windows.every(({ errorRatio }) => errorRatio === null));
    assert.equal(only.budgetRemainingRatio, null);
    assert.equal(all.get('audit-durability')?.kind, 'not_recorded');
  });

  it('are not made up once Prometheus is gone', async () => {
    await server.kill();
    for (const [id, data] of await reports()) {
      assert.ok(data.kind === 'unavailable', id);
      assert.equal(data.reason, 'signal_unavailable');
      assert.ok(data.detail.length > 0);
    }
  });
});
