/**
 * Which signals a policy reads, and how each follows the simulated replicas. A recorded total can be
 * replayed as it is; a number per replica was true of the replicas of then, so the plant makes it anew,
 * by a rule that somebody has to name. A signal without a rule is refused, with the ways out.
 */

import type { SignalMapping, SignalRule } from '../model/backtest.ts';
import type { MetricSpec, ScalePolicy } from '../model/policy.ts';
import { unreachable } from '../model/reasons.ts';
import { partsOf } from '../model/strategy-parts.ts';
import type { PartSpec } from '../model/strategy-parts.ts';
import type { StrategySpec } from '../model/strategy.ts';

/** Where in the decider's input a signal goes, and as what. */
export type SignalPlace =
  | { readonly kind: 'metric'; readonly index: number; readonly metric: MetricSpec }
  | { readonly kind: 'part'; readonly strategy: number; readonly part: PartSpec };

export interface PlannedSignal {
  /** `NAME` of a metric or a strategy with one part, else `NAME/part`. */
  readonly name: string;
  readonly mapping: SignalMapping;
  readonly place: SignalPlace;
  /** What a total is read with. */
  readonly query: string;
  /** Empty: its age is not asked for. */
  readonly timestampQuery: string;
}

export interface SignalPlan {
  readonly signals: readonly PlannedSignal[];
  /** Why the policy cannot be run, one line each with the way out. */
  readonly faults: readonly string[];
}

type Mappings = Readonly<Record<string, SignalMapping>>;

/** The signals of a policy, each with its rule. `mappings` are those that were named. */
export function planSignals(policy: ScalePolicy, mappings: Mappings): SignalPlan {
  const signals: PlannedSignal[] = [];
  const faults: string[] = [];
  const strategies = policy.strategies ?? [];
  const wanted = [
    ...policy.metrics.map((metric, index) => metricSignal(metric, index)),
    ...strategies.flatMap((strategy, index) => strategySignals(strategy, index)),
  ];
  for (const { rule, why, ...signal } of wanted) {
    const named = Object.hasOwn(mappings, signal.name) ? mappings[signal.name] : undefined;
    if (named !== undefined) signals.push({ ...signal, mapping: named });
    else if (rule !== null) signals.push({ ...signal, mapping: { rule, full: 1 } });
    else faults.push(unmapped(policy, signal.name, why));
  }
  const impossible = strategies.filter(({ kind }) => kind === 'inference');
  for (const { name } of impossible) {
    faults.push(
      `policy ${policy.id}: the strategy ${name} (inference) reads KV-cache use and time to first token of each replica, which this plant does not simulate; leave it out of the backtest`,
    );
  }
  return { signals, faults };
}

/** Names that the given policies read; a mapping of any other name is a mistake. */
export function signalNames(policies: readonly ScalePolicy[]): ReadonlySet<string> {
  const names = policies.flatMap((policy) => [
    ...policy.metrics.map(({ name }) => name),
    ...(policy.strategies ?? [])
      .flatMap((one, at) => strategySignals(one, at))
      .map(({ name }) => name),
  ]);
  return new Set(names);
}

interface Wanted extends Omit<PlannedSignal, 'mapping'> {
  /** Without anybody's word; null when there is no rule that could be assumed. */
  readonly rule: SignalRule | null;
  /** Why none could. */
  readonly why: string;
}

const PER_REPLICA = 'its recorded values belong to the replicas of then';

function metricSignal(metric: MetricSpec, index: number): Wanted {
  const { name, query, timestampQuery } = metric;
  return {
    name,
    query,
    timestampQuery,
    place: { kind: 'metric', index, metric },
    rule: metric.kind === 'average_value' ? 'total' : null,
    why: PER_REPLICA,
  };
}

function unmapped(policy: ScalePolicy, name: string, why: string): string {
  return (
    `policy ${policy.id}: the signal ${name} has no rule, as ${why}; name one: ` +
    `${name}=utilization (load ÷ ready capacity), ${name}=busy (the same, at most full, as CPU time is), ` +
    `${name}=queue (work that waits), or ${name}=total to replay it as recorded`
  );
}

function strategySignals(strategy: StrategySpec, index: number): readonly Wanted[] {
  if (strategy.kind === 'inference') return [];
  const parts = partsOf(strategy);
  return parts.map((part) => ({
    name: parts.length === 1 ? strategy.name : `${strategy.name}/${part.name}`,
    query: part.query,
    timestampQuery: part.timestampQuery ?? '',
    rule: ruleOf(strategy),
    why: PER_REPLICA,
    place: { kind: 'part', strategy: index, part },
  }));
}

/** What can be assumed without anybody's word. */
function ruleOf({
  kind,
}: Exclude<StrategySpec, { readonly kind: 'inference' }>): SignalRule | null {
  switch (kind) {
    case 'utilization':
      return 'busy';
    case 'queue':
      return 'queue';
    case 'concurrency':
    case 'capacity':
      return 'total';
    case 'fixed_value':
    case 'formula':
    case 'pass_through':
    case 'replica_value':
    case 'step':
    case 'target_tracking':
    case 'target_value':
    case 'threshold':
      return null;
    default:
      return unreachable(kind);
  }
}
