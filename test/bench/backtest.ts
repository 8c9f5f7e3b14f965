/**
 * Backtests of scaling policies on recorded load: `npm run bench -- backtest [--traces FOLDER]`. Steps
 * of 15 s, the trace's peak needs 50 replicas, policies aim at 70 %, at most 100 replicas, overload is
 * lost, boot 180 s and 30 s. Every run begins with the replicas that the first boot time needs. One
 * line of JSON per trace, boot time and policy, and per week where there are two: forecast/defaults.ts says
 * on what its parameters were chosen. `nasa_5min` is that trace as a mean over 5 minutes, to show
 * what holds without a minute's noise. A trace that is not there is skipped by name and reason.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createLivePolicy } from '../../control-plane/backtest/live-policy.ts';
import { createOracle } from '../../control-plane/backtest/oracle.ts';
import { runPlant } from '../../control-plane/backtest/plant.ts';
import type { Plant, Stepper } from '../../control-plane/backtest/plant.ts';
import { scoreRun } from '../../control-plane/backtest/scores.ts';
import type { Scores } from '../../control-plane/backtest/scores.ts';
import {
  carryForward,
  parseTrace,
  ratePerStep,
  scaleToPeak,
} from '../../control-plane/backtest/trace.ts';
import { createDefaultModels, defaultOptions } from '../../control-plane/forecast/defaults.ts';
import { Forecaster } from '../../control-plane/forecast/forecaster.ts';
import type { LoadModel } from '../../control-plane/forecast/load-model.ts';
import type { ForecastSpec, ScalePolicy } from '../../control-plane/model/policy.ts';
import {
  createHpa,
  createKpa,
  createNomad,
  createTargetTracking,
} from './backtest-baselines.part.ts';

const STEP_MS = 15_000;
const BOOTS_MS = [180_000, 30_000];
const TARGET = 0.7;
const PEAK_REPLICAS = 50;
const REPLICAS_MAX = 100;
const WEEK_STEPS = (7 * 86_400_000) / STEP_MS;

/** The goal on the NASA trace at 180 s, against the model of the HPA. */
const GOAL = { trace: 'nasa', bootMs: 180_000, unserved: 0.4, slackPoints: 0.08, reversals: 0.75 };

interface Source {
  readonly name: string;
  readonly file: string;
  /** Length of one unit of the file's first column. */
  readonly unitMs: number;
  /** Steps over which a mean is taken. */
  readonly meanSteps: number;
}

const NASA_FILE = 'nasa_ksc_1995_first_14_days_per_minute.csv';
const SOURCES: readonly Source[] = [
  { name: 'nasa', file: NASA_FILE, unitMs: 60_000, meanSteps: 1 },
  { name: 'nasa_5min', file: NASA_FILE, unitMs: 60_000, meanSteps: 20 },
  { name: 'azure_conv', file: 'azure_llm_2023_conv_10s.csv', unitMs: 1_000, meanSteps: 1 },
  { name: 'azure_code', file: 'azure_llm_2023_code_10s.csv', unitMs: 1_000, meanSteps: 1 },
];

/** Resolves to true when the goal was met, or when its trace is not there to be judged by. */
export async function run(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: { traces: { type: 'string', default: '../shared/data/traces' } },
  });
  let met = true;
  for (const source of SOURCES) {
    const load = await readLoad(values.traces, source);
    if (load === null) continue;
    for (const bootMs of BOOTS_MS) {
      const rows = compare(source.name, load, bootMs);
      if (source.name === GOAL.trace && bootMs === GOAL.bootMs) met = judge(rows);
    }
    measureForecaster(source.name, load);
  }
  return met;
}

