/**
 * Small words for tests of the parts of a Raft core: configurations, entries and messages as short text,
 * a core that holds a log, and a member that is driven by hand. No network and no disk: what a core
 * wants to have durable becomes durable when the test says so.
 */

import type { Configuration, MemberId } from '../../control-plane/model/configuration.ts';
import { configurationText } from '../../control-plane/model/configuration.ts';
import type { HardState, LogEntry, SnapshotPlace } from '../../control-plane/model/log-entry.ts';
import type {
  MessageOf,
  RaftMessage,
  RaftMessageKind,
} from '../../control-plane/model/raft-message.ts';
import { Core } from '../../control-plane/raft/core.ts';
import type { Said } from '../../control-plane/raft/core.ts';
import { RAFT_DEFAULTS } from '../../control-plane/raft/options.ts';
import type { RaftOptions } from '../../control-plane/raft/options.ts';
import { Raft } from '../../control-plane/raft/raft.ts';
import type { Ready } from '../../control-plane/raft/ready.ts';
import type { RaftStart } from '../../control-plane/raft/start.ts';
import { bytesOf } from '../../control-plane/raft/text.ts';

/** `configurationOf('a b c')`, `configurationOf('a d', 'a b c', 'e')`: voters, outgoing, learners. */
export function configurationOf(voters: string, outgoing = '', learners = ''): Configuration {
  const ids = (text: string): MemberId[] => text.split(' ').filter((id) => id !== '');
  const all = [...new Set([...ids(voters), ...ids(outgoing), ...ids(learners)])].sort();
  return {
    voters: ids(voters),
    outgoing: ids(outgoing),
    learners: ids(learners),
    addresses: Object.fromEntries(all.map((id) => [id, `${id}:1`] as const)),
  };
}

/** Entries from `firstIndex` on, one for each term. */
export function entriesOf(firstIndex: number, terms: readonly number[]): readonly LogEntry[] {
  return terms.map((term, at) => command(firstIndex + at, term));
}

export function command(index: number, term: number, text = `${index}/${term}`): LogEntry {
  return { index, term, type: 'command', payload: bytesOf(text) };
}

export function configurationEntry(
  index: number,
  term: number,
  configuration: Configuration,
): LogEntry {
  const payload = bytesOf(configurationText(configuration));
  return { index, term, type: 'configuration', payload };
}

export interface Holding {
  readonly memberId?: MemberId;
  readonly term?: number;
  readonly votedFor?: MemberId | null;
  readonly snapshot?: SnapshotPlace | null;
  readonly entries?: readonly LogEntry[];
  readonly bootstrap?: Configuration;
  readonly options?: Partial<RaftOptions>;
}

function startOf(holding: Holding): { readonly options: RaftOptions; readonly start: RaftStart } {
  const { memberId = 'a', snapshot = null, entries = [], votedFor = null } = holding;
  const lastTerm = entries.at(-1)?.term ?? snapshot?.term ?? 0;
  const hardState: HardState = { term: holding.term ?? lastTerm, votedFor };
  const bootstrap = holding.bootstrap ?? configurationOf('a b c');
  return {
    options: { ...RAFT_DEFAULTS, ...holding.options, memberId },
    start: { hardState, snapshot, entries, bootstrap },
  };
}

/** The shared state of a member `a` of [a b c], unless something else is said. */
export function coreOf(holding: Holding = {}): Core {
  const { options, start } = startOf(holding);
  return new Core(options, start);
}

interface Head {
  readonly from: MemberId;
  readonly to: MemberId;
  readonly term: number;
}

/** A message to `a`, from `b` unless another is named. */
export function messageOf<Words extends Said>(
  term: number,
  said: Words,
  from: MemberId = 'b',
): Head & Words {
  return { from, to: 'a', term, ...said };
}

