/**
 * The rules of a policy document that span its parts: names, bounds, which strategies may stand
 * together, and whether anything could wake the workload from zero.
 */

import { z } from 'zod';
import type { MetricSpec } from '../../model/policy.ts';
import { isWakeful } from '../../model/wakefulness.ts';
import type { ReadField } from '../document.ts';
import { durationText } from '../duration.ts';
import { type Fault, pointerOf } from '../fault.ts';
import { scheduleDocument, scheduleFaults, SCHEDULES_MAX } from '../schedule.ts';
import { verticalFaults } from '../vertical.ts';
import { flapBudgetFaults, onLostFaults, ratesFaults, replicaBound } from './brakes.ts';
import { METRICS_MAX } from './limits.ts';
import { metricDocument, metricFaults } from './metric.ts';
import { budgetFaults, forecastFaults, indexes } from './outlook.ts';
import { type Path, signalName } from './signal.ts';
import { STRATEGY_MEMBERS, strategyDocument, strategyFaults, strategyOf } from './strategies.ts';

const DAY_MS = 24 * 3_600_000;

/** Of strategies, those that each compatibility has. */
const COMPATIBLE = {
  'hpa-v2': ['utilization', 'replicaValue'],
  nomad: ['targetValue', 'passThrough', 'threshold', 'fixedValue'],
} as const;

/** Every fault that spans fields. */
export function crossFaults(read: ReadField): readonly Fault[] {
  const metrics = indexes(read, ['metrics'], METRICS_MAX);
  const strategies = indexes(read, ['strategies'], METRICS_MAX);
  const isZero = replicaBound(read, 'min') === 0;
  return [
    ...boundFaults(read),
    ...countFaults(read),
    ...duplicateNames(read, [
      ...metrics.map((index) => ['metrics', index]),
      ...strategies.map((index) => ['strategies', index]),
    ]),
    ...metrics.flatMap((index) => metricFaults(read, ['metrics', index])),
    ...strategies.flatMap((index) => strategyFaults(read, ['strategies', index])),
    ...combinationFaults(read, strategies),
    ...compatibilityFaults(read, metrics, strategies),
    ...(isZero ? zeroFaults(read, metrics, strategies) : []),
    ...ratesFaults(read, ['rates']),
    ...scheduleFaults(read, ['schedules']),
    ...scheduleBoundFaults(read),
    ...forecastFaults(read, ['forecast']),
    ...onLostFaults(read, ['onLost']),
    ...flapBudgetFaults(read, ['flapBudget'], downWindow(read)),
    ...budgetFaults(read, ['budgets']),
    ...(read(['vertical'], z.unknown()) === undefined ? [] : verticalFaults(read, ['vertical'])),
  ];
}

function boundFaults(read: ReadField): readonly Fault[] {
  const min = replicaBound(read, 'min');
  const max = replicaBound(read, 'max');
  if (min === undefined || max === undefined || min <= max) return [];
  return [{ pointer: '/replicas/min', message: `min ${min} is above max ${max}` }];
}

/** Something must propose, and no more than METRICS_MAX things. */
function countFaults(read: ReadField): readonly Fault[] {
  if (read([], z.record(z.string(), z.unknown())) === undefined) return [];
  const metrics = countOf(read, 'metrics');
  const strategies = countOf(read, 'strategies');
  if (metrics === null || strategies === null) return [];
  const what = `1 to ${METRICS_MAX} metrics and strategies together`;
  if (metrics + strategies === 0) {
    return [{ pointer: '/metrics', message: `required: expected ${what}; got none` }];
  }
  if (metrics > METRICS_MAX || strategies > METRICS_MAX) return [];
  if (metrics + strategies <= METRICS_MAX) return [];
  const message = `expected ${what}; got ${metrics} and ${strategies}`;
  return [{ pointer: '/strategies', message }];
}

/** 0 when it is absent; null when it is no list. */
function countOf(read: ReadField, member: string): number | null {
  if (read([member], z.unknown()) === undefined) return 0;
  return read([member], z.array(z.unknown()))?.length ?? null;
}

function duplicateNames(read: ReadField, paths: readonly Path[]): readonly Fault[] {
  const firstAt = new Map<string, string>();
  return paths.flatMap((path) => {
    const name = read([...path, 'name'], signalName);
    if (name === undefined) return [];
    const first = firstAt.get(name);
    if (first === undefined) {
      firstAt.set(name, pointerOf(path));
      return [];
    }
    const pointer = pointerOf([...path, 'name']);
    return [{ pointer, message: `"${name}" is also the name of ${first}` }];
  });
}

