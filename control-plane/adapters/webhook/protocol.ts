/**
 * What is said between the plane and a receiver, as JSON: the number that is told (PUT), the state
 * that is read (GET), the progress of a number that was taken but is not in force yet, and a refusal.
 * Whatever a receiver answers is checked against these shapes; nothing here is sent or received.
 */

import { z } from 'zod';
import type { FencingToken } from '../../model/decision.ts';
import { REPLICA_PHASES } from '../../model/workload.ts';

/** The body of a PUT. */
export interface ToldNumber {
  /** Of the cluster that tells. */
  readonly owner: string;
  readonly workload: string;
  /** 0 where it is removed. */
  readonly replicas: number;
  /** True: the workload is gone, and nothing of it shall run; its token is kept all the same. */
  readonly removed: boolean;
  readonly token: FencingToken;
}

/**
 * The same for every attempt at the same number, whoever sends it and after whatever restart, and so is
 * the body: that it was sent again is said by the signature alone. A structured field string, as
 * draft-ietf-httpapi-idempotency-key-header has it.
 */
export function idempotencyKeyOf(told: ToldNumber): string {
  const { owner, workload, token, replicas, removed } = told;
  const number = removed ? 'removed' : String(replicas);
  return `"${owner}/${workload}/${token.term}/${token.index}/${number}"`;
}

const count = z.int().min(0);

const tokenShape = z.strictObject({ term: count, index: count });

/**
 * The body of a refusal, as RFC 9457 has it; what else it holds is not looked at. Of the codes one means
 * something here, with status 409: `stale_token`.
 */
export const problemShape = z.object({
  code: z.string().max(64).optional().catch(undefined),
  title: z.string().optional().catch(undefined),
  detail: z.string().optional().catch(undefined),
});

const address = z
  .string()
  .regex(/^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9][A-Za-z0-9.-]{0,252}):\d{1,5}$/, {
    error: 'expected host:port',
  });

const replicaShape = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, {
    error: 'expected 1 to 128 characters of letters, digits, ., _ and -',
  }),
  address: address.refine(hasPort, { error: 'expected a port from 1 to 65535' }),
  phase: z.enum(REPLICA_PHASES),
  startedAt: z.iso.datetime({ offset: true }),
});

/** The answer to a GET. Everything is null where the receiver was never told of the workload. */
export function stateShape(replicasMax: number) {
  return z.strictObject({
    workload: z.string(),
    owner: z.string().nullable(),
    token: tokenShape.nullable(),
    /** Null also where it was told that the workload is removed. */
    desired: count.nullable(),
    replicas: z
      .array(replicaShape)
      .max(replicasMax)
      .refine((replicas) => new Set(replicas.map(({ id }) => id)).size === replicas.length, {
        error: 'two replicas have one id',
      }),
  });
}

export type ReceiverState = z.output<ReturnType<typeof stateShape>>;

/** The answer to a GET of the Location that came with a 202. */
export const progressShape = z.discriminatedUnion('status', [
  z.strictObject({ status: z.literal('pending') }),
  z.strictObject({ status: z.literal('done') }),
  z.strictObject({
    status: z.literal('failed'),
    code: z.string().max(64).optional(),
    detail: z.string().optional(),
  }),
]);

export type Progress = z.output<typeof progressShape>;

export type Problem = z.output<typeof problemShape>;

export type Shape<T> = z.ZodType<T>;

export type ParsedAnswer<T> =
  | { readonly kind: 'parsed'; readonly value: T }
  | { readonly kind: 'faulty'; readonly fault: string };

/** What an answer holds, or its first fault; a fault may repeat what the receiver wrote. */
export function parseAnswer<T>(shape: Shape<T>, body: string): ParsedAnswer<T> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { kind: 'faulty', fault: 'its answer is not JSON' };
  }
  const result = shape.safeParse(value);
  if (result.success) return { kind: 'parsed', value: result.data };
  const { path = [], message = 'it has another shape' } = result.error.issues[0] ?? {};
  const where = path.length === 0 ? '' : ` at ${path.join('.')}`;
  return { kind: 'faulty', fault: `its answer is wrong${where}: ${message}` };
}

function hasPort(text: string): boolean {
  const port = Number(/\d+$/.exec(text)?.[0]);
  return port >= 1 && port <= 65_535;
}
