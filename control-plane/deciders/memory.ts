/**
 * What a policy remembers from one decision to the next: the changes that its rate policies count, the
 * reversals that its flap budget counts, since when signals are lost, and the states of its strategies.
 * Returned by the decider and replicated with its decision, so that the next leader knows the same.
 */

import { NO_MEMORY } from '../model/decision.ts';
import type { PolicyMemory, ScaleInput, StrategyMemory, Verdict } from '../model/decision.ts';
import type { ScalePolicy } from '../model/policy.ts';
import { longestPeriodMs, rememberScaleEvent } from './behavior.ts';

/** Reversals that are remembered, the newest; more of them in one period brake no harder. */
const REVERSALS_MAX = 256;

export interface Concluded {
  readonly verdict: Verdict;
  readonly lostSinceMs: Readonly<Record<string, number>>;
  readonly strategies: Readonly<Record<string, StrategyMemory>>;
}

/** Null when the policy has nothing that remembers, or when nothing changed. */
export function nextMemory(input: ScaleInput, concluded: Concluded): PolicyMemory | null {
  const { policy, brakes } = input;
  if (!remembers(policy)) return null;
  const known = brakes.memory ?? NO_MEMORY;
  const { verdict, lostSinceMs, strategies } = concluded;
  const direction = directionOf(verdict);
  const next: PolicyMemory = {
    events: eventsOf(input, known, verdict),
    reversalsAtMs: reversalsOf(input, known, verdict),
    lastDirection: direction ?? known.lastDirection,
    lostSinceMs: policy.onLost === undefined ? {} : lostSinceMs,
    strategies,
  };
  return JSON.stringify(next) === JSON.stringify(known) ? null : next;
}

function remembers({ rates, flapBudget, onLost, strategies }: ScalePolicy): boolean {
  return (
    rates !== undefined ||
    flapBudget !== undefined ||
    onLost !== undefined ||
    (strategies !== undefined && strategies.length > 0)
  );
}

function eventsOf(
  { nowMs, policy, desired }: ScaleInput,
  known: PolicyMemory,
  verdict: Verdict,
): PolicyMemory['events'] {
  const { rates } = policy;
  if (rates === undefined) return [];
  const spanMs = longestPeriodMs(rates.out, rates.in);
  if (verdict.kind === 'hold') return known.events.filter(({ atMs }) => nowMs - atMs <= spanMs);
  const event = { atMs: nowMs, change: verdict.replicas - desired };
  return rememberScaleEvent(known.events, event, spanMs);
}

/** An operator's number turns no direction: nobody flapped, neither with it nor after it. */
function directionOf(verdict: Verdict): PolicyMemory['lastDirection'] {
  return verdict.kind === 'act' && verdict.reason !== 'override_set' ? verdict.direction : null;
}

function reversalsOf(
  { nowMs, policy }: ScaleInput,
  { reversalsAtMs, lastDirection }: PolicyMemory,
  verdict: Verdict,
): readonly number[] {
  const { flapBudget } = policy;
  if (flapBudget === undefined) return [];
  const recent = reversalsAtMs.filter((atMs) => atMs > nowMs - flapBudget.periodMs);
  const direction = directionOf(verdict);
  const turned = direction !== null && lastDirection !== null && direction !== lastDirection;
  return turned ? [...recent, nowMs].slice(-REVERSALS_MAX) : recent;
}
