/**
 * What the target writes on an object that it scales, and reads back: whose it is, which workload's,
 * the newest token and the number that came with it. The annotations are all that the next leader
 * has to go by. On an object that was given up the token stays, so that what came before stays
 * refused. It touches no other annotation and no label but its own.
 */

import { z } from 'zod';
import { tokenIn, tokenText } from '../replicas/fencing.ts';
import type { Claim, Told } from '../replicas/told.ts';

/** On each object that an owner scales; the owner is its value. */
export const OWNER_LABEL = 'control-plane.omnimind/cluster';
const OWNER = 'control-plane.omnimind/cluster';
const WORKLOAD = 'control-plane.omnimind/workload';
const TOKEN = 'control-plane.omnimind/token';
const REPLICAS = 'control-plane.omnimind/replicas';
const REPLICAS_BEFORE = 'control-plane.omnimind/replicas-before';

export interface ScaledObject {
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
  /** In the words of `told`; `unreadable` where somebody has changed the annotations. */
  readonly told:
    | { readonly kind: 'none' }
    | { readonly kind: 'told'; readonly told: Told }
    | { readonly kind: 'unreadable'; readonly detail: string };
  /** spec.replicas; null where the object keeps its number elsewhere. */
  readonly replicas: number | null;
  /** By field manager's name, in the order of their last writes: who owns spec.replicas. */
  readonly replicasBy: string | null;
}

const objectSchema = z.object({
  metadata: z.object({
    namespace: z.string(),
    name: z.string(),
    resourceVersion: z.string(),
    annotations: z.record(z.string(), z.string()).nullish(),
    managedFields: z
      .array(
        z.object({
          manager: z.string().optional(),
          time: z.string().optional(),
          fieldsV1: z.unknown(),
        }),
      )
      .nullish(),
  }),
  spec: z.object({ replicas: z.unknown() }).nullish(),
});

export const scaledObjectSchema = objectSchema.transform(({ metadata, spec }): ScaledObject => {
  const replicas = spec?.replicas;
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    resourceVersion: metadata.resourceVersion,
    told: readTold(metadata.annotations ?? {}),
    replicas: typeof replicas === 'number' ? replicas : null,
    replicasBy: managerOf(metadata.managedFields ?? []),
  };
});

/** As a merge patch that holds only while the object is at this version. */
export function toldPatch(object: ScaledObject, told: Told): unknown {
  const { owner, token, claim } = told;
  return {
    metadata: {
      resourceVersion: object.resourceVersion,
      labels: { [OWNER_LABEL]: claim === null ? null : owner },
      annotations: {
        [OWNER]: owner,
        [TOKEN]: tokenText(token),
        [WORKLOAD]: claim?.workloadId ?? null,
        [REPLICAS]: claim === null ? null : String(claim.replicas),
        [REPLICAS_BEFORE]: claim === null ? null : String(claim.replicasBefore),
      },
    },
  };
}

type Annotations = Readonly<Record<string, string>>;

function readTold(annotations: Annotations): ScaledObject['told'] {
  const owner = annotations[OWNER];
  const text = annotations[TOKEN];
  if (owner === undefined && text === undefined) return { kind: 'none' };
  if (owner === undefined) return { kind: 'unreadable', detail: `${OWNER} is missing` };
  const token = tokenIn(text ?? '');
  if (token === null) return { kind: 'unreadable', detail: `${TOKEN} is no term.index` };
  const claim = readClaim(annotations);
  if (typeof claim === 'string') return { kind: 'unreadable', detail: claim };
  return { kind: 'told', told: { owner, token, claim } };
}

function readClaim(annotations: Annotations): Claim | string | null {
  const workloadId = annotations[WORKLOAD];
  if (workloadId === undefined) return null;
  const replicas = countIn(annotations[REPLICAS]);
  const replicasBefore = countIn(annotations[REPLICAS_BEFORE]);
  if (replicas === null) return `${REPLICAS} is no number of replicas`;
  if (replicasBefore === null) return `${REPLICAS_BEFORE} is no number of replicas`;
  return { workloadId, replicas, replicasBefore };
}

function countIn(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

const fieldsSchema = z.object({ 'f:spec': z.object({ 'f:replicas': z.unknown() }) });

/** The manager that owns spec.replicas; of several that agreed on it, the last one to write. */
function managerOf(
  entries: readonly {
    readonly manager?: string | undefined;
    readonly time?: string | undefined;
    readonly fieldsV1?: unknown;
  }[],
): string | null {
  const owners = entries.filter(({ fieldsV1 }) => {
    const fields = fieldsSchema.safeParse(fieldsV1);
    return fields.success && fields.data['f:spec']['f:replicas'] !== undefined;
  });
  const last = owners.toSorted((a, b) => (a.time ?? '').localeCompare(b.time ?? '')).at(-1);
  return last?.manager ?? null;
}
