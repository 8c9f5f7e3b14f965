/**
 * Several threads that run seeds in order, a few at a time. After the first failure no more are begun;
 * those before it are finished, so that the failure that is told is that of the lowest seed.
 */

import { Worker } from 'node:worker_threads';
import { addCounts, noCounts } from './counters.ts';
import type { RunCounts } from './counters.ts';
import type { Plant } from './plants.ts';
import type { Failure } from './seed-run.ts';
import type { WorkerAnswer, WorkerStart, WorkerTask } from './worker.ts';

export interface PoolOutcome {
  readonly counts: RunCounts;
  readonly seeds: number;
  /** Of the lowest seed that failed; all below it passed. */
  readonly failure: Failure | null;
}

export interface SeedRange {
  readonly from: number;
  readonly seeds: number;
  /** Seeds that a thread gets at once. */
  readonly batch: number;
}

export class Pool {
  readonly #workers: readonly Worker[];

  constructor(size: number, plant: Plant | null) {
    const start: WorkerStart = { plant };
    this.#workers = Array.from(
      { length: size },
      () => new Worker(new URL('worker.ts', import.meta.url), { workerData: start }),
    );
  }

  /** @throws Error when a thread dies */
  async run(range: SeedRange, progress: (seeds: number) => void): Promise<PoolOutcome> {
    const counts = noCounts();
    const end = range.from + range.seeds;
    let next = range.from;
    let done = 0;
    let failure: Failure | null = null;
    const work = async (worker: Worker): Promise<void> => {
      while (next < end && failure === null) {
        const seeds = Math.min(range.batch, end - next);
        const task: WorkerTask = { kind: 'run', from: next, seeds };
        next += seeds;
        const answer = await ask(worker, task);
        if (answer.kind !== 'ran') continue;
        const { outcome } = answer;
        addCounts(counts, outcome.counts);
        done += outcome.seeds;
        if (outcome.failure !== null) failure = lowest(failure, outcome.failure);
        progress(done);
      }
    };
    await Promise.all(this.#workers.map(work));
    return { counts, seeds: done, failure };
  }

  /** What a person needs to find the cause. @throws Error when a thread dies */
  async describe(seed: number): Promise<string> {
    const [worker] = this.#workers;
    if (worker === undefined) return '';
    const answer = await ask(worker, { kind: 'describe', seed });
    return answer.kind === 'described' ? answer.text : '';
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

function lowest(a: Failure | null, b: Failure): Failure {
  return a !== null && a.seed < b.seed ? a : b;
}

function ask(worker: Worker, task: WorkerTask): Promise<WorkerAnswer> {
  return new Promise((resolve, reject) => {
    const answered = (answer: WorkerAnswer): void => {
      settle();
      resolve(answer);
    };
    const failed = (cause: unknown): void => {
      settle();
      reject(new Error('a thread of the simulation died', { cause }));
    };
    const settle = (): void => {
      worker.off('message', answered);
      worker.off('error', failed);
      worker.off('exit', failed);
    };
    worker.on('message', answered);
    worker.on('error', failed);
    worker.on('exit', failed);
    worker.postMessage(task);
  });
}
