/**
 * A whole backtest: every policy side by side over the same history, in the same plant, with the same
 * things going wrong, and the oracle beside them. Pure: the history is an argument, and the same
 * request over the same history gives the same result, bit for bit.
 */

import { BACKTEST_LIMITS, stepsOf } from '../model/backtest.ts';
import type { BacktestRequest, BacktestResult, PolicyRun, SignalNote } from '../model/backtest.ts';
import { BandBuilder, bucketsOf } from './downsample.ts';
import { drawInjections } from './injections.ts';
import { Measuring } from './measures.ts';
import { planReplicas } from './oracle.ts';
import { SeriesKeeper, runPolicy } from './policy-run.ts';
import type { Actor, Stage } from './policy-run.ts';
import { simulate } from './simulate.ts';
import type { World } from './simulate.ts';
import { carryForward } from './trace.ts';
import { warningsOf } from './warnings.ts';

/** A request with its history. */
export interface Recorded {
  readonly request: BacktestRequest;
  /** Offered in each step, in capacity units; null where the record has nothing. */
  readonly load: readonly (number | null)[];
  /** Where it comes from, for a person. */
  readonly loadFrom: string;
  /** One per policy, in the request's order. */
  readonly actors: readonly Actor[];
}

/** How many decisions a request asks for, all runs together. */
export function decisionsOf(request: BacktestRequest): number {
  const { policies, injections } = request;
  const forgets = injections.compareForgotten && injections.kills.length > 0;
  return stepsOf(request) * policies.length * (forgets ? 2 : 1);
}

/** `onRun` is told after each run how many of how many are done. */
export function runBacktest(
  recorded: Recorded,
  onRun: (done: number, of: number) => void = () => undefined,
): BacktestResult {
  const { request, actors } = recorded;
  const load = carryForward(recorded.load);
  const { outages, kills } = drawInjections(request.injections, request);
  const buckets = bucketsOf(load.length, Math.min(request.pointsMax, BACKTEST_LIMITS.pointsMax));
  const world = worldOf(request, load);
  const stage: Stage = { world, load, outages, kills, buckets };
  const memories = memoriesOf(request, kills.length);
  const runs: PolicyRun[] = [];
  for (const actor of actors) {
    for (const memory of memories) {
      runs.push(runPolicy(stage, actor, memory));
      onRun(runs.length, actors.length * memories.length);
    }
  }
  const head = {
    fromMs: request.fromMs,
    toMs: request.fromMs + load.length * request.stepMs,
    stepMs: request.stepMs,
    steps: load.length,
    plant: { ...request.plant, replicasInitial: world.replicasInitial },
    load: loadNote(recorded, load),
    signals: actors.flatMap(signalNotes),
    seed: request.injections.seed,
    ...{ outages, kills, runs },
    oracle: runOracle(stage, request),
  };
  const trained = actors.filter(({ before }) => before.length > 0);
  const labels = new Set(trained.map(({ policy }) => policy.label));
  const warnings = warningsOf(request, { ...head, trained: labels });
  const bucketsAtMs = Array.from(
    { length: buckets.count },
    (_, bucket) => request.fromMs + bucket * buckets.stepsEach * request.stepMs,
  );
  const loadBand = new BandBuilder(buckets);
  for (const [at, units] of load.entries()) loadBand.take(at, units);
  return { ...head, warnings, bucketsAtMs, loadSeries: loadBand.band() };
}

function memoriesOf(request: BacktestRequest, kills: number): readonly PolicyRun['memory'][] {
  return request.injections.compareForgotten && kills > 0 ? ['kept', 'forgotten'] : ['kept'];
}

function worldOf(request: BacktestRequest, load: readonly number[]): World {
  const { fromMs, stepMs, plant } = request;
  const { bootMs, replicaCapacity, overload } = plant;
  const replicasInitial = plant.replicasInitial ?? initialReplicas(request, load);
  return { fromMs, stepMs, bootMs, replicaCapacity, overload, replicasInitial };
}

/** Nobody can do anything about the first boot time: a run begins with what that needs. */
function initialReplicas(request: BacktestRequest, load: readonly number[]): number {
  const { plant, stepMs } = request;
  const first = load.slice(0, Math.ceil(plant.bootMs / stepMs) + 1);
  const needed = Math.ceil(largest(first) / plant.replicaCapacity - 1e-9);
  const { min, max } = boundsOf(request);
  return Math.min(max, Math.max(min, needed));
}

/** What any of the policies may do, the oracle may. */
function boundsOf({ policies }: BacktestRequest): { readonly min: number; readonly max: number } {
  return {
    min: Math.min(...policies.map(({ policy }) => policy.replicasMin)),
    max: Math.max(...policies.map(({ policy }) => policy.replicasMax)),
  };
}

function runOracle({ world, load, buckets }: Stage, request: BacktestRequest) {
  const { min, max } = boundsOf(request);
  const plant = { ...world, replicasMin: min, replicasMax: max };
  const desired = planReplicas(plant, Array.from(load), 1);
  const measuring = new Measuring(world, max);
  const series = new SeriesKeeper(buckets);
  const lateAtEnd = simulate(
    world,
    load,
    ({ at }) => Math.max(min, desired[at] ?? min),
    (step) => {
      measuring.take(step);
      series.take(step);
    },
  );
  return { measures: measuring.read(lateAtEnd), series: series.read() };
}

function loadNote({ load, loadFrom }: Recorded, carried: readonly number[]) {
  const sum = carried.reduce((total, units) => total + units, 0);
  return {
    from: loadFrom,
    mean: carried.length === 0 ? 0 : sum / carried.length,
    peak: largest(carried),
    missingSteps: load.filter((units) => units === null).length,
  };
}

function signalNotes({ policy, sensors }: Actor): readonly SignalNote[] {
  return sensors.map(({ signal, recorded }) => ({
    policy: policy.label,
    signal: signal.name,
    rule: signal.mapping.rule,
    missingSteps: recorded.filter(({ kind }) => kind === 'failed').length,
  }));
}

function largest(numbers: readonly number[]): number {
  return numbers.reduce((most, one) => Math.max(most, one), 0);
}
