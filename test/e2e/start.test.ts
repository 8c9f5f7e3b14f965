/**
 * `npm start` as a person runs it, through the bootstrap, with everything real: it is up within a
 * minute, scales out because of load within two more, and goes when it is told to, without a trace.
 */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LaunchedRun, urlIn, written } from '../support/launched-run.ts';
import { pollUntil } from '../support/process.ts';
import { skipBecause, skipWithout } from '../support/skip.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const UP_WITHIN_MS = 60_000;
const SCALED_OUT_WITHIN_MS = 120_000;

describe('npm start', function () {
  this.timeout(UP_WITHIN_MS + SCALED_OUT_WITHIN_MS + 60_000);
  let run: LaunchedRun | null = null;

  before(function () {
    for (const entry of ['control-plane/main.ts', 'agents/main.ts', 'prometheus/prometheus.yml']) {
      if (!existsSync(join(ROOT, entry))) skipBecause(this, `${entry} does not exist`);
    }
    skipWithout(this, 'prometheus');
    run = new LaunchedRun('start-test-');
  });

  after(() => run?.remove());

  it('brings up the whole, scales out because of load, and stops without a trace', async () => {
    assert.ok(run !== null);
    const started = run.start();
    await written(started, /every decision that acts/, UP_WITHIN_MS);
    const planeUrl = urlIn(started.output(), 'control plane');

    const line = await pollUntil('a decision to scale out', SCALED_OUT_WITHIN_MS, () =>
      /demo-inference {2}1 → ([2-8]) {2}above_target .* trace [0-9a-f]{32}/.exec(started.output()),
    );
    const wanted = Number(line[1]);
    const all = run;
    const processes = await pollUntil(`${wanted} ready replicas`, 30_000, async () => {
      const view = await readJson(`${planeUrl}/v1/workloads/demo-inference`);
      const replicas = Array.isArray(view['replicas']) ? view['replicas'] : [];
      const ready = replicas.filter((one: unknown) => fieldsOf(one)['phase'] === 'ready').length;
      // Looked at now: the load may fall, and with it the replicas, at any moment.
      const seen = all.processes();
      return ready >= wanted && seen.length >= 6 + wanted ? seen : null;
    });
    const { items } = await readJson(`${planeUrl}/v1/decisions?limit=100`);
    assert.ok(Array.isArray(items));
    const kinds = items.map(
      (one: unknown) => fieldsOf(fieldsOf(fieldsOf(one)['outcome'])['verdict'])['kind'],
    );
    assert.ok(kinds.includes('act') && kinds.includes('hold'), JSON.stringify(kinds));

    const files = ['lock', 'processes.json', 'prometheus/lock'];
    await run.stop(started, 'SIGTERM', { processes, files });
  });
});

async function readJson(url: string): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
  const body: unknown = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  return fieldsOf(body);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
