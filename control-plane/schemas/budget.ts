/** A budget that workloads share, as the API takes it, turned into the model and back. */

import { z } from 'zod';
import type { Budget } from '../model/budget.ts';
import { expected, slug, strictObject, text, textOrEmpty } from './document.ts';
import { parseWith } from './fault.ts';

/** A larger one would not be exact. */
const LIMIT_MAX = 1_000_000_000;

export const budgetDocument = strictObject('a budget', {
  id: slug('an id').meta({ examples: ['tenant-a-gpus'] }),
  description: textOrEmpty('a description', 1_024).default(''),
  unit: text('what is counted', 32)
    .default('replica')
    .meta({ description: 'What is counted, for people.', examples: ['gpu'] }),
  limit: z
    .number({ error: (issue) => expected('a number from 0', issue.input) })
    .min(0, { error: 'expected a number from 0' })
    .max(LIMIT_MAX, { error: `expected a number up to ${LIMIT_MAX}` })
    .meta({ description: 'What all that share it may have together, in units.' }),
}).meta({
  id: 'Budget',
  description: 'What several workloads may have together; policies say what a replica takes of it.',
});

/** @throws SchemaError with every fault */
export function parseBudget(value: unknown): Budget {
  return parseWith(budgetDocument, value);
}
