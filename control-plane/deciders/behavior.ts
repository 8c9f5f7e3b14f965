/**
 * How fast a workload may change: the rate policies of autoscaling/v2's `behavior`, so many replicas
 * or so many percent per period, the most, the least or none of what they allow. A pure stage: it
 * reads the events of the past and answers the number that may be reached now. Stabilization windows
 * are in stabilization.ts. Deviations: strategies/compatibility.ts, rows G to J.
 */

import type { ScaleEvent } from '../model/decision.ts';
import type { RatePolicySpec, RateRulesSpec } from '../model/policy.ts';
import type { HpaCompatibility } from './strategies/compatibility.ts';
import { REPLICAS_LIMIT, ROUNDING_SLACK, boundedReplicas } from './strategies/strategy-proposal.ts';

export interface RateInput {
  readonly nowMs: number;
  /** Replicas wanted now. */
  readonly current: number;
  /** What the stages before ask for. */
  readonly proposed: number;
  readonly events: readonly ScaleEvent[];
  readonly out: RateRulesSpec;
  readonly in: RateRulesSpec;
  readonly compatibility: HpaCompatibility;
  /** By how many ms a tick may come early; row G. Less than every period, at least 0. */
  readonly jitterMs: number;
}

export interface RateLimited {
  /** Between `current` and `proposed`. */
  readonly after: number;
  /** Set when `after` is not `proposed`. */
  readonly reason: 'rate_limited_up' | 'rate_limited_down' | null;
  /** One line for a person. */
  readonly detail: string;
}

/** What autoscaling/v2 assumes when nothing is said. */
export const HPA_RATES: { readonly out: RateRulesSpec; readonly in: RateRulesSpec } = {
  out: {
    select: 'max',
    policies: [
      { kind: 'replicas', value: 4, periodMs: 15_000 },
      { kind: 'percent', value: 100, periodMs: 15_000 },
    ],
  },
  in: { select: 'max', policies: [{ kind: 'percent', value: 100, periodMs: 15_000 }] },
};

/** More events than this are folded together, later and therefore braking longer. */
export const SCALE_EVENTS_MAX = 1_000;

/** Keeps the proposal within what the rate policies of its direction allow now. */
export function limitRate(input: RateInput): RateLimited {
  const { current, proposed } = input;
  if (proposed > current) {
    const limit = Math.max(current, limitOut(input));
    if (proposed <= limit) return unlimited(proposed);
    return limited(limit, 'rate_limited_up', input.out);
  }
  if (proposed < current) {
    const limit = Math.min(current, limitIn(input));
    if (proposed >= limit) return unlimited(proposed);
    return limited(limit, 'rate_limited_down', input.in);
  }
  return unlimited(proposed);
}

/** The events that any of the policies can still see, with the new one; oldest first. */
export function rememberScaleEvent(
  events: readonly ScaleEvent[],
  event: ScaleEvent,
  periodMaxMs: number,
): readonly ScaleEvent[] {
  const recent = [...events, event]
    .filter(({ atMs, change }) => event.atMs - atMs <= periodMaxMs && change !== 0)
    .sort((a, b) => a.atMs - b.atMs);
  while (recent.length > SCALE_EVENTS_MAX) {
    const [first, second, ...rest] = recent;
    if (first === undefined || second === undefined) break;
    const merged = { atMs: second.atMs, change: first.change + second.change };
    recent.splice(0, recent.length, merged, ...rest);
  }
  return recent;
}

/** The longest period of both directions, in ms; 0 without any policy. */
export function longestPeriodMs(out: RateRulesSpec, into: RateRulesSpec): number {
  return Math.max(0, ...[...out.policies, ...into.policies].map(({ periodMs }) => periodMs));
}

function unlimited(after: number): RateLimited {
  return { after, reason: null, detail: '' };
}

function limited(after: number, reason: RateLimited['reason'], rules: RateRulesSpec): RateLimited {
  if (rules.select === 'disabled') return { after, reason, detail: 'this direction is disabled' };
  const policies = rules.policies.map(
    ({ kind, value, periodMs }) => `${value} ${kind} in ${periodMs} ms`,
  );
  return { after, reason, detail: `the ${rules.select} of ${policies.join(', ')} is ${after}` };
}

function limitOut(input: RateInput): number {
  const { out: rules, current } = input;
  if (rules.select === 'disabled') return current;
  if (rules.policies.length === 0) return REPLICAS_LIMIT;
  const limits = rules.policies.map((policy) => {
    const start = startOf(input, policy, 'out');
    if (policy.kind === 'replicas') return start + policy.value;
    if (input.compatibility === 'hpa-v2') return Math.ceil(start * (1 + policy.value / 100));
    const grown = Math.ceil(start * (1 + policy.value / 100) - ROUNDING_SLACK); // row H
    return policy.value > 0 ? Math.max(1, grown) : grown; // row I
  });
  return boundedReplicas(rules.select === 'max' ? Math.max(...limits) : Math.min(...limits));
}

function limitIn(input: RateInput): number {
  const { in: rules, current } = input;
  if (rules.select === 'disabled') return current;
  if (rules.policies.length === 0) return 0;
  const limits = rules.policies.map((policy) => {
    const start = startOf(input, policy, 'in');
    if (policy.kind === 'replicas') return start - policy.value;
    const left = start * (1 - policy.value / 100);
    return Math.trunc(input.compatibility === 'hpa-v2' ? left : left + ROUNDING_SLACK);
  });
  // The largest change leaves the fewest.
  return boundedReplicas(rules.select === 'max' ? Math.min(...limits) : Math.max(...limits));
}

/** The number at the start of the policy's period: now, without what was changed since. */
function startOf(input: RateInput, policy: RatePolicySpec, direction: 'out' | 'in'): number {
  const isJittered = direction === 'out' && input.compatibility === 'default';
  const spanMs = policy.periodMs - (isJittered ? input.jitterMs : 0); // row G
  let changed = 0;
  for (const { atMs, change } of input.events) {
    if (input.nowMs - atMs < spanMs) changed += change;
  }
  const start = input.current - changed;
  return input.compatibility === 'hpa-v2' ? start : Math.max(0, start); // row J
}
