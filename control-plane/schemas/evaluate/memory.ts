/** What the brakes and the strategies of a policy remember, as an input of a decision carries it. */

import { z } from 'zod';
import { SIGNAL_REASONS } from '../../model/reasons.ts';
import { list, oneOf, strictObject, wholeNumber } from '../document.ts';
import { REPLICAS_MAX } from '../policy/limits.ts';
import { finite, instantMs, replicas, signalName } from './fields.ts';

/** Runs of equal recommendations that an input may carry. */
export const RECOMMENDATIONS_MAX = 5_000;

const EVENTS_MAX = 1_000;
const BEYOND_MAX = 100_000;

const alarm = strictObject('an alarm', {
  kind: oneOf(['ok', 'alarm', 'insufficient_data']),
  beyond: wholeNumber(0, BEYOND_MAX),
  lastAtMs: instantMs.nullable(),
});

const strategyMemory = z.discriminatedUnion(
  'kind',
  [
    strictObject('the memory of a concurrency', {
      kind: z.literal('concurrency'),
      panicAtMs: instantMs.nullable(),
      panicReplicasMax: wholeNumber(0, Number.MAX_SAFE_INTEGER),
      idleSinceMs: instantMs.nullable(),
      delayed: list(
        `at most ${EVENTS_MAX} maxima`,
        strictObject('a maximum', {
          atMs: instantMs,
          replicas: wholeNumber(0, Number.MAX_SAFE_INTEGER),
        }),
        0,
        EVENTS_MAX,
      ),
    }),
    strictObject('the memory of a target tracking', {
      kind: z.literal('target_tracking'),
      high: alarm,
      low: alarm,
      value: finite.nullable(),
      fault: oneOf(SIGNAL_REASONS).nullable(),
    }),
    strictObject('the memory of a step scaling', {
      kind: z.literal('step'),
      alarm,
      value: finite.nullable(),
    }),
    strictObject('the memory of a queue', {
      kind: z.literal('queue'),
      activeAtMs: instantMs.nullable(),
    }),
  ],
  { error: 'expected an object whose kind is concurrency, target_tracking, step or queue' },
);

export const policyMemory = strictObject('a memory', {
  events: list(
    `at most ${EVENTS_MAX} changes`,
    strictObject('a change', { atMs: instantMs, change: wholeNumber(-REPLICAS_MAX, REPLICAS_MAX) }),
    0,
    EVENTS_MAX,
  ),
  reversalsAtMs: list(`at most ${EVENTS_MAX} reversals`, instantMs, 0, EVENTS_MAX),
  lastDirection: oneOf(['out', 'in']).nullable(),
  lostSinceMs: z.record(signalName, instantMs),
  strategies: z.record(signalName, strategyMemory),
}).meta({ id: 'PolicyMemory', description: 'What a policy remembers beside its windows.' });

export const brakesInput = strictObject('brakes', {
  recommendations: list(
    `at most ${RECOMMENDATIONS_MAX} runs`,
    strictObject('a run', { replicas, firstAtMs: instantMs, lastAtMs: instantMs }),
    0,
    RECOMMENDATIONS_MAX,
  ),
  lastOutAtMs: instantMs.nullable(),
  lastInAtMs: instantMs.nullable(),
  memory: z.exactOptional(policyMemory),
}).meta({ id: 'Brakes', description: 'What the brakes remember of one policy.' });
