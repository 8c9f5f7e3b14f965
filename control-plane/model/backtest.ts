/**
 * A backtest asks what policies would have done: on which history, in which plant, with which things
 * going wrong, and what came of it. Types alone; the run itself is in backtest/. Times are UNIX ms.
 */

import type { ScalePolicy } from './policy.ts';

/**
 * How a policy's signal follows the simulated replicas:
 * `total` replays what was recorded, whatever the number of replicas (a sum over all of them);
 * `utilization` is load ÷ (ready × capacity), which may exceed full;
 * `busy` is the share of the ready capacity that served, at most full, as CPU time is;
 * `queue` is the work that waits, in units of load × seconds.
 */
export const SIGNAL_RULES = ['total', 'utilization', 'busy', 'queue'] as const;
export type SignalRule = (typeof SIGNAL_RULES)[number];

export interface SignalMapping {
  readonly rule: SignalRule;
  /** The value at full use, of `utilization` and `busy`: 1 for a ratio, 100 for percent. */
  readonly full: number;
}

/** What becomes of load beyond the ready capacity. */
export type Overload =
  | { readonly kind: 'lost' }
  | {
      readonly kind: 'queue';
      /** Work that is served later than this after it came is late. */
      readonly lateAfterMs: number;
      /** Work that has waited longer is given up; null: never. */
      readonly timeoutMs: number | null;
    };

export interface BacktestPlant {
  /** From asking for a replica until it serves; counts as one step at least. */
  readonly bootMs: number;
  /** Load that one ready replica serves, in the unit of the load. Above 0. */
  readonly replicaCapacity: number;
  /** Ready before the first step; null: as many as the load of the first boot time needs. */
  readonly replicasInitial: number | null;
  readonly overload: Overload;
}

/**
 * What a metric does during an outage: it has no series; its source does not answer; it stays at its
 * last sample, which ages; it says 0; it says NaN; half of its replicas are missing from it; it has
 * several series.
 */
export const OUTAGE_KINDS = [
  'absent',
  'unavailable',
  'stale',
  'zero',
  'nan',
  'partial',
  'ambiguous',
] as const;
export type OutageKind = (typeof OUTAGE_KINDS)[number];

/** When something happens: at one time, or once in each period, at a time drawn from the seed. */
export type Occurrence =
  | { readonly kind: 'at'; readonly atMs: number }
  | { readonly kind: 'every'; readonly periodMs: number };

export interface OutagePlan {
  /** `any` draws one of the kinds for each outage. */
  readonly kind: OutageKind | 'any';
  readonly durationMs: number;
  readonly when: Occurrence;
  /** Name of the metric; null: all of them. */
  readonly metric: string | null;
}

export interface KillPlan {
  /** How long nobody decides. */
  readonly gapMs: number;
  readonly when: Occurrence;
}

export interface InjectionPlan {
  readonly seed: number;
  readonly outages: readonly OutagePlan[];
  readonly kills: readonly KillPlan[];
  /** Runs each policy once more with all of its memory lost at each kill, to show what that costs. */
  readonly compareForgotten: boolean;
}

export interface Outage {
  readonly kind: OutageKind;
  readonly fromMs: number;
  readonly toMs: number;
  readonly metric: string | null;
}

