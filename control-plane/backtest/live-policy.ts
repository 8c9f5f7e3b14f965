/**
 * A policy of the control plane as a stepper of the plant: the live decider, the live state machine and
 * the forecaster that runs live, fed with the load as the policy's first metric, a total. For comparing
 * a policy with other steppers; the backtest that users ask for is policy-run.ts.
 */

import type { LoadModel } from '../forecast/load-model.ts';
import type { Observation } from '../model/observation.ts';
import type { ScalePolicy } from '../model/policy.ts';
import { LiveForecast } from './live-forecast.ts';
import { LivePlane } from './live-plane.ts';
import type { PlantView, Stepper } from './plant.ts';

export interface LiveOptions {
  /** Its one metric is of the kind `average_value`: the load. */
  readonly policy: ScalePolicy;
  readonly replicasInitial: number;
  /** Instead of the models that run live; fresh ones. */
  readonly models?: readonly LoadModel[];
}

export function createLivePolicy({ policy, replicasInitial, models }: LiveOptions): Stepper {
  const plane = new LivePlane(policy, replicasInitial);
  const { forecast: spec } = policy;
  const forecast = spec === undefined ? null : new LiveForecast(policy, spec, [], models);
  return (view) => {
    const { nowMs, ready, booting: starting } = view;
    const observations = [observe(policy, view)];
    forecast?.observe(nowMs, observations);
    plane.tick({
      nowMs,
      ready,
      starting,
      sensed: { observations },
      replicas: null,
      schedules: [],
      forecast: forecast?.read(nowMs) ?? null,
    });
    return plane.desired;
  };
}

function observe({ metrics }: ScalePolicy, { load, nowMs }: PlantView): Observation {
  const metric = metrics[0]?.name ?? 'load';
  if (load === null) {
    return { kind: 'failed', metric, reason: 'signal_absent', detail: 'missing in the trace' };
  }
  return { kind: 'sample', metric, value: load, sampledAtMs: nowMs, reporting: null };
}
