/** Builds backtests for tests: a small healthy default, and what a test wants otherwise. */

import { runBacktest } from '../../control-plane/backtest/backtest.ts';
import { loadFromPoints, observationsFromPoints } from '../../control-plane/backtest/points.ts';
import type { Actor, Stage } from '../../control-plane/backtest/policy-run.ts';
import { bucketsOf } from '../../control-plane/backtest/downsample.ts';
import { planSignals } from '../../control-plane/backtest/signals.ts';
import { stepsOf } from '../../control-plane/model/backtest.ts';
import type { BacktestRequest, BacktestResult, Point } from '../../control-plane/model/backtest.ts';
import type { ScalePolicy } from '../../control-plane/model/policy.ts';
import { metric, policy } from './scale-input.ts';

export const FROM_MS = 1_700_000_100_000;
export const STEP_MS = 15_000;

/** One replica serves 10; the policy aims at 7 of each. */
export function backtestPolicy(overrides: Partial<ScalePolicy> = {}): ScalePolicy {
  return policy({
    metrics: [metric({ target: 7 })],
    replicasMax: 100,
    signalAgeMaxMs: 60_000,
    actionTimeoutMs: 600_000,
    ...overrides,
  });
}

/** One load per step. */
export function backtestRequest(
  load: readonly number[],
  overrides: Partial<BacktestRequest> = {},
): BacktestRequest {
  const points = load.map((units, at): Point => [FROM_MS + (at + 1) * STEP_MS, units]);
  return {
    policies: [{ label: 'p', policy: backtestPolicy(), document: 'id: p' }],
    fromMs: FROM_MS,
    toMs: FROM_MS + load.length * STEP_MS,
    stepMs: STEP_MS,
    source: { kind: 'points', series: { load: points }, lookbackMs: 300_000 },
    load: { kind: 'series', name: 'load' },
    signals: {},
    plant: {
      bootMs: 60_000,
      replicaCapacity: 10,
      replicasInitial: 5,
      overload: { kind: 'lost' },
    },
    injections: { seed: 1, outages: [], kills: [], compareForgotten: false },
    pointsMax: 1_000,
    ...overrides,
  };
}

/** The policies of a request with the one series that it has for all of their totals. */
export function actorsOf(request: BacktestRequest): readonly Actor[] {
  const points = pointsOf(request);
  const grid = { fromMs: request.fromMs, stepMs: request.stepMs, steps: stepsOf(request) };
  return request.policies.map((one) => ({
    policy: one,
    sensors: planSignals(one.policy, request.signals).signals.map((signal) => ({
      signal,
      recorded:
        signal.mapping.rule === 'total'
          ? observationsFromPoints(signal.name, points, grid, 300_000)
          : [],
    })),
    schedules: [],
    before: [],
  }));
}

export function runRequest(request: BacktestRequest): BacktestResult {
  const grid = { fromMs: request.fromMs, stepMs: request.stepMs, steps: stepsOf(request) };
  const load = loadFromPoints(pointsOf(request), grid, 300_000);
  return runBacktest({ request, load, loadFrom: 'a test', actors: actorsOf(request) });
}

/** What runs of a request have in common, for a run of one policy alone. */
export function stageOf(
  request: BacktestRequest,
  load: readonly number[],
  more: Partial<Stage> = {},
): Stage {
  const { fromMs, stepMs, plant } = request;
  const { bootMs, replicaCapacity, overload } = plant;
  const replicasInitial = plant.replicasInitial ?? 1;
  return {
    world: { fromMs, stepMs, bootMs, replicaCapacity, overload, replicasInitial },
    load,
    outages: [],
    kills: [],
    buckets: bucketsOf(load.length, load.length),
    ...more,
  };
}

function pointsOf({ source }: BacktestRequest): readonly Point[] {
  if (source.kind !== 'points') throw new Error('only points are run without a source');
  return source.series['load'] ?? [];
}
