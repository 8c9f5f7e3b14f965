/**
 * Keeps one connection to a place: dials, and after a failure or a break dials again, soon at first and
 * then ever more slowly, with a jitter so that members do not dial in step. A connection that holds
 * for a second makes the next attempt soon again; one that is closed at once does not.
 */

import type { Connection } from './connection.ts';
import type { DialFailure } from '../../model/raft-connection.ts';
import type { DialOutcome } from './dial.ts';
import type { TransportLimits } from './limits.ts';

/** A connection that held at least so long was a good one, in ms. */
const GOOD_AFTER_MS = 1_000;

export interface LinkParts {
  readonly limits: TransportLimits;
  /** Dials once; returns the function that gives up. */
  readonly dial: (outcome: DialOutcome) => () => void;
  readonly connected: (...opened: Parameters<DialOutcome['opened']>) => Connection;
  readonly failed: (cause: DialFailure, detail: string) => void;
}

export class Link {
  readonly #parts: LinkParts;
  #connection: Connection | null = null;
  #openedAtMs = 0;
  #retryMs: number;
  #giveUp: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#retryMs = parts.limits.retryMinMs;
    this.#dial();
  }

  /** Null while there is none. */
  get connection(): Connection | null {
    return this.#connection;
  }

  /** To be called when a connection of this link has ended; false for another's. */
  ended(connection: Connection): boolean {
    if (connection !== this.#connection) return false;
    this.#connection = null;
    if (performance.now() - this.#openedAtMs >= GOOD_AFTER_MS) {
      this.#retryMs = this.#parts.limits.retryMinMs;
    }
    this.#dialLater();
    return true;
  }

  /** There is reason to believe that the next attempt succeeds: do not wait for it. */
  wake(): void {
    if (this.#timer === null || this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#dial();
  }

  close(detail: string): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#giveUp?.();
    this.#connection?.close(detail);
  }

  #dial(): void {
    this.#timer = null;
    this.#giveUp = this.#parts.dial({
      opened: (socket, session, rest) => {
        this.#giveUp = null;
        this.#openedAtMs = performance.now();
        const connection = this.#parts.connected(socket, session, rest);
        this.#connection = connection;
        connection.begin(rest);
      },
      failed: (cause, detail) => {
        this.#giveUp = null;
        this.#parts.failed(cause, detail);
        this.#dialLater();
      },
    });
  }

  #dialLater(): void {
    if (this.#isClosed) return;
    const waitMs = this.#retryMs * (0.75 + Math.random() / 2);
    this.#retryMs = Math.min(this.#retryMs * 2, this.#parts.limits.retryMaxMs);
    this.#timer = setTimeout(() => this.#dial(), waitMs);
  }
}
