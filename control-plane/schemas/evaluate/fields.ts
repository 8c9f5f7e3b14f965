/** Fields of recorded inputs, in the words and units of the model. */

import { expected, ratio, text, textOrEmpty, wholeNumber } from '../document.ts';
import { REPLICAS_MAX } from '../policy/limits.ts';
import { z } from 'zod';

/** Largest instant of ECMAScript, in ms. */
const INSTANT_MAX_MS = 8.64e15;
const DURATION_MAX_MS = 366 * 24 * 3_600_000;

export const instantMs = ratio(0, INSTANT_MAX_MS).meta({ description: 'UNIX time in ms.' });
export const durationMs = ratio(0, DURATION_MAX_MS).meta({ description: 'In ms.' });
/** Windows and periods are divided by: none is 0. */
export const spanMs = ratio(1, DURATION_MAX_MS).meta({ description: 'In ms.' });
export const replicas = wholeNumber(0, REPLICAS_MAX);
export const line = textOrEmpty('one line', 4_096);
export const query = textOrEmpty('PromQL', 65_536);
export const share = ratio(0, 1);
export const finite = z.number({ error: (issue) => expected('a finite number', issue.input) });
export const flag = z.boolean({ error: (issue) => expected('true or false', issue.input) });

/** The name of a metric, strategy or group. */
export const signalName = text('the name of a metric', 63).regex(/^(?!__|constructor$)/, {
  error: 'reserved: use a name that does not begin with __',
});

/** A value that was read; null stands for one that is not finite, which JSON cannot say. */
export const readValue = z
  .number({ error: (issue) => expected('a finite number, or null', issue.input) })
  .nullable()
  .meta({ description: 'Null is a value that is not finite: NaN or infinite.' });
