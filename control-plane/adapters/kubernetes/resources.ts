/**
 * Under which path the API serves a kind, and whether it can be scaled there: asked of the server
 * once, for it alone knows the plural and the subresources of what others have defined.
 */

import { z } from 'zod';
import { KubernetesError, read } from './api.ts';
import type { Asked, KubernetesApi } from './api.ts';
import type { ScalableKind } from './settings.ts';

export interface ServedKind {
  /** e.g. /apis/apps/v1. */
  readonly root: string;
  /** e.g. deployments. */
  readonly plural: string;
}

export type FindKind = (kind: ScalableKind, signal: AbortSignal) => Promise<ServedKind>;

/** Rejects with KubernetesError; `refused` for a kind that has no scale, and `missing` for none at all. */
export function createKinds(api: KubernetesApi): FindKind {
  const found = new Map<string, ServedKind>();
  return async (kind, signal) => {
    const key = `${kind.apiVersion} ${kind.resource}`;
    const known = found.get(key);
    if (known !== undefined) return known;
    const served = await find(api, kind, signal);
    found.set(key, served);
    return served;
  };
}

const resourcesSchema = z.object({
  resources: z.array(z.object({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

async function find(
  api: KubernetesApi,
  { apiVersion, resource }: ScalableKind,
  signal: AbortSignal,
): Promise<ServedKind> {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const asked: Asked = { verb: 'get', root, namespace: null, resource: null };
  const { resources } = read(asked, resourcesSchema, await api.get(asked, signal));
  const served = resources.find(
    ({ name, kind, namespaced }) => kind === resource && namespaced && !name.includes('/'),
  );
  if (served === undefined) {
    const detail = `the API server has no namespaced kind ${resource} in ${apiVersion}`;
    throw new KubernetesError('missing', detail);
  }
  if (!resources.some(({ name }) => name === `${served.name}/scale`)) {
    const detail = `${resource} of ${apiVersion} has no scale subresource, so nobody can scale it`;
    throw new KubernetesError('refused', detail);
  }
  return { root, plural: served.name };
}
