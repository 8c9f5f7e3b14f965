/**
 * What a leader knows of one follower's log, and what is on the way to it. `probe` sends one message
 * at a time until the place where the logs agree is found; `replicate` sends ahead within a window;
 * `snapshot` waits for one to be installed. (After etcd-io/raft, tracker/progress.go.)
 */

import type { MemberId } from '../model/configuration.ts';
import type { ProgressStatus } from './ready.ts';

interface InFlight {
  readonly lastIndex: number;
  readonly bytes: number;
  readonly sentMs: number;
}

export interface SnapshotTransfer {
  readonly index: number;
  /** Bytes that the follower has. */
  offset: number;
  /** Null until the first chunk was read. */
  totalBytes: number | null;
  /** When the chunk at `offset` was last asked for or sent. */
  sinceMs: number;
}

export class Progress {
  readonly memberId: MemberId;
  matchIndex = 0;
  nextIndex: number;
  /** Monotonic ms of its last message; null before any in this term. */
  contactMs: number | null = null;
  /** The newest round that it has answered, and when that round was sent. */
  ackedRound = 0;
  ackedSentMs = -Infinity;
  /** The largest commit index that it was told. */
  toldCommit = 0;
  /** When entries were last sent to it; -Infinity when it is to hear of commits at once. */
  appendSentMs = -Infinity;
  /** Since when its removal is committed: it is only told so. Null for a member. */
  leavingSinceMs: number | null = null;
  /** The snapshot that is on the way; only in that state. */
  transfer: SnapshotTransfer | null = null;
  #state: 'probe' | 'replicate' | 'snapshot' = 'probe';
  #probeSentMs: number | null = null;
  #inFlight: InFlight[] = [];
  #inFlightBytes = 0;

  constructor(memberId: MemberId, nextIndex: number) {
    this.memberId = memberId;
    this.nextIndex = nextIndex;
  }

  get state(): 'probe' | 'replicate' | 'snapshot' {
    return this.#state;
  }

  /** Whether an append may be sent now. */
  maySend(bounds: { readonly inFlightMax: number; readonly inFlightBytesMax: number }): boolean {
    if (this.#state === 'snapshot') return false;
    if (this.#state === 'probe') return this.#probeSentMs === null;
    return (
      this.#inFlight.length < bounds.inFlightMax && this.#inFlightBytes < bounds.inFlightBytesMax
    );
  }

  /** An append up to `lastIndex` leaves; an empty one carries nothing to wait for in `replicate`. */
  sent(lastIndex: number, bytes: number, nowMs: number): void {
    this.appendSentMs = nowMs;
    if (this.#state === 'probe') {
      this.#probeSentMs = nowMs;
      return;
    }
    this.nextIndex = lastIndex + 1;
    this.#inFlight.push({ lastIndex, bytes, sentMs: nowMs });
    this.#inFlightBytes += bytes;
  }

  /** The follower's log is durable and equal up to the index. */
  acknowledged(matchIndex: number): void {
    this.matchIndex = Math.max(this.matchIndex, matchIndex);
    this.nextIndex = Math.max(this.nextIndex, this.matchIndex + 1);
    if (this.#state === 'replicate') this.#free();
    else if (this.transfer === null || this.transfer.index <= this.matchIndex) this.#replicate();
  }

  /** The logs may agree at `index`, not beyond. A late answer to what has been settled is ignored. */
  refused(previousIndex: number, index: number): void {
    if (this.#state === 'snapshot' || previousIndex <= this.matchIndex) return;
    if (this.#state === 'probe' && previousIndex !== this.nextIndex - 1) return;
    this.#probe(Math.max(this.matchIndex, Math.min(previousIndex - 1, index)) + 1);
  }

  /** What was on the way may be lost: begin again behind what is known. */
  lost(): void {
    if (this.#state === 'replicate') this.#probe(this.matchIndex + 1);
    this.#probeSentMs = null;
    if (this.transfer !== null) this.transfer.sinceMs = -Infinity;
  }

  /**
   * It answered a round that was sent after the probe: the probe, or its answer, may be lost, or waits
   * for a disk. Another one does no harm.
   */
  heardAfterProbe(): void {
    if (this.#probeSentMs !== null && this.ackedSentMs > this.#probeSentMs)
      this.#probeSentMs = null;
  }

  /** Gives up waiting for answers that are overdue, so that what was lost is sent again. */
  expire(nowMs: number, timeoutMs: number): void {
    const since = this.#state === 'probe' ? this.#probeSentMs : this.#inFlight[0]?.sentMs;
    if (since !== null && since !== undefined && nowMs - since >= timeoutMs) this.lost();
  }

  /** Entries that it needs are compacted: it gets the snapshot. */
  startSnapshot(index: number): SnapshotTransfer {
    this.#state = 'snapshot';
    this.#clear();
    this.transfer = { index, offset: 0, totalBytes: null, sinceMs: -Infinity };
    return this.transfer;
  }

  status(): ProgressStatus {
    return {
      memberId: this.memberId,
      state: this.#state,
      matchIndex: this.matchIndex,
      nextIndex: this.nextIndex,
      inFlight: this.#inFlight.length,
      inFlightBytes: this.#inFlightBytes,
      contactMs: this.contactMs,
    };
  }

  #replicate(): void {
    this.#state = 'replicate';
    this.#clear();
    this.transfer = null;
    this.nextIndex = this.matchIndex + 1;
  }

  #probe(nextIndex: number): void {
    this.#state = 'probe';
    this.#clear();
    this.nextIndex = nextIndex;
  }

  #free(): void {
    while (this.#inFlight[0] !== undefined && this.#inFlight[0].lastIndex <= this.matchIndex) {
      this.#inFlightBytes -= this.#inFlight.shift()?.bytes ?? 0;
    }
  }

  #clear(): void {
    this.#inFlight = [];
    this.#inFlightBytes = 0;
    this.#probeSentMs = null;
  }
}