function combinationFaults(read: ReadField, strategies: readonly number[]): readonly Fault[] {
  const combination = read(['combination'], z.string()) ?? 'max';
  if (combination === 'winner') return [];
  return strategies.flatMap((index) => {
    if (read(['strategies', index, 'group'], z.string()) === undefined) return [];
    const pointer = pointerOf(['strategies', index, 'group']);
    const message = `a group has a meaning only with combination: winner; here it is ${combination}`;
    return [{ pointer, message }];
  });
}

function compatibilityFaults(
  read: ReadField,
  metrics: readonly number[],
  strategies: readonly number[],
): readonly Fault[] {
  const compatibility = read(['compatibility'], z.enum(['hpa-v2', 'nomad']));
  if (compatibility === undefined) return [];
  const faults: Fault[] = [];
  const wanted = compatibility === 'nomad' ? 'winner' : 'max';
  const combination = read(['combination'], z.string()) ?? 'max';
  if (combination !== wanted) {
    const message = `${compatibility} combines by ${wanted}; write combination: ${wanted}, or leave compatibility out`;
    faults.push({ pointer: '/combination', message });
  }
  if (compatibility === 'nomad' && metrics.length > 0) {
    const message = 'nomad has strategies only; write targetValue, or leave compatibility out';
    faults.push({ pointer: '/metrics', message });
  }
  const known: readonly string[] = COMPATIBLE[compatibility];
  for (const index of strategies) {
    for (const member of STRATEGY_MEMBERS) {
      if (known.includes(member)) continue;
      if (read(['strategies', index, member], z.unknown()) === undefined) continue;
      const message = `${compatibility} has no ${member}, only ${known.join(', ')}; leave compatibility out`;
      faults.push({ pointer: pointerOf(['strategies', index, member]), message });
    }
  }
  return faults;
}

/** With none running, only what is seen from outside the replicas can ask for one. */
function zeroFaults(
  read: ReadField,
  metrics: readonly number[],
  strategies: readonly number[],
): readonly Fault[] {
  const metricList = metrics.map((index) => read(['metrics', index], metricDocument));
  const strategyList = strategies.map((index) => wellFormedStrategy(read, index));
  // What is not well-formed may be what wakes it; its own faults come first.
  if (metricList.includes(undefined) || strategyList.includes(undefined)) return [];
  if (metricList.length + strategyList.length === 0) return [];
  const wakes =
    metricList.some((one) => one !== undefined && isWakefulMetric(one)) ||
    strategyList.some((one) => one !== undefined && isWakeful(strategyOf(one)));
  if (wakes) return [];
  const message =
    'scale to zero needs something that sees demand without a replica: a metric with an averageValue, a queue, a concurrency, a capacity or the like, not fromReplicas; add one, or write at least 1';
  return [{ pointer: '/replicas/min', message }];
}

function wellFormedStrategy(read: ReadField, index: number) {
  const path = ['strategies', index];
  const document = read(path, strategyDocument);
  return document === undefined || strategyFaults(read, path).length > 0 ? undefined : document;
}

function isWakefulMetric(
  metric: Pick<MetricSpec, 'name'> & z.output<typeof metricDocument>,
): boolean {
  return metric.fromReplicas !== true && metric.target.averageValue !== undefined;
}

function scheduleBoundFaults(read: ReadField): readonly Fault[] {
  const min = replicaBound(read, 'min');
  const max = replicaBound(read, 'max');
  return indexes(read, ['schedules'], SCHEDULES_MAX).flatMap((index) => {
    const schedule = read(['schedules', index], scheduleDocument);
    const pointer = (member: string) => pointerOf(['schedules', index, member]);
    if (schedule?.min !== undefined && max !== undefined && schedule.min > max) {
      const message = `${schedule.min} is above the policy's max ${max}`;
      return [{ pointer: pointer('min'), message }];
    }
    if (schedule?.max === undefined) return [];
    if (max !== undefined && schedule.max > max) {
      const message = `${schedule.max} is above the policy's max ${max}`;
      return [{ pointer: pointer('max'), message }];
    }
    if (min === undefined || schedule.max >= min) return [];
    const message = `${schedule.max} is below the policy's min ${min}, which holds at all times`;
    return [{ pointer: pointer('max'), message }];
  });
}

function downWindow(read: ReadField): string | undefined {
  const given = read(['stabilization', 'down'], z.unknown());
  return given === undefined ? '5m' : read(['stabilization', 'down'], durationText(0, DAY_MS));
}
