/**
 * The one log that all members of a simulated cluster share as far as it is committed, and the state
 * that it gives. What a leader first calls committed is held against the disks of its voters and kept;
 * from then on whatever any member commits, applies or restores is held against this.
 */

import type { LogEntry } from '../../../control-plane/model/log-entry.ts';
import type { RaftStatus } from '../../../control-plane/raft/ready.ts';
import type { Machine, Reading } from '../machine.ts';
import { Violation } from '../violation.ts';
import type { CheckCounts } from '../violation.ts';
import { isQuorum } from './subject.ts';
import type { Subject } from './subject.ts';

/** The client's write that an entry carries. */
export interface WriteOf {
  (entry: LogEntry): { readonly key: number; readonly value: number } | null;
}

export class CommittedLog {
  /** Told of each write when it has got its position. */
  onWrite: (value: number, position: number) => void = () => undefined;
  readonly #machine: Machine;
  readonly #writeOf: WriteOf;
  readonly #checks: CheckCounts;
  /** By index; 0 is empty. */
  readonly #entries: (LogEntry | null)[] = [null];
  readonly #digests: number[];
  /** Term of the leader that first called it committed. */
  readonly #terms: number[] = [0];
  /** By key and position. */
  readonly #readings: Reading[][] = [];
  readonly #positions = new Map<number, number>();

  constructor(machine: Machine, writeOf: WriteOf, checks: CheckCounts) {
    this.#machine = machine;
    this.#writeOf = writeOf;
    this.#checks = checks;
    this.#digests = [machine.digest()];
  }

  get index(): number {
    return this.#entries.length - 1;
  }

  entryAt(index: number): LogEntry | null {
    return this.#entries[index] ?? null;
  }

  /** The state after all that is committed. */
  text(): string {
    return this.#machine.text();
  }

  /** Of the machine after this entry. */
  digestAt(index: number): number {
    const digest = this.#digests[index];
    if (digest === undefined) throw new Error(`${index} is not committed`);
    return digest;
  }

  /** What a key reads after so many writes; null when there were never so many. */
  readingAt(key: number, position: number): Reading | null {
    return this.#readings[key]?.[position - 1] ?? null;
  }

  positionOf(value: number): number | null {
    return this.#positions.get(value) ?? null;
  }

