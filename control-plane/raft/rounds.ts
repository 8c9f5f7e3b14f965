/**
 * The heartbeat rounds of one leader: which one each follower has answered last, and so until when
 * nobody else can lead, and which reads a quorum has confirmed (Raft dissertation, 6.4). An answer
 * counts from the moment its round was sent, never from its arrival.
 */

import type { Configuration, MemberId } from '../model/configuration.ts';
import type { Progress } from './progress.ts';
import { quorumValue } from './quorum.ts';

/** Rounds whose time is remembered; an answer to an older one counts as contact alone. */
const ROUNDS_KEPT = 256;

export interface PendingRead {
  /** Null for this member's own. */
  readonly from: MemberId | null;
  readonly readId: number;
  readonly index: number;
  readonly round: number;
}

export class Rounds {
  readonly #memberId: MemberId;
  readonly #sentMs = new Map<number, number>();
  #round = 0;
  #lastSentMs = -Infinity;
  #reads: PendingRead[] = [];

  constructor(memberId: MemberId) {
    this.#memberId = memberId;
  }

  get pendingReads(): number {
    return this.#reads.length;
  }

  /** Begins a round; its number goes into the heartbeats. */
  begin(nowMs: number): number {
    this.#round += 1;
    this.#lastSentMs = nowMs;
    this.#sentMs.set(this.#round, nowMs);
    this.#sentMs.delete(this.#round - ROUNDS_KEPT);
    return this.#round;
  }

  isDue(nowMs: number, intervalMs: number): boolean {
    if (nowMs - this.#lastSentMs >= intervalMs) return true;
    // Reads wait for a round that began after them: at once, unless one is on its way already.
    const newest = this.#reads.at(-1);
    if (newest === undefined || newest.round <= this.#round) return false;
    return !this.#reads.some((read) => read.round <= this.#round);
  }

  answered(progress: Progress, round: number): void {
    const sentMs = this.#sentMs.get(round);
    if (sentMs === undefined || round <= progress.ackedRound) return;
    progress.ackedRound = round;
    progress.ackedSentMs = sentMs;
  }

  /** Waits for the next round. */
  addRead(from: MemberId | null, readId: number, index: number): void {
    this.#reads.push({ from, readId, index, round: this.#round + 1 });
  }

  /** Takes the reads that a quorum has confirmed. */
  takeConfirmed(
    configuration: Configuration,
    progress: ReadonlyMap<MemberId, Progress>,
  ): readonly PendingRead[] {
    if (this.#reads.length === 0) return [];
    const confirmed = quorumValue(configuration, (id) =>
      id === this.#memberId ? this.#round + 1 : (progress.get(id)?.ackedRound ?? 0),
    );
    const open = this.#reads.findIndex((read) => read.round > confirmed);
    return this.#reads.splice(0, open === -1 ? this.#reads.length : open);
  }

  takeAll(): readonly PendingRead[] {
    return this.#reads.splice(0);
  }

  /** When the newest round that a quorum has answered was sent; Infinity when this member is one. */
  quorumSentMs(configuration: Configuration, progress: ReadonlyMap<MemberId, Progress>): number {
    return quorumValue(configuration, (id) =>
      id === this.#memberId ? Infinity : (progress.get(id)?.ackedSentMs ?? -Infinity),
    );
  }
}
