/** What a member is started with, and the numbers it falls back on. */

import type { Configuration, MemberId } from '../../model/configuration.ts';
import type { RaftLog } from '../../ports/raft-log.ts';
import type { RaftTransport } from '../../ports/raft-transport.ts';
import { RAFT_DEFAULTS } from '../../raft/options.ts';
import type { RaftOptions } from '../../raft/options.ts';
import { applyCommand } from '../../state/apply.ts';
import type { RaftObserver } from './observer.ts';
import { everyInterval } from './turns.ts';

export interface RaftMemberOptions {
  readonly memberId: MemberId;
  /** Opened; the member closes it. */
  readonly log: RaftLog;
  /** Not started yet; the member starts and stops it. Null: a cluster of one without a listener. */
  readonly transport: RaftTransport | null;
  /** In force while the disk has no configuration; NO_CONFIGURATION for a member that waits to be added. */
  readonly bootstrap: Configuration;
  /** Overrides of RAFT_DEFAULTS. */
  readonly raft?: Partial<Omit<RaftOptions, 'memberId'>>;
  readonly clock?: { monotonicMs(): number };
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  /** Calls `run` about every `intervalMs`; what it returns ends that. For tests that step the clock. */
  readonly every?: (intervalMs: number, run: () => void) => () => void;
  readonly apply?: typeof applyCommand;
  readonly observer?: RaftObserver;
  readonly limits?: Partial<MemberLimits>;
}

export interface MemberLimits {
  /** Between two ticks of the core, in ms. */
  readonly tickMs: number;
  /** Proposals not answered yet, and their bytes; more are refused as `overloaded`. */
  readonly waitingMax: number;
  readonly waitingBytesMax: number;
  /** Proposals and bytes that are handed to the core in one piece. */
  readonly batchEntriesMax: number;
  readonly batchBytesMax: number;
  /** Reads that wait; more are refused as `overloaded`. */
  readonly readsMax: number;
  /** Membership changes and transfers that wait for their end; more are refused as `overloaded`. */
  readonly changesMax: number;
  /** Messages that wait for the end of a turn; more are dropped, as a network may. */
  readonly inboxMax: number;
  /** Changes of the log, and bytes of their entries, that go to the disk in one piece. */
  readonly persistChangesMax: number;
  readonly persistBytesMax: number;
  /** A proposal, read or change waits so long for a leader to be known, in ms. */
  readonly leaderWaitMs: number;
  /** A forwarded proposal is answered after this time even if this member has not applied it yet, in ms. */
  readonly catchUpMs: number;
  /** Commands are applied for so long in one turn of the event loop, in ms. */
  readonly applySliceMs: number;
  /** A snapshot is due every so many entries, at each member at another one, or after so many bytes. */
  readonly snapshotEveryEntries: number;
  readonly snapshotEveryBytes: number;
  /** Bytes of log between two snapshots per byte of the last one. */
  readonly logPerSnapshot: number;
  /** Entries below a snapshot, and their bytes, that are kept for members that lag. */
  readonly entriesKept: number;
  readonly entriesKeptBytes: number;
  /** A stopping leader waits so long for another to take over, in ms. */
  readonly handOverMs: number;
  /** A member that left the configuration is still spoken to for so long, in ms. */
  readonly farewellMs: number;
}

const MIB = 1024 * 1024;

/** The options with every default filled in. */
export interface Settings extends Required<
  Pick<RaftMemberOptions, 'memberId' | 'log' | 'transport' | 'bootstrap' | 'random' | 'every'>
> {
  readonly raft: RaftOptions;
  readonly limits: MemberLimits;
  readonly observer: RaftObserver;
  readonly apply: typeof applyCommand;
  readonly monotonicMs: () => number;
}

export const MEMBER_LIMITS: MemberLimits = {
  tickMs: 10,
  waitingMax: 10_000,
  waitingBytesMax: 64 * MIB,
  batchEntriesMax: 1_024,
  batchBytesMax: 8 * MIB,
  readsMax: 10_000,
  changesMax: 64,
  inboxMax: 65_536,
  persistChangesMax: 1_024,
  persistBytesMax: 16 * MIB,
  leaderWaitMs: 2_000,
  catchUpMs: 500,
  applySliceMs: 10,
  snapshotEveryEntries: 10_000,
  snapshotEveryBytes: 32 * MIB,
  logPerSnapshot: 4,
  entriesKept: 5_000,
  entriesKeptBytes: 16 * MIB,
  handOverMs: 1_000,
  farewellMs: 3_000,
};

export function settle(options: RaftMemberOptions): Settings {
  const { memberId, log, transport, bootstrap, clock } = options;
  return {
    memberId,
    log,
    transport,
    bootstrap,
    random: options.random ?? Math.random,
    every: options.every ?? everyInterval,
    raft: { ...RAFT_DEFAULTS, ...options.raft, memberId },
    limits: { ...MEMBER_LIMITS, ...options.limits },
    observer: options.observer ?? {},
    apply: options.apply ?? applyCommand,
    monotonicMs: clock === undefined ? () => performance.now() : () => clock.monotonicMs(),
  };
}
