/**
 * Which object a workload names, and the calls on it: read it, write what was told on it, read its
 * scale and write that. It refuses what lies outside of the namespaces and kinds that this member was
 * given. When which of the calls is due is decided elsewhere.
 */

import { z } from 'zod';
import type { Told } from '../replicas/told.ts';
import { read } from './api.ts';
import type { Asked, KubernetesApi } from './api.ts';
import type { FindKind } from './resources.ts';
import type { ScalableKind } from './settings.ts';
import { scaledObjectSchema, toldPatch } from './told.ts';
import type { ScaledObject } from './told.ts';

/** An object by name, whether or not there is one. */
export interface ObjectName extends ScalableKind {
  readonly namespace: string;
  readonly name: string;
}

/** What the scale subresource says of it. */
export interface Scale {
  readonly replicas: number;
  /** Label selector of its pods; null where the resource gives none. */
  readonly selector: string | null;
}

export function nameOf({ resource, namespace, name }: ObjectName): string {
  return `${resource} ${namespace}/${name}`;
}

export function isSame(a: ObjectName, b: ObjectName): boolean {
  const isSameKind = a.apiVersion === b.apiVersion && a.resource === b.resource;
  return isSameKind && a.namespace === b.namespace && a.name === b.name;
}

const scaleSchema = z.object({
  spec: z
    .object({ replicas: z.number().int().nonnegative().optional() })
    .nullish()
    // The API leaves out a number that is zero.
    .transform((spec) => spec?.replicas ?? 0),
  status: z
    .object({ selector: z.string().optional() })
    .nullish()
    .transform((status) => status?.selector ?? null),
});

const autoscalersSchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    scaleTargetRef: z.object({
      apiVersion: z.string().optional(),
      kind: z.string(),
      name: z.string(),
    }),
  }),
});

/** Each call rejects with a KubernetesError, and with nothing else. */
export class Objects {
  readonly #api: KubernetesApi;
  readonly #kinds: FindKind;

  constructor(api: KubernetesApi, kinds: FindKind) {
    this.#api = api;
    this.#kinds = kinds;
  }

  async read(object: ObjectName, signal: AbortSignal): Promise<ScaledObject> {
    const asked = await this.#asked(object, 'get', signal);
    return read(asked, scaledObjectSchema, await this.#api.get(asked, signal));
  }

  /** Only while the object is at the version that was read. */
  async tell(
    object: ObjectName,
    found: ScaledObject,
    told: Told,
    signal: AbortSignal,
  ): Promise<ScaledObject> {
    const asked = await this.#asked(object, 'patch', signal);
    const patched = await this.#api.patch(asked, toldPatch(found, told), signal);
    return read(asked, scaledObjectSchema, patched);
  }

  async readScale(object: ObjectName, signal: AbortSignal): Promise<Scale> {
    const asked: Asked = { ...(await this.#asked(object, 'get', signal)), subresource: 'scale' };
    const scale = read(asked, scaleSchema, await this.#api.get(asked, signal));
    return { replicas: scale.spec, selector: scale.status };
  }

  /** Only while the object is at the version that was read. */
  async writeScale(
    object: ObjectName,
    resourceVersion: string,
    replicas: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { name, namespace } = object;
    const asked: Asked = { ...(await this.#asked(object, 'update', signal)), subresource: 'scale' };
    const body = {
      ...{ apiVersion: 'autoscaling/v1', kind: 'Scale' },
      metadata: { name, namespace, resourceVersion },
      spec: { replicas },
    };
    await this.#api.put(asked, body, signal);
  }

  /** Names of the HorizontalPodAutoscalers that scale the object. */
  async readAutoscalers(object: ObjectName, signal: AbortSignal): Promise<readonly string[]> {
    const asked: Asked = {
      verb: 'list',
      root: '/apis/autoscaling/v2',
      namespace: object.namespace,
      resource: 'horizontalpodautoscalers',
    };
    const { items } = await this.#api.list(asked, signal);
    return items
      .map((item) => read(asked, autoscalersSchema, item))
      .filter(({ spec: { scaleTargetRef: ref } }) => {
        const isSameGroup =
          groupOf(ref.apiVersion ?? object.apiVersion) === groupOf(object.apiVersion);
        return isSameGroup && ref.kind === object.resource && ref.name === object.name;
      })
      .map(({ metadata }) => metadata.name);
  }

  async #asked(object: ObjectName, verb: Asked['verb'], signal: AbortSignal): Promise<Asked> {
    const { root, plural } = await this.#kinds(object, signal);
    return { verb, root, namespace: object.namespace, resource: plural, name: object.name };
  }
}

/** A kind is the same in each version of its group. */
function groupOf(apiVersion: string): string {
  return apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
}
