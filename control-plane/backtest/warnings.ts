/** What a person should know before believing the numbers of a backtest: one sentence each. */

import type { BacktestPolicy, BacktestRequest, BacktestResult } from '../model/backtest.ts';

interface Head extends Omit<BacktestResult, 'warnings' | 'bucketsAtMs' | 'loadSeries'> {
  /** Labels of policies whose forecast knows the time before the beginning. */
  readonly trained: ReadonlySet<string>;
}

/** Shares from which on something is worth a sentence. */
const MISSING_SHARE = 0.05;
const STALE_SHARE = 0.2;

export function warningsOf(request: BacktestRequest, head: Head): readonly string[] {
  return [
    ...loadWarnings(head),
    ...request.policies.flatMap((policy) => policyWarnings(policy, request, head)),
    ...signalWarnings(request, head),
  ];
}

function loadWarnings({ load, steps }: Head): readonly string[] {
  if (load.missingSteps <= MISSING_SHARE * steps) return [];
  const percent = Math.round((100 * load.missingSteps) / steps);
  return [
    `The load was not recorded in ${percent} % of the steps; the last value before was taken for them.`,
  ];
}

function policyWarnings(
  { label, policy }: BacktestPolicy,
  { plant, stepMs }: BacktestRequest,
  head: Head,
): readonly string[] {
  const warnings: string[] = [];
  const seconds = (ms: number): string => `${Math.round(ms / 1_000)} s`;
  if (policy.actionTimeoutMs < plant.bootMs + stepMs) {
    warnings.push(
      `${label}: its actionTimeout of ${seconds(policy.actionTimeoutMs)} is over before a replica that boots in ${seconds(plant.bootMs)} is seen ready, so that every scale-out counts as failed and is taken back; set it above ${seconds(plant.bootMs + stepMs)}.`,
    );
  }
  const needed = Math.ceil(head.load.peak / plant.replicaCapacity - 1e-9);
  if (needed > policy.replicasMax) {
    warnings.push(
      `${label}: the load's peak needs ${needed} replicas, its maximum is ${policy.replicasMax}.`,
    );
  }
  if (policy.forecast !== undefined && !head.trained.has(label)) {
    warnings.push(
      `${label}: its forecast begins untrained, as the record has nothing from before the beginning.`,
    );
  }
  if (policy.budgets !== undefined && policy.budgets.length > 0) {
    warnings.push(`${label}: its budgets are left out, as the other workloads are not simulated.`);
  }
  const run = head.runs.find((one) => one.label === label);
  const stale = run?.holds.find(({ reason }) => reason === 'signal_stale')?.ticks ?? 0;
  if (stale > STALE_SHARE * head.steps) {
    warnings.push(
      `${label}: it held in ${Math.round((100 * stale) / head.steps)} % of the steps because its signals were older than its signalAgeMax of ${seconds(policy.signalAgeMaxMs)}: the record may have fewer points than the live series.`,
    );
  }
  return warnings;
}

function signalWarnings(request: BacktestRequest, { signals, steps }: Head): readonly string[] {
  return signals.flatMap(({ policy: label, signal, rule, missingSteps }) => {
    const warnings: string[] = [];
    if (rule === 'total' && !isTotal(request, label, signal)) {
      warnings.push(
        `${label}: ${signal} is replayed as recorded and does not answer to the simulated replicas.`,
      );
    }
    if (missingSteps > MISSING_SHARE * steps) {
      const percent = Math.round((100 * missingSteps) / steps);
      warnings.push(`${label}: ${signal} was missing in ${percent} % of the steps of the record.`);
    }
    return warnings;
  });
}

/** Whether its own kind says that the signal is a total. */
function isTotal({ policies }: BacktestRequest, label: string, signal: string): boolean {
  const policy = policies.find((one) => one.label === label)?.policy;
  const metric = policy?.metrics.find(({ name }) => name === signal);
  if (metric !== undefined) return metric.kind === 'average_value';
  const strategy = policy?.strategies?.find(({ name }) => name === signal.split('/')[0]);
  return strategy?.kind === 'concurrency' || strategy?.kind === 'capacity';
}
