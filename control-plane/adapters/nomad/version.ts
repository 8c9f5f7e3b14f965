/**
 * Whether the servers keep a late write out: the index under which a group is scaled is checked from
 * Nomad 1.8.2 on, and passed over in silence before that.
 */

import { z } from 'zod';
import { NomadError } from './api.ts';
import type { NomadApi, NomadRequest } from './api.ts';

const selfSchema = z.object({
  member: z.object({ Tags: z.record(z.string(), z.string()).nullish() }).nullish(),
  config: z.object({ Version: z.object({ Version: z.string().optional() }).nullish() }).nullish(),
});

const OLDEST = [1, 8, 2];

/**
 * Null: new enough. A text: not to be told, and why.
 * @throws NomadError `refused`: too old
 */
export async function checkVersion(api: NomadApi, signal: AbortSignal): Promise<string | null> {
  const request: NomadRequest = {
    method: 'GET',
    doing: 'read the version of Nomad',
    grant: 'agent { policy = "read" }',
    path: '/v1/agent/self',
    query: {},
  };
  let version: string | undefined;
  try {
    const { value } = await api.call(request, selfSchema, signal);
    version = value.config?.Version?.Version ?? value.member?.Tags?.['build'];
  } catch (error) {
    if (error instanceof NomadError && error.failure === 'forbidden') return error.message;
    throw error;
  }
  const parts = /^v?(\d+)\.(\d+)\.(\d+)/
    .exec(version ?? '')
    ?.slice(1)
    .map(Number);
  if (parts === undefined) return 'the agent does not tell its version';
  if (isAtLeast(parts, OLDEST)) return null;
  const need = `${OLDEST.join('.')} is the first that refuses a count decided on an older job`;
  throw new NomadError('refused', `Nomad ${version ?? ''} is too old: ${need}`);
}

function isAtLeast(version: readonly number[], oldest: readonly number[]): boolean {
  const at = version.findIndex((part, index) => part !== oldest[index]);
  return at === -1 || (version[at] ?? 0) > (oldest[at] ?? 0);
}