/** A member `a` of [a b c], unless something else is said, with its timeouts in a test's hands. */
export class HandDriven {
  nowMs = 1_000;
  /** Where in its range the next election timeout lies. */
  draw = 0;
  readonly raft: Raft;
  /** Handed over and not durable. */
  readonly waiting: number[] = [];
  readonly said: RaftMessage[] = [];
  readonly reads: Ready['reads'][number][] = [];
  readonly applied: LogEntry[] = [];
  readonly happened: Ready['events'][number][] = [];
  readonly changes: Ready['changes'][number][] = [];

  constructor(holding: Holding = {}) {
    const { options, start } = startOf(holding);
    this.raft = new Raft(options, start, () => this.draw, this.nowMs);
  }

  get status(): ReturnType<Raft['status']> {
    return this.raft.status();
  }

  /** Takes what the core wants, and gives the messages that may leave. */
  take(): readonly RaftMessage[] {
    const ready = this.raft.ready();
    for (const change of ready.changes) {
      this.changes.push(change);
      this.waiting.push(change.sequence);
    }
    this.said.push(...ready.messages);
    this.reads.push(...ready.reads);
    this.happened.push(...ready.events);
    for (const entry of ready.committed) {
      this.applied.push(entry);
      this.raft.applied(entry.index);
    }
    return ready.messages;
  }

  /** Everything that was handed over becomes durable; gives what may leave then. */
  sync(): readonly RaftMessage[] {
    const before = this.take();
    const sequence = this.waiting.splice(0).at(-1);
    if (sequence === undefined) return before;
    this.raft.persisted(this.nowMs, sequence);
    return [...before, ...this.take()];
  }

  step(message: RaftMessage): readonly RaftMessage[] {
    this.raft.step(this.nowMs, message);
    return this.sync();
  }

  /** Lets time pass in ticks; gives what may leave meanwhile. */
  pass(ms: number, stepMs = 10): readonly RaftMessage[] {
    const said: RaftMessage[] = [];
    for (let left = ms; left > 0; left -= stepMs) {
      this.nowMs += Math.min(stepMs, left);
      this.raft.tick(this.nowMs);
      said.push(...this.sync());
    }
    return said;
  }

  /** Makes it leader of the next term with the votes of the others, and its first entry committed. */
  lead(others: readonly MemberId[] = ['b', 'c']): void {
    this.elect(others);
    const { lastIndex, term } = this.status;
    for (const from of others) this.acknowledge(from, lastIndex, term);
    this.answerRounds(others);
  }

  /** Makes it leader of the next term; none of its entries is acknowledged. */
  elect(others: readonly MemberId[] = ['b', 'c']): void {
    while (this.status.role === 'follower') this.pass(10);
    const term = this.status.term + 1;
    for (const from of others) {
      this.step(messageOf(term, { kind: 'pre_vote_reply', reason: 'granted' }, from));
    }
    for (const from of others) {
      this.step(messageOf(term, { kind: 'vote_reply', reason: 'granted' }, from));
    }
  }

  acknowledge(from: MemberId, matchIndex: number, term = this.status.term): readonly RaftMessage[] {
    const said = {
      kind: 'append_reply',
      matchIndex,
      previousIndex: 0,
      hintIndex: 0,
      hintTerm: 0,
    } as const;
    return this.step(messageOf(term, said, from));
  }

  /** The others answer the newest round that they were sent. */
  answerRounds(others: readonly MemberId[] = ['b', 'c']): readonly RaftMessage[] {
    const round = this.newestRound();
    return others.flatMap((from) =>
      this.step(
        messageOf(this.status.term, { kind: 'heartbeat_reply', round, lastIndex: 0 }, from),
      ),
    );
  }

  newestRound(): number {
    const rounds = this.said.map((one) => (one.kind === 'heartbeat' ? one.round : 0));
    return Math.max(0, ...rounds);
  }
}

/** The messages of a kind. */
export function ofKind<Kind extends RaftMessageKind>(
  messages: readonly RaftMessage[],
  kind: Kind,
): readonly MessageOf<Kind>[] {
  return messages.filter((message): message is MessageOf<Kind> => message.kind === kind);
}
