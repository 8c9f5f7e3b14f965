/**
 * The disk of one simulated member. What is written waits in a cache until a sync has ended; a crash
 * loses the cache, or keeps the first steps of it: hard state, snapshot, truncation, then the entries
 * one by one. What was synced is never lost, and a sync never lies. Damage of what was durable is not
 * simulated here: the log's own tests have it.
 */

import type { HardState, LogChange, SnapshotPlace } from '../../control-plane/model/log-entry.ts';
import type { StagedChunk } from '../../control-plane/raft/ready.ts';
import type { Draws } from './draws.ts';
import { HeldLog } from './held-log.ts';

export const TAILS = ['lost', 'torn', 'whole'] as const;
/** What a crash leaves of the changes that were written and not synced. */
export type Tail = (typeof TAILS)[number];

export interface SavedSnapshot {
  readonly place: SnapshotPlace;
  readonly bytes: Uint8Array;
}

/** Told of each durable change, before it is made. */
export interface DiskWitness {
  hardStateDurable(state: HardState): void;
  truncating(from: number): void;
  installing(place: SnapshotPlace): void;
}

export class MemberDisk {
  readonly log = new HeldLog();
  hardState: HardState = { term: 0, votedFor: null };
  /** Payload of the durable snapshot. */
  snapshotBytes: Uint8Array = new Uint8Array();
  readonly #witness: DiskWitness;
  #waiting: LogChange[] = [];
  #writing: LogChange[] = [];
  #staged: { index: number; bytes: number; readonly parts: Uint8Array[] } | null = null;

  constructor(witness: DiskWitness) {
    this.#witness = witness;
  }

  get busy(): boolean {
    return this.#writing.length > 0;
  }

  enqueue(changes: readonly LogChange[]): void {
    for (const change of changes) this.#waiting.push(change);
  }

  /** Writes what waits, to be synced by one sync; false when there is nothing, or a sync runs. */
  write(): boolean {
    if (this.#writing.length > 0 || this.#waiting.length === 0) return false;
    this.#writing = this.#waiting;
    this.#waiting = [];
    return true;
  }

  /** Whether the sync that runs would install a snapshot. */
  get installs(): boolean {
    return this.#writing.some(({ snapshot }) => snapshot !== null);
  }

  /** The sync has ended: gives the sequence number up to which all is durable. */
  synced(): number {
    let sequence = 0;
    for (const change of this.#writing) {
      this.#makeDurable(change, Infinity);
      sequence = change.sequence;
    }
    this.#writing = [];
    return sequence;
  }

  /** The machine or the process is gone. Gives the number of steps that made it nevertheless. */
  crash(tail: Tail, draws: Draws): number {
    const steps = this.#writing.reduce((sum, change) => sum + stepsOf(change), 0);
    let left = tail === 'lost' ? 0 : tail === 'whole' ? steps : draws.whole(0, steps);
    const survived = left;
    for (const change of this.#writing) {
      if (left === 0) break;
      left -= this.#makeDurable(change, left);
    }
    this.#writing = [];
    this.#waiting = [];
    this.#staged = null;
    return survived;
  }

  /** @throws Error when the bytes do not follow what is staged, as the real log does */
  stage({ index, offset, bytes }: StagedChunk): void {
    if (offset === 0) this.#staged = { index, bytes: 0, parts: [] };
    const staged = this.#staged;
    if (staged?.index !== index || staged.bytes !== offset) {
      const there = staged === null ? 'nothing' : `${staged.bytes} bytes of ${staged.index}`;
      throw new Error(`chunk at ${offset} of snapshot ${index} staged, where ${there} is there`);
    }
    staged.parts.push(bytes);
    staged.bytes += bytes.length;
  }

  /** The snapshot of the member's own state gets its name. False when a newer one is there. */
  rename(saved: SavedSnapshot): boolean {
    if (saved.place.index <= this.log.snapshotIndex) return false;
    this.log.snapshot = saved.place;
    this.snapshotBytes = saved.bytes;
    return true;
  }

  #makeDurable(change: LogChange, stepsMax: number): number {
    let steps = 0;
    if (change.hardState !== null && steps < stepsMax) {
      this.#witness.hardStateDurable(change.hardState);
      this.hardState = change.hardState;
      steps += 1;
    }
    if (change.snapshot !== null && steps < stepsMax) {
      this.#install(change.snapshot);
      steps += 1;
    }
    if (change.truncateFrom !== null && steps < stepsMax) {
      this.#witness.truncating(change.truncateFrom);
      this.log.truncateFrom(change.truncateFrom);
      steps += 1;
    }
    for (const entry of change.entries) {
      if (steps >= stepsMax) break;
      this.log.append(entry);
      steps += 1;
    }
    return steps;
  }

  #install(place: SnapshotPlace): void {
    const staged = this.#staged;
    if (staged?.index !== place.index) {
      throw new Error(`snapshot ${place.index} installed, where ${staged?.index ?? 0} is staged`);
    }
    this.#witness.installing(place);
    this.log.install(place);
    this.snapshotBytes = joined(staged.parts, staged.bytes);
    this.#staged = null;
  }
}

function stepsOf(change: LogChange): number {
  const { hardState, snapshot, truncateFrom, entries } = change;
  const heads = [hardState, snapshot, truncateFrom].filter((step) => step !== null).length;
  return heads + entries.length;
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
