/**
 * The live decider in the plant: what the plane would have done. It calls the same `decideScale` as
 * the scale loop and keeps the same brakes (`applyToBrakes`); a forecast, where one is given, enters
 * as one more proposal, so that it can raise and hold and never lower. The load metric is a total
 * shared out per replica. It changes no decision of its own making.
 */

import { decideScale } from '../deciders/scale.ts';
import { forecastFloor } from '../forecast/floor.ts';
import type { FloorRule } from '../forecast/floor.ts';
import type { Forecaster } from '../forecast/forecaster.ts';
import { NO_BRAKES } from '../model/decision.ts';
import type { Brakes, InFlightAction } from '../model/decision.ts';
import type { Observation } from '../model/observation.ts';
import type { MetricSpec, ScalePolicy } from '../model/policy.ts';
import { applyToBrakes } from '../state/brakes.ts';
import type { PlantView, Stepper } from './plant.ts';

export interface LiveOptions {
  /** Its metrics are replaced by the load, and the forecast's floor; everything else holds. */
  readonly policy: ScalePolicy;
  /** Load per replica that the policy aims at. */
  readonly target: number;
  readonly forecast: {
    readonly forecaster: Forecaster;
    readonly rules: readonly FloorRule[];
  } | null;
  /**
   * Whether an action blocks the next one until its replicas are ready, as the live loop verifies
   * it; without it, booting replicas count as capacity to come and the next action may follow.
   */
  readonly waitsForBoot: boolean;
}

/** The live decider as a policy of a backtest. The forecaster must be fresh. */
export function createLivePolicy(options: LiveOptions): Stepper {
  const policy = { ...options.policy, metrics: metricsOf(options) };
  let brakes: Brakes = NO_BRAKES;
  return (view) => {
    const { nowMs, desired, ready, booting } = view;
    const { verdict, recommendation } = decideScale({
      nowMs,
      policy,
      mode: 'act',
      desired,
      actual: { kind: 'known', ready, starting: booting },
      observations: observe(options, view),
      brakes,
      inFlight: options.waitsForBoot && booting > 0 ? inFlight(policy, view) : null,
    });
    const action =
      verdict.kind === 'act'
        ? { fromReplicas: desired, toReplicas: verdict.replicas, deadlineMs: nowMs }
        : null;
    const { id: policyId, workloadId } = policy;
    const entry = { decisionId: '', workloadId, policyId, recommendation, action };
    brakes = applyToBrakes(brakes, entry, policy, nowMs);
    return verdict.replicas;
  };
}

const NO_QUERY = { query: '', timestampQuery: '', coverage: null } as const;

function metricsOf({ target, forecast }: LiveOptions): readonly MetricSpec[] {
  const load: MetricSpec = { ...NO_QUERY, name: 'load', kind: 'average_value', target };
  const floor: MetricSpec = { ...NO_QUERY, name: 'forecast', kind: 'average_value', target: 1 };
  return forecast === null ? [load] : [load, floor];
}

function observe({ forecast }: LiveOptions, view: PlantView): readonly Observation[] {
  const { nowMs, desired } = view;
  const load = sample('load', view.load, nowMs);
  if (forecast === null) return [load];
  if (view.load !== null) forecast.forecaster.observe(nowMs, view.load);
  const floor = forecastFloor(forecast.forecaster.forecast(nowMs), forecast.rules, desired);
  return [load, sample('forecast', floor.replicas, nowMs)];
}

function sample(metric: string, value: number | null, nowMs: number): Observation {
  if (value === null) {
    return { kind: 'failed', metric, reason: 'signal_absent', detail: 'missing in the trace' };
  }
  return { kind: 'sample', metric, value, sampledAtMs: nowMs, reporting: null };
}

function inFlight(policy: ScalePolicy, { nowMs, ready, desired }: PlantView): InFlightAction {
  return {
    decisionId: '',
    workloadId: policy.workloadId,
    fromReplicas: ready,
    toReplicas: desired,
    startedAtMs: nowMs,
    deadlineMs: nowMs + policy.actionTimeoutMs,
    token: { term: 0, index: 0 },
  };
}
