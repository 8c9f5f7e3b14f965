/**
 * What strangers, and members that went wrong, may throw at a Raft port: each attack opens one connection
 * and has to be cut off, under one of the causes that it names. Also all of them in turn, many at a time.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';

import type { RefusalCause } from '../../control-plane/model/raft-connection.ts';
import { DialerHandshake } from '../../control-plane/adapters/raft/handshake.ts';
import type { Party } from '../../control-plane/adapters/raft/handshake.ts';
import { TRANSPORT_LIMITS } from '../../control-plane/adapters/raft/limits.ts';
import { PLAIN_CHANNEL } from '../../control-plane/adapters/raft/tls.ts';
import { CLUSTER, SECRET, heartbeat } from './raft-pair.ts';
import { closed, connectRaw, openSocket, rawParty } from './raft-raw.ts';
import type { RawConnection } from './raft-raw.ts';

const AT_ONCE = 64;

export interface Target {
  readonly port: number;
  /** Of the member that listens there. */
  readonly memberId: string;
  /** Of another member of the cluster, which some attackers say to be. */
  readonly otherId: string;
  readonly clusterName: string;
  readonly secret: Buffer;
}

/** A member of a pair of raft-pair.ts. */
export function targetAt(port: number, memberId: string, otherId: string): Target {
  return { port, memberId, otherId, clusterName: CLUSTER, secret: SECRET };
}

export interface Attack {
  readonly name: string;
  readonly causes: readonly RefusalCause[];
  run(target: Target): Promise<Socket>;
}

/** A handshake as far as its first message, in the words of `party`. */
function helloOf(said: Party, expects: string): Buffer {
  return new DialerHandshake(said, PLAIN_CHANNEL, expects, randomBytes(32)).hello;
}

function party({ clusterName, secret }: Target, id: string, more: Partial<Party> = {}): Party {
  return rawParty(id, { clusterName, secret, ...more });
}

async function sendBytes({ port }: Target, bytes: Buffer): Promise<Socket> {
  const socket = await openSocket(port);
  socket.write(bytes);
  return socket;
}

/** Shakes hands honestly, under an id of its own, and then sends what `made` makes. */
async function sendAs(
  target: Target,
  id: string,
  made: (raw: RawConnection) => readonly Buffer[],
): Promise<Socket> {
  const raw = await connectRaw(target.port, party(target, id), target.memberId);
  for (const bytes of made(raw)) raw.socket.write(bytes);
  return raw.socket;
}

/** What a stranger heard of an honest handshake, said once more. */
async function replayHandshake(target: Target): Promise<Socket> {
  const { port, memberId } = target;
  const socket = await openSocket(port);
  const nonce = randomBytes(32);
  const honest = new DialerHandshake(party(target, 'x0'), PLAIN_CHANNEL, memberId, nonce);
  const recorded = await openSocket(port);
  recorded.write(honest.hello);
  const hello = await new Promise<Buffer>((resolve) => recorded.once('data', resolve));
  const step = honest.receive(hello);
  assert(step.kind === 'more' && step.reply !== null);
  recorded.destroy();
  socket.write(honest.hello);
  await new Promise((resolve) => socket.once('data', resolve));
  socket.write(step.reply);
  return socket;
}

const oversizedRecord = Buffer.alloc(16);
oversizedRecord.writeUInt32LE(TRANSPORT_LIMITS.memberFrameBytesMax);
const oversizedHello = Buffer.from('OMRF\x01\xff\xff', 'latin1');

/** Each comes as a member of an id of its own, for a later one would replace the earlier. */
let lastId = 0;
function nextId(): string {
  lastId += 1;
  return `x${lastId}`;
}
const fromNext = (made: (raw: RawConnection, id: string, to: Target) => readonly Buffer[]) => {
  return (target: Target): Promise<Socket> => {
    const id = nextId();
    return sendAs(target, id, (raw) => made(raw, id, target));
  };
};

export const ATTACKS: readonly Attack[] = [
  {
    name: 'random bytes',
    causes: ['malformed'],
    run: (target) => sendBytes(target, randomBytes(4_096)),
  },
  {
    name: 'an HTTP request',
    causes: ['malformed'],
    run: (target) => sendBytes(target, Buffer.from('GET / HTTP/1.1\r\n\r\n')),
  },
  {
    name: 'a hello of 64 KiB',
    causes: ['oversized'],
    run: (target) => sendBytes(target, oversizedHello),
  },
  {
    name: 'a member of another cluster',
    causes: ['foreign_cluster'],
    run: (target) =>
      sendBytes(
        target,
        helloOf(party(target, target.otherId, { clusterName: 'other' }), target.memberId),
      ),
  },
  {
    name: 'a wrong secret',
    causes: ['proof'],
    run: async (target) => {
      const wrong = party(target, target.otherId, { secret: randomBytes(32) });
      const nonce = randomBytes(32);
      const handshake = new DialerHandshake(wrong, PLAIN_CHANNEL, target.memberId, nonce);
      const socket = await sendBytes(target, handshake.hello);
      const hello = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
      socket.write(handshake.receive(hello).reply ?? Buffer.alloc(0));
      return socket;
    },
  },
  { name: 'a replayed handshake', causes: ['proof', 'closed_early'], run: replayHandshake },
  {
    name: 'a connection that says nothing',
    causes: ['timed_out', 'too_many_unauthenticated'],
    run: ({ port }) => openSocket(port),
  },
  {
    name: 'half a hello',
    causes: ['timed_out', 'too_many_unauthenticated'],
    run: (target) =>
      sendBytes(target, helloOf(party(target, target.otherId), target.memberId).subarray(0, 40)),
  },
  {
    name: 'a replayed record',
    causes: ['sequence'],
    run: fromNext((raw) => {
      const record = raw.seal({ kind: 'ping' });
      return [record, record];
    }),
  },
  {
    name: 'a changed record',
    causes: ['mac'],
    run: fromNext((raw, id, { memberId }) => {
      const message = heartbeat(id, memberId, 1);
      const record = raw.seal({ kind: 'message', message, trace: null });
      record.writeUInt8(record.readUInt8(40) ^ 1, 40);
      return [record];
    }),
  },
  { name: 'an oversized record', causes: ['oversized'], run: fromNext(() => [oversizedRecord]) },
  {
    name: 'an authentic record of random frames',
    causes: ['malformed'],
    run: fromNext((raw) => [
      raw.sealBytes(Buffer.concat([Buffer.from([9, 0, 0, 0]), randomBytes(9)])),
    ]),
  },
  {
    name: 'a message in the name of another member',
    causes: ['misaddressed'],
    run: fromNext((raw, _id, { memberId, otherId }) => {
      const message = { ...heartbeat(otherId, memberId, 1), term: 1_000 };
      return [raw.seal({ kind: 'message', message, trace: null })];
    }),
  },
];

/** All attacks in turn, AT_ONCE at a time; silent ones are not waited for. */
export async function storm(target: Target, connections: number): Promise<void> {
  let left = connections;
  const open = new Set<Socket>();
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const attack = ATTACKS[left % ATTACKS.length];
      assert(attack !== undefined);
      // One that is cut off half-way through has been refused as well.
      const socket = await attack.run(target).catch(() => null);
      if (socket === null) continue;
      if (attack.causes.includes('timed_out')) {
        open.add(socket);
        socket.on('close', () => open.delete(socket));
      } else {
        await closed(socket);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await Promise.all([...open].map(closed));
}
