/**
 * `npm start` as a person runs it, through the bootstrap, with everything real: it is up within a
 * minute, scales out because of load within two more, and goes when it is told to, without a trace.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { readRecord } from '../../demo/launcher/data-directory.ts';
import { isListening } from '../../demo/launcher/ports.ts';
import { isAlive } from '../../demo/launcher/process-table.ts';
import { killRun } from '../../demo/launcher/run-cleanup.ts';
import { pollUntil, startProcess } from '../support/process.ts';
import type { RunningProcess } from '../support/process.ts';
import { skipBecause, skipWithout } from '../support/skip.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const UP_WITHIN_MS = 60_000;
const SCALED_OUT_WITHIN_MS = 120_000;
const STOPPED_WITHIN_MS = 5000;

describe('npm start', function () {
  this.timeout(UP_WITHIN_MS + SCALED_OUT_WITHIN_MS + 60_000);
  let directory = '';
  let running: RunningProcess | null = null;

  before(function () {
    for (const entry of ['control-plane/main.ts', 'agents/main.ts', 'prometheus/prometheus.yml']) {
      if (!existsSync(join(ROOT, entry))) skipBecause(this, `${entry} does not exist`);
    }
    skipWithout(this, 'prometheus');
    directory = mkdtempSync(join(tmpdir(), 'start-test-'));
  });

  after(async () => {
    if (directory === '') return;
    running?.kill();
    const record = readRecord(directory);
    if (record !== null) await killRun(record, 3000);
    rmSync(directory, { recursive: true, force: true });
  });

  it('brings up the whole, scales out because of load, and stops without a trace', async () => {
    const args = [join(ROOT, 'bootstrap.mjs'), 'start', '--free-ports', '--data', directory];
    const env = { ...process.env };
    // A person's settings must not reach the plane under test.
    for (const name of Object.keys(env)) {
      if (name.startsWith('OMNIMIND_')) Reflect.deleteProperty(env, name);
    }
    const started = startProcess(process.execPath, args, { cwd: ROOT, env });
    running = started;
    await pollUntil(`up; it wrote: ${started.output()}`, UP_WITHIN_MS, () => {
      assert.equal(started.child.exitCode, null, started.output());
      return started.output().includes('every decision that acts');
    });
    const planeUrl = urlIn(started.output(), 'control plane');

    const line = await pollUntil('a decision to scale out', SCALED_OUT_WITHIN_MS, () =>
      /demo-inference {2}1 → ([2-8]) {2}above_target .* trace [0-9a-f]{32}/.exec(started.output()),
    );
    const wanted = Number(line[1]);
    await pollUntil(`${wanted} ready replicas`, 30_000, async () => {
      const view = await readJson(`${planeUrl}/v1/workloads/demo-inference`);
      const replicas = Array.isArray(view['replicas']) ? view['replicas'] : [];
      return replicas.filter((one: unknown) => fieldsOf(one)['phase'] === 'ready').length >= wanted;
    });
    const { items } = await readJson(`${planeUrl}/v1/decisions?limit=100`);
    assert.ok(Array.isArray(items));
    const kinds = items.map(
      (one: unknown) => fieldsOf(fieldsOf(fieldsOf(one)['outcome'])['verdict'])['kind'],
    );
    assert.ok(kinds.includes('act') && kinds.includes('hold'), JSON.stringify(kinds));

    const processes = readRecord(directory)?.processes ?? [];
    assert.ok(processes.length >= 6 + wanted, `${processes.length} processes`);
    const ports = [...started.output().matchAll(/http:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) =>
      Number(port),
    );
    const askedAt = performance.now();
    started.child.kill('SIGTERM');
    assert.equal(await started.exit(STOPPED_WITHIN_MS + 5000), 0, started.output());
    const seconds = (performance.now() - askedAt) / 1000;
    assert.ok(seconds < STOPPED_WITHIN_MS / 1000, `stopped only after ${seconds} s`);
    assert.deepEqual(
      processes.filter((one) => isAlive(one)),
      [],
    );
    for (const port of ports) assert.equal(await isListening(port), false, `port ${port}`);
    for (const name of ['lock', 'processes.json', 'prometheus/lock']) {
      assert.ok(!existsSync(join(directory, name)), `${name} is left`);
    }
  });
});

function urlIn(output: string, row: string): string {
  const url = new RegExp(`^ {2}${row} +(http://127\\.0\\.0\\.1:\\d+)`, 'm').exec(output)?.[1];
  assert.ok(url !== undefined, output);
  return url;
}

async function readJson(url: string): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
  const body: unknown = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  return fieldsOf(body);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
