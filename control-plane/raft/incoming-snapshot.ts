/**
 * A snapshot that arrives in chunks. Chunks may be lost, repeated and reordered, and a newer snapshot
 * may take its place: only the chunk that continues what is staged is taken, and every answer says
 * where to go on. Two leaders may have made the same snapshot of different bytes: they are not mixed.
 */

import type { MessageOf } from '../model/raft-message.ts';

export type ChunkVerdict =
  | { readonly kind: 'taken'; readonly nextOffset: number; readonly complete: boolean }
  | { readonly kind: 'elsewhere'; readonly nextOffset: number };

export class IncomingSnapshot {
  #index = 0;
  #snapshotTerm = 0;
  /** Whose bytes they are: a leader is known by its term. */
  #leaderTerm = 0;
  #nextOffset = 0;

  take(chunk: MessageOf<'snapshot_chunk'>): ChunkVerdict {
    const { index, snapshotTerm, offset, bytes, totalBytes } = chunk;
    const continues =
      index === this.#index &&
      snapshotTerm === this.#snapshotTerm &&
      chunk.term === this.#leaderTerm;
    const expected = continues ? this.#nextOffset : 0;
    if (offset !== expected) return { kind: 'elsewhere', nextOffset: expected };
    this.#index = index;
    this.#snapshotTerm = snapshotTerm;
    this.#leaderTerm = chunk.term;
    this.#nextOffset = offset + bytes.length;
    const complete = this.#nextOffset >= totalBytes;
    return { kind: 'taken', nextOffset: this.#nextOffset, complete };
  }

  /** What is staged is of no use any more. */
  reset(): void {
    this.#index = 0;
    this.#nextOffset = 0;
  }
}