async function readLoad(folder: string, source: Source): Promise<readonly number[] | null> {
  let text: string;
  try {
    text = await readFile(join(folder, source.file), 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    print({ figure: 'skipped', trace: source.name, reason });
    return null;
  }
  const rates = carryForward(ratePerStep(parseTrace(text, source.unitMs), STEP_MS));
  return carryForward(scaleToPeak(trailingMean(rates, source.meanSteps), PEAK_REPLICAS));
}

function trailingMean(rates: readonly number[], steps: number): readonly number[] {
  if (steps === 1) return rates;
  return rates.map((_, at) => {
    const window = rates.slice(Math.max(0, at + 1 - steps), at + 1);
    return window.reduce((sum, rate) => sum + rate, 0) / window.length;
  });
}

/** Runs every policy, prints its rows and answers with the scores of the whole trace. */
function compare(
  trace: string,
  load: readonly number[],
  bootMs: number,
): ReadonlyMap<string, Scores> {
  const plant = plantFor(load, bootMs);
  const rows = new Map<string, Scores>();
  for (const [policy, stepper] of policiesFor(plant, load)) {
    const steps = runPlant(plant, load, stepper);
    const scores = scoreRun(plant, steps);
    rows.set(policy, scores);
    const head = { figure: 'backtest', trace, boot_s: bootMs / 1_000, policy };
    print({ ...head, part: 'all', ...rounded(scores) });
    if (steps.length < 2 * WEEK_STEPS) continue;
    print({ ...head, part: 'days 1-7', ...rounded(scoreRun(plant, steps.slice(0, WEEK_STEPS))) });
    print({ ...head, part: 'days 8-14', ...rounded(scoreRun(plant, steps.slice(WEEK_STEPS))) });
  }
  return rows;
}

function plantFor(load: readonly number[], bootMs: number): Plant {
  const first = Math.max(0, ...load.slice(0, bootMs / STEP_MS));
  return {
    stepMs: STEP_MS,
    bootMs,
    replicaCapacity: 1,
    replicasMin: 1,
    replicasMax: REPLICAS_MAX,
    replicasInitial: Math.max(1, Math.ceil(first / TARGET)),
  };
}

function policiesFor(plant: Plant, load: readonly number[]): readonly [string, Stepper][] {
  const baseline = { target: TARGET, stepMs: STEP_MS };
  const [level, trend, day, week] = createDefaultModels();
  const calm = { stabilizationDownMs: DOWN_WINDOW_MS };
  const waiting = { ...calm, forecast: forecastFor(plant) };
  const ours = { ...waiting, whileBooting: 'raise' } as const;
  return [
    ['hpa', createHpa(baseline)],
    ['nomad', createNomad(baseline)],
    ['kpa', createKpa(baseline)],
    ['aws', createTargetTracking(baseline)],
    ['live, no forecast', live(plant, { whileBooting: 'raise' })],
    ['live, no forecast, 900 s window', live(plant, { stabilizationDownMs: 900_000 })],
    ['live, trend alone', live(plant, ours, only(trend))],
    ['live, level alone', live(plant, ours, only(level))],
    ['live, seasons alone', live(plant, ours, [...only(day), ...only(week)])],
    ['ours', live(plant, ours)],
    ['ours, one action at a time', live(plant, waiting)],
    ['oracle', createOracle(plant, load)],
    ['oracle at the target', createOracle(plant, load, TARGET)],
  ];
}

/** The down window of the policy that goes with the default forecaster. */
const DOWN_WINDOW_MS = 360_000;

function forecastFor({ bootMs, replicaCapacity: capacity }: Plant): ForecastSpec {
  return { metric: 'load', bootMs, capacity, historyMs: 14 * 86_400_000 };
}

function only(model: LoadModel | undefined): readonly LoadModel[] {
  return model === undefined ? [] : [model];
}

/** What an operator would write, decided by what runs live. */
function live(plant: Plant, policy: Partial<ScalePolicy>, models?: readonly LoadModel[]): Stepper {
  const { replicasInitial } = plant;
  const whole = { ...POLICY, ...policy };
  return createLivePolicy({ policy: whole, replicasInitial, ...(models && { models }) });
}

const POLICY: ScalePolicy = {
  id: 'backtest',
  workloadId: 'backtest',
  metrics: [
    {
      name: 'load',
      query: 'load',
      timestampQuery: 'timestamp(load)',
      coverage: null,
      kind: 'average_value',
      target: TARGET,
    },
  ],
  replicasMin: 1,
  replicasMax: REPLICAS_MAX,
  toleranceUpRatio: 0.1,
  toleranceDownRatio: 0.1,
  stabilizationUpMs: 0,
  stabilizationDownMs: 300_000,
  cooldownUpMs: 0,
  cooldownDownMs: 0,
  signalAgeMaxMs: 60_000,
  actionTimeoutMs: 600_000,
};

function judge(rows: ReadonlyMap<string, Scores>): boolean {
  const hpa = rows.get('hpa');
  const ours = rows.get('ours');
  if (hpa === undefined || ours === undefined) return false;
  const unserved = ours.unservedRatio / hpa.unservedRatio;
  const slack = ours.slackRatio - hpa.slackRatio;
  const reversals = ours.reversalsPerDay / hpa.reversalsPerDay;
  const met = unserved <= GOAL.unserved && slack <= GOAL.slackPoints && reversals <= GOAL.reversals;
  print({
    figure: 'goal',
    trace: GOAL.trace,
    boot_s: GOAL.bootMs / 1_000,
    unserved_of_hpa: Number(unserved.toFixed(3)),
    slack_points_more: Number((100 * slack).toFixed(2)),
    reversals_of_hpa: Number(reversals.toFixed(3)),
    met,
  });
  return met;
}

/** What the forecaster costs, and how each model stands at the end of the trace. */
function measureForecaster(trace: string, load: readonly number[]): void {
  const forecaster = new Forecaster(defaultOptions(180_000, STEP_MS), createDefaultModels());
  const startedAt = performance.now();
  for (const [at, units] of load.entries()) forecaster.observe((at + 1) * STEP_MS, units);
  const observedAt = performance.now();
  for (const at of load.keys()) forecaster.forecast((load.length + at / load.length) * STEP_MS);
  const doneAt = performance.now();
  const each = (fromMs: number, toMs: number): number =>
    Number(((1_000 * (toMs - fromMs)) / load.length).toFixed(2));
  print({
    figure: 'forecaster',
    trace,
    observe_us: each(startedAt, observedAt),
    forecast_us: each(observedAt, doneAt),
  });
  for (const { model, horizonMs, promoted, score } of forecaster.standings()) {
    const coverage = score.coverage.map((share) => Number(share.toFixed(3)));
    const skill = Number(score.skillRatio.toFixed(3));
    const head = { figure: 'model', trace, model, horizon_s: horizonMs / 1_000 };
    print({ ...head, promoted, skill, scored: score.scored, coverage });
  }
}

function rounded(scores: Scores): Record<string, number> {
  return {
    unserved_percent: Number((100 * scores.unservedRatio).toFixed(3)),
    slack_percent: Number((100 * scores.slackRatio).toFixed(1)),
    reversals_per_day: Number(scores.reversalsPerDay.toFixed(1)),
    replica_hours: Number(scores.replicaHours.toFixed(1)),
    actions: scores.actions,
  };
}

function print(figure: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify(figure));
}
