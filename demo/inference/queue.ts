/**
 * A bounded queue before a fixed number of workers, first in, first out. It refuses at once when it
 * is full instead of letting the wait grow without end, forgets a waiting task whose caller has gone,
 * and keeps count of the worker time used, from which the busy ratio is recorded.
 */

export interface QueueLimits {
  /** Tasks served at the same time, at least 1. */
  readonly workers: number;
  /** Tasks that may wait beside those; 0 or more. */
  readonly waitingMax: number;
}

/** Runs one task; the signal aborts when its caller has gone. */
export type Task<T> = (signal: AbortSignal) => Promise<T>;

export type Submission<T> =
  { readonly kind: 'accepted'; readonly done: Promise<T> } | { readonly kind: 'full' };

export interface WorkQueue {
  /** `done` rejects with the signal's reason when the caller went before the task began. */
  submit<T>(task: Task<T>, signal: AbortSignal): Submission<T>;
  waiting(): number;
  /** Waiting and being served. */
  inSystem(): number;
  /** Seconds of worker time used since the start, running tasks included. Never falls. */
  busySeconds(): number;
  /** Resolves when nothing waits and nothing is served. */
  idle(): Promise<void>;
}

/** `nowSeconds` is a clock that never steps back. */
export function createWorkQueue(limits: QueueLimits, nowSeconds: () => number): WorkQueue {
  const waiting: (() => void)[] = [];
  const idleWaiters: (() => void)[] = [];
  let serving = 0;
  let busySeconds = 0;
  let accountedAt = nowSeconds();

  const account = (): void => {
    const now = nowSeconds();
    busySeconds += serving * Math.max(0, now - accountedAt);
    accountedAt = now;
  };
  const begin = (start: () => void): void => {
    account();
    serving += 1;
    start();
  };
  const finish = (): void => {
    account();
    serving -= 1;
    const next = waiting.shift();
    if (next !== undefined) begin(next);
    else if (serving === 0) for (const wake of idleWaiters.splice(0)) wake();
  };

  return {
    submit(task, signal) {
      if (serving >= limits.workers && waiting.length >= limits.waitingMax) return { kind: 'full' };
      const done = new Promise<void>((resolve, reject) => {
        if (serving < limits.workers) {
          begin(resolve);
          return;
        }
        const start = (): void => {
          signal.removeEventListener('abort', leave);
          resolve();
        };
        const leave = (): void => {
          waiting.splice(waiting.indexOf(start), 1);
          reject(reasonOf(signal));
        };
        waiting.push(start);
        signal.addEventListener('abort', leave, { once: true });
      }).then(() => task(signal).finally(finish));
      return { kind: 'accepted', done };
    },
    waiting: () => waiting.length,
    inSystem: () => serving + waiting.length,
    busySeconds() {
      account();
      return busySeconds;
    },
    idle() {
      if (serving === 0 && waiting.length === 0) return Promise.resolve();
      return new Promise((resolve) => idleWaiters.push(resolve));
    },
  };
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('the caller has gone', { cause: reason });
}
