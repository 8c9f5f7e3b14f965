/**
 * Sends, at the end of a turn of the event loop, what its callbacks left on their connections: one
 * record and one system call for all of it.
 */

export interface Flushed {
  flush(): void;
}

export class Flusher {
  #waiting: Flushed[] = [];

  /** The caller adds itself once, until it was flushed. */
  add(connection: Flushed): void {
    this.#waiting.push(connection);
    if (this.#waiting.length === 1) setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) connection.flush();
  };
}
