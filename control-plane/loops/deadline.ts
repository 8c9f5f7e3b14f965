/**
 * One deadline for a group of awaits, kept whatever the other side does: an adapter that ignores its
 * signal, or throws where it should reject, costs no more time than one that behaves. It cannot end
 * the work behind an await; that goes on unheard.
 */

export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

export class Deadline {
  readonly #abort = new AbortController();
  readonly #passed = Promise.withResolvers<never>();
  readonly #end: () => void;

  /** @param signal ends it early, with its own reason */
  constructor(timeoutMs: number, signal: AbortSignal) {
    // Nobody may be waiting when it passes.
    this.#passed.promise.catch(() => undefined);
    const pass = (reason: unknown): void => {
      this.#passed.reject(reason);
      this.#abort.abort(reason);
    };
    const onAbort = (): void => pass(signal.reason);
    const timer = setTimeout(() => {
      pass(new DeadlineError(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    if (signal.aborted) onAbort();
  }

  /** Aborts when the deadline passes; for those who heed it. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What the work gives, or a rejection with DeadlineError or the signal's reason. Begins nothing once it has passed. */
  async race<T>(work: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    return Promise.race([(async () => work())(), this.#passed.promise]);
  }

  /** Gives back its timer; what is still raced then waits without a deadline. */
  end(): void {
    this.#end();
  }
}

/** Runs work that races its awaits itself, each alone, and answers for those that came too late. */
export async function withDeadline<T>(
  timeoutMs: number,
  signal: AbortSignal,
  work: (deadline: Deadline) => Promise<T>,
): Promise<T> {
  const deadline = new Deadline(timeoutMs, signal);
  try {
    return await work(deadline);
  } finally {
    deadline.end();
  }
}

/** Runs one piece of work under a deadline. Rejects with DeadlineError, or the signal's reason. */
export async function within<T>(
  timeoutMs: number,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return withDeadline(timeoutMs, signal, (deadline) => deadline.race(() => work(deadline.signal)));
}
