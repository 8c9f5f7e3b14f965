/**
 * The proposals that wait for the log, bounded by number and by bytes. Each is settled once: taken
 * into a batch and answered, or given up by its caller before that, or refused with all the others.
 */

import type { Committed } from '../../model/command.ts';
import { ConsensusError } from '../../ports/consensus.ts';
import type { EncodedCommand } from './command-codec.ts';

export interface Proposal extends EncodedCommand {
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: ConsensusError) => void;
}

export interface ProposalLimits {
  /** Proposals not answered yet, those being written included. */
  readonly waitingMax: number;
  /** Bytes of their payloads. */
  readonly waitingBytesMax: number;
  /** Proposals and bytes that one write and sync take; a single larger proposal goes alone. */
  readonly batchEntriesMax: number;
  readonly batchBytesMax: number;
}

export class Proposals {
  readonly #limits: ProposalLimits;
  readonly #waiting = new Set<Proposal>();
  #unanswered = 0;
  #unansweredBytes = 0;

  constructor(limits: ProposalLimits) {
    this.#limits = limits;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /**
   * Waits for a place in the log and for the answer.
   * @throws ConsensusError `overloaded` | `aborted`, or what `rejectWaiting` and the writer say.
   */
  add(encoded: EncodedCommand, signal: AbortSignal): Promise<Committed> {
    const { waitingMax, waitingBytesMax } = this.#limits;
    const bytes = encoded.payload.length;
    if (this.#unanswered >= waitingMax || this.#unansweredBytes + bytes > waitingBytesMax) {
      const waiting = `${this.#unanswered} proposals of ${this.#unansweredBytes} bytes wait`;
      return Promise.reject(new ConsensusError('overloaded', waiting));
    }
    this.#unanswered += 1;
    this.#unansweredBytes += bytes;
    return new Promise<Committed>((resolve, reject) => {
      const onAbort = (): void => {
        const wasWaiting = this.#waiting.delete(proposal);
        const fate = wasWaiting ? 'it was not written' : 'it may still be committed';
        const message = `the proposer gave up on ${encoded.command.kind}: ${fate}`;
        // Taken proposals keep their place in the bounds until they are answered.
        if (wasWaiting) this.#release(proposal);
        reject(new ConsensusError('aborted', message, { cause: signal.reason }));
      };
      const done = (): void => {
        signal.removeEventListener('abort', onAbort);
        this.#release(proposal);
      };
      const proposal: Proposal = {
        ...encoded,
        resolve: (committed) => {
          done();
          resolve(committed);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      };
      this.#waiting.add(proposal);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The oldest proposals, within the bounds of a batch. They can no longer be taken back. */
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

  rejectWaiting(error: ConsensusError): void {
    for (const proposal of this.#waiting) {
      this.#waiting.delete(proposal);
      proposal.reject(error);
    }
  }

  #release(proposal: Proposal): void {
    this.#unanswered -= 1;
    this.#unansweredBytes -= proposal.payload.length;
  }
}
