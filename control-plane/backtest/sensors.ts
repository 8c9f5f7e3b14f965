/**
 * What the decider reads at the end of a step: each planned signal, by its rule, out of the record or
 * out of the plant, broken by whatever outage is on. Holds what a stale or windowed signal needs of the
 * past, and judges nothing.
 */

import type { Outage } from '../model/backtest.ts';
import type {
  Observation,
  PartReading,
  PointReading,
  ReplicaFact,
  StrategyReading,
} from '../model/observation.ts';
import type { ScalePolicy } from '../model/policy.ts';
import { unreachable } from '../model/reasons.ts';
import type { PartSpec } from '../model/strategy-parts.ts';
import { breakObservation } from './injections.ts';
import type { PlannedSignal } from './signals.ts';
import type { View, World } from './simulate.ts';

/** A planned signal with its record: one observation per step where its rule is `total`. */
export interface Sensor {
  readonly signal: PlannedSignal;
  readonly recorded: readonly Observation[];
}

export interface Sensed {
  readonly observations: readonly Observation[];
  /** Absent when the policy has no strategies. */
  readonly readings?: readonly StrategyReading[];
}

export class Sensors {
  readonly #world: World;
  readonly #policy: ScalePolicy;
  readonly #sensors: readonly Sensor[];
  /** By place in the list: the last observation without an outage, and the points of the window. */
  readonly #before: (Observation | null)[];
  readonly #windows: PointReading[][];

  constructor(world: World, policy: ScalePolicy, sensors: readonly Sensor[]) {
    this.#world = world;
    this.#policy = policy;
    this.#sensors = sensors;
    this.#before = sensors.map(() => null);
    this.#windows = sensors.map(() => []);
  }

  /** Must be asked at each step, also while nobody decides: time goes on for the signals. */
  read(view: View, outages: readonly Outage[], replicas: readonly ReplicaFact[] | null): Sensed {
    const observations: Observation[] = [];
    const parts = (this.#policy.strategies ?? []).map((): Record<string, PartReading> => ({}));
    for (const [index, { signal }] of this.#sensors.entries()) {
      const seen = this.#observe(index, view, outages);
      if (signal.place.kind === 'metric') observations[signal.place.index] = seen;
      else {
        const own = parts[signal.place.strategy];
        if (own !== undefined)
          own[signal.place.part.name] = this.#part(index, seen, view, replicas ?? []);
      }
    }
    const { strategies } = this.#policy;
    if (strategies === undefined) return { observations };
    const readings = strategies.map(({ name }, at) => ({ strategy: name, parts: parts[at] ?? {} }));
    return { observations, readings };
  }

  #observe(index: number, view: View, outages: readonly Outage[]): Observation {
    const sensor = this.#sensors[index];
    if (sensor === undefined) throw new Error('a signal that was not planned');
    const { signal } = sensor;
    const whole = this.#whole(sensor, view);
    const outage = outages.find(
      ({ metric }) => metric === null || metric === signal.name.split('/')[0],
    );
    if (outage === undefined) {
      this.#before[index] = whole;
      return whole;
    }
    const isTotal = signal.mapping.rule === 'total' || signal.mapping.rule === 'queue';
    const before = this.#before[index] ?? null;
    return breakObservation(outage.kind, whole, { nowMs: view.nowMs, isTotal, before });
  }

