/** From the tasks that an agent runtime exports, over the recording rules, to what a pool's policy reads. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readDocuments } from '../../../control-plane/adapters/document-files/documents.ts';
import { type Exporter, startExporter } from '../../support/exporter.ts';
import { pollUntil } from '../../support/process.ts';
import {
  preparePrometheus,
  type PrometheusProcess,
  scrapeConfigOf,
  startPrometheus,
} from '../../support/prometheus-process.ts';
import { skipWithout } from '../../support/skip.ts';
import { ROOT } from '../../support/source-tree.ts';

describe('the demand of agent pools in a real Prometheus', function () {
  this.timeout(60_000);
  let exporter: Exporter;
  let server: PrometheusProcess;
  /** Of each policy, in the order of the file. */
  let demands: readonly { readonly query: string; readonly timestampQuery: string }[];
  const started: (() => unknown)[] = [];

  before(async function () {
    skipWithout(this, 'prometheus');
    exporter = await startExporter(tasks({ coder: [7, 4], researcher: [0, 0] }));
    started.push(() => exporter.stop());
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-pools-'));
    started.push(() => rm(directory, { recursive: true, force: true }));
    const rules = await readFile(join(ROOT, 'prometheus/rules/agent-pools.rules.yml'), 'utf8');
    const quick = rules.replaceAll(/interval: \d+s/g, 'interval: 1s');
    const place = await preparePrometheus(directory, scrapeConfigOf(exporter.address), quick);
    server = await startPrometheus(place);
    started.push(() => server.kill());
    const examples = join(ROOT, 'demo/documents/examples');
    const { policies } = await readDocuments(examples, AbortSignal.timeout(10_000));
    const pools = policies.filter(({ workloadId }) => workloadId.startsWith('agents-'));
    demands = pools.flatMap(({ strategies = [] }) =>
      strategies.flatMap((one) => (one.kind === 'queue' ? [one] : [])),
    );
  });

  after(async () => {
    for (const stop of started.reverse()) await stop();
  });

  const values = (): Promise<readonly (number | null)[]> =>
    Promise.all(demands.map(({ query }) => server.value(query)));

  it('is what waits and what runs of each type, 0 where nothing does, and no older than its scrape', async () => {
    await pollUntil('the demand of both', 15_000, async () => {
      const [coder, researcher] = await values();
      return coder === 11 && researcher === 0;
    });
    for (const { timestampQuery } of demands) {
      const atS = await server.value(timestampQuery);
      assert.ok(atS !== null && Math.abs(Date.now() / 1_000 - atS) < 10, `${atS}`);
    }
  });

  it('is not there, and not low, once one of the two series is gone', async () => {
    exporter.text = tasks({ coder: [7, null], researcher: [3, 2] });
    await pollUntil('the demand of one', 15_000, async () => {
      const [coder, researcher] = await values();
      return coder === null && researcher === 5;
    });
  });
});

/** Waiting and running by type; null is not exported. */
function tasks(byType: Readonly<Record<string, readonly [number, number | null]>>): string {
  const rows = Object.entries(byType).flatMap(([type, [waiting, running]]) => [
    `omnimind_agent_tasks_waiting{agent_type="${type}"} ${waiting}`,
    ...(running === null ? [] : [`omnimind_agent_tasks_running{agent_type="${type}"} ${running}`]),
  ]);
  return [...rows, ''].join('\n');
}
