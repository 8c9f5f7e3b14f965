/**
 * Watches the logs of all members: each step of a log, in memory and on disk, is held against what
 * may happen to a log, and each entry against every other of its index and term. Because an entry is
 * compared together with the term of the one before it, equal entries mean equal logs up to there.
 */

import { configurationText, isJoint } from '../../../control-plane/model/configuration.ts';
import { parseConfiguration } from '../../../control-plane/model/configuration.ts';
import type { Configuration } from '../../../control-plane/model/configuration.ts';
import type { LogChange, LogEntry, SnapshotPlace } from '../../../control-plane/model/log-entry.ts';
import type { RaftStatus } from '../../../control-plane/raft/ready.ts';
import { Violation } from '../violation.ts';
import type { CheckCounts } from '../violation.ts';
import { sameEntry } from './committed-log.ts';
import type { CommittedLog } from './committed-log.ts';
import type { Subject } from './subject.ts';

interface Known {
  readonly entry: LogEntry;
  /** Of the entry before; null where nobody could tell yet. */
  previousTerm: number | null;
}

interface Placed {
  readonly index: number;
  readonly configuration: Configuration;
}

const decoder = new TextDecoder();

export class LogWatch {
  readonly #checks: CheckCounts;
  readonly #committed: CommittedLog;
  readonly #known = new Map<number, Known>();
  /** Configurations in each member's memory, ascending; the first is what they began with. */
  readonly #configurations: Placed[][] = [];
  readonly #parsed = new Map<LogEntry, Configuration>();

  constructor(committed: CommittedLog, checks: CheckCounts) {
    this.#committed = committed;
    this.#checks = checks;
  }

  /** A member has come up with what its disk had. */
  restarted(subject: Subject): void {
    const { memory } = subject;
    const first = memory.snapshot?.configuration ?? subject.bootstrap;
    const placed: Placed[] = [{ index: memory.snapshotIndex, configuration: first }];
    for (const entry of memory.entries) {
      if (entry.type !== 'configuration' || entry.index <= memory.snapshotIndex) continue;
      placed.push({ index: entry.index, configuration: this.#parse(entry) });
    }
    this.#configurations[subject.number] = placed;
  }

  /** A core hands over a change: it is made in `memory`, and the disk does not have it yet. */
  changed(subject: Subject, change: LogChange, status: RaftStatus): void {
    const { memory } = subject;
    const leads = status.role === 'leader';
    if (change.snapshot !== null) this.#installed(subject, change.snapshot, leads);
    if (change.truncateFrom !== null) {
      this.#checks.leader_append_only += 1;
      if (leads) {
        throw new Violation(
          'leader_append_only',
          `${subject.id}, leader of term ${status.term}, truncates its log from ${change.truncateFrom}`,
        );
      }
      this.#truncated(subject, change.truncateFrom);
    }
    for (const entry of change.entries) {
      if (entry.index !== memory.lastIndex + 1) {
        throw new Violation(
          'core_contract',
          `${subject.id} appends entry ${entry.index} behind ${memory.lastIndex}`,
        );
      }
      this.#appended(subject, entry, status);
    }
  }

  /** The configuration that a member says is in force is the last one of its log. */
  checkInForce(subject: Subject, status: RaftStatus): void {
    this.#checks.configuration_steps += 1;
    const last = this.#configurations[subject.number]?.at(-1);
    if (last === undefined || last.configuration === status.configuration) return;
    if (configurationText(last.configuration) === configurationText(status.configuration)) return;
    throw new Violation(
      'configuration_steps',
      `${subject.id} goes by ${configurationText(status.configuration)}, its log has at ${last.index}` +
        ` ${configurationText(last.configuration)}`,
    );
  }

  /** The committed configuration of a member's log, and those behind it. */
  openConfigurations(subject: Subject, status: RaftStatus): readonly Configuration[] {
    const placed = this.#configurations[subject.number] ?? [];
    const committed = placed.findLastIndex(({ index }) => index <= status.commitIndex);
    return placed.slice(Math.max(0, committed)).map(({ configuration }) => configuration);
  }

  /** What a member would put into a snapshot of its state. */
  checkPlace(subject: Subject, place: SnapshotPlace): void {
    this.#checks.configuration_steps += 1;
    const entry = this.#committed.entryAt(place.index);
    const placed = this.#configurations[subject.number] ?? [];
    const last = placed.findLast(({ index }) => index <= place.index)?.configuration ?? null;
    const said = place.configuration;
    const same =
      said !== null && last !== null && configurationText(said) === configurationText(last);
    if (same && entry?.term === place.term) return;
    throw new Violation(
      'configuration_steps',
      `${subject.id} would save a snapshot at ${place.index} of term ${place.term} with ${said === null ? 'no members' : configurationText(said)}, its log has ${last === null ? 'none' : configurationText(last)} there and term ${entry?.term ?? 'unknown'}`,
    );
  }

  #installed(subject: Subject, place: SnapshotPlace, leads: boolean): void {
    this.#checks.leader_append_only += 1;
    if (leads) {
      throw new Violation('leader_append_only', `${subject.id}, a leader, installs a snapshot`);
    }
    const { memory } = subject;
    if (place.index <= memory.snapshotIndex) {
      throw new Violation(
        'monotone_state',
        `${subject.id} installs snapshot ${place.index} over its own at ${memory.snapshotIndex}`,
      );
    }
    const committed = this.#committed.entryAt(place.index);
    if (committed?.term !== place.term) {
      throw new Violation(
        'state_machine_safety',
        `${subject.id} installs a snapshot of entry ${place.index} of term ${place.term}, which is not committed`,
      );
    }
    memory.install(place);
    const configuration = place.configuration ?? subject.bootstrap;
    this.#configurations[subject.number] = [{ index: place.index, configuration }];
  }

  #truncated(subject: Subject, from: number): void {
    const { memory } = subject;
    if (from <= memory.snapshotIndex) {
      throw new Violation(
        'state_machine_safety',
        `${subject.id} truncates from ${from}, below its snapshot at ${memory.snapshotIndex}`,
      );
    }
    memory.truncateFrom(from);
    const placed = this.#configurations[subject.number] ?? [];
    while (placed.length > 1 && (placed.at(-1)?.index ?? 0) >= from) placed.pop();
  }

