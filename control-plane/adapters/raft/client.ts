/**
 * The binary protocol from the outside: a client may send requests, many at a time, and nothing else. It
 * keeps one connection, to the first of its addresses that answers, and goes on to the next when that
 * breaks; what was in flight then fails, and is the caller's to repeat under the same idempotency key.
 * A request that finds no connection waits for one, within its signal and the bound on requests.
 */

import { TransportError } from '../../ports/raft-transport.ts';
import type { TraceParent } from '../../ports/raft-transport.ts';
import { Connection } from './connection.ts';
import type { ConnectionOwner } from './connection.ts';
import { Traffic, hooksWith } from './counting.ts';
import type { TransportHooks } from './counting.ts';
import { dial } from './dial.ts';
import { Flusher } from './flusher.ts';
import type { Party } from './handshake.ts';
import { TRANSPORT_LIMITS } from './limits.ts';
import type { TransportLimits } from './limits.ts';
import { Link } from './link.ts';
import { partyOf } from './options.ts';
import type { ClusterIdentity } from './options.ts';
import { aborted } from './requests.ts';
import type { RaftTls } from './tls.ts';

export interface RaftClientOptions {
  readonly clusterName: string;
  readonly clientId: string;
  /** host:port of members, tried in turn; at least one. */
  readonly addresses: readonly string[];
  /** One of the two must be there, as the members have it. */
  readonly secret?: Buffer | null;
  readonly tls?: RaftTls | null;
  readonly limits?: Partial<TransportLimits>;
  readonly hooks?: Partial<TransportHooks>;
}

export interface RaftClient {
  /** The member that answers now; null while there is none. */
  readonly memberId: string | null;
  /** @throws TransportError */
  request(payload: Uint8Array, signal: AbortSignal, trace?: TraceParent): Promise<Uint8Array>;
  close(): void;
}

/** Begins to connect and returns. @throws Error that names what is wrong with the options. */
export function connectRaftClient(options: RaftClientOptions): RaftClient {
  const { clusterName, clientId, secret = null, tls = null } = options;
  if (options.addresses.length === 0) throw new Error('a Raft client needs at least one address');
  const cluster: ClusterIdentity = { clusterName, secret, tls };
  const party = partyOf(cluster, clientId, 'client', { clusterDigest: null, formatMax: null });
  return new TcpClient(options, party, tls);
}

class TcpClient implements RaftClient, ConnectionOwner {
  readonly #limits: TransportLimits;
  readonly #hooks: TransportHooks;
  readonly #traffic: Traffic;
  readonly #flusher = new Flusher();
  readonly #link: Link;
  readonly #ticker: NodeJS.Timeout;
  readonly #waiting = new Set<() => void>();
  #attempts = 0;
  #isClosed = false;

  constructor(options: RaftClientOptions, party: Party, tls: RaftTls | null) {
    const { addresses } = options;
    this.#limits = { ...TRANSPORT_LIMITS, ...options.limits };
    this.#hooks = hooksWith(options.hooks ?? {});
    this.#traffic = new Traffic(this.#hooks);
    const addressOf = (): string => addresses[this.#attempts % addresses.length] ?? '';
    this.#link = new Link({
      limits: this.#limits,
      dial: (outcome) =>
        dial({ address: addressOf(), expects: '' }, { party, tls }, this.#limits, outcome),
      connected: (socket, session) => {
        // The link has the connection a moment later.
        setImmediate(() => this.#goOn());
        return new Connection({
          socket,
          remote: addressOf(),
          session,
          self: party,
          limits: this.#limits,
          traffic: this.#traffic,
          flusher: this.#flusher,
          owner: this,
        });
      },
      failed: (cause, detail) => {
        this.#hooks.dialFailed(addressOf(), cause, detail);
        this.#attempts += 1;
      },
    });
    this.#ticker = setInterval(() => this.#tick(), this.#limits.keepaliveMs);
  }

  get memberId(): string | null {
    return this.#link.connection?.session.peerId ?? null;
  }

  async request(
    payload: Uint8Array,
    signal: AbortSignal,
    trace: TraceParent = null,
  ): Promise<Uint8Array> {
    while (!this.#isClosed) {
      const { connection } = this.#link;
      if (connection !== null) return connection.request(payload, trace, signal);
      await this.#connected(signal);
    }
    throw new TransportError('the client is closed');
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#ticker);
    this.#link.close('the client closes');
    this.#traffic.report();
    this.#goOn();
  }

  onMessage(): void {
    // A connection of a client ends when it is sent one.
  }

  onAbout(): void {
    // Members tell each other.
  }

  onRequest(): Promise<Uint8Array> {
    return Promise.reject(new TransportError('a client answers nothing'));
  }

  onDropped(...dropped: Parameters<TransportHooks['dropped']>): void {
    this.#hooks.dropped(...dropped);
  }

  onEnd(...[connection, end]: Parameters<ConnectionOwner['onEnd']>): void {
    if (end.refusal !== null) this.#hooks.refused(end.refusal, connection.remote, end.detail);
    this.#attempts += 1;
    this.#link.ended(connection);
  }

  #tick(): void {
    this.#link.connection?.checkAlive();
    this.#traffic.report();
  }

  #goOn(): void {
    for (const resume of [...this.#waiting]) resume();
  }

  #connected(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(aborted(signal));
    if (this.#waiting.size >= this.#limits.requestsMax) {
      return Promise.reject(new TransportError('overloaded: too many requests wait to be sent'));
    }
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        this.#waiting.delete(done);
        reject(aborted(signal));
      };
      this.#waiting.add(done);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }
}
