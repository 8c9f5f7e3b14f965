/**
 * A member's log as the core sees it: every entry since the last compaction, in memory. It knows
 * nothing of disks; how far the log is durable is outbox.ts's.
 */

import type { LogEntry } from '../model/log-entry.ts';

/** What an entry costs beside its payload, on disk and on the wire, in bytes. */
const ENTRY_OVERHEAD_BYTES = 32;

export function entryBytes(entry: LogEntry): number {
  return ENTRY_OVERHEAD_BYTES + entry.payload.length;
}

export class MemoryLog {
  #entries: LogEntry[];
  /** Of the entry before the first that is held. */
  #baseIndex: number;
  /** Null where it is not known: that entry is neither held nor a snapshot's last. */
  #baseTerm: number | null;

  /** @param entries successive; behind or across `snapshot` when there is one */
  constructor(
    entries: readonly LogEntry[],
    snapshot: { readonly index: number; readonly term: number } | null,
  ) {
    this.#entries = [...entries];
    const before = (entries[0]?.index ?? (snapshot?.index ?? 0) + 1) - 1;
    this.#baseIndex = before;
    if (before === 0) this.#baseTerm = 0;
    else this.#baseTerm = snapshot?.index === before ? snapshot.term : null;
  }

  get firstIndex(): number {
    return this.#baseIndex + 1;
  }

  get lastIndex(): number {
    return this.#baseIndex + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#baseTerm ?? 0;
  }

  /** Null for an entry that is not known: compacted, or not there yet. */
  termAt(index: number): number | null {
    if (index === this.#baseIndex) return this.#baseTerm;
    return this.#entries[index - this.firstIndex]?.term ?? null;
  }

  entryAt(index: number): LogEntry | null {
    return this.#entries[index - this.firstIndex] ?? null;
  }

  /** Whether a log that ends at this place holds at least what this one does (Raft paper, 5.4.1). */
  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    if (lastTerm !== this.lastTerm) return lastTerm > this.lastTerm;
    return lastIndex >= this.lastIndex;
  }

  /**
   * The largest index at or below `index` whose term is at or below `term`: beyond it a log of which
   * this is the last known place cannot be equal. Compacted entries are taken for equal.
   */
  lastAtOrBelowTerm(
    index: number,
    term: number,
  ): { readonly index: number; readonly term: number } {
    let at = Math.min(index, this.lastIndex);
    for (; at > this.#baseIndex; at -= 1) {
      const found = this.termAt(at);
      if (found !== null && found <= term) return { index: at, term: found };
    }
    return { index: at, term: this.termAt(at) ?? 0 };
  }

  append(entries: readonly LogEntry[]): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  truncateFrom(index: number): void {
    this.#entries.length = Math.max(0, index - this.firstIndex);
  }

  /** Forgets what is below the index; the entry before it keeps its term. */
  dropBelow(index: number): void {
    if (index <= this.firstIndex) return;
    this.#baseTerm = this.termAt(index - 1);
    this.#entries = this.#entries.slice(index - this.firstIndex);
    this.#baseIndex = index - 1;
  }

  /** Holds nothing any more but the place of a snapshot. */
  resetTo(place: { readonly index: number; readonly term: number }): void {
    this.#entries = [];
    this.#baseIndex = place.index;
    this.#baseTerm = place.term;
  }

  /** Entries of the range, both ends included, within the bounds, yet at least one. */
  slice(
    from: number,
    to: number,
    bounds: { readonly entriesMax: number; readonly bytesMax: number },
  ): readonly LogEntry[] {
    const start = from - this.firstIndex;
    const end = Math.min(to - this.firstIndex + 1, start + bounds.entriesMax, this.#entries.length);
    let bytes = 0;
    let stop = start;
    for (; stop < end; stop += 1) {
      const entry = this.#entries[stop];
      bytes += entry === undefined ? 0 : entryBytes(entry);
      if (bytes > bounds.bytesMax && stop > start) break;
    }
    return this.#entries.slice(start, stop);
  }
}
