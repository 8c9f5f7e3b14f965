/**
 * The command line of the simulation: runs seeds on all cores and prints one table, or the first
 * violation with all that is needed to replay it; or plants each known fault and prints how soon it was
 * found. Exit code 0: nothing was violated; 1: something was, or a plant was not found; 2: wrong
 * arguments.
 */

import { availableParallelism } from 'node:os';
import { ArgumentError, PLANT_SEEDS_MAX, USAGE, readArguments } from './arguments.ts';
import type { SimulationArguments } from './arguments.ts';
import { plantFault } from './plant-loader.ts';
import { PLANTS } from './plants.ts';
import type { Plant } from './plants.ts';
import { Pool } from './pool.ts';
import { describePlants, describeRun } from './report.ts';
import type { PlantRow } from './report.ts';

const SEEDS_AT_ONCE = 10;
const PLANT_SEEDS_AT_ONCE = 4;
const PROGRESS_MS = 15_000;
/** Of no interest to who looks for a cause. */
const QUIET_LINES = /^(?:tick|client|request|answer|look)/;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  try {
    const asked = readArguments(args);
    if (asked.kind === 'help') {
      print(USAGE);
      return 0;
    }
    if (asked.kind === 'plants') return await runPlants();
    return asked.faults !== null || asked.trace ? await replay(asked) : await runSeeds(asked);
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    process.stderr.write(`${error.message}\n${USAGE}`);
    return 2;
  }
}

async function runSeeds({ from, seeds, plant }: SimulationArguments): Promise<number> {
  const pool = new Pool(Math.min(availableParallelism(), seeds), plant);
  const started = performance.now();
  let saidMs = started;
  try {
    const range = { from, seeds, batch: SEEDS_AT_ONCE };
    const outcome = await pool.run(range, (done) => {
      if (performance.now() - saidMs < PROGRESS_MS) return;
      saidMs = performance.now();
      print(`${done} of ${seeds} seeds\n`);
    });
    const seconds = (performance.now() - started) / 1000;
    print(describeRun(outcome.counts, outcome.seeds, seconds));
    if (outcome.failure === null) {
      print(`no violation in ${outcome.seeds} seeds from ${from} on\n`);
      return 0;
    }
    print(await pool.describe(outcome.failure.seed));
    return 1;
  } finally {
    await pool.close();
  }
}

async function runPlants(): Promise<number> {
  const rows: PlantRow[] = [];
  for (const plant of PLANTS) {
    const row = await findPlant(plant);
    rows.push(row);
    print(`${row.name}: ${row.seeds === null ? 'not found' : `${row.seeds} seeds`}\n`);
  }
  print(`\n${describePlants(rows)}`);
  return rows.every(({ seeds }) => seeds !== null) ? 0 : 1;
}

async function findPlant(plant: Plant): Promise<PlantRow> {
  const pool = new Pool(availableParallelism(), plant);
  const started = performance.now();
  try {
    const range = { from: 1, seeds: PLANT_SEEDS_MAX, batch: PLANT_SEEDS_AT_ONCE };
    const { failure } = await pool.run(range, () => undefined);
    return {
      name: plant.name,
      breaks: plant.breaks,
      seeds: failure?.seed ?? null,
      invariant: failure?.invariant ?? null,
      invariantExpected: plant.invariantExpected ?? null,
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    await pool.close();
  }
}

/** One seed, here, so that its trace can be followed. */
async function replay({ from, faults, plant, trace }: SimulationArguments): Promise<number> {
  if (plant !== null) plantFault(plant);
  const { runSeed } = await import('./seed-run.ts');
  const { violation, endedMs } = runSeed(from, faults, (atMs, line) => {
    if (trace && !QUIET_LINES.test(line)) print(`${atMs.toFixed(2).padStart(9)} ${line}\n`);
  });
  if (violation === null) {
    print(`seed ${from}: no violation\n`);
    return 0;
  }
  print(`seed ${from} breaks ${violation.invariant} at ${endedMs.toFixed(1)} ms\n`);
  print(`  seen: ${violation.message}\n`);
  return 1;
}

function print(text: string): void {
  process.stdout.write(text);
}
