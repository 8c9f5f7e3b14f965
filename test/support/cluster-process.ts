/**
 * A cluster of control planes as real processes: each with its directory, its API and a proxy in front
 * of its Raft listener, through which the others reach it. They can be killed, stopped, cut off and
 * started anew. The API is asked at any member, as users do.
 */

import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { MEMBER_NODE_ARGUMENTS } from '../../control-plane/node-arguments.ts';
import { freePort, pollUntil, startProcess } from './process.ts';
import type { RunningProcess } from './process.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import type { TcpProxy } from './tcp-proxy.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START_MS = 60_000;

export interface ClusterOptions {
  /** Ids of the first voters. */
  readonly members: readonly string[];
  /** Ids of members that wait to be added. */
  readonly spare?: readonly string[];
  /** For every member. */
  readonly settings?: NodeJS.ProcessEnv;
  /** Without proxies, and so without `cut`: this process is not between the members. */
  readonly direct?: boolean;
  /** For one member. */
  readonly settingsOf?: (memberId: string) => NodeJS.ProcessEnv;
  /** Folder of the product that the member's next process is of; this one's, unless it says so. */
  readonly rootOf?: (memberId: string) => string;
}

export interface ClusterMember {
  readonly id: string;
  readonly data: string;
  /** Of its API. */
  readonly url: string;
  readonly raftPort: number;
  /** host:port under which the others reach its Raft listener: the proxy, where there is one. */
  readonly address: string;
  running: RunningProcess | null;
}

export interface LeaderSeen {
  readonly id: string;
  readonly term: number;
}

export class Cluster {
  readonly members = new Map<string, ClusterMember>();
  readonly #proxies = new Map<string, TcpProxy>();
  readonly #joining = new Set<string>();
  readonly #options: ClusterOptions;
  readonly home: string;
  readonly secretFile: string;

  constructor(options: ClusterOptions, home: string) {
    this.#options = options;
    this.home = home;
    this.secretFile = join(home, 'cluster-secret');
  }

  async prepare(): Promise<void> {
    const { members, spare = [] } = this.#options;
    const ids = [...members, ...spare];
    await writeFile(this.secretFile, randomBytes(32).toString('hex'), { mode: 0o600 });
    for (const id of ids) {
      const data = join(this.home, id);
      await mkdir(data);
      const [apiPort, raftPort] = [await freePort(), await freePort()];
      let port = raftPort;
      if (this.#options.direct !== true) {
        const proxy = await startTcpProxy(id, ids, () => raftPort);
        this.#proxies.set(id, proxy);
        port = proxy.port;
      }
      const [url, address] = [`http://127.0.0.1:${apiPort}`, `127.0.0.1:${port}`];
      this.members.set(id, { id, data, url, raftPort, address, running: null });
    }
  }

  member(id: string): ClusterMember {
    const member = this.members.get(id);
    if (member === undefined) throw new Error(`no member ${id}`);
    return member;
  }

  /** From its next start on it waits to be added, though it was one of the first voters. */
  joins(id: string): void {
    this.#joining.add(id);
  }

  /** Starts its process, without waiting for anything. */
  launch(id: string): ClusterMember {
    const member = this.member(id);
    const { members, settings, settingsOf, rootOf } = this.#options;
    const first = members.map((one) => `${one}=${this.member(one).address}`).join(',');
    const env: NodeJS.ProcessEnv = {
      PATH: process.env['PATH'],
      OMNIMIND_MEMBER_ID: id,
      OMNIMIND_DATA_DIR: member.data,
      OMNIMIND_LISTEN: member.url.replace('http://', ''),
      OMNIMIND_RAFT_LISTEN: `127.0.0.1:${member.raftPort}`,
      OMNIMIND_RAFT_ADVERTISE: member.address,
      OMNIMIND_CLUSTER_SECRET_FILE: this.secretFile,
      ...(members.includes(id) && !this.#joining.has(id)
        ? { OMNIMIND_CLUSTER_MEMBERS: first }
        : { OMNIMIND_CLUSTER_JOIN: 'on' }),
      ...settings,
      ...settingsOf?.(id),
    };
    const root = rootOf?.(id) ?? ROOT;
    const entry = join(root, 'control-plane', 'main.ts');
    member.running = startProcess(process.execPath, [...MEMBER_NODE_ARGUMENTS, entry], {
      cwd: root,
      env,
    });
    return member;
  }

