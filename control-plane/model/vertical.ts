/**
 * Vertical recommendations: how much CPU, memory and GPU memory one replica should have, judged by
 * what replicas have used. What to look at is part of a policy; what comes of it is told and never
 * acted on. A recommendation without enough evidence does not exist: its place is taken by a reason.
 */

import { unreachable } from './reasons.ts';
import type { ReadFailure } from './reasons.ts';
import type { ScaleTargetSpec } from './workload.ts';

export const VERTICAL_RESOURCES = ['cpu', 'memory', 'gpu_memory'] as const;
export type VerticalResource = (typeof VERTICAL_RESOURCES)[number];

/** Resources that kill a replica when they run out, and so are judged by peaks. */
export type PeakResource = Exclude<VerticalResource, 'cpu'>;

/** How a replica is known to have been killed for want of memory. */
export interface OomSpec {
  /** PromQL for a counter of such kills, one series per replica. */
  readonly killsQuery: string;
  /** PromQL for the limit that was in force, in bytes, one series per replica; null: not recorded. */
  readonly limitQuery: string | null;
}

/** The GPU whose memory is used. */
export interface GpuDeviceSpec {
  /** Memory of one device, in bytes; nothing above it is recommended. */
  readonly memoryBytes: number;
  /** Sizes that it can be cut into, in bytes, ascending; empty: any size can be given. */
  readonly slicesBytes: readonly number[];
}

export interface VerticalResourceSpec {
  readonly resource: VerticalResource;
  /**
   * PromQL for the usage, one series per replica: cores of CPU (a rate), bytes of memory, bytes of the
   * GPU that the replica fills most.
   */
  readonly query: string;
  /** What a replica is given now, in cores or bytes; null when it is not known. */
  readonly request: number | null;
  /** Share of the weighted samples that the target covers, 0.5 to 1. */
  readonly percentile: number;
  /** Added to what was used, as a share of it, 0 to 1. */
  readonly marginRatio: number;
  /** The least and the most that is recommended, in cores or bytes; null: no such bound. */
  readonly min: number | null;
  readonly max: number | null;
  /** Of a replica's beginning that is not looked at, in ms; 0 for memory and GPU memory. */
  readonly warmupMs: number;
  /** Whether less than the highest peak and its margin may be recommended; CPU does not ask. */
  readonly belowPeak: boolean;
  /** Of memory alone; null: kills are not known of. */
  readonly oom: OomSpec | null;
  /** Of GPU memory alone; null: the device is not known. */
  readonly device: GpuDeviceSpec | null;
}

export interface VerticalSpec {
  /** 1 to 3, each resource at most once. */
  readonly resources: readonly VerticalResourceSpec[];
  /** Label that tells the replicas apart in every answer. */
  readonly replicaLabel: string;
  /** How far back usage is read, in ms, and how far apart the samples are. */
  readonly historyMs: number;
  readonly stepMs: number;
  /** Age at which a sample weighs half of a new one, in ms. */
  readonly halfLifeMs: number;
  /** Peaks are taken of each replica over intervals of this length, in ms. */
  readonly peakIntervalMs: number;
  /** History below which nothing is recommended, in ms. */
  readonly spanMinMs: number;
  /** Share of a replica's life that must have been seen, 0 to 1. */
  readonly coverageMinRatio: number;
}

/** Why there is no recommendation. */
export type VerticalReason =
  | ReadFailure
  /** There are values, but negative ones: no usage is. */
  | 'signal_out_of_range'
  /** Samples are missing from within the lives of replicas. */
  | 'history_gappy'
  /** What was seen spans less time, or has fewer samples, than a recommendation needs. */
  | 'history_too_short';

export const VERTICAL_REASONS = [
  'signal_unavailable',
  'signal_malformed',
  'signal_incomplete',
  'signal_oversized',
  'signal_rejected',
  'signal_absent',
  'signal_ambiguous',
  'signal_not_a_number',
  'signal_out_of_range',
  'history_gappy',
  'history_too_short',
] as const satisfies readonly VerticalReason[];

