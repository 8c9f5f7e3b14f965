/** What a policy forecasts and which budgets it shares, as documents and back. */

import { z } from 'zod';
import type { BudgetShare, ForecastSpec } from '../../model/policy.ts';
import { positive, type ReadField, slug, strictObject } from '../document.ts';
import { durationText, parseDuration, renderDuration } from '../duration.ts';
import type { Fault } from '../fault.ts';
import { faultAt } from './head.ts';
import { BUDGETS_MAX, METRICS_MAX } from './limits.ts';
import { metricDocument } from './metric.ts';
import { type Path, signalName } from './signal.ts';

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const HISTORY_MAX_MS = 60 * DAY_MS;

export const forecastDocument = strictObject('{ metric, boot, capacity, history }', {
  metric: signalName.meta({
    description: 'Name of a metric with an averageValue; its total is forecast.',
  }),
  boot: durationText(SECOND_MS, DAY_MS).meta({
    description: 'From asking for a replica until it serves.',
    examples: ['3m'],
  }),
  capacity: positive().meta({
    description: 'Load that one replica carries at full use, in the unit of the metric.',
  }),
  history: durationText(HOUR_MS, HISTORY_MAX_MS).default('336h').meta({
    description: 'How far back the history is read when a leader begins.',
  }),
}).meta({
  description: 'Forecasts of the load as a floor: they only ever raise.',
  examples: [{ metric: 'concurrency', boot: '3m', capacity: 10 }],
});

const budgetId = slug('the id of a budget');

export const budgetShareDocument = strictObject('{ id, unitsPerReplica }', {
  id: budgetId,
  unitsPerReplica: positive().default(1).meta({
    description: 'Of the budget’s unit: the GPUs of one replica, say.',
  }),
});

type ForecastDocument = z.output<typeof forecastDocument>;
type BudgetShareDocument = z.output<typeof budgetShareDocument>;

export function forecastOf(document: ForecastDocument): ForecastSpec {
  const { metric, capacity } = document;
  return {
    metric,
    bootMs: parseDuration(document.boot),
    capacity,
    historyMs: parseDuration(document.history),
  };
}

export function forecastDocumentOf(spec: ForecastSpec): ForecastDocument {
  return {
    metric: spec.metric,
    boot: renderDuration(spec.bootMs),
    capacity: spec.capacity,
    history: renderDuration(spec.historyMs),
  };
}

/** The metric must be there and share a total out; what one replica carries is no less than its target. */
export function forecastFaults(read: ReadField, path: Path): readonly Fault[] {
  const name = read([...path, 'metric'], signalName);
  if (name === undefined) return [];
  const at = indexes(read, ['metrics'], METRICS_MAX).find(
    (index) => read(['metrics', index, 'name'], signalName) === name,
  );
  if (at === undefined) {
    return [faultAt(path, ['metric'], `there is no metric "${name}"; name one of /metrics`)];
  }
  const metric = read(['metrics', at], metricDocument);
  if (metric === undefined) return [];
  const { averageValue } = metric.target;
  if (averageValue === undefined) {
    const message = `the metric "${name}" has no averageValue; only a total that the replicas share can be forecast`;
    return [faultAt(path, ['metric'], message)];
  }
  const capacity = read([...path, 'capacity'], positive());
  if (capacity === undefined || capacity >= averageValue) return [];
  const message = `${capacity} is below the averageValue ${averageValue}: a replica carries more at full use than at its target`;
  return [faultAt(path, ['capacity'], message)];
}

export function budgetShareOf({ id, unitsPerReplica }: BudgetShareDocument): BudgetShare {
  return { budgetId: id, unitsPerReplica };
}

export function budgetShareDocumentOf(share: BudgetShare): BudgetShareDocument {
  return { id: share.budgetId, unitsPerReplica: share.unitsPerReplica };
}

export function budgetFaults(read: ReadField, path: Path): readonly Fault[] {
  const seen = new Map<string, number>();
  return indexes(read, path, BUDGETS_MAX).flatMap((index) => {
    const id = read([...path, index, 'id'], budgetId);
    if (id === undefined) return [];
    const first = seen.get(id);
    if (first === undefined) {
      seen.set(id, index);
      return [];
    }
    return [faultAt(path, [index, 'id'], `"${id}" is also the id of /budgets/${first}`)];
  });
}

/** The entries of a list to look at; the schema refuses the ones beyond the maximum. */
export function indexes(read: ReadField, path: Path, max: number): readonly number[] {
  const entries = read(path, z.array(z.unknown())) ?? [];
  return [...entries.slice(0, max).keys()];
}