  /** Without outages. Coverage is that of the simulated replicas: all that are ready report. */
  #whole({ signal, recorded }: Sensor, view: View): Observation {
    const { name, place, mapping } = signal;
    const metric = place.kind === 'metric' ? place.metric.name : name;
    const { coverage } = place.kind === 'metric' ? place.metric : place.part;
    const covered = coverage !== null;
    const reporting = covered ? view.ready : null;
    if (mapping.rule === 'total') {
      const then = recorded[view.at];
      if (then === undefined) {
        const detail = 'the record has no such step';
        return { kind: 'failed', metric, reason: 'signal_absent', detail };
      }
      if (then.kind === 'failed') return { ...then, metric };
      return { ...then, metric, reporting, ...agreed(place, then.value) };
    }
    if (view.ready === 0 && mapping.rule !== 'queue') {
      const detail = 'no replica is ready to be measured';
      return { kind: 'failed', metric, reason: 'signal_absent', detail };
    }
    const value = this.#made(signal, view);
    const sampledAtMs = view.nowMs;
    return { kind: 'sample', metric, value, sampledAtMs, reporting, ...agreed(place, value) };
  }

  #made({ mapping }: PlannedSignal, { load, ready, served, waiting }: View): number {
    const { replicaCapacity, stepMs } = this.#world;
    const capacity = ready * replicaCapacity;
    const { rule } = mapping;
    switch (rule) {
      case 'utilization':
        return (mapping.full * load) / capacity;
      case 'busy':
        return mapping.full * Math.min(1, served / (capacity * (stepMs / 1_000)));
      case 'queue':
        return waiting;
      case 'total':
        return load;
      default:
        return unreachable(rule);
    }
  }

  #part(
    index: number,
    seen: Observation,
    { nowMs }: View,
    replicas: readonly ReplicaFact[],
  ): PartReading {
    const place = this.#sensors[index]?.signal.place;
    if (place?.kind !== 'part') throw new Error('a part of no strategy');
    const { shape, name } = place.part;
    switch (shape) {
      case 'sample':
        return partOf(seen);
      case 'points':
        return this.#points(index, seen, nowMs, place.part);
      case 'replicas':
        return perReplica(seen, replicas, (value) => (name === 'request' ? 1 : value));
      default:
        return unreachable(shape);
    }
  }

  #points(
    index: number,
    seen: Observation,
    nowMs: number,
    { windowMs, stepMs: pointsStepMs }: PartSpec,
  ): PartReading {
    const window = this.#windows[index] ?? [];
    if (seen.kind === 'sample') {
      // The plant knows one number per step: it holds for every point within the step.
      const stepMs = Math.min(this.#world.stepMs, Math.max(1, pointsStepMs));
      for (let back = this.#world.stepMs - stepMs; back > -1; back -= stepMs) {
        window.push({ atMs: nowMs - back, value: seen.value });
      }
    }
    while (window[0] !== undefined && window[0].atMs <= nowMs - windowMs) window.shift();
    if (seen.kind === 'failed' && seen.reason === 'signal_unavailable') return partOf(seen);
    if (window.length === 0) return partOf(seen);
    const sampledAtMs = seen.kind === 'sample' ? seen.sampledAtMs : (window.at(-1)?.atMs ?? null);
    return { kind: 'points', points: [...window], sampledAtMs };
  }
}

/** The second way to the same number is taken to agree with the first. */
function agreed(place: PlannedSignal['place'], value: number): { readonly redundant?: number } {
  const hasSecond = place.kind === 'metric' && place.metric.agreement !== undefined;
  return hasSecond ? { redundant: value } : {};
}

function partOf(seen: Observation): PartReading {
  if (seen.kind === 'failed') {
    return { kind: 'failed', reason: seen.reason, detail: seen.detail };
  }
  const { value, sampledAtMs, reporting } = seen;
  return { kind: 'sample', value, sampledAtMs, reporting };
}

/** The same of each ready replica: the plant shares load out evenly. */
function perReplica(
  seen: Observation,
  replicas: readonly ReplicaFact[],
  valueOf: (value: number) => number,
): PartReading {
  if (seen.kind === 'failed') return partOf(seen);
  const samples = replicas
    .filter(({ phase }) => phase === 'ready')
    .map(({ replicaId }) => {
      return { replicaId, value: valueOf(seen.value), sampledAtMs: seen.sampledAtMs };
    });
  return { kind: 'replicas', samples };
}