/** What a recommendation rests on. */
export interface VerticalEvidence {
  /** Values that were looked at, of all replicas together. */
  readonly samples: number;
  /** Values that were thrown away: NaN, infinite, negative. */
  readonly samplesRefused: number;
  /** Replicas that were seen in the window, those that are gone included. */
  readonly replicas: number;
  /** From the first to the last sample, in ms. */
  readonly spanMs: number;
  /** Time within it for which at least one replica was seen, in ms. */
  readonly observedMs: number;
  /** Seen share of the replicas' lives, from each one's first to its last sample; 1 without samples. */
  readonly coverageRatio: number;
  /** Runs of missing samples within those lives, and the longest of them in ms. */
  readonly gaps: number;
  readonly longestGapMs: number;
  /** Kills for want of memory; null when they are not known of. */
  readonly oomKills: number | null;
  /** UNIX ms; null without samples. */
  readonly lastSampleAtMs: number | null;
}

/** The stages that a number goes through, in this order. */
export const VERTICAL_STAGES = [
  'percentile',
  'margin',
  'peak_floor',
  'oom_floor',
  'rounding',
  'bounds',
  'slice',
  'device',
] as const;
export type VerticalStage = (typeof VERTICAL_STAGES)[number];

export interface VerticalStep {
  readonly stage: VerticalStage;
  readonly before: number;
  readonly after: number;
}

/** What to do with what a replica is given now. `set`: that is not known. */
export const VERTICAL_ADVICE = ['raise', 'lower', 'keep', 'set'] as const;
export type VerticalAdvice = (typeof VERTICAL_ADVICE)[number];

export interface RecommendedResource {
  readonly kind: 'recommended';
  readonly resource: VerticalResource;
  /** What a replica should be given, in cores or bytes. */
  readonly target: number;
  /** Below the lower bound it is certainly too little, above the upper certainly too much. */
  readonly lowerBound: number;
  readonly upperBound: number;
  /** The target before bounds, slices and the device. */
  readonly uncappedTarget: number;
  /** The highest value seen, a kill's included. */
  readonly peak: number;
  readonly current: number | null;
  /** From current to target, in percent of current; null when current is not known. */
  readonly changePercent: number | null;
  readonly advice: VerticalAdvice;
  /** The stages that changed the target, in their order. */
  readonly steps: readonly VerticalStep[];
  /** The whole of it as a sentence. */
  readonly text: string;
  readonly evidence: VerticalEvidence;
}

export interface WithheldResource {
  readonly kind: 'withheld';
  readonly resource: VerticalResource;
  readonly reason: VerticalReason;
  /** What was found, and what would be needed. */
  readonly detail: string;
  readonly current: number | null;
  readonly evidence: VerticalEvidence;
}

export type VerticalRecommendation = RecommendedResource | WithheldResource;

export interface VerticalReport {
  readonly policyId: string;
  readonly policyVersion: number;
  /** Until when usage was looked at, UNIX ms, and from when. */
  readonly endMs: number;
  readonly startMs: number;
  readonly stepMs: number;
  /** When it was worked out, UNIX ms. */
  readonly computedAtMs: number;
  /** In the order of the policy. */
  readonly recommendations: readonly VerticalRecommendation[];
}

/** What is asked about. */
export interface VerticalQuestion {
  readonly policyId: string;
  readonly policyVersion: number;
  readonly spec: VerticalSpec;
}

/** `busy`: more policies are asked about than are worked on. */
export type VerticalAnswer =
  { readonly kind: 'report'; readonly report: VerticalReport } | { readonly kind: 'busy' };

/** What the policy asks for, with what the target says that a replica is given where the policy does not. */
export function withGiven(spec: VerticalSpec, target: ScaleTargetSpec): VerticalSpec {
  const resources = spec.resources.map((one) => ({
    ...one,
    request: one.request ?? givenBy(target, one.resource),
  }));
  return { ...spec, resources };
}

/** Kubernetes, Nomad and others know what they give; this plane is not told. */
function givenBy(target: ScaleTargetSpec, resource: VerticalResource): number | null {
  if (target.kind !== 'docker') return null;
  switch (resource) {
    case 'cpu':
      return target.cpus;
    case 'memory':
      return target.memoryBytes;
    case 'gpu_memory':
      return null;
    default:
      return unreachable(resource);
  }
}
