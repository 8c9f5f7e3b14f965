/**
 * The service level objective as operators write it in YAML, turned into the model. An indicator is
 * given as counters, which are counted over the window, or as expressions that say `$window`
 * themselves. Refuses what could not be recorded; whether the series exist is for a test and for
 * Prometheus to say.
 */

import { z } from 'zod';
import { SLO_SCOPES, SLO_WINDOWS, WINDOW_PLACEHOLDER } from '../model/slo.ts';
import type { Slo, SloIndicator, SloWindow } from '../model/slo.ts';
import {
  expected,
  list,
  oneOf,
  parseDocument,
  type ReadField,
  slug,
  strictObject,
  text,
  wholeNumber,
} from './document.ts';
import type { Fault } from './fault.ts';
import { parsePromql, PROMQL_LENGTH_MAX } from './promql.ts';

export const SLO_LABELS_MAX = 4;
const EVENTS_MIN_DEFAULT = 20;

/** The recordings carry these themselves. */
const RESERVED_LABELS = ['slo', 'scope', 'window', 'owner', 'severity', 'component'];

const labelName = text('a label name', 63)
  .regex(/^[a-z_][a-z0-9_]*$/, { error: 'expected a label name of a-z, 0-9 and _' })
  .refine((name) => !RESERVED_LABELS.includes(name) && !name.startsWith('__'), {
    error: `reserved: not one of ${RESERVED_LABELS.join(', ')}, nor beginning with __`,
  });

const objective = z
  .number({
    error: (issue) => expected('a ratio between 0 and 1, 0.999 for 99.9 %', issue.input),
  })
  .check((context) => {
    const { value } = context;
    if (value > 0 && value < 1) return;
    const meant = value > 1 && value < 100 ? `, write ${Number((value / 100).toFixed(9))}` : '';
    const message = `expected a ratio between 0 and 1, both excluded; got ${value}${meant}`;
    context.issues.push({ code: 'custom', message, input: value });
  });

const count = z
  .string({ error: (issue) => expected('PromQL as text', issue.input) })
  .check((context) => {
    const message = countFault(context.value);
    if (message !== null) context.issues.push({ code: 'custom', message, input: context.value });
  })
  .meta({ format: 'promql', maxLength: PROMQL_LENGTH_MAX });

export const sloDocument = strictObject('an SLO', {
  id: slug('an id'),
  description: text('a description of one sentence', 400),
  owner: slug('the name of a team'),
  scope: oneOf(SLO_SCOPES),
  objective,
  window: oneOf(Object.keys(SLO_WINDOWS) as [SloWindow, ...SloWindow[]]),
  indicator: strictObject('{ good, total } or { bad, total }', {
    good: count.optional(),
    bad: count.optional(),
    total: count,
  }),
  labels: list(`at most ${SLO_LABELS_MAX} labels`, labelName, 0, SLO_LABELS_MAX).default([]),
  eventsMin: wholeNumber(0, 1_000_000_000).default(EVENTS_MIN_DEFAULT),
  dashboard: slug('the uid of a dashboard').default('omnimind-slo'),
  runbook: text('a heading of alerts/runbook.md', 120),
});

/**
 * Parses an SLO.
 * @throws SchemaError with every fault
 */
export function parseSlo(document: unknown): Slo {
  const parsed = parseDocument(sloDocument, document, indicatorFaults);
  return { ...parsed, indicator: indicatorOf(parsed.indicator) };
}

function indicatorOf({
  good,
  bad,
  total,
}: z.output<typeof sloDocument>['indicator']): SloIndicator {
  return {
    kind: good === undefined ? 'bad' : 'good',
    events: countedOver(good ?? bad ?? ''),
    total: countedOver(total),
  };
}

/** A counter alone is counted over the window. */
function countedOver(query: string): string {
  const trimmed = query.trim();
  if (trimmed.includes(WINDOW_PLACEHOLDER)) return trimmed;
  return `increase(${trimmed}[${WINDOW_PLACEHOLDER}])`;
}

function indicatorFaults(read: ReadField): readonly Fault[] {
  const indicator = read(['indicator'], z.record(z.string(), z.unknown()));
  if (indicator === undefined) return [];
  const given = ['good', 'bad'].filter((key) => indicator[key] !== undefined).length;
  if (given === 1) return [];
  const got = given === 0 ? 'neither' : 'both';
  return [{ pointer: '/indicator', message: `expected exactly one of good and bad; got ${got}` }];
}

const COUNTER = /_(?:total|count|bucket|sum)$/;

/** Why nothing can be counted with it; null when it can. */
function countFault(query: string): string | null {
  const reading = parsePromql(query.replaceAll(WINDOW_PLACEHOLDER, '5m'));
  if (reading.kind === 'faulty') return `not valid PromQL: ${reading.message}`;
  if (reading.type !== 'vector') return `answers with a ${reading.type}; expected a vector`;
  if (query.includes(WINDOW_PLACEHOLDER)) return null;
  const [only, second] = reading.selectors;
  const isPlain = only !== undefined && second === undefined && only.text === query.trim();
  if (!isPlain || only.shifted) {
    return `neither a counter alone nor an expression over ${WINDOW_PLACEHOLDER}; write increase(x[${WINDOW_PLACEHOLDER}])`;
  }
  if (only.metricName !== null && COUNTER.test(only.metricName)) return null;
  return `a selector alone is a counter, whose name ends in _total, _count, _bucket or _sum; for a gauge write count_over_time((x > 0)[${WINDOW_PLACEHOLDER}:15s])`;
}
