/** What the API answers of policies and of what goes with them, as schemas; see representations.ts. */

import { z } from 'zod';
import { budgetDocument } from '../schemas/budget.ts';
import { recordedInput } from '../schemas/evaluate.ts';
import { overrideInput, pauseInput } from '../schemas/evaluate/readings.ts';
import { policyDocument } from '../schemas/policy.ts';
import { counterfactuals, scaleOutcome } from './representations.ts';

const count = z.int().min(0);
const atMs = z.number().meta({ description: 'UNIX time in ms.' });
const version = z.int().min(1).meta({ description: 'Counts up with each change; the ETag.' });
export const interventionsView = z
  .strictObject({
    workload: z.string(),
    pause: pauseInput.nullable(),
    override: overrideInput.nullable(),
  })
  .meta({ id: 'Interventions' });

export const budgetView = z
  .strictObject({
    budget: budgetDocument,
    version,
    used: z.number().meta({ description: 'Units that all have together.' }),
    shares: z.array(
      z.strictObject({
        policy: z.string(),
        workload: z.string(),
        unitsPerReplica: z.number(),
        used: z.number(),
      }),
    ),
  })
  .meta({ id: 'BudgetView' });

const queryFault = z.strictObject({
  signal: z.string().meta({ description: 'Name of the metric or strategy.' }),
  reason: z.string(),
  detail: z.string(),
});

export const preview = z
  .strictObject({
    policy: policyDocument,
    changes: z
      .array(
        z.strictObject({
          pointer: z.string().meta({ description: 'JSON Pointer into the document.' }),
          before: z.unknown().optional(),
          after: z.unknown().optional(),
        }),
      )
      .meta({ description: 'From the policy in force; all of it for a new one.' }),
    input: recordedInput,
    outcome: scaleOutcome,
    explanation: z.string(),
    counterfactuals,
    signalFaults: z.array(queryFault),
  })
  .meta({
    id: 'PolicyPreview',
    description: 'What the policy would decide at this moment; nothing was saved.',
  });

const warnings = z.array(queryFault).meta({
  description: 'Signals that could not be read just now; the policy is saved all the same.',
});

export const shadowView = z
  .strictObject({
    policy: policyDocument,
    version,
    desired: count
      .nullable()
      .meta({ description: 'What it wants; null before its first decision.' }),
    desiredLive: count.meta({ description: 'What the policy in force wants.' }),
    reversals: count.meta({ description: 'How often its direction has turned since it was put.' }),
  })
  .meta({ id: 'ShadowView' });

export const policyView = z
  .strictObject({
    policy: policyDocument,
    version,
    shadow: shadowView.nullable(),
  })
  .meta({ id: 'PolicyView' });

export const savedPolicy = policyView.extend({ warnings }).meta({ id: 'SavedPolicy' });

export const policyVersions = z
  .strictObject({
    policy: z.string(),
    items: z.array(
      z.strictObject({
        version,
        current: z.boolean(),
        replacedAtMs: atMs.nullable(),
        policy: policyDocument,
      }),
    ),
  })
  .meta({
    id: 'PolicyVersions',
    description: 'Newest first: the one in force and those before it.',
  });

export const policyDiff = z
  .strictObject({
    policy: z.string(),
    from: z.string(),
    to: z.string(),
    changes: preview.shape.changes,
  })
  .meta({ id: 'PolicyDiff' });
