/**
 * The configurations in a member's log. The newest one is in force from the moment it is in the log,
 * committed or not (Raft paper, 6); when its entry is truncated, the one before it is again.
 */

import { isVoter, parseConfiguration } from '../model/configuration.ts';
import type { Configuration, MemberId } from '../model/configuration.ts';
import type { LogEntry, SnapshotPlace } from '../model/log-entry.ts';
import { textOf } from './text.ts';

interface Placed {
  readonly index: number;
  readonly configuration: Configuration;
}

export class Configurations {
  /** Ascending; the first is what a snapshot or the start gave. */
  #placed: [Placed, ...Placed[]];
  #replicated: boolean;

  constructor(
    snapshot: SnapshotPlace | null,
    bootstrap: Configuration,
    entries: readonly LogEntry[],
  ) {
    const index = snapshot?.index ?? 0;
    this.#placed = [{ index, configuration: snapshot?.configuration ?? bootstrap }];
    this.#replicated = (snapshot?.configuration ?? null) !== null;
    this.append(entries.filter((entry) => entry.index > index));
  }

  get latest(): Configuration {
    return (this.#placed.at(-1) ?? this.#placed[0]).configuration;
  }

  get latestIndex(): number {
    return (this.#placed.at(-1) ?? this.#placed[0]).index;
  }

  /** Whether any configuration came through the log: otherwise each member only has its settings'. */
  get isReplicated(): boolean {
    return this.#replicated;
  }

  /** In force once everything up to the index is committed. */
  at(index: number): Configuration {
    return (this.#placed.findLast((one) => one.index <= index) ?? this.#placed[0]).configuration;
  }

  /**
   * Whether the member votes in any configuration that may still turn out to be the one in force: the
   * newest that is committed, and those behind it. One that is about to be removed must be able to lead
   * until that is committed: it may be the only one that has the entry (Diss. 4.2.2).
   */
  mayLead(memberId: MemberId, commitIndex: number): boolean {
    const committed = this.#placed.findLastIndex((one) => one.index <= commitIndex);
    const possible = this.#placed.slice(Math.max(0, committed));
    return possible.some(({ configuration }) => isVoter(configuration, memberId));
  }

  /** Takes the configurations among the entries; true when there are any. */
  append(entries: readonly LogEntry[]): boolean {
    let found = false;
    for (const { index, type, payload } of entries) {
      if (type !== 'configuration') continue;
      this.#placed.push({ index, configuration: parseConfiguration(textOf(payload)) });
      this.#replicated = true;
      found = true;
    }
    return found;
  }

  /** True when another configuration is in force now. */
  truncateFrom(index: number): boolean {
    const [first, ...rest] = this.#placed;
    const kept = rest.filter((one) => one.index < index);
    this.#placed = [first, ...kept];
    return kept.length < rest.length;
  }

  /** Forgets those that no index from here on needs. */
  dropBelow(index: number): void {
    const configuration = this.at(index);
    this.#placed = [{ index, configuration }, ...this.#placed.filter((one) => one.index > index)];
  }

  resetTo(place: SnapshotPlace): void {
    const configuration = place.configuration ?? this.#placed[0].configuration;
    this.#replicated ||= place.configuration !== null;
    this.#placed = [{ index: place.index, configuration }];
  }
}

/** Whether a configuration in the entry, if it is one, can be understood. */
export function isReadable(entry: LogEntry): boolean {
  if (entry.type !== 'configuration') return true;
  try {
    parseConfiguration(textOf(entry.payload));
    return true;
  } catch {
    return false;
  }
}
