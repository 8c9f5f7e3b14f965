/**
 * Which parts a strategy reads, and how: the queries behind each, the age of what is under them, and
 * whether the answer is one number, a series of points, or one number per replica. Whoever observes
 * reads exactly these; a reading of a strategy holds exactly these. It reads nothing itself.
 */

import { unreachable } from './reasons.ts';
import type { CoverageSpec, SignalQuery } from './signal.ts';
import type {
  ConcurrencyStrategy,
  InferenceStrategy,
  StrategySpec,
  ThresholdStrategy,
} from './strategy.ts';

/** One number; points over a window that ends now; one number per replica. */
export type PartShape = 'sample' | 'points' | 'replicas';

export interface PartSpec {
  /** One of STRATEGY_PARTS, or `input:` and the name of a formula's input. */
  readonly name: string;
  readonly shape: PartShape;
  /** PromQL; per replica where the shape is `replicas`. */
  readonly query: string;
  /** PromQL for the UNIX time in seconds of the oldest sample, per replica as the query is; null: not asked. */
  readonly timestampQuery: string | null;
  readonly coverage: CoverageSpec | null;
  /** How far back the points reach, in ms; 0 unless the shape is `points`. */
  readonly windowMs: number;
  /** Distance of the points, in ms; 0 unless the shape is `points`. */
  readonly stepMs: number;
}

/** The part that belongs to a formula's input. */
export function inputPartOf(inputName: string): string {
  return `input:${inputName}`;
}

/** The parts of a strategy, in an order that depends on its kind alone. */
export function partsOf(spec: StrategySpec): readonly PartSpec[] {
  switch (spec.kind) {
    case 'utilization':
      return [
        partOf('usage', 'replicas', spec),
        partOf('request', 'replicas', { query: spec.requestQuery, timestampQuery: null }),
      ];
    case 'replica_value':
      return [partOf('usage', 'replicas', spec)];
    case 'target_value':
    case 'pass_through':
    case 'target_tracking':
    case 'step':
    case 'queue':
      return [{ ...partOf('value', 'sample', spec), coverage: spec.coverage }];
    case 'threshold':
      return [pointsOf(spec, spec.windowMs)];
    case 'concurrency':
      return [pointsOf(spec, spec.stableWindowMs)];
    case 'fixed_value':
      return [];
    case 'inference':
      return inferenceParts(spec);
    case 'capacity':
      return [partOf('rate', 'sample', spec.rate), partOf('latency', 'sample', spec.latency)];
    case 'formula':
      return spec.inputs.map((input) => partOf(inputPartOf(input.name), 'sample', input));
    default:
      return unreachable(spec);
  }
}

function inferenceParts(spec: InferenceStrategy): readonly PartSpec[] {
  const { timestampQuery, queueQuery, kvCacheQuery, timeToFirstTokenQuery } = spec;
  return [
    partOf('queue', 'replicas', { query: queueQuery, timestampQuery }),
    partOf('kv_cache', 'replicas', { query: kvCacheQuery, timestampQuery }),
    ...(timeToFirstTokenQuery === null
      ? []
      : [
          partOf('time_to_first_token', 'replicas', {
            query: timeToFirstTokenQuery,
            timestampQuery,
          }),
        ]),
  ];
}

function partOf(
  name: string,
  shape: PartShape,
  asked: Pick<SignalQuery, 'query'> & { readonly timestampQuery: string | null },
): PartSpec {
  const { query, timestampQuery } = asked;
  return { name, shape, query, timestampQuery, coverage: null, windowMs: 0, stepMs: 0 };
}

function pointsOf(spec: ThresholdStrategy | ConcurrencyStrategy, windowMs: number): PartSpec {
  return { ...partOf('points', 'points', spec), windowMs, stepMs: spec.stepMs };
}
