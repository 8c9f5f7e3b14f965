/**
 * The Raft port. Accepts connections and hands over those that prove to be of this cluster; all others
 * are cut off and counted, each under one cause. A stranger costs a socket, a timer and at most one
 * chunk that was read, until its deadline; of strangers there are at most `unauthenticatedMax` at a
 * time, and the oldest gives way, so that those who never speak cannot keep out those who do. Addresses
 * are not blocked: behind a proxy all members have the same one.
 */

import { randomBytes } from 'node:crypto';
import net from 'node:net';
import type { Socket } from 'node:net';
import type { Server as TlsServer } from 'node:tls';

import type { RefusalCause } from '../../model/raft-connection.ts';
import type { TransportHooks } from './counting.ts';
import { AcceptorHandshake, NONCE_BYTES } from './handshake.ts';
import type { Channel, Party, Session } from './handshake.ts';
import type { TransportLimits } from './limits.ts';
import { shakeHands } from './shake.ts';
import { PLAIN_CHANNEL, createTlsServer, tlsChannel } from './tls.ts';
import type { RaftTls } from './tls.ts';

export interface ListenerParts {
  readonly party: Party;
  readonly tls: RaftTls | null;
  readonly limits: TransportLimits;
  readonly refused: TransportHooks['refused'];
  /** The number of strangers changed. */
  readonly counted: () => void;
  readonly accepted: (socket: Socket, remote: string, session: Session, rest: Buffer) => void;
}

export class Listener {
  readonly #parts: ListenerParts;
  readonly #server: net.Server;
  readonly #tls: TlsServer | null;
  /** By remote address and port, in order of arrival. */
  readonly #strangers = new Map<string, Stranger>();

  constructor(parts: ListenerParts) {
    const { tls, limits } = parts;
    this.#parts = parts;
    this.#server = net.createServer({ noDelay: true }, (socket) => this.#onSocket(socket));
    this.#tls = tls === null ? null : createTlsServer(tls, limits.handshakeTimeoutMs);
    this.#tls?.on('secureConnection', (socket) => {
      const stranger = this.#strangers.get(keyOf(socket));
      if (stranger === undefined) socket.destroy();
      else this.#shake(stranger, socket, tlsChannel(socket));
    });
    this.#tls?.on('tlsClientError', (error, socket) => {
      const stranger = this.#strangers.get(keyOf(socket));
      if (stranger !== undefined) this.#refuse(stranger, 'tls', error.message);
    });
  }

  get strangers(): number {
    return this.#strangers.size;
  }

  /** @throws Error when the address cannot be listened on. */
  listen(host: string, port: number): Promise<{ readonly host: string; readonly port: number }> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        // An accept that fails (no file descriptor is left) is tried again with the next connection.
        this.#server.on('error', (error) => this.#parts.refused('too_many', '', error.message));
        const address = this.#server.address();
        const bound = typeof address === 'object' && address !== null ? address.port : port;
        resolve({ host, port: bound });
      });
    });
  }

  /** Resolves once nothing is accepted any more; connections that were handed over are their owner's. */
  close(): Promise<void> {
    for (const stranger of [...this.#strangers.values()]) {
      this.#forget(stranger);
      stranger.raw.destroy();
    }
    this.#tls?.close();
    if (!this.#server.listening) return Promise.resolve();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #onSocket(raw: Socket): void {
    const { limits } = this.#parts;
    const remote = keyOf(raw);
    const timer = setTimeout(() => {
      this.#refuse(stranger, 'timed_out', `no handshake within ${limits.handshakeTimeoutMs} ms`);
    }, limits.handshakeTimeoutMs);
    const stranger: Stranger = { raw, remote, timer, isSecure: this.#tls === null };
    this.#strangers.set(remote, stranger);
    // These two stay with the socket for its life: an error that nobody hears ends the process.
    raw.on('error', () => undefined);
    raw.on('close', () => {
      const cause = stranger.isSecure ? 'closed_early' : 'tls';
      this.#refuse(stranger, cause, 'it went away before it was authenticated');
    });
    this.#parts.counted();
    this.#limitStrangers();
    if (this.#tls === null) this.#shake(stranger, raw, PLAIN_CHANNEL);
    else this.#tls.emit('connection', raw);
  }

  #limitStrangers(): void {
    if (this.#strangers.size <= this.#parts.limits.unauthenticatedMax) return;
    const [oldest] = this.#strangers.values();
    if (oldest === undefined) return;
    this.#refuse(oldest, 'too_many_unauthenticated', 'others came and it had not proven itself');
  }

  #shake(stranger: Stranger, socket: Socket, channel: Channel): void {
    stranger.isSecure = true;
    socket.on('error', () => undefined);
    const nonce = randomBytes(NONCE_BYTES);
    const handshake = new AcceptorHandshake(this.#parts.party, channel, nonce);
    shakeHands(socket, handshake, (outcome) => {
      switch (outcome.kind) {
        case 'done':
          this.#forget(stranger);
          this.#parts.accepted(socket, stranger.remote, outcome.session, outcome.rest);
          return;
        case 'broken':
          this.#refuse(stranger, 'closed_early', outcome.detail);
          return;
        case 'refused': {
          const isTold = outcome.reply !== null;
          if (isTold) socket.end(outcome.reply);
          // What the other side says of itself does not count as a cause of its own here.
          const cause = outcome.cause === 'refused_by_peer' ? 'closed_early' : outcome.cause;
          this.#refuse(stranger, cause, outcome.detail, isTold ? socket : null);
          return;
        }
      }
    });
  }

  /** `ending` is a socket that still has something to say, and is not waited for beyond that. */
  #refuse(stranger: Stranger, cause: RefusalCause, detail: string, ending?: Socket | null): void {
    if (!this.#forget(stranger)) return;
    if (ending === undefined || ending === null) stranger.raw.destroy();
    else ending.destroySoon();
    this.#parts.refused(cause, stranger.remote, detail);
  }

  #forget(stranger: Stranger): boolean {
    if (this.#strangers.get(stranger.remote) !== stranger) return false;
    this.#strangers.delete(stranger.remote);
    clearTimeout(stranger.timer);
    this.#parts.counted();
    return true;
  }
}

interface Stranger {
  readonly raw: Socket;
  readonly remote: string;
  readonly timer: NodeJS.Timeout;
  /** Its TLS, if any, is done. */
  isSecure: boolean;
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`;
}
