/**
 * One deadline for everything that one read does, joined with the caller's own signal. Knows which
 * of the two ended it, since running out of time speaks against the server and an abort does not.
 */

import type { Failure } from './answer.ts';

export class Deadline {
  /** Aborts with the deadline or with the caller. */
  readonly signal: AbortSignal;
  readonly #caller: AbortSignal;
  readonly #timeoutMs: number;
  readonly #endsAtMs: number;
  readonly #monotonicMs: () => number;

  constructor(timeoutMs: number, caller: AbortSignal, monotonicMs: () => number) {
    this.#caller = caller;
    this.#timeoutMs = timeoutMs;
    this.#monotonicMs = monotonicMs;
    this.#endsAtMs = monotonicMs() + timeoutMs;
    this.signal = AbortSignal.any([caller, AbortSignal.timeout(Math.max(1, Math.ceil(timeoutMs)))]);
  }

  remainingMs(): number {
    return Math.max(0, this.#endsAtMs - this.#monotonicMs());
  }

  /** A deadline within this one. */
  shortened(timeoutMs: number): Deadline {
    return new Deadline(Math.min(timeoutMs, this.remainingMs()), this.#caller, this.#monotonicMs);
  }

  /** Why the signal aborted. */
  failure(): Failure {
    if (this.#caller.aborted)
      return { kind: 'aborted', detail: 'aborted by the caller', transport: false };
    const detail = `no answer within ${Math.round(this.#timeoutMs)} ms`;
    return { kind: 'timeout', detail, transport: true };
  }
}
