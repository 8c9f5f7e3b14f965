/** The bundled agent with all three collectors on: a real Redis and the stand-in library for NVML. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleAgent, bundledAgentCommand } from '../../../agents/bundle.ts';
import { createBench, noCompiler } from '../../support/nvml-stand-in/harness.ts';
import { freePort, pollUntil, startProcess } from '../../support/process.ts';
import { killRedisServers, startRedis } from '../../support/redis-server.ts';
import { skipBecause, skipWithout } from '../../support/skip.ts';

describe('bundled agent with all collectors', function () {
  this.timeout(40_000);
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'agent-bundle-'))));
  afterEach(async () => {
    await killRedisServers();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is bundled once for the same sources', async () => {
    assert.equal(await bundleAgent(), await bundleAgent());
  });

  it('gives node, GPU and cache values without the JIT, and promtool finds no fault', async function () {
    skipWithout(this, 'redis-server');
    skipWithout(this, 'promtool');
    const reason = noCompiler();
    if (reason !== null) skipBecause(this, reason);
    const redis = await startRedis();
    const targets = join(folder, 'targets.yaml');
    writeFileSync(
      targets,
      `targets:\n  - name: one\n    kind: standalone\n    address: 127.0.0.1:${redis.port}\n`,
    );
    const bench = createBench();
    bench.control({ gpus: 2 });
    const port = await freePort();
    const { command, args, environment } = await bundledAgentCommand();
    const agent = startProcess(command, args, {
      env: {
        ...process.env,
        ...environment,
        OMNIMIND_AGENT_PORT: String(port),
        OMNIMIND_AGENT_CACHE_TARGETS_FILE: targets,
        OMNIMIND_AGENT_GPU_BACKEND: 'nvml',
        OMNIMIND_AGENT_GPU_NVML_LIBRARY: bench.libraryPath,
        OMNIMIND_AGENT_GPU_POLL_INTERVAL: '200ms',
      },
    });
    try {
      const text = await pollUntil('values of all collectors', 20_000, async () => {
        const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => null);
        const now = await answer?.text();
        const wanted = ['omnimind_gpu_available 1', 'omnimind_cache_up{target="one"} 1'];
        return now !== undefined && wanted.every((line) => now.includes(line)) ? now : null;
      });
      for (const collector of ['node', 'gpu', 'cache']) {
        assert.ok(text.includes(`omnimind_collector_success{collector="${collector}"} 1`));
      }
      const checked = spawnSync('promtool', ['check', 'metrics'], {
        input: text,
        encoding: 'utf8',
      });
      assert.equal(`${checked.stdout}${checked.stderr}`, '');
      agent.child.kill('SIGTERM');
      assert.equal(await agent.exit(3000), 0, agent.output());
    } finally {
      agent.kill();
      bench.dispose();
    }
  });
});
