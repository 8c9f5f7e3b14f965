/**
 * A value that changes and that others wait for: the leader, the applied index. Each wait has a time
 * bound and a signal. Refuses to remember values that were over before anybody waited.
 */

export class Watched<T> {
  #value: T;
  readonly #waiting = new Set<Waiting<T>>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    this.#value = value;
    for (const waiting of this.#waiting) if (waiting.wants(value)) waiting.end(() => value);
  }

  /** Ends all waits with this error. */
  fail(error: Error): void {
    for (const waiting of this.#waiting) {
      waiting.end(() => {
        throw error;
      });
    }
  }

  /** The first value that is wanted, the present one included; null after `timeoutMs`. Rejects with the signal's reason. */
  until(wants: (value: T) => boolean, timeoutMs: number, signal: AbortSignal): Promise<T | null> {
    if (wants(this.#value)) return Promise.resolve(this.#value);
    return new Promise((resolve, reject) => {
      const waiting: Waiting<T> = {
        wants,
        end: (result) => {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          this.#waiting.delete(waiting);
          try {
            resolve(result());
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        },
      };
      const onAbort = (): void => {
        waiting.end(() => {
          throw signal.reason;
        });
      };
      const timer = setTimeout(
        () => {
          waiting.end(() => null);
        },
        Math.max(0, timeoutMs),
      );
      signal.addEventListener('abort', onAbort, { once: true });
      this.#waiting.add(waiting);
      if (signal.aborted) onAbort();
    });
  }
}

interface Waiting<T> {
  readonly wants: (value: T) => boolean;
  end(result: () => T | null): void;
}
