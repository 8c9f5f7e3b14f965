/**
 * What the API answers, as schemas: the OpenAPI document shows them, and the tests hold every
 * response against them. They parse nothing on the way out.
 */

import { z } from 'zod';

import { SCALE_STAGES } from '../model/decision.ts';
import { MODES } from '../model/mode.ts';
import { NODE_STATUSES } from '../model/node.ts';
import { ACT_REASONS, HOLD_REASONS, REASONS, SIGNAL_REASONS } from '../model/reasons.ts';
import { REPLICA_PHASES } from '../model/workload.ts';
import { fencingToken, inFlightAction, recordedInput } from '../schemas/evaluate.ts';
import { policyMemory } from '../schemas/evaluate/memory.ts';
import { overrideInput, pauseInput } from '../schemas/evaluate/readings.ts';
import { nodeRegistration } from '../schemas/node.ts';
import { workloadDocument } from '../schemas/workload.ts';
import { FAULT_PLACES, PROBLEM_CODES } from './errors.ts';

const count = z.int().min(0);
const atMs = z.number().meta({ description: 'UNIX time in ms.' });
const version = z.int().min(1).meta({ description: 'Counts up with each change; the ETag.' });
const mode = z.enum(MODES);
const sentence = z.string();

/** A list in pages. */
export function pageOf(item: z.ZodType, id: string) {
  return z
    .strictObject({
      items: z.array(item),
      nextCursor: z.string().nullable().meta({ description: 'Null on the last page.' }),
    })
    .meta({ id });
}

export const problem = z
  .object({
    type: z.string().meta({ examples: ['urn:omnimind:problem:invalid_document'] }),
    title: z.string(),
    status: z.int(),
    detail: sentence,
    instance: z.string().meta({ description: 'The path that was asked for.' }),
    code: z.enum(PROBLEM_CODES),
    trace_id: z.string().regex(/^[0-9a-f]{32}$/u),
    errors: z
      .array(
        z.strictObject({
          in: z.enum(FAULT_PLACES),
          pointer: z.string().meta({
            description: 'JSON Pointer (RFC 6901) into the body; /name of a parameter elsewhere.',
          }),
          message: sentence,
        }),
      )
      .optional(),
    errors_omitted: z.int().optional(),
  })
  .meta({ id: 'Problem', description: 'Problem details (RFC 9457).' });

export const registrationAnswer = z
  .strictObject({
    nodeId: z.string(),
    heartbeatIntervalMs: count.meta({ description: 'How often to send a heartbeat.' }),
  })
  .meta({ id: 'RegistrationAnswer' });

export const nodeView = z
  .strictObject({
    ...nodeRegistration.shape,
    registeredAtMs: atMs,
    health: z.strictObject({
      status: z.enum(NODE_STATUSES),
      evidence: sentence,
      heartbeatAgeMs: z.number(),
    }),
  })
  .meta({ id: 'Node' });

const replica = z
  .strictObject({
    replicaId: z.string(),
    workloadId: z.string(),
    address: z.string(),
    metricsPath: z.string(),
    phase: z.enum(REPLICA_PHASES),
    startedAtMs: atMs,
    readyChangedAtMs: atMs.optional(),
  })
  .meta({ id: 'Replica' });

export const services = z
  .strictObject({
    items: z.array(
      z.strictObject({
        capability: z.string(),
        healthyNodes: count,
        nodes: z.array(z.strictObject({ nodeId: z.string(), address: z.string() })),
        readyReplicas: count,
        replicas: z.array(
          z.strictObject({ replicaId: z.string(), workloadId: z.string(), address: z.string() }),
        ),
      }),
    ),
  })
  .meta({
    id: 'Services',
    description: 'The counts are of all; each list holds at most `limit`, in the order of the ids.',
  });

const verdict = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('act'),
      direction: z.enum(['out', 'in']),
      replicas: count,
      reason: z.enum(ACT_REASONS),
    }),
    z.strictObject({ kind: z.literal('hold'), replicas: count, reason: z.enum(HOLD_REASONS) }),
  ])
  .meta({ id: 'Verdict' });