  #appended(subject: Subject, entry: LogEntry, status: RaftStatus): void {
    const { memory } = subject;
    const previousTerm = memory.termAt(entry.index - 1);
    this.#checks.term_order += 1;
    if (entry.term > status.term || (previousTerm !== null && previousTerm > entry.term)) {
      throw new Violation(
        'term_order',
        `${subject.id} in term ${status.term} appends entry ${entry.index} of term ${entry.term} behind term ${previousTerm ?? 'unknown'}`,
      );
    }
    this.#match(subject, entry, previousTerm);
    memory.append(entry);
    if (entry.type === 'configuration') this.#follow(subject, entry, status);
  }

  #match(subject: Subject, entry: LogEntry, previousTerm: number | null): void {
    this.#checks.log_matching += 1;
    const key = entry.term * 2 ** 24 + entry.index;
    const known = this.#known.get(key);
    if (known === undefined) {
      this.#known.set(key, { entry, previousTerm });
      return;
    }
    known.previousTerm ??= previousTerm;
    if (previousTerm !== null && known.previousTerm !== previousTerm) {
      throw new Violation(
        'log_matching',
        `${subject.id} has entry ${entry.index} of term ${entry.term} behind term ${previousTerm}, another log has it behind term ${known.previousTerm ?? 0}`,
      );
    }
    if (!sameEntry(known.entry, entry)) {
      throw new Violation(
        'log_matching',
        `${subject.id} has another entry ${entry.index} of term ${entry.term} than there was`,
      );
    }
  }

  #follow(subject: Subject, entry: LogEntry, status: RaftStatus): void {
    const placed = (this.#configurations[subject.number] ??= []);
    const before = placed.at(-1);
    const configuration = this.#parse(entry);
    placed.push({ index: entry.index, configuration });
    if (before === undefined) return;
    this.#checks.configuration_steps += 1;
    if (!mayFollow(before.configuration, configuration)) {
      throw new Violation(
        'configuration_steps',
        `${subject.id} has at ${entry.index} ${configurationText(configuration)} behind ${configurationText(before.configuration)}`,
      );
    }
    if (status.role !== 'leader' || entry.term !== status.term) return;
    const { memory } = subject;
    const opensTerm = memory.termAt(entry.index - 1) !== entry.term;
    const commitTerm = memory.termAt(status.commitIndex);
    if (opensTerm || (before.index <= status.commitIndex && commitTerm === status.term)) return;
    throw new Violation(
      'configuration_steps',
      `${subject.id} in term ${status.term} changes members at ${entry.index} while only ${status.commitIndex} of term ${commitTerm ?? 'unknown'} is committed and the last change is at ${before.index}`,
    );
  }

  #parse(entry: LogEntry): Configuration {
    const known = this.#parsed.get(entry);
    if (known !== undefined) return known;
    const parsed = parseConfiguration(decoder.decode(entry.payload));
    this.#parsed.set(entry, parsed);
    return parsed;
  }
}

/** A change of voters goes through a joint configuration of both; learners change freely. */
export function mayFollow(before: Configuration, after: Configuration): boolean {
  if (isJoint(before)) return !isJoint(after) && sameIds(after.voters, before.voters);
  if (isJoint(after)) return sameIds(after.outgoing, before.voters) && after.voters.length > 0;
  return before.voters.length === 0 || sameIds(after.voters, before.voters);
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, at) => id === b[at]);
}
