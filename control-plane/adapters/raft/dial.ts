/**
 * One attempt to reach a member: name, TCP, TLS where configured, handshake, each within its deadline.
 * It ends exactly once, opened or failed, unless it was given up before; it does not try again.
 */

import { randomBytes } from 'node:crypto';
import net from 'node:net';
import type { Socket } from 'node:net';

import type { DialFailure } from '../../model/raft-connection.ts';
import { DialerHandshake, NONCE_BYTES } from './handshake.ts';
import type { Channel, Party, Session } from './handshake.ts';
import type { TransportLimits } from './limits.ts';
import { shakeHands } from './shake.ts';
import { PLAIN_CHANNEL, connectTls, tlsChannel } from './tls.ts';
import type { RaftTls } from './tls.ts';

export interface DialTarget {
  /** host:port, an IPv6 host in brackets. */
  readonly address: string;
  /** The member that must answer; empty when any will do. */
  readonly expects: string;
}

export interface DialOutcome {
  opened(socket: Socket, session: Session, rest: Buffer): void;
  failed(cause: DialFailure, detail: string): void;
}

/** Returns the function that gives up; nothing is called after it. */
export function dial(
  target: DialTarget,
  identity: { readonly party: Party; readonly tls: RaftTls | null },
  limits: TransportLimits,
  outcome: DialOutcome,
): () => void {
  const place = parseAddress(target.address);
  if (place === null) {
    const late = setImmediate(() =>
      outcome.failed('unreachable', `${JSON.stringify(target.address)} is not host:port`),
    );
    return () => clearImmediate(late);
  }
  const attempt = new Attempt(target, identity, limits, outcome);
  attempt.begin(place);
  return () => attempt.giveUp();
}

class Attempt {
  readonly #target: DialTarget;
  readonly #identity: { readonly party: Party; readonly tls: RaftTls | null };
  readonly #limits: TransportLimits;
  readonly #outcome: DialOutcome;
  #socket: Socket | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isOver = false;
  /** What an error means right now. */
  #stage: 'unreachable' | 'tls' = 'unreachable';

  constructor(
    target: DialTarget,
    identity: { readonly party: Party; readonly tls: RaftTls | null },
    limits: TransportLimits,
    outcome: DialOutcome,
  ) {
    this.#target = target;
    this.#identity = identity;
    this.#limits = limits;
    this.#outcome = outcome;
  }

  begin(place: { readonly host: string; readonly port: number }): void {
    const { tls } = this.#identity;
    const { connectTimeoutMs, handshakeTimeoutMs } = this.#limits;
    const socket = tls === null ? this.#plain(place) : this.#secure(tls, place);
    this.#socket = socket;
    socket.setNoDelay(true);
    // Stays when the attempt is over: a late error is nobody's, and must not end the process.
    socket.on('error', (error) => this.#fail(this.#stage, error.message));
    socket.on('close', () => this.#fail(this.#stage, 'closed during the handshake'));
    this.#expire(connectTimeoutMs, 'no connection within');
    socket.once('connect', () => this.#expire(handshakeTimeoutMs, 'no handshake within'));
  }

  #plain(place: { readonly host: string; readonly port: number }): Socket {
    const socket = net.connect(place);
    socket.once('connect', () => this.#shake(socket, PLAIN_CHANNEL));
    return socket;
  }

  #secure(own: RaftTls, place: { readonly host: string; readonly port: number }): Socket {
    const socket = connectTls(own, place.host, place.port);
    socket.once('connect', () => (this.#stage = 'tls'));
    socket.once('secureConnect', () => {
      this.#stage = 'unreachable';
      this.#shake(socket, tlsChannel(socket));
    });
    return socket;
  }

  giveUp(): void {
    if (this.#end()) this.#socket?.destroy();
  }

  #shake(socket: Socket, channel: Channel): void {
    if (this.#isOver) return;
    const nonce = randomBytes(NONCE_BYTES);
    const { party } = this.#identity;
    const handshake = new DialerHandshake(party, channel, this.#target.expects, nonce);
    shakeHands(socket, handshake, (outcome) => {
      switch (outcome.kind) {
        case 'done':
          if (this.#end()) this.#outcome.opened(socket, outcome.session, outcome.rest);
          else socket.destroy();
          return;
        case 'broken':
          this.#fail('unreachable', outcome.detail);
          return;
        case 'refused':
          if (outcome.reply !== null) socket.end(outcome.reply);
          this.#fail(outcome.cause, outcome.detail);
          return;
      }
    });
    socket.write(handshake.hello);
  }

  #expire(afterMs: number, what: string): void {
    if (this.#isOver) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail('unreachable', `${what} ${afterMs} ms`), afterMs);
  }

  #fail(cause: DialFailure, detail: string): void {
    if (!this.#end()) return;
    if (this.#socket?.writableEnded === true) this.#socket.destroySoon();
    else this.#socket?.destroy();
    this.#outcome.failed(cause, detail);
  }

  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    return true;
  }
}

/** Null for what is not host:port with a port of 1 to 65535. */
export function parseAddress(
  address: string,
): { readonly host: string; readonly port: number } | null {
  const parts = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:[\]]+)):([0-9]{1,5})$/.exec(address);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3]);
  if (host === undefined || !(port >= 1 && port <= 65_535)) return null;
  return { host, port };
}
