/**
 * What a policy would decide at this moment, before it is saved: its signals are read once, its
 * replicas looked at, and the decider asked, with the brakes of the policy that it would replace.
 * Nothing is stored, committed or acted on, and what could not be read is told.
 */

import { counterfactualsOf } from '../deciders/counterfactual.ts';
import type { Counterfactual } from '../deciders/counterfactual.ts';
import { decideScale } from '../deciders/scale.ts';
import type { ScaleInput, ScaleOutcome } from '../model/decision.ts';
import type { PartReading } from '../model/observation.ts';
import type { ScalePolicy } from '../model/policy.ts';
import type { SignalReason } from '../model/reasons.ts';
import type { Clock } from '../ports/clock.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { MetricsSource } from '../ports/metrics-source.ts';
import { BudgetUse } from './budget-use.ts';
import { withDeadline } from './deadline.ts';
import { inputFor } from './decision-input.ts';
import type { Beside } from './decision-input.ts';
import { readOne, readPolicies } from './sight.ts';
import type { ScaleTargets, Sight } from './sight.ts';

export interface PreviewOptions {
  readonly consensus: Pick<Consensus, 'readState'>;
  readonly source: MetricsSource;
  readonly targets: ScaleTargets;
  readonly clock: Clock;
  readonly beside: Beside;
  /** Deadline of reading what the policy asks for, in ms. */
  readonly timeoutMs: number;
}

export interface Preview {
  readonly input: ScaleInput;
  readonly outcome: ScaleOutcome;
  readonly counterfactuals: readonly Counterfactual[];
  readonly signalFaults: readonly SignalFault[];
}

export interface SignalFault {
  /** Name of the metric or strategy. */
  readonly signal: string;
  readonly reason: SignalReason;
  readonly detail: string;
}

/** Null when there is no such workload. Rejects when the signal aborts, and for nothing else. */
export async function previewPolicy(
  policy: ScalePolicy,
  options: PreviewOptions,
  signal: AbortSignal,
): Promise<Preview | null> {
  const { consensus, source, targets, clock, beside, timeoutMs } = options;
  const state = consensus.readState();
  const atMs = Math.floor(clock.nowMs());
  const entry = state.workloads[policy.workloadId];
  if (entry === undefined) return null;
  const stored = { ...state.policies[policy.id], policy, version: 0 };
  const sight = await withDeadline(timeoutMs, signal, async (deadline): Promise<Sight> => {
    const [read, replicas] = await Promise.all([
      readPolicies([policy], source, atMs, deadline),
      readOne(entry.workload, targets, deadline),
    ]);
    const [own] = read.observations;
    const signals =
      own === undefined ? [] : [[policy.id, { stored, ...own, shadow: null }] as const];
    return {
      atMs,
      queries: read.queries,
      signals: new Map(signals),
      replicas: new Map([[policy.workloadId, replicas]]),
    };
  });
  signal.throwIfAborted();
  const budgets = new BudgetUse(state);
  const input = inputFor({ state, sight, beside, budgets }, entry, stored);
  return {
    input,
    outcome: decideScale(input),
    counterfactuals: counterfactualsOf(input),
    signalFaults: faultsOf(input),
  };
}

function faultsOf({ observations, readings = [] }: ScaleInput): readonly SignalFault[] {
  return [
    ...observations.flatMap((one) =>
      one.kind === 'failed' ? [{ signal: one.metric, reason: one.reason, detail: one.detail }] : [],
    ),
    ...readings.flatMap(({ strategy, parts }) =>
      Object.entries<PartReading>(parts).flatMap(([part, reading]) =>
        reading.kind === 'failed'
          ? [{ signal: strategy, reason: reading.reason, detail: `${part}: ${reading.detail}` }]
          : [],
      ),
    ),
  ];
}