  /** The last index that was committed in a term below this one. */
  committedBefore(term: number): number {
    let index = this.index;
    while (index > 0 && (this.#terms[index] ?? 0) >= term) index -= 1;
    return index;
  }

  /** Takes note of what a member says is committed; `leads` in the term that it counted in, or null. */
  observe(subject: Subject, status: RaftStatus, countedInTerm: number | null): void {
    const { commitIndex } = status;
    if (commitIndex <= this.index) {
      if (commitIndex > subject.memory.snapshotIndex) this.#compare(subject, commitIndex);
      return;
    }
    if (countedInTerm === null) {
      throw new Violation(
        'quorum_durability',
        `${subject.id} holds ${commitIndex} for committed, leaders only ${this.index}`,
      );
    }
    for (let index = this.index + 1; index <= commitIndex; index += 1) {
      const entry = subject.memory.entryAt(index);
      if (entry === undefined) {
        throw new Violation(
          'index_order',
          `${subject.id} commits ${index}, which it does not hold`,
        );
      }
      this.#add(entry, countedInTerm);
    }
  }

  /** Holds a leader's new commit index against its log and the disks of its voters. */
  checkQuorum(subject: Subject, status: RaftStatus, subjects: readonly Subject[]): void {
    const { commitIndex, configuration, term } = status;
    const entry = subject.memory.entryAt(commitIndex);
    this.#checks.commit_of_own_term += 1;
    if (entry?.term !== term) {
      throw new Violation(
        'commit_of_own_term',
        `${subject.id}, leader of term ${term}, commits ${commitIndex} of term ${entry?.term ?? 'unknown'}`,
      );
    }
    this.#checks.quorum_durability += 1;
    let durable = 0;
    for (const one of subjects) {
      if (one.disk.log.covers(commitIndex, entry.term)) durable |= 1 << one.number;
    }
    if (isQuorum(configuration, durable)) return;
    const where = subjects.filter(({ number }) => (durable & (1 << number)) !== 0);
    throw new Violation(
      'quorum_durability',
      `${subject.id} commits ${commitIndex} in term ${term} with voters [${configuration.voters.join(' ')}]` +
        ` and outgoing [${configuration.outgoing.join(' ')}], durable at [${where.map(({ id }) => id).join(' ')}]`,
    );
  }

  /** Holds an entry that a member applies against what is committed there. */
  checkApplied(subject: Subject, entry: LogEntry): void {
    this.#checks.state_machine_safety += 1;
    const committed = this.#entries[entry.index];
    if (committed === entry) return;
    if (committed === undefined || committed === null || !sameEntry(committed, entry)) {
      throw new Violation(
        'state_machine_safety',
        `${subject.id} applies ${describe(entry)} where ${describe(committed ?? null)} is committed`,
      );
    }
  }

  /** Holds a member's state after applying up to the index against the one state. */
  checkState(subject: Subject, index: number, machine: Machine): void {
    this.#checks.snapshot_equivalence += 1;
    if (machine.digest() === this.digestAt(index)) return;
    throw new Violation(
      'snapshot_equivalence',
      `${subject.id} has at ${index} another state than its log gives`,
    );
  }

  /** @throws Violation when an entry that is committed would be lost from a disk */
  checkKept(subject: Subject, from: number, to: number): void {
    this.#checks.quorum_durability += 1;
    for (let index = Math.max(from, 1); index <= Math.min(to, this.index); index += 1) {
      const held = subject.disk.log.entryAt(index);
      const committed = this.#entries[index];
      if (held === undefined || committed === null || committed?.term !== held.term) continue;
      throw new Violation(
        'quorum_durability',
        `${subject.id} takes ${describe(held)}, which is committed, off its disk`,
      );
    }
  }

  #compare(subject: Subject, index: number): void {
    this.#checks.state_machine_safety += 1;
    const held = subject.memory.entryAt(index);
    const committed = this.#entries[index];
    if (held === undefined || held === committed) return;
    if (committed === undefined || committed === null || !sameEntry(held, committed)) {
      throw new Violation(
        'state_machine_safety',
        `${subject.id} holds ${describe(held)} for committed where ${describe(committed ?? null)} is`,
      );
    }
  }

  #add(entry: LogEntry, term: number): void {
    this.#entries.push(entry);
    this.#terms.push(term);
    if (entry.type === 'command') this.#apply(entry);
    this.#digests.push(this.#machine.digest());
  }

  #apply(entry: LogEntry): void {
    const write = this.#writeOf(entry);
    const { position, repeated } = this.#machine.apply(entry);
    if (write === null) return;
    this.#checks.exactly_once += 1;
    const known = this.#positions.get(write.value);
    if (known !== undefined) {
      if (repeated && position === known) return;
      throw new Violation(
        'exactly_once',
        `write ${write.value} has position ${known} of key ${write.key}, and with entry ${entry.index} also ${position}`,
      );
    }
    this.#positions.set(write.value, position);
    const readings = (this.#readings[write.key] ??= []);
    readings.push(this.#machine.read(write.key));
    if (repeated || position !== readings.length) {
      throw new Violation(
        'exactly_once',
        `write ${write.value} is the ${readings.length}th of key ${write.key} and got position ${position}`,
      );
    }
    this.onWrite(write.value, position);
  }
}

export function sameEntry(a: LogEntry, b: LogEntry): boolean {
  return (
    a === b ||
    (a.index === b.index &&
      a.term === b.term &&
      a.type === b.type &&
      sameBytes(a.payload, b.payload))
  );
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at += 1) if (a[at] !== b[at]) return false;
  return true;
}

function describe(entry: LogEntry | null): string {
  return entry === null ? 'nothing' : `entry ${entry.index} of term ${entry.term} (${entry.type})`;
}
