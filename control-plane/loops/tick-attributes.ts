/**
 * What a tick's spans say of it: numbers of what was looked at and decided, and an event for each
 * action. Bounded by the closed set of reasons; names of workloads stand on events alone.
 */

import type { DecisionRecord } from '../model/decision.ts';
import type { OpenSpan } from '../telemetry/span.ts';
import type { Sight } from './sight.ts';

type Numbers = Readonly<Record<string, number>>;

export function sightAttributes({ queries, signals, replicas }: Sight): Numbers {
  const failed = [...signals.values()]
    .flatMap(({ observations }) => observations)
    .filter(({ kind }) => kind === 'failed');
  const unseen = [...replicas.values()].filter(({ kind }) => kind === 'unseen');
  return {
    'omnimind.policies': signals.size,
    'omnimind.workloads': replicas.size,
    'omnimind.queries': queries,
    'omnimind.signals.failed': failed.length,
    'omnimind.workloads.unseen': unseen.length,
  };
}

/** Decisions that act, and those that hold by their reason. */
export function decisionAttributes(records: readonly DecisionRecord[]): Numbers {
  const counts = new Map<string, number>([
    ['omnimind.decisions.act', 0],
    ['omnimind.decisions.hold', 0],
  ]);
  const count = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const { verdict } of records.map(({ outcome }) => outcome)) {
    count(`omnimind.decisions.${verdict.kind}`);
    if (verdict.kind === 'hold') count(`omnimind.holds.${verdict.reason}`);
  }
  return Object.fromEntries(counts);
}

/** Fields of an action for a person, alike in the log and on the span. */
export function actionFields(record: DecisionRecord) {
  const { verdict } = record.outcome;
  return {
    workload: record.workloadId,
    decision: record.decisionId,
    ...(verdict.kind === 'act' && { direction: verdict.direction }),
    from: record.input.desired,
    to: verdict.replicas,
    reason: verdict.reason,
  };
}

export function actionEvent(span: OpenSpan, record: DecisionRecord): void {
  const { token } = record;
  const fenced = token === null ? {} : { 'token.term': token.term, 'token.index': token.index };
  span.event('scaling', { ...actionFields(record), ...fenced });
}
