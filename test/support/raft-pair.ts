/**
 * Transports that talk to each other on this machine: started on free ports, stopped together, with
 * everything that their handlers and hooks were told. And waiting for a condition, with a bound.
 */

import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

import type { FrameKind, OpenConnections } from '../../control-plane/adapters/raft/counting.ts';
import type { RaftTransportOptions } from '../../control-plane/adapters/raft/options.ts';
import { createRaftTransport } from '../../control-plane/adapters/raft/transport.ts';
import type {
  DialFailure,
  DropCause,
  RefusalCause,
} from '../../control-plane/model/raft-connection.ts';
import type { RaftMessage } from '../../control-plane/model/raft-message.ts';
import { FORMAT_MAX } from '../../control-plane/state/format.ts';
import type {
  RaftTransport,
  TraceParent,
  TransportHandlers,
} from '../../control-plane/ports/raft-transport.ts';

export const SECRET = Buffer.from('a secret for this test and no other');
export const CLUSTER = 'test-cluster';

export interface Heard {
  readonly messages: { readonly message: RaftMessage; readonly trace: TraceParent }[];
  readonly unreachable: string[];
  readonly refused: RefusalCause[];
  readonly dropped: { readonly cause: DropCause; readonly kind: FrameKind }[];
  readonly dialFailures: { readonly cause: DialFailure; readonly detail: string }[];
  readonly traffic: { frames: number; bytes: number };
  open: OpenConnections;
}

export interface TestMember {
  readonly id: string;
  readonly transport: RaftTransport;
  readonly address: string;
  readonly port: number;
  readonly heard: Heard;
}

export type OnRequest = TransportHandlers['onRequest'];

/** Answers with what was asked. */
export const echo: OnRequest = (payload) => Promise.resolve(payload);

export async function startMember(
  id: string,
  more: Partial<RaftTransportOptions> = {},
  onRequest: OnRequest = echo,
): Promise<TestMember> {
  const heard: Heard = {
    messages: [],
    unreachable: [],
    refused: [],
    dropped: [],
    dialFailures: [],
    traffic: { frames: 0, bytes: 0 },
    open: { members: 0, clients: 0, unauthenticated: 0 },
  };
  const transport = createRaftTransport({
    memberId: id,
    clusterName: CLUSTER,
    clusterDigest: null,
    listen: { host: '127.0.0.1', port: 0 },
    secret: SECRET,
    tls: null,
    formatMax: FORMAT_MAX,
    apiUrl: `http://${id}.test:8080`,
    hooks: {
      traffic: (_direction, _kind, frames, bytes) => {
        heard.traffic.frames += frames;
        heard.traffic.bytes += bytes;
      },
      dropped: (cause, kind) => heard.dropped.push({ cause, kind }),
      refused: (cause) => heard.refused.push(cause),
      dialFailed: (_peer, cause, detail) => heard.dialFailures.push({ cause, detail }),
      connections: (open) => {
        heard.open = open;
      },
    },
    ...more,
  });
  const { port } = await transport.start({
    onMessage: (message, trace) => heard.messages.push({ message, trace }),
    onUnreachable: (memberId) => heard.unreachable.push(memberId),
    onRequest,
  });
  return { id, transport, port, address: `127.0.0.1:${port}`, heard };
}

/** Every one dials every other, and is connected when this resolves. */
export async function introduce(members: readonly TestMember[]): Promise<void> {
  const addresses = new Map(members.map((member) => [member.id, member.address]));
  for (const member of members) member.transport.connect(addresses);
  const expected = 2 * (members.length - 1);
  await until('all members are connected', () =>
    members.every((member) => member.heard.open.members === expected),
  );
}

export async function until(what: string, isSo: () => boolean, withinMs = 5_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!isSo()) {
    assert(performance.now() < deadline, `not within ${withinMs} ms: ${what}`);
    await pause(2);
  }
}

export function heartbeat(from: string, to: string, round: number): RaftMessage {
  return { kind: 'heartbeat', from, to, term: 3, commitIndex: 7, round };
}

export function append(from: string, to: string, index: number, payload: Uint8Array): RaftMessage {
  const entries = [{ index, term: 3, type: 'command', payload }] as const;
  const at = { previousIndex: index - 1, previousTerm: 3, commitIndex: 0 };
  return { kind: 'append', from, to, term: 3, ...at, entries };
}

export function signalWithin(ms = 10_000): AbortSignal {
  return AbortSignal.timeout(ms);
}
