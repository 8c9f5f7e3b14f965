/** A real VictoriaMetrics for tests, on a port and in a directory of its own. */

import { join } from 'node:path';
import { freePort, pollUntil, startProcess } from './process.ts';
import type { RunningProcess } from './process.ts';

export interface VictoriaProcess {
  readonly url: string;
  /** Where a Prometheus may send its samples to. */
  readonly remoteWriteUrl: string;
  readonly running: RunningProcess;
  /** SIGKILL; resolves once it has ended. */
  kill(): Promise<void>;
}

/** Resolves once it is ready. Everything but the place is as it comes from its makers. */
export async function startVictoria(directory: string): Promise<VictoriaProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const running = startProcess('victoria-metrics', [
    `-storageDataPath=${join(directory, 'data')}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    '-loggerLevel=ERROR',
    // Without it, it takes most of the machine's memory for caches.
    '-memory.allowedBytes=64MiB',
  ]);
  await pollUntil('VictoriaMetrics is ready', 20_000, async () => {
    if (running.child.exitCode !== null) throw new Error(`it ended:\n${running.output()}`);
    const answer = await fetch(`${url}/health`).catch(() => null);
    return answer?.ok;
  });
  return {
    url,
    remoteWriteUrl: `${url}/api/v1/write`,
    running,
    kill: async () => {
      running.kill();
      await running.exit(10_000);
    },
  };
}
