/**
 * The pre-vote or the campaign of one attempt: a span, and who answered what while it was open. Who did
 * not answer in time is named as well; what an answer means is not its affair.
 */

import type { MemberId } from '../../model/configuration.ts';
import type { VoteReason } from '../../model/raft-message.ts';
import type { OpenSpan } from '../../telemetry/span.ts';

export class ElectionRound {
  readonly span: OpenSpan;
  readonly #asked: readonly MemberId[];
  readonly #granted = new Set<MemberId>();
  readonly #refused = new Set<MemberId>();
  #open = true;

  constructor(span: OpenSpan, asked: readonly MemberId[]) {
    this.span = span;
    this.#asked = asked;
  }

  get open(): boolean {
    return this.#open;
  }

  answered(voterId: MemberId, reason: VoteReason): void {
    (reason === 'granted' ? this.#granted : this.#refused).add(voterId);
  }

  /** Once; an end other than `won` marks the span as failed. */
  end(wallMs: number, how: string): void {
    if (!this.#open) return;
    this.#open = false;
    const silent = this.#asked.filter((id) => !this.#granted.has(id) && !this.#refused.has(id));
    this.span.setAttributes({
      'omnimind.raft.granted_by': [...this.#granted],
      'omnimind.raft.refused_by': [...this.#refused],
      'omnimind.raft.unanswered': silent,
    });
    if (how !== 'won') this.span.failed(how);
    this.span.end(wallMs);
  }
}
