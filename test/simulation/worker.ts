/**
 * One thread of a simulation: plants a fault, if it is told to, before it loads the core, and then runs
 * the seeds that it is given.
 */

import { parentPort, workerData } from 'node:worker_threads';
import type { Plant } from './plants.ts';
import { plantFault } from './plant-loader.ts';
import type { BatchOutcome } from './seed-run.ts';

export interface WorkerStart {
  readonly plant: Plant | null;
}

export type WorkerTask =
  | { readonly kind: 'run'; readonly from: number; readonly seeds: number }
  | { readonly kind: 'describe'; readonly seed: number };

export type WorkerAnswer =
  | { readonly kind: 'ran'; readonly outcome: BatchOutcome }
  | { readonly kind: 'described'; readonly text: string };

const { plant } = workerData as WorkerStart;
if (plant !== null) plantFault(plant);
const { describeFailure, runBatch } = await import('./seed-run.ts');

parentPort?.on('message', (task: WorkerTask) => {
  parentPort?.postMessage(answerTo(task));
});

function answerTo(task: WorkerTask): WorkerAnswer {
  switch (task.kind) {
    case 'run':
      return { kind: 'ran', outcome: runBatch(task.from, task.seeds) };
    case 'describe':
      return { kind: 'described', text: describeFailure(task.seed, null, plant?.name ?? null) };
  }
}
