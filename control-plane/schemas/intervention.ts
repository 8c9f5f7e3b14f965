/**
 * What an operator says by hand of one workload: a pause of a direction, and a number that holds. Both
 * may end by themselves, at an instant or after a while. Relative times count from the commit.
 */

import { z } from 'zod';
import { PAUSES } from '../model/intervention.ts';
import {
  oneOf,
  parseDocument,
  type ReadField,
  strictObject,
  textOrEmpty,
  wholeNumber,
} from './document.ts';
import { durationText, parseDuration } from './duration.ts';
import type { Fault } from './fault.ts';
import { REPLICAS_MAX } from './policy/limits.ts';

const SECOND_MS = 1_000;
const YEAR_MS = 366 * 24 * 3_600_000;

const ends = {
  until: z.iso
    .datetime({ offset: true, error: 'expected an instant such as 2026-11-21T10:00:00Z' })
    .optional()
    .meta({
      description: 'When it ends by itself; neither this nor `for`: when it is taken back.',
    }),
  for: durationText(SECOND_MS, YEAR_MS)
    .optional()
    .meta({ description: 'How long it holds from now on, instead of `until`.' }),
  note: textOrEmpty('one line', 256)
    .default('')
    .meta({ description: 'Why, for whoever finds it; it stands in every decision.' }),
};

export const pauseDocument = strictObject('{ direction }', {
  direction: oneOf(PAUSES).meta({ description: 'What automatic decisions may not do meanwhile.' }),
  ...ends,
}).meta({
  id: 'PauseDocument',
  description: 'Keeps automatic decisions from going in, out or both.',
});

export const overrideDocument = strictObject('{ replicas }', {
  replicas: wholeNumber(0, REPLICAS_MAX).meta({
    description: 'The number wanted meanwhile, whatever signals, bounds and budgets say.',
  }),
  ...ends,
}).meta({ id: 'OverrideDocument', description: 'Sets the number of replicas by hand.' });

/** When something ends, before it is known when it begins. */
export type Ending =
  | { readonly kind: 'never' }
  | { readonly kind: 'at'; readonly atMs: number }
  | { readonly kind: 'after'; readonly ms: number };

export interface PauseRequest {
  readonly direction: (typeof PAUSES)[number];
  readonly ending: Ending;
  readonly note: string;
}

export interface OverrideRequest {
  readonly replicas: number;
  readonly ending: Ending;
  readonly note: string;
}

/** @throws SchemaError with every fault */
export function parsePause(value: unknown): PauseRequest {
  const { direction, note, ...ending } = parseDocument(pauseDocument, value, endFaults);
  return { direction, note, ending: endingOf(ending) };
}

/** @throws SchemaError with every fault */
export function parseOverride(value: unknown): OverrideRequest {
  const { replicas, note, ...ending } = parseDocument(overrideDocument, value, endFaults);
  return { replicas, note, ending: endingOf(ending) };
}

/** UNIX time in ms of the end of what begins at `fromMs`; null: it does not end by itself. */
export function endOf(ending: Ending, fromMs: number): number | null {
  if (ending.kind === 'never') return null;
  return ending.kind === 'at' ? ending.atMs : fromMs + ending.ms;
}

function endingOf(given: {
  readonly until?: string | undefined;
  readonly for?: string | undefined;
}): Ending {
  if (given.until !== undefined) return { kind: 'at', atMs: Date.parse(given.until) };
  if (given.for !== undefined) return { kind: 'after', ms: parseDuration(given.for) };
  return { kind: 'never' };
}

function endFaults(read: ReadField): readonly Fault[] {
  const until = read(['until'], z.unknown());
  if (until === undefined || read(['for'], z.unknown()) === undefined) return [];
  return [{ pointer: '/for', message: 'expected at most one of until and for; got both' }];
}
