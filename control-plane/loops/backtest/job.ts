/**
 * One backtest from request to result: plans the signals, reads the history, looks up schedules and hands
 * all of it to the pure engine. It owns the order and refuses what cannot be run, with every reason at
 * once; who may ask, and how the answer looks, is not its affair.
 */

import { decisionsOf, runBacktest } from '../../backtest/backtest.ts';
import { windowCount } from '../../backtest/injections.ts';
import type { Actor } from '../../backtest/policy-run.ts';
import { planSignals, signalNames } from '../../backtest/signals.ts';
import type { PlannedSignal } from '../../backtest/signals.ts';
import { BACKTEST_LIMITS, stepsOf } from '../../model/backtest.ts';
import type { BacktestPolicy, BacktestRequest, BacktestResult } from '../../model/backtest.ts';
import type { ScalePolicy } from '../../model/policy.ts';
import type { ActiveSchedule } from '../../model/schedule.ts';
import { CalendarError } from '../../ports/calendar.ts';
import type { Calendar } from '../../ports/calendar.ts';
import type { MetricsSource } from '../../ports/metrics-source.ts';
import { HistoryError, pointHistory, sourceHistory } from './history.ts';
import type { History } from './history.ts';

export interface JobParts {
  /** Null where none is to be had: only points can be run then. */
  readonly source: MetricsSource | null;
  readonly calendar: Calendar;
  readonly signal: AbortSignal;
  /** Told after each run how many of how many are done. */
  readonly onRun?: (done: number, of: number) => void;
}

export type JobOutcome =
  | { readonly kind: 'done'; readonly result: BacktestResult }
  /** The request cannot be run as it is; each fault says why and what would help. */
  | { readonly kind: 'refused'; readonly faults: readonly string[] }
  /** The metrics source did not give the history. */
  | { readonly kind: 'source_failed'; readonly detail: string };

/** Rejects when the signal aborts, and for bugs. */
export async function runJob(request: BacktestRequest, parts: JobParts): Promise<JobOutcome> {
  const plans = request.policies.map(({ policy }) => planSignals(policy, request.signals));
  const faults = [...boundFaults(request), ...nameFaults(request)];
  faults.push(...plans.flatMap((plan) => plan.faults));
  if (faults.length > 0) return { kind: 'refused', faults };
  try {
    const history = historyOf(request, parts);
    const actors: Actor[] = [];
    for (const [index, policy] of request.policies.entries()) {
      actors.push(await actorOf(policy, plans[index]?.signals ?? [], request, history, parts));
    }
    const { load, loadFrom } = await readLoad(request, plans[0]?.signals ?? [], history);
    if (load.every((units) => units === null)) {
      const faults = [`the load (${loadFrom}) has no value from the beginning to the end`];
      return { kind: 'refused', faults };
    }
    parts.signal.throwIfAborted();
    const result = runBacktest({ request, load, loadFrom, actors }, parts.onRun);
    return { kind: 'done', result };
  } catch (error) {
    if (!(error instanceof HistoryError)) throw error;
    return error.fault === 'asked'
      ? { kind: 'refused', faults: [error.message] }
      : { kind: 'source_failed', detail: error.message };
  }
}

function historyOf(request: BacktestRequest, { source, signal }: JobParts): History {
  if (request.source.kind === 'points') {
    return pointHistory(request, request.source.series, request.source.lookbackMs);
  }
  if (source === null) throw new HistoryError('asked', 'there is no metrics source to read from');
  return sourceHistory(request, source, signal);
}

async function actorOf(
  policy: BacktestPolicy,
  signals: readonly PlannedSignal[],
  request: BacktestRequest,
  history: History,
  { calendar }: JobParts,
): Promise<Actor> {
  const sensors: Actor['sensors'][number][] = [];
  for (const signal of signals) {
    const recorded = signal.mapping.rule === 'total' ? await history.observations(signal) : [];
    sensors.push({ signal, recorded });
  }
  const schedules = schedulesOf(policy.policy, request, calendar);
  return { policy, sensors, schedules, before: await beforeOf(policy.policy, signals, history) };
}

