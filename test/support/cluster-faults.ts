/**
 * What goes wrong with a leader, each with the moment at which it began: its process is killed, stands
 * still, or can reach nobody any more. Members reach each other's Raft listener and API through proxies
 * only, so that a partition takes both; clients are on every side of it. Ends with all members well.
 */

import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster, ClusterMember } from './cluster-process.ts';
import type { ClusterLoad, Placed } from './cluster-load.ts';
import { pollUntil } from './process.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import type { TcpProxy } from './tcp-proxy.ts';

export const FAULTS = ['kill', 'stop', 'partition'] as const;
export type FaultKind = (typeof FAULTS)[number];

/** Bounds of the test, far above what is normal, for a machine that is busy with other things; in ms. */
const RECOVERS_WITHIN_MS = 30_000;
const WELL_WITHIN_MS = 60_000;
const STEPS_DOWN_WITHIN_MS = 10_000;
const ASK_MS = 2_000;
/** How long a leader stands still or is alone after the others have gone on. */
const AWAY_MAX_MS = 1_500;
/** Fields of a line of the log that say nothing here. */
const SAID_BY_ALL = { level: undefined, service: undefined, version: undefined };
/** A recovery that takes longer leaves a trail. */
const LONG_MS = 500;

export interface FaultOutcome {
  readonly kind: FaultKind;
  readonly leaderId: string;
  readonly term: number;
  /** Of another leader. */
  readonly first: Placed;
  /** From the fault to the first acknowledgement of a command that the next leader committed. */
  readonly recoveryMs: number;
  /** What members said of elections meanwhile, when it took long: for finding out why. */
  readonly trail: readonly string[];
}

export interface Vote {
  readonly phase: string;
  readonly voterId: string;
  readonly reason: string;
}

export interface ElectionSeen {
  readonly term: number;
  readonly candidateId: string;
  readonly outcome: string;
  readonly traceId: string;
  readonly votes: readonly Vote[];
}

interface MembersSeen {
  readonly leaderId: string | null;
  readonly term: number;
  readonly commitIndex: number;
  readonly items: readonly {
    readonly id: string;
    readonly role: string;
    readonly lagEntries: number | null;
    readonly contactAgeMs: number | null;
  }[];
}

export interface Well {
  readonly leaderId: string;
  readonly term: number;
}

export class ClusterFaults {
  readonly #cluster: Cluster;
  readonly #load: ClusterLoad;
  readonly #random: () => number;
  readonly #apiProxies: ApiProxies;

  constructor(parts: {
    readonly cluster: Cluster;
    readonly load: ClusterLoad;
    readonly random: () => number;
    readonly apiProxies: ApiProxies;
  }) {
    this.#cluster = parts.cluster;
    this.#load = parts.load;
    this.#random = parts.random;
    this.#apiProxies = parts.apiProxies;
  }

  /**
   * Does it to whoever acknowledged last, and returns when another has; the leader is still away then.
   */
  async strike(kind: FaultKind): Promise<FaultOutcome> {
    const last = this.#load.latest;
    if (last === null) throw new Error('nothing was ever acknowledged');
    const { memberId: leaderId } = last;
    const { term } = last.token;
    const at = new Date();
    const beganMs = performance.now();
    this.#begin(kind, leaderId);
    const first = await this.#load.beyond(term, RECOVERS_WITHIN_MS);
    const recoveryMs = first.atMs - beganMs;
    const trail = recoveryMs > LONG_MS ? this.#trail(at, recoveryMs) : [];
    return { kind, leaderId, term, first, recoveryMs, trail };
  }

