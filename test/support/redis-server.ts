/**
 * Real redis-server processes for tests: each in a directory of its own, on a free port, killed
 * when the test ends. It refuses nothing and knows nothing of what is tested.
 */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, pollUntil } from './process.ts';

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
  await pollUntil(`redis on port ${port} answers`, 15_000, async () => {
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
