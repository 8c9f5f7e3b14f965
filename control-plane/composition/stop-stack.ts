/** What was started and must be stopped, newest first. A stop that fails is reported, and the rest still stops. */

export class StopStack {
  readonly #onError: (name: string, error: unknown) => void;
  readonly #stops: { readonly name: string; readonly stop: () => Promise<void> | void }[] = [];

  constructor(onError: (name: string, error: unknown) => void) {
    this.#onError = onError;
  }

  push(name: string, stop: () => Promise<void> | void): void {
    this.#stops.push({ name, stop });
  }

  /** Stops all, newest first, one after the other. Calling it again stops nothing twice. */
  async unwind(): Promise<void> {
    for (let next = this.#stops.pop(); next !== undefined; next = this.#stops.pop()) {
      try {
        await next.stop();
      } catch (error) {
        this.#onError(next.name, error);
      }
    }
  }
}
