/** The proxy's own configuration in a real HAProxy, at a free port and before a given Unix socket. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, pollUntil } from './process.ts';
import { ROOT } from './source-tree.ts';

export interface RunningProxy {
  readonly port: number;
  stop(): Promise<void>;
}

export async function startDockerProxy(socketPath: string): Promise<RunningProxy> {
  const directory = await mkdtemp(join(tmpdir(), 'omnimind-proxy-'));
  const port = await freePort();
  const path = join(directory, 'haproxy.cfg');
  const text = readFileSync(join(ROOT, 'docker', 'docker-proxy.cfg'), 'utf8');
  const listening = replaced(text, 'bind :2375\n', `bind 127.0.0.1:${port}\n`);
  await writeFile(
    path,
    replaced(listening, 'unix@/var/run/docker.sock check', `unix@${socketPath} check`),
  );
  const child = spawn('haproxy', ['-db', '-f', path], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  await pollUntil('HAProxy to answer', 10_000, async () => {
    const response = await fetch(`http://127.0.0.1:${port}/_ping`).catch(() => null);
    return response?.status === 200;
  });
  return {
    port,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function replaced(text: string, what: string, by: string): string {
  if (text.split(what).length !== 2) throw new Error(`not once in the configuration: ${what}`);
  return text.replace(what, by);
}
