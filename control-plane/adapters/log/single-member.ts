/**
 * Consensus of one: the member elects itself, and what is on its disk is committed. Proposals that
 * wait together share one sync; they are applied in the log's order and answered after that. It
 * fails closed: after the first trouble with the disk nothing is acknowledged any more, and the
 * member no longer calls itself leader.
 *
 * Of the log it uses what a Raft core needs too (terms made durable before use, an entry that opens
 * each term, snapshots), so that one can take its place behind the same port.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Command, Committed } from '../../model/command.ts';
import { ConsensusError } from '../../ports/consensus.ts';
import type { Consensus, ConsensusStatus } from '../../ports/consensus.ts';
import { applyCommand } from '../../state/apply.ts';
import { encodeState } from '../../state/snapshot.ts';
import type { PlaneState } from '../../state/state.ts';
import { encodeCommand } from './command-codec.ts';
import type { Disk } from './disk.ts';
import { Proposals } from './proposals.ts';
import type { Proposal } from './proposals.ts';
import type { LogEntry } from './record.ts';
import { recoverState } from './replay.ts';
import { openLog } from './segmented-log.ts';
import type { SegmentedLog } from './segmented-log.ts';

export interface SingleMemberOptions {
  readonly directory: string;
  /** Stable over restarts: a log belongs to one member. */
  readonly memberId: string;
  /** A snapshot is made whenever that many entries were applied since the last one. Default 10,000. */
  readonly snapshotEveryEntries?: number;
  /** Entries at or below a snapshot that are kept, at least, for whoever lags. Default 0. */
  readonly entriesKept?: number;
  /** Proposals not answered yet; more are refused as `overloaded`. Default 10,000. */
  readonly waitingMax?: number;
  /** Bytes of such proposals. Default 64 MiB. */
  readonly waitingBytesMax?: number;
  /** Bounds of what shares one sync. Default 1,024 proposals and 8 MiB. */
  readonly batchEntriesMax?: number;
  readonly batchBytesMax?: number;
  /** Default 16 MiB. */
  readonly segmentBytesMax?: number;
  /** Told the duration of each sync of appended entries, in seconds. */
  readonly onFsync?: (seconds: number) => void;
  /** Told every command after it was applied, not those replayed at start. Must not throw. */
  readonly onApplied?: (command: Command, committed: Committed) => void;
  readonly apply?: typeof applyCommand;
  readonly disk?: Disk;
}

export interface SingleMember extends Consensus {
  /** Why nothing is accepted any more; null while all is well. */
  failure(): string | null;
  /** Finishes the write under way, refuses the proposals behind it, gives back files and lock. */
  stop(): Promise<void>;
}

const MIB = 1024 * 1024;

/**
 * Opens the directory's log, recovers the state (snapshot, then replay) and begins a new term.
 * @throws LogDamageError | LogLockedError | LogFailedError, or the system's error
 */
export async function openSingleMember(options: SingleMemberOptions): Promise<SingleMember> {
  const log = await openLog(options);
  try {
    const apply = options.apply ?? applyCommand;
    const state = await recoverState(log, apply);
    const term = log.hardState.term + 1;
    await log.saveHardState(term, options.memberId);
    const index = log.lastIndex + 1;
    await log.append([{ index, term, type: 'term_start', payload: new Uint8Array() }]);
    return new Member(options, log, state, apply);
  } catch (error) {
    await log.close();
    throw error;
  }
}

class Member implements SingleMember {
  readonly #options: SingleMemberOptions;
  readonly #log: SegmentedLog;
  readonly #apply: typeof applyCommand;
  readonly #proposals: Proposals;
  readonly #term: number;
  #state: PlaneState;
  #appliedIndex: number;
  /** Set once: why proposals are refused. */
  #refusal: ConsensusError | null = null;
  #writing: Promise<void> | null = null;
  #snapshotting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;

