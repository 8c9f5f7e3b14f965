/**
 * Real redis-server processes for tests: each in a directory of its own, on a free port, killed
 * when the test ends. It refuses nothing and knows nothing of what is tested.
 */

import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

/** Why tests with a real Redis cannot run here; null when they can. */
export function redisMissing(): string | null {
  const found = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  return found.status === 0 ? null : 'redis-server is not installed';
}

export interface RedisServer {
  readonly port: number;
  readonly directory: string;
  call(...command: readonly string[]): Promise<unknown>;
  signal(signal: NodeJS.Signals): void;
  kill(): Promise<void>;
}

export interface RedisServerOptions {
  readonly port?: number;
  readonly settings?: readonly string[];
  /** Port in plain text for `call` when the main port speaks TLS only. */
  readonly callPort?: number;
  readonly password?: string;
  readonly sentinel?: boolean;
}

const servers = new Set<RedisServer>();

/** Ends every server that is still running. */
export async function killRedisServers(): Promise<void> {
  await Promise.all([...servers].map((server) => server.kill()));
}

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'omnimind-redis-'));
  const port = options.port ?? (await freePort());
  const file = join(directory, 'redis.conf');
  const lines = ['bind 127.0.0.1', `port ${port}`, `dir ${directory}`];
  if (options.sentinel !== true) lines.push('save ""', 'repl-diskless-sync-delay 0');
  await writeFile(file, [...lines, ...(options.settings ?? []), ''].join('\n'));
  const child = spawn(
    'redis-server',
    [file, ...(options.sentinel === true ? ['--sentinel'] : [])],
    {
      stdio: 'ignore',
    },
  );
  const server = serverOf(child, directory, port, options);
  servers.add(server);
  await untilTrue(`redis on port ${port} answers`, async () => {
    try {
      await server.call('PING');
      return true;
    } catch {
      return false;
    }
  });
  return server;
}

function serverOf(
  child: ChildProcess,
  directory: string,
  port: number,
  options: RedisServerOptions,
): RedisServer {
  const server: RedisServer = {
    port,
    directory,
    async call(name = 'PING', ...args) {
      const client = new Redis({
        host: '127.0.0.1',
        port: options.callPort ?? port,
        ...(options.password === undefined ? {} : { password: options.password }),
        lazyConnect: true,
        enableReadyCheck: false,
        retryStrategy: null,
        maxRetriesPerRequest: 0,
        protocol: 2,
        disableClientInfo: true,
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return await client.call(name, ...args);
      } finally {
        client.disconnect();
      }
    },
    signal(signal) {
      child.kill(signal);
    },
    async kill() {
      servers.delete(server);
      if (child.exitCode === null && child.signalCode === null) {
        const exited = once(child, 'exit');
        child.kill('SIGKILL');
        await exited;
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
  return server;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Polls until the condition holds. */
export async function untilTrue(
  what: string,
  condition: () => Promise<boolean>,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
