/**
 * The two clusters of the comparison, each of three processes on this machine with its data on the same
 * file system: ours as the product is started, and etcd as its package is. Both sync every commit. They
 * are started and stopped as often as the benchmark likes, and keep their data. It measures nothing.
 */

import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { MEMBER_NODE_ARGUMENTS } from '../../control-plane/node-arguments.ts';
import { freePort, pollUntil, startProcess } from '../support/process.ts';
import type { RunningProcess } from '../support/process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NAMES = ['m1', 'm2', 'm3'] as const;
const START_MS = 60_000;
const STOP_MS = 15_000;

export interface BenchCluster {
  readonly side: 'omnimind' | 'etcd';
  /** Resolves when it has a leader. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** host:port for clients, the leader's first. */
  addresses(): Promise<readonly string[]>;
  pids(): readonly number[];
  readonly directories: readonly string[];
  readonly secretFile: string;
}

interface Member {
  readonly name: string;
  readonly directory: string;
  /** Of the API, and of the members among themselves. */
  readonly apiPort: number;
  readonly peerPort: number;
  running: RunningProcess | null;
}

abstract class ThreeMembers {
  readonly members: readonly Member[];
  readonly home: string;

  constructor(home: string, members: readonly Member[]) {
    this.home = home;
    this.members = members;
  }

  get directories(): readonly string[] {
    return this.members.map(({ directory }) => directory);
  }

  pids(): readonly number[] {
    return this.members.flatMap(({ running }) => (running === null ? [] : [running.pid]));
  }

  async start(): Promise<void> {
    for (const member of this.members) member.running = this.launch(member);
    await pollUntil('a cluster has a leader', START_MS, () => {
      for (const { name, running } of this.members) {
        if (running === null || running.child.exitCode === null) continue;
        throw new Error(`${name} ended:\n${running.output()}`);
      }
      return this.find();
    });
  }

  async addresses(): Promise<readonly string[]> {
    const leader = await pollUntil('a cluster has a leader', START_MS, () => this.find());
    const inOrder = [leader, ...this.members.filter((member) => member !== leader)];
    return inOrder.map((member) => `127.0.0.1:${this.clientPort(member)}`);
  }

  async stop(): Promise<void> {
    const running = this.members.flatMap((member) => member.running ?? []);
    for (const { child } of running) child.kill('SIGTERM');
    try {
      await Promise.all(running.map((one) => one.exit(STOP_MS)));
    } finally {
      for (const one of running) one.kill();
      for (const member of this.members) member.running = null;
    }
  }

  protected abstract launch(member: Member): RunningProcess;
  protected abstract clientPort(member: Member): number;
  /** Who leads; null while nobody is known to. */
  protected abstract find(): Promise<Member | null>;
}

export class OurCluster extends ThreeMembers implements BenchCluster {
  readonly side = 'omnimind';
  /** Over the benchmark's own. */
  readonly #settings: NodeJS.ProcessEnv;

  constructor(home: string, members: readonly Member[], settings: NodeJS.ProcessEnv) {
    super(home, members);
    this.#settings = settings;
  }

  get secretFile(): string {
    return join(this.home, 'secret');
  }

  protected launch({ name, directory, apiPort, peerPort }: Member): RunningProcess {
    const address = (port: number): string => `127.0.0.1:${port}`;
    const first = this.members.map((one) => `${one.name}=${address(one.peerPort)}`).join(',');
    const env: NodeJS.ProcessEnv = {
      PATH: process.env['PATH'],
      OMNIMIND_MEMBER_ID: name,
      OMNIMIND_DATA_DIR: directory,
      OMNIMIND_LISTEN: address(apiPort),
      OMNIMIND_RAFT_LISTEN: address(peerPort),
      OMNIMIND_CLUSTER_MEMBERS: first,
      OMNIMIND_CLUSTER_SECRET_FILE: this.secretFile,
      OMNIMIND_LOG_LEVEL: 'warn',
      // Neither a metrics source nor a database is part of what is measured: nobody listens there.
      OMNIMIND_PROMETHEUS_URL: 'http://127.0.0.1:1',
      OMNIMIND_DATABASE_URL: 'postgres://127.0.0.1:1/none',
      ...this.#settings,
    };
    const entry = join(ROOT, 'control-plane', 'main.ts');
    return startProcess(process.execPath, [...MEMBER_NODE_ARGUMENTS, entry], { cwd: ROOT, env });
  }

  protected clientPort({ peerPort }: Member): number {
    return peerPort;
  }

  protected async find(): Promise<Member | null> {
    for (const { apiPort } of this.members) {
      const url = `http://127.0.0.1:${apiPort}/v1/members?consistency=stale`;
      const said = (await asked(url)) as { readonly leaderId?: string | null } | null;
      const leader = this.members.find(({ name }) => name === said?.leaderId);
      if (leader !== undefined) return leader;
    }
    return null;
  }
}

export class EtcdCluster extends ThreeMembers implements BenchCluster {
  readonly side = 'etcd';
  readonly secretFile = '';

  protected launch({ name, directory, apiPort, peerPort }: Member): RunningProcess {
    const url = (port: number): string => `http://127.0.0.1:${port}`;
    const cluster = this.members.map((one) => `${one.name}=${url(one.peerPort)}`).join(',');
    const args = [
      ['--name', name],
      ['--data-dir', directory],
      ['--listen-client-urls', url(apiPort)],
      ['--advertise-client-urls', url(apiPort)],
      ['--listen-peer-urls', url(peerPort)],
      ['--initial-advertise-peer-urls', url(peerPort)],
      ['--initial-cluster', cluster],
      ['--log-level', 'error'],
    ];
    return startProcess('etcd', args.flat());
  }

  protected clientPort({ apiPort }: Member): number {
    return apiPort;
  }

  /** By etcd's JSON gateway, which takes no part in the measurement. */
  protected async find(): Promise<Member | null> {
    for (const member of this.members) {
      const url = `http://127.0.0.1:${member.apiPort}/v3/maintenance/status`;
      const said = (await asked(url, '{}')) as {
        readonly leader?: string;
        readonly header?: { readonly member_id?: string };
      } | null;
      const leads = said?.leader !== undefined && said.leader === said.header?.member_id;
      if (leads) return member;
    }
    return null;
  }
}

export async function prepareOurs(
  home: string,
  settings: NodeJS.ProcessEnv = {},
): Promise<OurCluster> {
  const cluster = new OurCluster(home, await prepareMembers(home), settings);
  await writeFile(cluster.secretFile, randomBytes(32).toString('hex'), { mode: 0o600 });
  return cluster;
}

export async function prepareEtcd(home: string): Promise<EtcdCluster> {
  return new EtcdCluster(home, await prepareMembers(home));
}

async function prepareMembers(home: string): Promise<readonly Member[]> {
  const members: Member[] = [];
  for (const name of NAMES) {
    const directory = join(home, name);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const [apiPort, peerPort] = [await freePort(), await freePort()];
    members.push({ name, directory, apiPort, peerPort, running: null });
  }
  return members;
}

async function asked(url: string, body?: string): Promise<unknown> {
  try {
    const signal = AbortSignal.timeout(1_000);
    const method = body === undefined ? 'GET' : 'POST';
    const answer = await fetch(url, body === undefined ? { signal } : { signal, method, body });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
