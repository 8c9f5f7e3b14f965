/** One request to the API of one member of a cluster, for whoever repeats what was not acknowledged. */

import type { ClusterMember } from './cluster-process.ts';
import { workloadDocument } from './http-documents.ts';

/** Longer than a member waits for a leader, in ms. */
const HTTP_TRY_MS = 2_500;

/** The version that it gave; null when it is to be repeated. */
export async function putOver(
  member: ClusterMember,
  workloadId: string,
  number: number,
): Promise<number | null> {
  const answer = await ask(member, `/v1/workloads/${workloadId}`, {
    method: 'PUT',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': `${workloadId}-${number}`,
    },
    body: JSON.stringify(
      workloadDocument({ id: workloadId, mode: 'stopped', description: String(number) }),
    ),
  });
  if (answer === null || answer.status === 503 || answer.status === 504) return null;
  if (!answer.ok) {
    throw new Error(`${member.id} answered ${answer.status} to a write: ${answer.text}`);
  }
  return versionIn(answer);
}

/** Its body is read. */
export interface Answer extends Pick<Response, 'ok' | 'status' | 'headers'> {
  readonly text: string;
}

/** Null without an answer in time. */
export async function ask(
  member: ClusterMember,
  path: string,
  request: RequestInit = {},
): Promise<Answer | null> {
  try {
    const signal = AbortSignal.timeout(HTTP_TRY_MS);
    const answer = await fetch(`${member.url}${path}`, { ...request, signal });
    const { ok, status, headers } = answer;
    return { ok, status, headers, text: await answer.text() };
  } catch {
    return null;
  }
}

/** NaN where the answer names none. */
export function versionIn(answer: Answer): number {
  return Number(/^"(\d+)"$/.exec(answer.headers.get('etag') ?? '')?.[1] ?? Number.NaN);
}
