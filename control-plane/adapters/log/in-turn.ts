/** Lets operations run one after the other, in the order in which they were asked for. */

export class InTurn {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves or rejects as the operation does; the next one runs either way. */
  run<T>(operation: () => Promise<T>): Promise<T> {
    const done = this.#last.then(operation);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
