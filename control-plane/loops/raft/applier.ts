/**
 * The replicated state as this member has it: committed entries are applied in their order, for a
 * bounded time per turn. An entry that cannot be understood ends it: skipping one would give a state
 * that no other member has.
 */

import type { Command, Committed } from '../../model/command.ts';
import type { LogEntry } from '../../model/log-entry.ts';
import type { applyCommand } from '../../state/apply.ts';
import { SnapshotReader } from '../../state/snapshot-reader.ts';
import { INITIAL_STATE } from '../../state/state.ts';
import type { PlaneState } from '../../state/state.ts';
import { decodeCommand } from './command-codec.ts';
import type { Proposal, Proposals } from './proposals.ts';

/** An entry or a snapshot that this program cannot take over; the member must not go on. */
export class ApplyError extends Error {
  override readonly name = 'ApplyError';
}

export interface ApplierOptions {
  readonly apply: typeof applyCommand;
  readonly proposals: Proposals;
  readonly monotonicMs: () => number;
  /** Entries up to here were on this disk before the start: `onApplied` is not told of them. */
  readonly replayedThrough: number;
  onApplied(command: Command, committed: Committed): void;
  onCommitLatency(seconds: number, proposal: Proposal): void;
  onApplyLatency(seconds: number): void;
  /** Told of every entry, of whatever type, once it is part of the state. */
  onEntry(entry: LogEntry): void;
}

interface Chunk {
  readonly entries: readonly LogEntry[];
  readonly committedAtMs: number;
}

interface Restoring {
  readonly place: Pick<LogEntry, 'index' | 'term'>;
  readonly payload: Uint8Array;
  readonly reader: SnapshotReader;
  readonly decoder: InstanceType<typeof TextDecoder>;
  /** Bytes that were read. */
  at: number;
}

/** Entries between two looks at the clock. */
const CLOCK_EVERY = 16;
/** Bytes of a snapshot between two. */
const PIECE_BYTES = 64 * 1024;

export class Applier {
  readonly #options: ApplierOptions;
  #state: PlaneState = INITIAL_STATE;
  #index = 0;
  #term = 0;
  #restoring: Restoring | null = null;
  #chunks: Chunk[] = [];
  /** Applied entries of the first chunk. */
  #at = 0;

  constructor(options: ApplierOptions) {
    this.#options = options;
  }

  get state(): PlaneState {
    return this.#state;
  }

  get appliedIndex(): number {
    return this.#index;
  }

  get appliedTerm(): number {
    return this.#term;
  }

  get isIdle(): boolean {
    return this.#chunks.length === 0 && this.#restoring === null;
  }

  add(entries: readonly LogEntry[], nowMs: number): void {
    if (entries.length > 0) this.#chunks.push({ entries, committedAtMs: nowMs });
  }

  /** The snapshot takes the place of the state, and of what waits to be applied, once it is read. */
  restore(place: Pick<LogEntry, 'index' | 'term'>, payload: Uint8Array): void {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    this.#restoring = { place, payload, reader: new SnapshotReader(), decoder, at: 0 };
    this.#chunks = [];
    this.#at = 0;
    this.#options.proposals.rejectPlacedThrough(place.index);
  }

  /**
   * Works until the clock says `untilMs`, and does a little in any case.
   * @throws ApplyError
   */
  run(untilMs: number): void {
    const { monotonicMs } = this.#options;
    while (this.#restoring !== null) {
      this.#read(this.#restoring);
      if (monotonicMs() >= untilMs) return;
    }
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      if (!this.#applyChunk(chunk, untilMs)) return;
      this.#options.onApplyLatency((monotonicMs() - chunk.committedAtMs) / 1_000);
      this.#chunks.shift();
      this.#at = 0;
      if (monotonicMs() >= untilMs) return;
    }
  }

  /** One piece more; with the last one the state is the snapshot's. */
  #read(restoring: Restoring): void {
    const { place, payload, reader, decoder } = restoring;
    try {
      const piece = payload.subarray(restoring.at, restoring.at + PIECE_BYTES);
      restoring.at += piece.length;
      const isLast = restoring.at >= payload.length;
      reader.push(decoder.decode(piece, { stream: !isLast }));
      if (!isLast) return;
      this.#state = reader.finish();
    } catch (cause) {
      throw notUnderstood(`the snapshot at entry ${place.index}`, cause);
    }
    this.#index = place.index;
    this.#term = place.term;
    this.#restoring = null;
  }

  /** True when it is done; false when the time is up. */
  #applyChunk({ entries, committedAtMs }: Chunk, untilMs: number): boolean {
    let entry = entries[this.#at];
    for (let count = 1; entry !== undefined; count += 1) {
      this.#applyEntry(entry, committedAtMs);
      this.#at += 1;
      entry = entries[this.#at];
      const looks = count % CLOCK_EVERY === 0 && entry !== undefined;
      if (looks && this.#options.monotonicMs() >= untilMs) return false;
    }
    return true;
  }

  #applyEntry(entry: LogEntry, committedAtMs: number): void {
    const { index, term, type } = entry;
    const proposal = this.#options.proposals.takePlaced(index, term);
    if (type === 'command') this.#applyCommand(entry, proposal, committedAtMs);
    this.#index = index;
    this.#term = term;
    this.#options.onEntry(entry);
  }

  #applyCommand(entry: LogEntry, proposal: Proposal | null, committedAtMs: number): void {
    const { index, term, payload } = entry;
    const token = { term, index };
    let command: Command;
    let committed: Committed;
    try {
      command = proposal?.command ?? decodeCommand(payload);
      const { state, result } = this.#options.apply(this.#state, token, command);
      this.#state = state;
      committed = { token, result };
    } catch (cause) {
      throw notUnderstood(`entry ${index} of term ${term}`, cause);
    }
    if (proposal !== null) {
      const { proposedAtMs } = proposal;
      this.#options.onCommitLatency((committedAtMs - proposedAtMs) / 1_000, proposal);
      proposal.resolve(committed);
    }
    if (index > this.#options.replayedThrough) this.#options.onApplied(command, committed);
  }
}

function notUnderstood(what: string, cause: unknown): ApplyError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new ApplyError(
    `${what} is not understood (${detail}): run this member with the version that the others run, ` +
      'or a newer one, and it goes on where it stopped',
    { cause },
  );
}
