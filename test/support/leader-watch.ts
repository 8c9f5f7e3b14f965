/**
 * Watches who leads a cluster of real processes, as its members say: a member that says so of itself
 * leads. Keeps the longest time in which nobody did, and what must never be, two leaders of one term.
 */

import { setTimeout as delay } from 'node:timers/promises';

import type { Cluster } from './cluster-process.ts';

const EVERY_MS = 20;
const ASK_MS = 500;

export interface Leaderless {
  readonly ms: number;
  /** Term of the leader that came after it. */
  readonly untilTerm: number;
}

export class LeaderWatch {
  longest: Leaderless = { ms: 0, untilTerm: 0 };
  /** Who led each term. */
  readonly leaders = new Map<number, string>();
  readonly #cluster: Cluster;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #seenAtMs = performance.now();
  #contradiction: string | null = null;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#running = this.#run();
  }

  /** @throws Error when two members led one term */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    if (this.#contradiction !== null) throw new Error(this.#contradiction);
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await Promise.all([...this.#cluster.members.keys()].map((id) => this.#ask(id)));
      await delay(EVERY_MS);
    }
  }

  async #ask(id: string): Promise<void> {
    const { url, running } = this.#cluster.member(id);
    if (running === null || running.child.exitCode !== null) return;
    try {
      const signal = AbortSignal.timeout(ASK_MS);
      const answer = await fetch(`${url}/v1/members?consistency=stale`, { signal });
      const view = (await answer.json()) as { leaderId?: string | null; term?: number };
      if (view.leaderId === id && view.term !== undefined) this.#leads(id, view.term);
    } catch {
      // It starts, stops or is gone: it leads nothing that anybody can see.
    }
  }

  #leads(id: string, term: number): void {
    // Whoever still takes itself for the leader of an older term leads nothing.
    if (this.leaders.keys().some((later) => later > term)) return;
    const nowMs = performance.now();
    const ms = nowMs - this.#seenAtMs;
    this.#seenAtMs = nowMs;
    if (ms > this.longest.ms) this.longest = { ms, untilTerm: term };
    const before = this.leaders.get(term) ?? id;
    if (before !== id) this.#contradiction = `${before} and ${id} both led term ${term}`;
    this.leaders.set(term, before);
  }
}
