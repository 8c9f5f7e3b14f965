/**
 * One request to one member of a cluster, over its API or the binary protocol, for whoever repeats what
 * was not acknowledged. It repeats nothing itself.
 */

import { connectRaftClient } from '../../control-plane/adapters/raft/client.ts';
import type { RaftClient } from '../../control-plane/adapters/raft/client.ts';
import { parseCommitted } from '../../control-plane/loops/raft/requests.ts';
import type { Command } from '../../control-plane/model/command.ts';
import type { FencingToken } from '../../control-plane/model/decision.ts';
import type { Mode } from '../../control-plane/model/mode.ts';
import { ConsensusError } from '../../control-plane/ports/consensus.ts';
import { TransportError } from '../../control-plane/ports/raft-transport.ts';
import type { ClusterMember } from './cluster-process.ts';
import { workloadDocument } from './http-documents.ts';
import { workload } from './log-commands.ts';

/** One of the writes to a workload, which are numbered from 1; each has one key, however often sent. */
export interface WorkloadWrite {
  readonly workloadId: string;
  readonly number: number;
  readonly mode: Mode;
  readonly description: string;
}

/** Null without an answer in time. */
export async function putOver(
  member: ClusterMember,
  { workloadId, number, mode, description }: WorkloadWrite,
  withinMs: number,
): Promise<Answer | null> {
  const request = {
    method: 'PUT',
    headers: {
      'content-type': 'application/json',
      'idempotency-key': `${workloadId}-${number}`,
    },
    body: JSON.stringify(workloadDocument({ id: workloadId, mode, description })),
  };
  return ask(member, `/v1/workloads/${workloadId}`, withinMs, request);
}

/** Its body is read. */
export interface Answer extends Pick<Response, 'ok' | 'status' | 'headers'> {
  readonly text: string;
}

/** Null without an answer in time. */
export async function ask(
  member: ClusterMember,
  path: string,
  withinMs: number,
  request: RequestInit = {},
): Promise<Answer | null> {
  try {
    const signal = AbortSignal.timeout(withinMs);
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

/** Of one member alone, which may not be there yet. */
export function clientOf({ raftPort }: ClusterMember, secret: Buffer, clientId: string) {
  const addresses = [`127.0.0.1:${raftPort}`];
  return connectRaftClient({ clusterName: 'omnimind', clientId, addresses, secret });
}

/** The same write for the binary protocol. */
export function putCommand({ workloadId, number, mode, description }: WorkloadWrite): Command {
  return {
    kind: 'put_workload',
    key: `${workloadId}-${number}`,
    atMs: Date.now(),
    workload: workload(workloadId, { mode, description }),
    source: 'api',
    expectedVersion: null,
  };
}

export interface Applied {
  readonly token: FencingToken;
  readonly version: number;
  readonly repeated: boolean;
}

/** @throws TransportError | ConsensusError, or Error where the command is refused */
export async function proposeTo(
  client: RaftClient,
  payload: Uint8Array,
  withinMs: number,
): Promise<Applied> {
  const answer = await client.request(payload, AbortSignal.timeout(withinMs));
  const { token, result } = parseCommitted(answer);
  if (result.kind === 'refused') throw new Error(`${result.refusal}: ${result.detail}`);
  return { token, version: result.version, repeated: result.repeated };
}

/** Another member may take it, or this one later: one that dies, stands still or leads no more. */
export function isPassing(error: unknown): boolean {
  return error instanceof TransportError || error instanceof ConsensusError;
}
