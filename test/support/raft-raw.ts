/**
 * A connection to a Raft port that keeps to the protocol only as far as its test wants: it can shake
 * hands as anybody, send any frame, record or byte, and remembers what it sent.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import type { Socket } from 'node:net';

import { DialerHandshake } from '../../control-plane/adapters/raft/handshake.ts';
import type { Party, Session } from '../../control-plane/adapters/raft/handshake.ts';
import { frameBytes, writeFrame } from '../../control-plane/adapters/raft/frame.ts';
import type { Frame } from '../../control-plane/adapters/raft/frame.ts';
import { RecordSealer } from '../../control-plane/adapters/raft/record.ts';
import { shakeHands } from '../../control-plane/adapters/raft/shake.ts';
import { PLAIN_CHANNEL } from '../../control-plane/adapters/raft/tls.ts';
import { FORMAT_MAX } from '../../control-plane/state/format.ts';
import { CLUSTER, SECRET } from './raft-pair.ts';

export function rawParty(id: string, more: Partial<Party> = {}): Party {
  const cluster = { clusterName: CLUSTER, clusterDigest: null, secret: SECRET };
  const versions = { min: 1, max: 1 };
  return { id, role: 'member', ...cluster, versions, formatMax: FORMAT_MAX, ...more };
}

export class RawConnection {
  readonly socket: Socket;
  readonly #sealer: RecordSealer;

  constructor(socket: Socket, session: Session) {
    this.socket = socket;
    this.#sealer = new RecordSealer(session.keys?.send ?? null);
  }

  /** The record of one frame, not sent yet. */
  seal(frame: Frame): Buffer {
    const bytes = frameBytes(frame);
    const writer = this.#sealer.begin(bytes);
    writeFrame(writer, frame, bytes);
    return this.#sealer.seal(writer);
  }

  /** Any bytes as the frames of an authentic record. */
  sealBytes(frames: Buffer): Buffer {
    const writer = this.#sealer.begin(frames.length);
    writer.put(frames);
    return this.#sealer.seal(writer);
  }
}

/** A socket that never fails a test by breaking. */
export function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      socket.on('error', () => undefined);
      resolve(socket);
    });
  });
}

/** Shakes hands as `party` with the member at the port, which must accept it. */
export async function connectRaw(
  port: number,
  party: Party,
  expects: string,
): Promise<RawConnection> {
  const socket = await openSocket(port);
  const handshake = new DialerHandshake(party, PLAIN_CHANNEL, expects, randomBytes(32));
  const session = await new Promise<Session>((resolve, reject) => {
    shakeHands(socket, handshake, (outcome) => {
      if (outcome.kind === 'done') resolve(outcome.session);
      else reject(new Error(`${outcome.kind}: ${outcome.detail}`));
    });
    socket.write(handshake.hello);
  });
  assert.equal(socket.destroyed, false);
  return new RawConnection(socket, session);
}

/** Resolves once the other side has closed the connection. */
export function closed(socket: Socket): Promise<void> {
  if (socket.destroyed) return Promise.resolve();
  socket.resume();
  return new Promise((resolve) => socket.once('close', () => resolve()));
}