  constructor(
    options: SingleMemberOptions,
    log: SegmentedLog,
    state: PlaneState,
    apply: typeof applyCommand,
  ) {
    this.#options = options;
    this.#log = log;
    this.#apply = apply;
    this.#state = state;
    this.#term = log.hardState.term;
    this.#appliedIndex = log.lastIndex;
    this.#proposals = new Proposals({
      waitingMax: options.waitingMax ?? 10_000,
      waitingBytesMax: options.waitingBytesMax ?? 64 * MIB,
      batchEntriesMax: options.batchEntriesMax ?? 1_024,
      batchBytesMax: options.batchBytesMax ?? 8 * MIB,
    });
    this.#snapshotWhenDue();
  }

  async propose(command: Command, signal: AbortSignal): Promise<Committed> {
    if (this.#refusal !== null) throw this.#refusal;
    if (signal.aborted) {
      const message = `${command.kind} was given up before it was proposed`;
      throw new ConsensusError('aborted', message, { cause: signal.reason });
    }
    const committed = this.#proposals.add(encodeCommand(command), signal);
    this.#writing ??= this.#writeAll();
    return committed;
  }

  readState(): PlaneState {
    return this.#state;
  }

  status(): ConsensusStatus {
    const leads = this.#refusal === null;
    const { memberId } = this.#options;
    return {
      memberId,
      leadership: {
        kind: leads ? 'leader' : 'follower',
        term: this.#term,
        leaderId: leads ? memberId : null,
      },
      commitIndex: this.#log.lastIndex,
      appliedIndex: this.#appliedIndex,
      logBytes: this.#log.bytes,
      snapshotIndex: this.#log.snapshot?.index ?? 0,
    };
  }

  failure(): string | null {
    return this.#refusal?.failure === 'storage_failed' ? this.#refusal.message : null;
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#refuse(new ConsensusError('aborted', 'the member stops'));
    await this.#writing;
    await this.#snapshotting;
    try {
      // Tells the next start how far the log was durable; a failed log says nothing any more.
      if (this.failure() === null)
        await this.#log.saveHardState(this.#term, this.#options.memberId);
    } finally {
      await this.#log.close();
    }
  }

  async #writeAll(): Promise<void> {
    // A turn of the event loop gives everyone who was just answered a place in the next batch.
    await nextTurn();
    while (!this.#proposals.isEmpty) {
      const batch = this.#proposals.takeBatch();
      try {
        await this.#log.append(this.#entriesOf(batch));
      } catch (cause) {
        const refusal = this.#storageFailed(cause);
        for (const proposal of batch) proposal.reject(refusal);
        break;
      }
      for (const proposal of batch) this.#applyNext(proposal);
      this.#snapshotWhenDue();
      await nextTurn();
    }
    this.#writing = null;
  }

  #entriesOf(batch: readonly Proposal[]): readonly LogEntry[] {
    const firstIndex = this.#log.lastIndex + 1;
    return batch.map(({ payload }, at) => ({
      index: firstIndex + at,
      term: this.#term,
      type: 'command',
      payload,
    }));
  }

  #applyNext(proposal: Proposal): void {
    const token = { term: this.#term, index: this.#appliedIndex + 1 };
    const { state, result } = this.#apply(this.#state, token, proposal.command);
    this.#state = state;
    this.#appliedIndex = token.index;
    const committed = { token, result };
    proposal.resolve(committed);
    this.#options.onApplied?.(proposal.command, committed);
  }

  /** Beside the appends: the state is immutable, and the snapshot's files are its own. */
  #snapshotWhenDue(): void {
    const every = this.#options.snapshotEveryEntries ?? 10_000;
    const index = this.#appliedIndex;
    const since = index - (this.#log.snapshot?.index ?? 0);
    if (since < every || this.#snapshotting !== null || this.#refusal !== null) return;
    const payload = Buffer.from(encodeState(this.#state));
    const snapshot = { index, term: this.#term, payload };
    this.#snapshotting = this.#log
      .saveSnapshot(snapshot, this.#options.entriesKept ?? 0)
      .catch((cause: unknown) => {
        this.#storageFailed(cause);
      })
      .finally(() => {
        this.#snapshotting = null;
      });
  }

  #storageFailed(cause: unknown): ConsensusError {
    const detail = describe(cause);
    const message = `the log of member ${this.#options.memberId} has failed: ${detail}`;
    return this.#refuse(new ConsensusError('storage_failed', message, { cause }));
  }

  /** The first failure stands: neither a stop nor a later failure covers it up. */
  #refuse(refusal: ConsensusError): ConsensusError {
    const stands = this.#refusal?.failure === 'storage_failed' ? this.#refusal : refusal;
    this.#refusal = stands;
    this.#proposals.rejectWaiting(stands);
    return stands;
  }
}

/** The chain of causes in one line: what was tried, and what the system said. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `: ${describe(error.cause)}`;
  return error.message + cause;
}
