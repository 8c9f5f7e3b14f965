/**
 * Every query of every panel against the Prometheus of a running demo: three members under load, and a
 * second agent with a stand-in for NVIDIA's library and Redis as a server with a replica, behind a
 * Sentinel, and as a cluster. A panel that is empty here would be empty for a person's first look.
 * Runs when OMNIMIND_TEST_PANELS is set; run it after any change of a panel, a recording or a series.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { LaunchedRun, urlIn, written } from '../support/launched-run.ts';
import { createBench, noCompiler, type Bench } from '../support/nvml-stand-in/harness.ts';
import { askPanels, panelTable, unexplained, type PanelAnswer } from '../support/panel-queries.ts';
import { pollUntil, startProcess, type RunningProcess } from '../support/process.ts';
import { killRedisServers, startRedis, type RedisServer } from '../support/redis-server.ts';
import { skipBecause, skipWithout } from '../support/skip.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const UP_WITHIN_MS = 60_000;
/** Rates over a minute need two samples; the demo's load needs some time to make the plane act. */
const FILLED_WITHIN_MS = 80_000;

describe('the dashboards on a running demo', function () {
  this.timeout(UP_WITHIN_MS + FILLED_WITHIN_MS + 30_000);
  const folder = mkdtempSync(join(tmpdir(), 'dashboards-test-'));
  let run: LaunchedRun | null = null;
  let bench: Bench | null = null;
  let agent: RunningProcess | null = null;

  before(function () {
    if (process.env['OMNIMIND_TEST_PANELS'] === undefined) {
      skipBecause(this, 'OMNIMIND_TEST_PANELS is not set: it takes more than a minute');
    }
    skipWithout(this, 'prometheus');
    skipWithout(this, 'redis-server');
    const missing = noCompiler();
    if (missing !== null) skipBecause(this, missing);
    run = new LaunchedRun('dashboards-test-run-');
    bench = createBench();
  });

  after(async () => {
    agent?.kill();
    await run?.remove();
    await killRedisServers();
    bench?.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  it('have no query without series, but for the reasons that are listed', async () => {
    assert.ok(run !== null && bench !== null);
    const started = run.start(['--members', '3']);
    const master = await startRedis({ settings: ['maxmemory 64mb'] });
    const targets = await cacheTargets(folder, master);
    await written(started, /every decision that acts/, UP_WITHIN_MS);
    const planeUrl = urlIn(started.output(), 'control plane');
    agent = startAgent(planeUrl, bench, targets);
    const prometheusUrl = urlIn(started.output(), 'Prometheus');

    let answers: readonly PanelAnswer[] = [];
    let trouble: unknown = null;
    await pollUntil('panels filled', FILLED_WITHIN_MS, async () => {
      try {
        // What nobody uses shows no hit ratio and no latency.
        await master.call('GET', 'key');
        await fetch(`${planeUrl}/v1/workloads?consistency=linearizable`, {
          signal: AbortSignal.timeout(5_000),
        });
        answers = await askPanels(prometheusUrl, answers);
        trouble = null;
      } catch (error) {
        trouble = error;
      }
      return answers.length > 0 && unexplained(answers).length === 0;
    }).catch((error: unknown) => {
      // That it took too long is told below, by the panels that are empty.
      trouble ??= answers.length > 0 ? null : error;
    });
    if (trouble !== null) throw new Error('panels could not be asked', { cause: trouble });
    process.stdout.write(`${panelTable(answers)}\n`);
    assert.ok(answers.length > 200, `${answers.length} queries`);
    assert.deepEqual(
      unexplained(answers).map(
        ({ uid, panel, refId, expr }) => `${uid} / ${panel} ${refId}: ${expr}`,
      ),
      [],
    );
  });
});

/** A file for the agent, which names one Redis of each kind. */
async function cacheTargets(folder: string, master: RedisServer): Promise<string> {
  const [replica, cluster] = await Promise.all([
    startRedis({ settings: [`replicaof 127.0.0.1 ${master.port}`] }),
    startRedis({ settings: ['cluster-enabled yes'] }),
  ]);
  const sentinel = await startRedis({
    sentinel: true,
    settings: [`sentinel monitor main 127.0.0.1 ${master.port} 1`],
  });
  await cluster.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
  await master.call('SET', 'key', 'value');
  const file = join(folder, 'targets.yml');
  const targets = [
    { name: 'single', kind: 'standalone', address: `127.0.0.1:${master.port}` },
    { name: 'replica', kind: 'standalone', address: `127.0.0.1:${replica.port}` },
    {
      name: 'guarded',
      kind: 'sentinel',
      sentinels: [`127.0.0.1:${sentinel.port}`],
      master: 'main',
    },
    { name: 'spread', kind: 'cluster', seeds: [`127.0.0.1:${cluster.port}`] },
  ];
  writeFileSync(file, JSON.stringify({ targets }));
  return file;
}

function startAgent(planeUrl: string, bench: Bench, targets: string): RunningProcess {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (name.startsWith('OMNIMIND_')) Reflect.deleteProperty(env, name);
  }
  return startProcess(process.execPath, [join(ROOT, 'agents/main.ts')], {
    env: {
      ...env,
      OMNIMIND_AGENT_PORT: '0',
      OMNIMIND_AGENT_NODE_ID: 'stand-ins',
      OMNIMIND_AGENT_CONTROL_PLANE_URLS: planeUrl,
      OMNIMIND_AGENT_CACHE_TARGETS_FILE: targets,
      OMNIMIND_AGENT_GPU_BACKEND: 'nvml',
      OMNIMIND_AGENT_GPU_NVML_LIBRARY: bench.libraryPath,
      OMNIMIND_AGENT_GPU_POLL_INTERVAL: '1s',
      OMNIMIND_AGENT_GPU_PROCESSES_MAX: '2',
    },
  });
}