/** What a leader that begins reads for the policy's forecast. */
async function beforeOf(
  { forecast }: ScalePolicy,
  signals: readonly PlannedSignal[],
  history: History,
): Promise<Actor['before']> {
  if (forecast === undefined) return [];
  const signal = signals.find(({ name, mapping }) => {
    return name === forecast.metric && mapping.rule === 'total';
  });
  return signal === undefined ? [] : await history.before(signal, forecast.historyMs);
}

/** What the plant is loaded with, and where that comes from. */
async function readLoad(
  { load }: BacktestRequest,
  signals: readonly PlannedSignal[],
  history: History,
): Promise<{ readonly load: readonly (number | null)[]; readonly loadFrom: string }> {
  switch (load.kind) {
    case 'query':
      return {
        load: await history.load({ query: load.query, name: 'load' }),
        loadFrom: load.query,
      };
    case 'series':
      return { load: await history.load({ query: '', name: load.name }), loadFrom: load.name };
    case 'first_total': {
      const total = signals.find(({ mapping }) => mapping.rule === 'total');
      if (total === undefined) {
        const detail =
          'no signal of the first policy is a total, so the load is not known; name it: a query, or a series';
        throw new HistoryError('asked', detail);
      }
      const { query, name } = total;
      return { load: await history.load({ query, name }), loadFrom: `the signal ${name}` };
    }
  }
}

/** Every window of the policy's schedules that begins before the end and ends after the beginning. */
function schedulesOf(
  policy: ScalePolicy,
  { fromMs, toMs }: BacktestRequest,
  calendar: Calendar,
): readonly ActiveSchedule[] {
  const windows: ActiveSchedule[] = [];
  try {
    for (const spec of policy.schedules ?? []) {
      for (let atMs: number | null = fromMs; atMs !== null && atMs < toMs;) {
        windows.push(...calendar.activeAt([spec], atMs));
        if (windows.length > BACKTEST_LIMITS.schedulesMax) {
          const detail = `the schedules of ${policy.id} have more than ${BACKTEST_LIMITS.schedulesMax} windows; take a shorter range`;
          throw new HistoryError('asked', detail);
        }
        atMs = calendar.nextChangeMs(spec, atMs);
      }
    }
  } catch (error) {
    if (error instanceof CalendarError) throw new HistoryError('asked', error.message);
    throw error;
  }
  return windows.sort((a, b) => a.fromMs - b.fromMs);
}

function boundFaults(request: BacktestRequest): readonly string[] {
  const { outagesMax, killsMax, stepsMax, decisionsMax } = BACKTEST_LIMITS;
  const steps = stepsOf(request);
  const decisions = decisionsOf(request);
  const windows = (plans: readonly { readonly when: Parameters<typeof windowCount>[0] }[]) =>
    plans.reduce((sum, { when }) => sum + windowCount(when, request), 0);
  const outages = windows(request.injections.outages);
  const kills = windows(request.injections.kills);
  return [
    ...(steps < 1 ? ['from the beginning to the end there is not one whole step'] : []),
    ...(steps > stepsMax ? [`${steps} steps are more than ${stepsMax}; take longer steps`] : []),
    ...(decisions > decisionsMax
      ? [
          `${decisions} decisions are more than ${decisionsMax}; take longer steps, a shorter range or fewer policies`,
        ]
      : []),
    ...(outages > outagesMax ? [`${outages} outages are more than ${outagesMax}`] : []),
    ...(kills > killsMax ? [`${kills} kills are more than ${killsMax}`] : []),
  ];
}

/** A rule or an outage of a signal that no policy reads is a misspelling. */
function nameFaults({ policies, signals, injections }: BacktestRequest): readonly string[] {
  const known = signalNames(policies.map(({ policy }) => policy));
  const heads = new Set([...known].map((name) => name.split('/')[0] ?? name));
  const list = [...known].join(', ');
  const wrong = Object.keys(signals).filter((name) => !known.has(name));
  const outages = injections.outages.flatMap(({ metric }) =>
    metric === null || heads.has(metric) ? [] : [metric],
  );
  return [
    ...wrong.map((name) => `no policy reads a signal ${name}; the signals are: ${list}`),
    ...outages.map(
      (name) => `no policy reads a signal ${name} that could fail; there are: ${list}`,
    ),
  ];
}