export interface Kill {
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a run was worth. */
export interface Measures {
  /** Load that was never served ÷ load that came, 0 to 1. */
  readonly unservedRatio: number;
  /** Load that was served too late, or never ÷ load that came; null when overload is lost. */
  readonly lateRatio: number | null;
  /** Capacity paid for, booting included, that served nothing ÷ capacity paid for. */
  readonly slackRatio: number;
  readonly replicaHours: number;
  readonly actions: number;
  /** Actions against the direction of the one before. */
  readonly reversalsPerDay: number;
  /** Share of the time at which the number wanted was the policy's maximum. */
  readonly atMaximumRatio: number;
  /** Most replicas wanted at once. */
  readonly replicasPeak: number;
}

/** What was smallest and largest in each bucket of time. */
export interface Band {
  readonly min: readonly number[];
  readonly max: readonly number[];
}

export interface RunSeries {
  readonly ready: Band;
  readonly desired: Band;
  /** Most load that was lost, or served too late, in one step of the bucket. */
  readonly missed: readonly number[];
  /** Most work that waited, in load × seconds. */
  readonly waiting: readonly number[];
}

/** One decision that changed the number. */
export interface ChangeEntry {
  readonly atMs: number;
  readonly fromReplicas: number;
  readonly toReplicas: number;
  readonly reason: string;
  /** The stages that had something to say, one line each. */
  readonly stages: readonly string[];
}

/** Ticks in a row with the same verdict and reason. */
export interface Episode {
  readonly fromMs: number;
  readonly toMs: number;
  readonly ticks: number;
  readonly verdict: 'act' | 'hold' | 'nobody';
  readonly reason: string;
  readonly fromReplicas: number;
  readonly toReplicas: number;
  /** Of the last of them. */
  readonly stages: readonly string[];
}

/** A time at which load was missed, and what was decided from one boot time before on. */
export interface Miss {
  readonly fromMs: number;
  readonly toMs: number;
  /** Load that was missed, in load × seconds. */
  readonly missed: number;
  readonly shareOfAll: number;
  readonly peakLoad: number;
  readonly readyThen: number;
  readonly replicasNeeded: number;
  readonly episodes: readonly Episode[];
}

export interface PolicyRun {
  /** Unique within the backtest. */
  readonly label: string;
  readonly policyId: string;
  readonly replicasMax: number;
  /** `forgotten`: all memory is lost at each kill. */
  readonly memory: 'kept' | 'forgotten';
  readonly measures: Measures;
  /** Ticks by reason of holding, most frequent first. */
  readonly holds: readonly { readonly reason: string; readonly ticks: number }[];
  readonly changes: readonly ChangeEntry[];
  /** Changes beyond those that are listed. */
  readonly changesOmitted: number;
  /** Scale-ins that were decided while a metric was broken by an injected outage. */
  readonly scaleInsDuringOutages: number;
  readonly misses: readonly Miss[];
  readonly missesOmitted: number;
  readonly series: RunSeries;
}

export interface SignalNote {
  readonly policy: string;
  readonly signal: string;
  readonly rule: SignalRule;
  /** Steps without a usable reading in the record; 0 for what the plant makes. */
  readonly missingSteps: number;
}

export interface BacktestResult {
  readonly fromMs: number;
  /** The last step ends here. */
  readonly toMs: number;
  readonly stepMs: number;
  readonly steps: number;
  readonly plant: BacktestPlant & { readonly replicasInitial: number };
  readonly load: {
    /** Where it comes from, for a person. */
    readonly from: string;
    readonly mean: number;
    readonly peak: number;
    /** Steps without a reading; the last one before was taken for them. */
    readonly missingSteps: number;
  };
  readonly signals: readonly SignalNote[];
  readonly seed: number;
  readonly outages: readonly Outage[];
  readonly kills: readonly Kill[];
  readonly runs: readonly PolicyRun[];
  readonly oracle: { readonly measures: Measures; readonly series: RunSeries };
  /** What a person should know before believing the numbers. */
  readonly warnings: readonly string[];
  /** Beginning of each bucket of the series. */
  readonly bucketsAtMs: readonly number[];
  readonly loadSeries: Band;
}

/** One recorded number; NaN and infinities are what was recorded. */
export type Point = readonly [atMs: number, value: number];

/** Where the history comes from. */
export type HistorySource =
  | { readonly kind: 'prometheus' }
  | {
      readonly kind: 'points';
      /** By name: the load's own and those of signals; times rise. */
      readonly series: Readonly<Record<string, readonly Point[]>>;
      /** A point says nothing of what is longer after it, as a query of Prometheus. */
      readonly lookbackMs: number;
    };

export type LoadSpec =
  /** The first signal of the first policy that is a total. */
  | { readonly kind: 'first_total' }
  | { readonly kind: 'query'; readonly query: string }
  | { readonly kind: 'series'; readonly name: string };

export interface BacktestPolicy {
  /** Unique within the request. */
  readonly label: string;
  readonly policy: ScalePolicy;
  /** As its author wrote it, for the report. */
  readonly document: string;
}

export interface BacktestRequest {
  /** 1 to BACKTEST_LIMITS.policiesMax. */
  readonly policies: readonly BacktestPolicy[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
  readonly source: HistorySource;
  readonly load: LoadSpec;
  /** By `NAME` of a metric or strategy, or `NAME/part` of a strategy's part. */
  readonly signals: Readonly<Record<string, SignalMapping>>;
  readonly plant: BacktestPlant;
  readonly injections: InjectionPlan;
  readonly pointsMax: number;
}

/** Every bound of a backtest. */
export const BACKTEST_LIMITS = {
  policiesMax: 16,
  /** Of one policy: a year by the minute, 100 days by 15 s. */
  stepsMax: 600_000,
  /** Steps × runs, the runs without memory included. */
  decisionsMax: 2_000_000,
  /** Windows of one schedule. */
  schedulesMax: 100_000,
  outagesMax: 5_000,
  killsMax: 5_000,
  changesMax: 500,
  missesMax: 12,
  episodesMax: 12,
  pointsMax: 4_000,
} as const;

/** A step of a run ends here; the steps are numbered from 0. */
export function stepEndMs(
  { fromMs, stepMs }: Pick<BacktestRequest, 'fromMs' | 'stepMs'>,
  at: number,
): number {
  return fromMs + (at + 1) * stepMs;
}

/** Whole steps from `fromMs` to `toMs`. */
export function stepsOf({
  fromMs,
  toMs,
  stepMs,
}: Pick<BacktestRequest, 'fromMs' | 'toMs' | 'stepMs'>): number {
  return Math.floor((toMs - fromMs) / stepMs);
}
