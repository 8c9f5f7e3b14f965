/**
 * What the target writes of a group that it scales, and reads back: a Nomad variable per group, which
 * is changed only by whoever has read it as it is. It says whose the group is, which workload's, the
 * newest token and the number that came with it. Of a group that was given up the token stays, so that
 * what came before stays refused.
 */

import { createHash } from 'node:crypto';
import { z } from 'zod';
import { tokenIn, tokenText } from '../replicas/fencing.ts';
import type { Claim as AnyClaim, Told as AnyTold } from '../replicas/told.ts';
import { NomadError } from './api.ts';
import type { Blocking, Indexed, NomadApi, NomadRequest } from './api.ts';
import type { GroupName } from './groups.ts';

export interface Told extends AnyTold<Claim> {
  readonly group: GroupName;
}

export interface Claim extends AnyClaim {
  /** The number has been written: nothing older can be under way any more. */
  readonly isSettled: boolean;
}

export interface StoredTold {
  readonly told: Told;
  /** To be given with the next write. */
  readonly modifyIndex: number;
}

/** Path and index of each variable, as their list tells. */
export type ToldIndexes = Readonly<Record<string, number>>;

const PREFIX = 'omnimind/groups/';

/** Names of jobs hold what no path of a variable may. */
export function pathOf({ region, namespace, jobId, group }: GroupName): string {
  const name = JSON.stringify([region, namespace, jobId, group]);
  return PREFIX + createHash('sha256').update(name).digest('hex').slice(0, 40);
}

const listSchema = z.array(z.object({ Path: z.string(), ModifyIndex: z.number() }));
const variableSchema = z.object({
  ModifyIndex: z.number().int().positive(),
  Items: z.record(z.string(), z.string()),
});
const countSchema = z
  .string()
  .regex(/^\d{1,9}$/)
  .transform(Number);
const itemsSchema = z.object({
  owner: z.string(),
  token: z.string().transform((text, context) => {
    const token = tokenIn(text);
    if (token !== null) return token;
    context.addIssue('no term.index');
    return z.NEVER;
  }),
  region: z.string().transform((region) => (region === '' ? null : region)),
  namespace: z.string(),
  job: z.string(),
  group: z.string(),
  claim: z.discriminatedUnion('state', [
    z.object({ state: z.literal('released') }),
    z.object({
      state: z.enum(['told', 'settled']),
      workload: z.string(),
      replicas: countSchema,
      replicas_before: countSchema,
    }),
  ]),
});

export class ToldVariables {
  readonly #api: NomadApi;
  readonly #namespace: string;

  constructor(api: NomadApi, namespace: string) {
    this.#api = api;
    this.#namespace = namespace;
  }

  async list(blocking: Blocking, signal: AbortSignal): Promise<Indexed<ToldIndexes>> {
    const request: NomadRequest = {
      ...this.#request('GET', 'list', 'list what was told', `${PREFIX}*`),
      path: '/v1/vars',
      query: { namespace: this.#namespace, prefix: PREFIX },
    };
    const { value, index } = await this.#api.query(request, listSchema, blocking, signal);
    const indexes = value.map(({ Path, ModifyIndex }): [string, number] => [Path, ModifyIndex]);
    return { value: Object.fromEntries(indexes), index };
  }

  /** Null: nothing was ever told. Rejects with NomadError; `refused` where it makes no sense. */
  async read(path: string, signal: AbortSignal): Promise<StoredTold | null> {
    const request = this.#request('GET', 'read', `read what was told (${path})`, path);
    try {
      const { value } = await this.#api.call(request, variableSchema, signal);
      return { told: toldIn(path, value.Items), modifyIndex: value.ModifyIndex };
    } catch (error) {
      if (error instanceof NomadError && error.failure === 'missing') return null;
      throw error;
    }
  }

  /** Only while the variable is as it was read. */
  async write(told: Told, before: StoredTold | null, signal: AbortSignal): Promise<StoredTold> {
    const path = pathOf(told.group);
    const request = this.#request('PUT', 'write', `write what is told (${path})`, path);
    const query = { ...request.query, cas: String(before?.modifyIndex ?? 0) };
    const body = { Namespace: this.#namespace, Path: path, Items: itemsOf(told) };
    const { value } = await this.#api.call({ ...request, query, body }, variableSchema, signal);
    return { told, modifyIndex: value.ModifyIndex };
  }

  #request(
    method: NomadRequest['method'],
    capability: string,
    doing: string,
    path: string,
  ): NomadRequest {
    const namespace = this.#namespace;
    return {
      ...{ method, doing, path: `/v1/var/${path}`, query: { namespace } },
      grant: `the capability ${capability} on the variables ${PREFIX}* in the namespace ${namespace}`,
    };
  }
}

function itemsOf({ owner, token, group, claim }: Told): Record<string, string> {
  return {
    ...{ owner, token: tokenText(token) },
    ...{ region: group.region ?? '', namespace: group.namespace },
    ...{ job: group.jobId, group: group.group },
    ...(claim === null
      ? { state: 'released' }
      : {
          state: claim.isSettled ? 'settled' : 'told',
          workload: claim.workloadId,
          replicas: String(claim.replicas),
          replicas_before: String(claim.replicasBefore),
        }),
  };
}

function toldIn(path: string, items: Readonly<Record<string, string>>): Told {
  const result = itemsSchema.safeParse({ ...items, claim: items });
  if (!result.success) {
    const where = result.error.issues[0]?.path.join('.') ?? '';
    const todo = 'put it back, or delete the variable';
    throw new NomadError('refused', `the variable ${path} was changed (${where}); ${todo}`);
  }
  const { owner, token, region, namespace, job: jobId, group, claim } = result.data;
  return {
    ...{ owner, token, group: { region, namespace, jobId, group } },
    claim:
      claim.state === 'released'
        ? null
        : {
            workloadId: claim.workload,
            replicas: claim.replicas,
            replicasBefore: claim.replicas_before,
            isSettled: claim.state === 'settled',
          },
  };
}