export const workloadView = z
  .strictObject({
    workload: workloadDocument,
    version,
    desired: count,
    mode: mode.meta({ description: 'In force: the document’s, until an operator sets another.' }),
    effectiveMode: mode.meta({ description: 'The weaker of this mode and the plane’s.' }),
    inFlight: inFlightAction.nullable(),
    pause: pauseInput.nullable(),
    override: overrideInput.nullable(),
    replicas: z.array(replica),
    policies: z.array(z.string()),
    lastEvaluation: z.strictObject({ atMs, decisionId: z.string(), verdict }).nullable(),
  })
  .meta({ id: 'WorkloadView' });

export const modeView = z.strictObject({ mode }).meta({ id: 'ModeView' });

export const workloadModeView = z
  .strictObject({ workload: z.string(), mode, effectiveMode: mode })
  .meta({ id: 'WorkloadModeView' });

const proposal = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('replicas'),
      metric: z.string(),
      replicas: count,
      ratio: z.number().nullable(),
      ageMs: z.number().nullable(),
      withinTolerance: z.boolean(),
      limited: z.enum(SIGNAL_REASONS).nullable(),
      detail: sentence.optional(),
    }),
    z.strictObject({
      kind: z.literal('none'),
      metric: z.string(),
      reason: z.enum(SIGNAL_REASONS),
      ageMs: z.number().nullable(),
      detail: sentence,
    }),
  ])
  .meta({ id: 'Proposal' });

export const scaleOutcome = z
  .strictObject({
    verdict,
    proposals: z.array(proposal),
    stages: z.array(
      z.strictObject({
        stage: z.enum(SCALE_STAGES),
        before: count,
        after: count,
        reason: z.enum(REASONS).nullable(),
        detail: sentence,
      }),
    ),
    recommendation: count.nullable(),
    memory: policyMemory.optional(),
  })
  .meta({ id: 'ScaleOutcome' });

const recordFields = {
  decisionId: z.string(),
  kind: z.literal('scale'),
  workloadId: z.string(),
  policyId: z.string(),
  policyVersion: version,
  atMs,
  input: recordedInput,
  outcome: scaleOutcome,
  traceId: z.string().regex(/^[0-9a-f]{32}$/u),
  token: fencingToken.nullable(),
  shadow: z
    .strictObject({ version, desired: count, outcome: scaleOutcome })
    .optional()
    .meta({ description: 'What the shadow of the policy decided; nothing acted on it.' }),
};

/** What the number would have been without one thing. */
export const counterfactuals = z
  .array(z.strictObject({ without: z.string(), replicas: count }))
  .meta({
    description:
      'What the number would have been without one thing, decided anew; only what would have changed it.',
  });

export const decisionRecord = z.strictObject(recordFields).meta({ id: 'DecisionRecord' });

export const explainedDecision = z
  .strictObject({
    ...recordFields,
    explanation: sentence.meta({ description: 'The decision in one paragraph, from its stages.' }),
    counterfactuals,
  })
  .meta({ id: 'ExplainedDecision' });

export const replayAnswer = z
  .strictObject({
    decisionId: z.string(),
    identical: z.boolean(),
    recorded: scaleOutcome,
    replayed: scaleOutcome,
    differences: z
      .array(z.string())
      .meta({ description: 'JSON Pointers into the outcome; at most 50.' }),
  })
  .meta({ id: 'Replay' });

export const targetGroups = z
  .array(
    z.strictObject({
      targets: z.array(z.string()),
      labels: z.record(z.string(), z.string()),
    }),
  )
  .meta({ id: 'TargetGroups', description: 'The format of Prometheus’ http_sd.' });

export const liveness = z.strictObject({ status: z.literal('ok') }).meta({ id: 'Liveness' });

const checkStatus = z.enum(['ok', 'degraded', 'failed']);

export const readiness = z
  .strictObject({
    status: checkStatus,
    checks: z.array(z.strictObject({ name: z.string(), status: checkStatus, detail: z.string() })),
  })
  .meta({ id: 'Readiness' });

export const versionView = z
  .strictObject({
    name: z.string(),
    version: z.string(),
    node: z.string(),
    formatInForce: count.meta({
      description:
        'Of the log and the snapshots, as far as this member has applied them; it never falls, and a version that does not read it cannot be gone back to.',
    }),
  })
  .meta({ id: 'Version' });
