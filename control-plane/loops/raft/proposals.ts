/**
 * The proposals of a member from their arrival to their answer, bounded by number and by bytes. Each
 * is settled once: answered when its entry was applied, given up by its caller, or refused. One whose
 * entry was given to the core keeps its place in the bounds until the entry's fate is known. Decides
 * nothing about where a proposal goes.
 */

import type { Command, Committed } from '../../model/command.ts';
import { ConsensusError } from '../../ports/consensus.ts';
import type { TraceParent } from '../../ports/raft-transport.ts';
import type { EncodedCommand } from './command-codec.ts';

export interface Proposal extends EncodedCommand {
  /** `request`: of another member or a client; it is proposed here or not at all. */
  readonly origin: 'here' | 'request';
  /** Monotonic. */
  readonly proposedAtMs: number;
  readonly trace: TraceParent;
  readonly signal: AbortSignal;
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: Error) => void;
}

export type Arrival = EncodedCommand &
  Pick<Proposal, 'origin' | 'proposedAtMs' | 'trace' | 'signal'>;

export interface ProposalLimits {
  readonly waitingMax: number;
  readonly waitingBytesMax: number;
  readonly batchEntriesMax: number;
  readonly batchBytesMax: number;
}

interface Placed {
  readonly proposal: Proposal;
  readonly term: number;
}

export class Proposals {
  readonly #limits: ProposalLimits;
  /** Not answered yet. */
  readonly #open = new Set<Proposal>();
  /** Of those: not given to the core, and not on their way to another member. */
  readonly #waiting = new Set<Proposal>();
  /** Of those: entries of this member's log, by index. */
  readonly #placed = new Map<number, Placed>();
  #openBytes = 0;

  constructor(limits: ProposalLimits) {
    this.#limits = limits;
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Entries whose fate is not known yet. */
  get placedCount(): number {
    return this.#placed.size;
  }

  /** @throws ConsensusError `overloaded` | `aborted`, or what the proposal is rejected with. */
  add(arrival: Arrival): Promise<Committed> {
    const { waitingMax, waitingBytesMax } = this.#limits;
    const bytes = arrival.payload.length;
    if (this.#open.size >= waitingMax || this.#openBytes + bytes > waitingBytesMax) {
      const waiting = `${this.#open.size} proposals of ${this.#openBytes} bytes wait`;
      return Promise.reject(new ConsensusError('overloaded', waiting));
    }
    return new Promise<Committed>((resolve, reject) => {
      const { signal } = arrival;
      const onAbort = (): void => {
        const wasWaiting = this.#waiting.delete(proposal);
        const fate = wasWaiting ? 'it was not written' : 'it may still be committed';
        const message = `the proposer gave up on ${arrival.command.kind}: ${fate}`;
        if (wasWaiting) this.#release(proposal);
        reject(new ConsensusError('aborted', message, { cause: signal.reason }));
      };
      const done = (): void => {
        signal.removeEventListener('abort', onAbort);
        this.#waiting.delete(proposal);
        this.#release(proposal);
      };
      const proposal: Proposal = {
        ...arrival,
        resolve: (committed) => {
          done();
          resolve(committed);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.#open.add(proposal);
      this.#openBytes += bytes;
      this.#waiting.add(proposal);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The oldest that wait, within the bounds of a batch. They can no longer be taken back. */
  takeBatch(): readonly Proposal[] {
    const batch: Proposal[] = [];
    let bytes = 0;
    for (const proposal of this.#waiting) {
      bytes += proposal.payload.length;
      const full =
        batch.length >= this.#limits.batchEntriesMax || bytes > this.#limits.batchBytesMax;
      if (full && batch.length > 0) break;
      batch.push(proposal);
      this.#waiting.delete(proposal);
    }
    return batch;
  }

  /** One that was taken waits again, unless its caller has given up meanwhile. */
  putBack(proposal: Proposal): void {
    if (proposal.signal.aborted) this.#release(proposal);
    else if (this.#open.has(proposal)) this.#waiting.add(proposal);
  }

  /** The core has made them entries, in a row. */
  place(batch: readonly Proposal[], term: number, firstIndex: number): void {
    batch.forEach((proposal, at) => {
      this.#overwritten(firstIndex + at);
      this.#placed.set(firstIndex + at, { proposal, term });
    });
  }

  /**
   * The proposal that became the entry of this index and term. Takes it out; one that was placed there
   * in another term is rejected, for its entry is gone.
   */
  takePlaced(index: number, term: number): Proposal | null {
    const placed = this.#placed.get(index);
    if (placed?.term !== term) {
      this.#overwritten(index);
      return null;
    }
    this.#placed.delete(index);
    return placed.proposal;
  }

  /** Whose entries up to this index are part of a snapshot now: their answers are lost. */
  rejectPlacedThrough(index: number): void {
    for (const [at, { proposal }] of this.#placed) {
      if (at > index) continue;
      this.#placed.delete(at);
      proposal.reject(fateUnknown(proposal.command, 'a snapshot took the place of its entry'));
    }
  }

  /** Whose entries are behind this index: what becomes of them is not heard of here any more. */
  rejectPlacedBeyond(index: number): void {
    for (const [at, { proposal }] of this.#placed) {
      if (at <= index) continue;
      this.#placed.delete(at);
      proposal.reject(fateUnknown(proposal.command, 'this member hears of no leader any more'));
    }
  }

  rejectWaiting(error: ConsensusError): void {
    for (const proposal of this.#waiting) proposal.reject(error);
  }

  /** All that are not answered, wherever they are. */
  rejectAll(error: ConsensusError): void {
    this.#placed.clear();
    for (const proposal of this.#open) proposal.reject(error);
  }

  #overwritten(index: number): void {
    const placed = this.#placed.get(index);
    if (placed === undefined) return;
    this.#placed.delete(index);
    placed.proposal.reject(
      fateUnknown(placed.proposal.command, 'the entry of another leader took its place'),
    );
  }

  #release(proposal: Proposal): void {
    if (this.#open.delete(proposal)) this.#openBytes -= proposal.payload.length;
  }
}

function fateUnknown(command: Command, why: string): ConsensusError {
  return new ConsensusError(
    'not_leader',
    `${command.kind} may or may not have been committed (${why}): retry with the same key`,
  );
}
