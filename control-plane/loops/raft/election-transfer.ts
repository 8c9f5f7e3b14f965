/**
 * The span of a leader that hands over: from the request, or from the moment at which the other member
 * is told to campaign, to the end of the attempt. The election that follows is a trace of its own with
 * a link to this span, since it may outlive the request and must be there whether that is sampled or not.
 */

import type { MemberId } from '../../model/configuration.ts';
import type { TransferOutcome } from '../../model/leadership.ts';
import { openSpan } from '../../telemetry/span.ts';
import type { OpenSpan } from '../../telemetry/span.ts';

export class TransferSpan {
  readonly #memberId: MemberId;
  #span: OpenSpan | null = null;

  constructor(memberId: MemberId) {
    this.#memberId = memberId;
  }

  /** Times are UNIX ms. `to` is null while the leader has not chosen. */
  started(to: MemberId | null, wallMs: number): void {
    this.ended('given_up', wallMs);
    this.#span = this.#open(to, wallMs);
  }

  /**
   * For the message that has the other member campaign. Where nobody asked for a transfer, a leader
   * that was removed names its successor: the span is that moment alone.
   */
  context(
    to: MemberId,
    wallMs: number,
  ): { readonly trace: string | null; readonly ended: boolean } {
    if (this.#span !== null) {
      this.#span.setAttributes({ 'omnimind.raft.transfer_to': to });
      return { trace: this.#span.traceparent, ended: false };
    }
    const span = this.#open(to, wallMs);
    span.end(wallMs);
    return { trace: span.traceparent, ended: true };
  }

  /** False when none was open. */
  ended(outcome: TransferOutcome, wallMs: number): boolean {
    const span = this.#span;
    if (span === null) return false;
    this.#span = null;
    span.setAttributes({ 'omnimind.raft.outcome': outcome });
    if (outcome !== 'handed_over') span.failed(outcome);
    span.end(wallMs);
    return true;
  }

  #open(to: MemberId | null, wallMs: number): OpenSpan {
    const attributes = {
      'omnimind.member': this.#memberId,
      ...(to === null ? {} : { 'omnimind.raft.transfer_to': to }),
    };
    return openSpan('leadership transfer', attributes, { startMs: wallMs });
  }
}
