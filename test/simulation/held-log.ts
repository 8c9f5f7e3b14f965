/**
 * The log that one simulated member holds, in memory or on its disk: a snapshot's place and successive
 * entries, of which the first may lie below it. It does as it is told and checks only that the entries
 * stay successive; whether a step was right is for the invariants.
 */

import type { LogEntry, SnapshotPlace } from '../../control-plane/model/log-entry.ts';

export class HeldLog {
  snapshot: SnapshotPlace | null = null;
  /** Index of the first entry, or of the one to come. */
  firstIndex = 1;
  #entries: LogEntry[] = [];

  get lastIndex(): number {
    return this.firstIndex + this.#entries.length - 1;
  }

  get snapshotIndex(): number {
    return this.snapshot?.index ?? 0;
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.snapshot?.term ?? 0;
  }

  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  entryAt(index: number): LogEntry | undefined {
    return this.#entries[index - this.firstIndex];
  }

  /** Null where it cannot be told: below the first entry, or beyond the last. */
  termAt(index: number): number | null {
    const entry = this.entryAt(index);
    if (entry !== undefined) return entry.term;
    if (index === 0) return 0;
    return this.snapshot?.index === index ? this.snapshot.term : null;
  }

  /** Whether it has this entry, or a snapshot that is at least as far. */
  covers(index: number, term: number): boolean {
    return index <= this.snapshotIndex || this.entryAt(index)?.term === term;
  }

  append(entry: LogEntry): void {
    if (entry.index !== this.lastIndex + 1) {
      throw new Error(`entry ${entry.index} cannot follow ${this.lastIndex}`);
    }
    this.#entries.push(entry);
  }

  truncateFrom(index: number): void {
    this.#entries.length = Math.max(0, Math.min(this.#entries.length, index - this.firstIndex));
  }

  /** In place of everything. */
  install(place: SnapshotPlace): void {
    this.snapshot = place;
    this.firstIndex = place.index + 1;
    this.#entries = [];
  }

  /** A snapshot of this log's own entries is there; those below keepFrom go. */
  compact(place: SnapshotPlace, keepFrom: number): void {
    this.snapshot = place;
    this.dropBelow(keepFrom);
  }

  dropBelow(keepFrom: number): void {
    const gone = Math.min(Math.max(0, keepFrom - this.firstIndex), this.#entries.length);
    this.#entries = this.#entries.slice(gone);
    this.firstIndex += gone;
  }

  copyOf(other: HeldLog): void {
    this.snapshot = other.snapshot;
    this.firstIndex = other.firstIndex;
    this.#entries = other.#entries.slice();
  }
}