  #trail(from: Date, lengthMs: number): readonly string[] {
    const said = [...this.#cluster.members.values()].flatMap(
      ({ running }) => running?.output().match(/^\{.*"msg":"raft: .*\}$/gm) ?? [],
    );
    return said
      .map((line) => JSON.parse(line) as Record<'time' | 'member' | 'msg', string>)
      .map(({ time, member, msg, ...rest }) => ({
        afterMs: Date.parse(time) - from.getTime(),
        text: `${member} ${msg} ${JSON.stringify({ ...rest, ...SAID_BY_ALL })}`,
      }))
      .filter(({ afterMs }) => afterMs >= -LONG_MS && afterMs <= lengthMs)
      .toSorted((a, b) => a.afterMs - b.afterMs)
      .map(({ afterMs, text }) => `${afterMs} ms: ${text}`);
  }

  #begin(kind: FaultKind, leaderId: string): void {
    switch (kind) {
      case 'kill':
        this.#cluster.kill(leaderId);
        return;
      case 'stop':
        this.#cluster.kill(leaderId, 'SIGSTOP');
        return;
      case 'partition': {
        const others = [...this.#cluster.members.keys()].filter((id) => id !== leaderId);
        this.#cluster.cut([leaderId], others);
        this.#apiProxies.cut(leaderId, others);
      }
    }
  }

  /** What was done is undone after a while. A process that was killed is dead when `killed` is called. */
  async mend(
    { kind, leaderId, first }: FaultOutcome,
    killed: (member: ClusterMember) => Promise<void>,
  ): Promise<void> {
    const member = this.#cluster.member(leaderId);
    switch (kind) {
      case 'kill':
        await member.running?.exit(WELL_WITHIN_MS);
        await keepOutput(this.#cluster, member);
        await killed(member);
        this.#cluster.launch(leaderId);
        await this.#cluster.listening(member);
        return;
      case 'stop':
        await this.#pass();
        this.#cluster.kill(leaderId, 'SIGCONT');
        // Its first moments: it may still take itself for the leader, and must not answer as one.
        await this.#load.readAt(leaderId);
        return;
      case 'partition': {
        const reads = this.#load.readAt(leaderId);
        await this.#pass();
        await pollUntil(`${leaderId} leads no more`, STEPS_DOWN_WITHIN_MS, async () => {
          const seen = await membersAt(member);
          return seen !== null && (seen.leaderId !== leaderId || seen.term >= first.token.term);
        });
        const breaking = this.#random() < 0.5;
        this.#cluster.heal(breaking);
        this.#apiProxies.heal(breaking);
        await reads;
        await this.#load.readAt(leaderId);
      }
    }
  }

  /** All members follow one leader closely. Whoever was away is back. */
  async well(): Promise<Well> {
    return pollUntil('all members follow one leader', WELL_WITHIN_MS, async () => {
      this.#load.check();
      const members = [...this.#cluster.members.values()];
      const seen = await Promise.all(members.map(membersAt));
      const [one] = seen;
      const leaderId = one?.leaderId ?? null;
      if (one === null || one === undefined || leaderId === null) return null;
      if (seen.some((each) => each?.leaderId !== leaderId || each.term !== one.term)) return null;
      const view = seen[members.findIndex(({ id }) => id === leaderId)];
      const others = view?.items.filter(({ id }) => id !== leaderId) ?? [];
      const isClose = others.every(
        ({ role, lagEntries, contactAgeMs }) =>
          role === 'follower' && (lagEntries ?? 1e9) < 500 && (contactAgeMs ?? 1e9) < 500,
      );
      const isHeard = this.#load.latest?.memberId === leaderId;
      return isClose && isHeard ? { leaderId, term: one.term } : null;
    });
  }

  /** The election that began a term, once every member shows it. */
  async electionOf({ leaderId, term }: Well): Promise<ElectionSeen> {
    const members = [...this.#cluster.members.values()];
    const path = '/v1/elections?outcome=elected&limit=50';
    return pollUntil(`the election of term ${term} is shown`, WELL_WITHIN_MS, async () => {
      const pages = await Promise.all(
        members.map((member) => read<{ items: readonly ElectionSeen[] }>(member, path)),
      );
      const found = pages.map((page) =>
        page?.items.find((one) => one.term === term && one.candidateId === leaderId),
      );
      return found.every((one) => one !== undefined) ? found[0] : null;
    });
  }

  /** Nobody is behind, and nothing moves any more. */
  async still(): Promise<void> {
    await pollUntil('every member has everything', WELL_WITHIN_MS, async () => {
      const members = [...this.#cluster.members.values()];
      const seen = await Promise.all(members.map(membersAt));
      const [one] = seen;
      const isEven = seen.every((each) => each !== null && each.commitIndex === one?.commitIndex);
      const leading = seen
        .flatMap((each) => each?.items ?? [])
        .filter((item) => item.role !== 'leader');
      return isEven && leading.every(({ lagEntries }) => lagEntries === null || lagEntries === 0);
    });
  }

  /** A random part of the time for which a leader is away. */
  async #pass(): Promise<void> {
    const untilMs = performance.now() + this.#random() * AWAY_MAX_MS;
    await pollUntil('a while has passed', RECOVERS_WITHIN_MS, () => performance.now() >= untilMs);
  }
}

/** In front of the members' APIs, for what they send on to their leader. */
export class ApiProxies {
  readonly #proxies = new Map<string, TcpProxy>();

  static async start(members: readonly ClusterMember[]): Promise<ApiProxies> {
    const proxies = new ApiProxies();
    const ids = members.map(({ id }) => id);
    for (const { id, url } of members) {
      // Who sends a request on says so in a header; a connection is of one sender.
      const proxy = await startTcpProxy(id, ids, () => Number(new URL(url).port));
      proxies.#proxies.set(id, proxy);
    }
    return proxies;
  }

  url(memberId: string): string {
    return `http://127.0.0.1:${this.#proxies.get(memberId)?.port ?? 0}`;
  }

  cut(memberId: string, others: readonly string[]): void {
    for (const [id, proxy] of this.#proxies) proxy.cut(id === memberId ? others : [memberId]);
  }

  heal(breaking: boolean): void {
    for (const proxy of this.#proxies.values()) proxy.heal(breaking);
  }

  async stop(): Promise<void> {
    for (const proxy of this.#proxies.values()) await proxy.stop();
  }
}

/** What the process wrote so far, kept beside its data: the next process of the member begins anew. */
export async function keepOutput(cluster: Cluster, member: ClusterMember): Promise<void> {
  await appendFile(join(cluster.home, `${member.id}.log`), member.running?.output() ?? '');
}

function membersAt(member: ClusterMember): Promise<MembersSeen | null> {
  return read<MembersSeen>(member, '/v1/members?consistency=stale');
}

async function read<T>(member: ClusterMember, path: string): Promise<T | null> {
  try {
    const answer = await fetch(`${member.url}${path}`, { signal: AbortSignal.timeout(ASK_MS) });
    return answer.ok ? ((await answer.json()) as T) : null;
  } catch {
    return null;
  }
}
