/**
 * The Prometheus rules that follow from the SLOs: what is recorded, and the multi-window,
 * multi-burn-rate alerts of the Google SRE workbook (chapter 5, "Alerting on SLOs"). Pure: reads no
 * file and writes none.
 *
 * Counters are looked at over five minutes only. Every longer window sums those recordings up, bad
 * events and all events apart, so that 30 days cost one read of two series and quiet hours weigh
 * little. Where no event was, there is no ratio: a division by zero would be neither good nor bad.
 */

import {
  BURN_WINDOWS,
  errorBudget,
  SLO_SERIES,
  SLO_WINDOWS,
  WINDOW_PLACEHOLDER,
} from '../model/slo.ts';
import type { BurnWindow, Slo, SloWindow } from '../model/slo.ts';

export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface RuleGroup<R> {
  readonly name: string;
  readonly interval: string;
  readonly rules: readonly R[];
}

type Window = BurnWindow | SloWindow;

const BASE_WINDOW = '5m';
const BASE_S = 300;

/** How often the five minutes are recorded: each event is in ten of them. */
const SHORT_INTERVAL_S = 30;
/** Days need no finer step, and cost the most. */
const LONG_INTERVAL_S = 60;

const LONG: readonly Window[] = ['1d', '3d'];
const isLong = (window: Window): boolean => LONG.includes(window);

/** The recordings of all SLOs. Those of the windows are the same for every SLO, and stand once. */
export function recordingGroups(slos: readonly Slo[]): readonly RuleGroup<RecordingRule>[] {
  if (slos.length === 0) return [];
  const budgetWindows = [...new Set(slos.map(({ window }) => window))];
  const short = BURN_WINDOWS.filter((window) => !isLong(window));
  const long = [...BURN_WINDOWS.filter(isLong), ...budgetWindows];
  return [
    {
      name: 'omnimind-slo',
      interval: `${SHORT_INTERVAL_S}s`,
      rules: [...slos.flatMap(rulesOfSlo), ...short.flatMap(rulesOfWindow)],
    },
    {
      name: 'omnimind-slo-days',
      interval: `${LONG_INTERVAL_S}s`,
      rules: [...long.flatMap(rulesOfWindow), ...budgetWindows.flatMap(rulesOfBudget)],
    },
  ];
}

function rulesOfSlo(slo: Slo): readonly RecordingRule[] {
  const labels = { slo: slo.id, scope: slo.scope };
  return [
    {
      record: SLO_SERIES.objective,
      expr: `vector(${slo.objective})`,
      labels: { ...labels, window: slo.window },
    },
    { record: SLO_SERIES.budget, expr: `vector(${errorBudget(slo)})`, labels },
    { record: `${SLO_SERIES.total}${BASE_WINDOW}`, expr: totalOf(slo), labels },
    { record: SLO_SERIES.bad5m, expr: badOf(slo), labels },
  ];
}

function totalOf(slo: Slo): string {
  return summed(slo, slo.indicator.total);
}

/**
 * Events that nobody counted yet are 0 as long as there are others: a status that never occurred has
 * no series. Two counters are not read at the same instant, so their difference may be below 0.
 */
function badOf(slo: Slo): string {
  const { kind, events, total } = slo.indicator;
  const counted = `${summed(slo, events)} or 0 * ${summed(slo, total)}`;
  return kind === 'bad' ? counted : `clamp_min(${summed(slo, total)} - (${counted}), 0)`;
}

function summed({ labels }: Slo, expression: string): string {
  const over = expression.replaceAll(WINDOW_PLACEHOLDER, BASE_WINDOW);
  return labels.length === 0 ? `sum(${over})` : `sum by (${labels.join(', ')}) (${over})`;
}

function rulesOfWindow(window: Window): readonly RecordingRule[] {
  const total = `${SLO_SERIES.total}${window}`;
  const error = `${SLO_SERIES.error}${window}`;
  const isBase = window === BASE_WINDOW;
  const bad = isBase ? SLO_SERIES.bad5m : eventsWithin(SLO_SERIES.bad5m, window);
  const counted = {
    record: total,
    expr: eventsWithin(`${SLO_SERIES.total}${BASE_WINDOW}`, window),
  };
  return [
    ...(isBase ? [] : [counted]),
    { record: error, expr: `clamp_max(${bad} / (${total} > 0), 1)` },
    {
      record: `${SLO_SERIES.burn}${window}`,
      expr: `${error} / on (slo) group_left () ${SLO_SERIES.budget}`,
    },
  ];
}

/** Each event is in as many recordings as are made in five minutes. */
function eventsWithin(series: string, window: Window): string {
  return `sum_over_time(${series}[${window}]) * ${SHORT_INTERVAL_S / BASE_S}`;
}

function rulesOfBudget(window: SloWindow): readonly RecordingRule[] {
  const own = `on (slo) ${SLO_SERIES.objective}{window="${window}"}`;
  const recordings = (SLO_WINDOWS[window] * 86_400) / SHORT_INTERVAL_S;
  const counted = `count_over_time(${SLO_SERIES.total}${BASE_WINDOW}[${window}])`;
  return [
    {
      record: SLO_SERIES.coverage,
      expr: `clamp_max((${counted} and ${own}) / ${recordings}, 1)`,
    },
    // Of the whole window's budget, as if it went on as busy as it was: an hour in which everything failed
    // is an hour's worth of thirty days, also on the first day.
    {
      record: SLO_SERIES.remaining,
      expr: `1 - (${SLO_SERIES.burn}${window} and ${own}) * ${SLO_SERIES.coverage}`,
    },
  ];
}
