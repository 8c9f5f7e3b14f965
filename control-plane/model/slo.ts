/**
 * A service level objective: the share of events that shall be good over a window, and what is known
 * of how well it is kept. The names of the series in which Prometheus records that stand here, since
 * the generator of the rules and the reader of the API have to agree on them.
 */

import type { ReadFailure } from './reasons.ts';

export const SLO_SCOPES = ['plane', 'workload'] as const;
export type SloScope = (typeof SLO_SCOPES)[number];

/** Windows that a budget may be given for, as written, with their days. */
export const SLO_WINDOWS = { '7d': 7, '14d': 14, '28d': 28, '30d': 30, '90d': 90 } as const;
export type SloWindow = keyof typeof SLO_WINDOWS;

/** What the alerts look at, shortest first; the budget's own window comes on top. */
export const BURN_WINDOWS = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'] as const;
export type BurnWindow = (typeof BURN_WINDOWS)[number];

/** Stands in an indicator for the window that it is taken over. */
export const WINDOW_PLACEHOLDER = '$window';

export interface SloIndicator {
  /** What `events` counts. */
  readonly kind: 'good' | 'bad';
  /** PromQL for the number of those events within `$window`. */
  readonly events: string;
  /** PromQL for the number of all events within `$window`. */
  readonly total: string;
}

export interface Slo {
  readonly id: string;
  readonly description: string;
  /** Who answers for it; a label of its alerts. */
  readonly owner: string;
  readonly scope: SloScope;
  /** Share of events that shall be good, between 0 and 1. */
  readonly objective: number;
  readonly window: SloWindow;
  readonly indicator: SloIndicator;
  /** Labels that the budget is kept apart by, `workload` say. */
  readonly labels: readonly string[];
  /** Fewer events within an alert's long window say nothing: it stays silent. */
  readonly eventsMin: number;
  /** uid of the dashboard that shows it. */
  readonly dashboard: string;
  /** Heading in alerts/runbook.md. */
  readonly runbook: string;
}

/** The recorded series. Those of a window take it as a suffix. */
export const SLO_SERIES = {
  objective: 'slo:objective:ratio',
  budget: 'slo:error_budget:ratio',
  bad5m: 'slo:bad_events:increase5m',
  total: 'slo:total_events:increase',
  error: 'slo:sli_error:ratio_rate',
  burn: 'slo:burn_rate:ratio_rate',
  remaining: 'slo:error_budget_remaining:ratio',
  coverage: 'slo:window_coverage:ratio',
} as const;

/** 1 - objective, without the noise of binary fractions. */
export function errorBudget(slo: Pick<Slo, 'objective'>): number {
  return Number((1 - slo.objective).toFixed(12));
}

/** Minutes of full outage that the whole budget allows. */
export function budgetMinutes(slo: Pick<Slo, 'objective' | 'window'>): number {
  return Number((errorBudget(slo) * SLO_WINDOWS[slo.window] * 24 * 60).toFixed(6));
}

/** One set of labels of an SLO, as last recorded. Null: no events in that window, so no ratio. */
export interface SloMeasurement {
  readonly labels: Readonly<Record<string, string>>;
  readonly windows: readonly {
    readonly window: BurnWindow | SloWindow;
    readonly errorRatio: number | null;
    readonly burnRate: number | null;
  }[];
  /**
   * Share of the whole window's budget that is left; negative once more than all of it is spent. Where
   * the recordings cover a part of the window, that part counts for what it is.
   */
  readonly budgetRemainingRatio: number | null;
  /** Share of the window for which there are recordings at all; below 1 after a first start. */
  readonly coverageRatio: number | null;
  /** When the newest recording under it was made, UNIX ms; null when none is recent. */
  readonly recordedAtMs: number | null;
}

export type SloData =
  | {
      readonly kind: 'available';
      readonly measurements: readonly SloMeasurement[];
      /** Further sets of labels, beyond the maximum. */
      readonly omitted: number;
    }
  /** Prometheus answers, and has recorded nothing of this SLO. */
  | { readonly kind: 'not_recorded'; readonly detail: string }
  | { readonly kind: 'unavailable'; readonly reason: ReadFailure; readonly detail: string };

export interface SloReport {
  readonly slo: Slo;
  /** The instant that the recordings were asked for, UNIX ms. */
  readonly atMs: number;
  readonly data: SloData;
}
