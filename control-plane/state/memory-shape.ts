/**
 * The shape of what a policy's newer parts remember. Its lists are bounded: the deciders keep them far
 * shorter, and a snapshot or an entry that holds more was not written by this program.
 */

import type { AlarmMemory, PolicyMemory, ScaleEvent, StrategyMemory } from '../model/decision.ts';
import { SIGNAL_REASONS } from '../model/reasons.ts';
import { count, finite, kindOf, listOf, mapOf, nullable, objectOf, oneOf } from './shape.ts';

/** Events, reversals, and numbers that a strategy has put off. */
export const MEMORY_ITEMS_MAX = 1_000;

/** Four times the metrics and strategies that a policy may have. */
export const MEMORY_NAMES_MAX = 64;

const alarm = objectOf<AlarmMemory>({
  kind: oneOf(['ok', 'alarm', 'insufficient_data']),
  beyond: count,
  lastAtMs: nullable(finite),
});

const strategy = kindOf<StrategyMemory>({
  concurrency: objectOf<Extract<StrategyMemory, { kind: 'concurrency' }>>({
    kind: oneOf(['concurrency']),
    panicAtMs: nullable(finite),
    panicReplicasMax: finite,
    idleSinceMs: nullable(finite),
    delayed: listOf(objectOf({ atMs: finite, replicas: finite }), MEMORY_ITEMS_MAX),
  }),
  target_tracking: objectOf<Extract<StrategyMemory, { kind: 'target_tracking' }>>({
    kind: oneOf(['target_tracking']),
    high: alarm,
    low: alarm,
    value: nullable(finite),
    fault: nullable(oneOf(SIGNAL_REASONS)),
  }),
  step: objectOf<Extract<StrategyMemory, { kind: 'step' }>>({
    kind: oneOf(['step']),
    alarm,
    value: nullable(finite),
  }),
  queue: objectOf<Extract<StrategyMemory, { kind: 'queue' }>>({
    kind: oneOf(['queue']),
    activeAtMs: nullable(finite),
  }),
});

export const memoryShape = objectOf<PolicyMemory>({
  events: listOf(objectOf<ScaleEvent>({ atMs: finite, change: finite }), MEMORY_ITEMS_MAX),
  reversalsAtMs: listOf(finite, MEMORY_ITEMS_MAX),
  lastDirection: nullable(oneOf(['out', 'in'])),
  lostSinceMs: mapOf(finite, MEMORY_NAMES_MAX),
  strategies: mapOf(strategy, MEMORY_NAMES_MAX),
});