  /** Starts its process and waits until its API answers. */
  async start(id: string): Promise<ClusterMember> {
    const member = this.launch(id);
    await this.listening(member);
    return member;
  }

  async startAll(): Promise<void> {
    const { members, spare = [] } = this.#options;
    const launched = [...members, ...spare].map((id) => this.launch(id));
    await Promise.all(launched.map((member) => this.listening(member)));
    await this.leader();
  }

  async listening(member: ClusterMember): Promise<void> {
    await pollUntil(`${member.id} listens`, START_MS, async () => {
      const { running } = member;
      if (running === null || running.child.exitCode !== null) {
        throw new Error(`${member.id} ended:\n${running?.output() ?? ''}`);
      }
      return answers(member.url);
    });
  }

  kill(id: string, signal: NodeJS.Signals = 'SIGKILL'): void {
    this.member(id).running?.child.kill(signal);
  }

  /** Nothing passes between the two groups any more; members in neither are not touched. */
  cut(left: readonly string[], right: readonly string[]): void {
    for (const [id, proxy] of this.#proxies) {
      if (left.includes(id)) proxy.cut(right);
      if (right.includes(id)) proxy.cut(left);
    }
  }

  heal(breaking = false): void {
    for (const proxy of this.#proxies.values()) proxy.heal(breaking);
  }

  /** The leader that a majority of the living members names, in the same term. */
  async leader(withinMs = 10_000): Promise<LeaderSeen> {
    return pollUntil('a leader', withinMs, () => this.leaderNow());
  }

  async leaderNow(): Promise<LeaderSeen | null> {
    const seen = await Promise.all([...this.members.values()].map((one) => leaderAt(one)));
    const named = new Map<string, number>();
    for (const one of seen) {
      if (one === null) continue;
      const key = `${one.id} ${one.term}`;
      named.set(key, (named.get(key) ?? 0) + 1);
    }
    const voters = this.#options.members.length;
    const [found] = [...named].filter(([, count]) => count > voters / 2 || count === named.size);
    const [id, term] = found?.[0].split(' ') ?? [];
    return id === undefined || named.size > 1 ? null : { id, term: Number(term) };
  }

  async stop(): Promise<void> {
    for (const { running } of this.members.values()) running?.child.kill('SIGKILL');
    for (const { running } of this.members.values()) await running?.exit(10_000);
    for (const proxy of this.#proxies.values()) await proxy.stop();
  }
}

/** Prepares directories and proxies; starts no member. */
export async function prepareCluster(options: ClusterOptions): Promise<Cluster> {
  const cluster = new Cluster(options, await mkdtemp(join(tmpdir(), 'omnimind-cluster-')));
  await cluster.prepare();
  return cluster;
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/livez`, { signal: AbortSignal.timeout(1_000) });
    return answer.ok;
  } catch {
    return false;
  }
}

/** Whom a member takes for the leader, read from its own view. */
async function leaderAt({ url, running }: ClusterMember): Promise<LeaderSeen | null> {
  if (running === null || running.child.exitCode !== null || running.child.signalCode !== null) {
    return null;
  }
  try {
    const signal = AbortSignal.timeout(500);
    const answer = await fetch(`${url}/v1/members?consistency=stale`, { signal });
    if (!answer.ok) return null;
    const body = (await answer.json()) as { leaderId: string | null; term: number };
    return body.leaderId === null ? null : { id: body.leaderId, term: body.term };
  } catch {
    return null;
  }
}
