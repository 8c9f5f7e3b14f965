/**
 * What a policy's newer parts remember, as the state keeps it: nothing of a part that the policy does
 * not have, and nothing of the future. It judges nothing: the deciders say what is remembered.
 */

import { NO_MEMORY } from '../model/decision.ts';
import type { PolicyMemory, StrategyMemory } from '../model/decision.ts';
import type { ScalePolicy } from '../model/policy.ts';
import { unreachable } from '../model/reasons.ts';
import { sameContent } from './canonical.ts';

/**
 * What a policy that takes the place of another inherits: of the parts that both have. A part that
 * comes back later begins anew, however long it was away. Undefined when nothing is left.
 */
export function inherited(
  memory: PolicyMemory | undefined,
  from: ScalePolicy,
  to: ScalePolicy,
): PolicyMemory | undefined {
  if (memory === undefined) return undefined;
  const both = (field: 'rates' | 'flapBudget' | 'onLost'): boolean =>
    from[field] !== undefined && to[field] !== undefined;
  const { strategies, lostSinceMs } = ofParts(ofParts(memory, from), to);
  const kept: PolicyMemory = {
    events: both('rates') ? memory.events : [],
    reversalsAtMs: both('flapBudget') ? memory.reversalsAtMs : [],
    lastDirection: both('flapBudget') ? memory.lastDirection : null,
    lostSinceMs: both('onLost') ? lostSinceMs : {},
    strategies,
  };
  return sameContent(kept, NO_MEMORY) ? undefined : kept;
}

/** Without what it says of metrics and strategies that the policy does not have, by name and kind. */
export function ofParts(memory: PolicyMemory, policy: ScalePolicy): PolicyMemory {
  const { metrics, strategies = [] } = policy;
  const names = new Set([...metrics, ...strategies].map(({ name }) => name));
  const kinds = new Map<string, string>(strategies.map(({ name, kind }) => [name, kind]));
  return {
    ...memory,
    lostSinceMs: picked(memory.lostSinceMs, (name) => names.has(name)),
    strategies: picked(memory.strategies, (name, { kind }) => kinds.get(name) === kind),
  };
}

/**
 * A proposer's clock may step back: a time of its own that has not come yet counts as now. Times of
 * samples are left as they are. They are the metrics source's, which may be ahead of the proposer, and
 * a sample that was made older would be taken for a new one when it is seen again.
 */
export function memoryNotInFuture(memory: PolicyMemory, atMs: number): PolicyMemory {
  const now = (timeMs: number): number => Math.min(timeMs, atMs);
  return {
    events: memory.events.map((event) => ({ ...event, atMs: now(event.atMs) })),
    reversalsAtMs: memory.reversalsAtMs.map(now),
    lastDirection: memory.lastDirection,
    lostSinceMs: mapped(memory.lostSinceMs, now),
    strategies: mapped(memory.strategies, (strategy) => strategyNotInFuture(strategy, atMs)),
  };
}

function strategyNotInFuture(memory: StrategyMemory, atMs: number): StrategyMemory {
  switch (memory.kind) {
    case 'concurrency':
      return {
        ...memory,
        panicAtMs: earlier(memory.panicAtMs, atMs),
        idleSinceMs: earlier(memory.idleSinceMs, atMs),
        delayed: memory.delayed.map((one) => ({ ...one, atMs: Math.min(one.atMs, atMs) })),
      };
    case 'queue':
      return { ...memory, activeAtMs: earlier(memory.activeAtMs, atMs) };
    case 'target_tracking':
    case 'step':
      return memory;
    default:
      return unreachable(memory);
  }
}

function earlier(timeMs: number | null, atMs: number): number | null {
  return timeMs === null ? null : Math.min(timeMs, atMs);
}

function picked<T>(
  map: Readonly<Record<string, T>>,
  keep: (name: string, value: T) => boolean,
): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(map).filter(([name, value]) => keep(name, value)));
}

function mapped<T>(
  map: Readonly<Record<string, T>>,
  change: (value: T) => T,
): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, change(value)]));
}
