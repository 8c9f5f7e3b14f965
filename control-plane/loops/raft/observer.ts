/**
 * What a member tells of its work, for traces, series and log lines. Consensus depends on none of it;
 * nothing here may throw or block.
 */

import type { Command, Committed } from '../../model/command.ts';
import type { ConsensusFailure } from '../../model/consensus-failure.ts';
import type { MemberId } from '../../model/configuration.ts';
import type { RaftMessage } from '../../model/raft-message.ts';
import type { TraceParent } from '../../ports/raft-transport.ts';
import type { RaftEvent } from '../../raft/ready.ts';

export interface RaftObserver {
  /** A message that came with a trace, before it is stepped. */
  onMessage?(message: RaftMessage, trace: TraceParent): void;
  /** Everything that the core says, in order, in the turn in which it happened. @param atMs monotonic */
  onEvent?(event: RaftEvent, atMs: number): void;
  /** The trace that a message leaves with. It leaves after the events of its turn were told. */
  traceFor?(message: RaftMessage): TraceParent;
  onSent?(message: RaftMessage): void;
  /** This leader begins to hand over to that member. */
  onTransferStarted?(to: MemberId | null): void;
  /** The trace of whoever proposes here and now: the exemplar of its commit. */
  currentTrace?(): TraceParent;
  /** Every command after it was applied, not those that were on this disk before the start. */
  onApplied?(command: Command, committed: Committed): void;
  /** From the hand-over of entries to the disk to their being durable here, in seconds. */
  onAppendLatency?(seconds: number): void;
  /** From the proposal of a command at this leader to its commit, in seconds. */
  onCommitLatency?(seconds: number, trace: TraceParent): void;
  /** From the commit of some entries to their being applied here, in seconds. */
  onApplyLatency?(seconds: number): void;
  /** A proposal made here that was not brought to a commit, as far as is known. */
  onProposalRefused?(failure: ConsensusFailure): void;
  /** A linearizable read asked here, in seconds from the question to the leave to answer, or why not. */
  onReadEnded?(outcome: 'ok' | ConsensusFailure, seconds: number): void;
  /** How late the event loop ran the last tick, in seconds. */
  onLoopLag?(seconds: number): void;
  /** A snapshot of this member's own state is on disk. */
  onSnapshotSaved?(index: number, seconds: number): void;
  /** Once: this member takes no part any more until it is started again. */
  onFailed?(message: string): void;
}
