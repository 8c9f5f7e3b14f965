/**
 * Real prometheus processes for tests: each in a directory of its own, on a free port of loopback,
 * killed when the test ends; and an exporter for them to scrape. Knows nothing of what is tested.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why tests with a real Prometheus cannot run here; null when they can. */
export function prometheusMissing(): string | null {
  const found = spawnSync('prometheus', ['--version'], { encoding: 'utf8' });
  return found.status === 0 ? null : 'prometheus is not installed';
}

/** Why tests with promtool cannot run here; null when they can. */
export function promtoolMissing(): string | null {
  const found = spawnSync('promtool', ['--version'], { encoding: 'utf8' });
  return found.status === 0 ? null : 'promtool is not installed';
}

export interface PrometheusServer {
  readonly url: string;
  signal(signal: NodeJS.Signals): void;
  kill(): Promise<void>;
  /** Starts again, after a kill, on the same port and data. Resolves once it is ready. */
  start(): Promise<void>;
  /** Kills it and removes its data. */
  stop(): Promise<void>;
}

export interface PrometheusServerOptions {
  /** host:port, each scraped every second. */
  readonly targets: readonly string[];
  readonly flags?: readonly string[];
}

export async function startPrometheusServer(
  options: PrometheusServerOptions,
): Promise<PrometheusServer> {
  const directory = await mkdtemp(join(tmpdir(), 'omnimind-prometheus-'));
  const port = await freePort();
  const file = join(directory, 'prometheus.yml');
  await writeFile(file, configOf(options.targets));
  const server = new Server(directory, port, [`--config.file=${file}`, ...(options.flags ?? [])]);
  try {
    await server.start();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

class Server implements PrometheusServer {
  readonly #directory: string;
  readonly #port: number;
  readonly #flags: readonly string[];
  #child: ChildProcess | null = null;

  constructor(directory: string, port: number, flags: readonly string[]) {
    this.#directory = directory;
    this.#port = port;
    this.#flags = flags;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  async start(): Promise<void> {
    const flags = [
      `--storage.tsdb.path=${join(this.#directory, 'data')}`,
      `--web.listen-address=127.0.0.1:${this.#port}`,
      '--log.level=error',
    ];
    const child = spawn('prometheus', [...flags, ...this.#flags], { stdio: 'ignore' });
    this.#child = child;
    for (let n = 0; n < 400; n += 1) {
      if (child.exitCode !== null) throw new Error(`prometheus ended with ${child.exitCode}`);
      if (await isReady(`${this.url}/-/ready`)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error('prometheus did not become ready within 20 s');
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

export interface Exporter {
  /** host:port */
  readonly address: string;
  /** The exposition that the next scrapes get. */
  text: string;
  stop(): Promise<void>;
}

/** Serves a text that the test may change. */
export async function startExporter(text: string): Promise<Exporter> {
  const exporter = { text, address: '', stop: () => Promise.resolve() };
  const server = http.createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(exporter.text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  exporter.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  exporter.stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return exporter;
}

function configOf(targets: readonly string[]): string {
  const list = JSON.stringify(targets);
  return [
    'global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }',
    'scrape_configs:',
    `  - { job_name: test, static_configs: [{ targets: ${list} }] }`,
    '',
  ].join('\n');
}

function isReady(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = http.get(url, { timeout: 500 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
