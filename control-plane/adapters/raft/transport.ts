/**
 * The network between members, over TCP or mutual TLS 1.3. Each member dials every other, and sends on
 * the connection that it dialled; while it has none, on the one that the other dialled. So two that dial at
 * the same time do not disturb each other, a member that nobody told it of can still be answered, and one
 * that comes back is heard at once. A later connection of the same member replaces the earlier one.
 *
 * Without TLS everything is authenticated by the cluster secret and NOTHING IS ENCRYPTED: entries, and
 * whatever secrets commands carry, can be read on the way. Use it on a network of your own.
 *
 * What it does not do: wait, repeat, or keep messages for a member that is away.
 */

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';

import type { MemberId } from '../../model/configuration.ts';
import type { RaftMessage } from '../../model/raft-message.ts';
import { TransportError } from '../../ports/raft-transport.ts';
import type { RaftTransport, TraceParent, TransportHandlers } from '../../ports/raft-transport.ts';
import { Connection } from './connection.ts';
import type { ConnectionEnd, ConnectionOwner } from './connection.ts';
import { Traffic, hooksWith } from './counting.ts';
import type { TransportHooks } from './counting.ts';
import { dial } from './dial.ts';
import { Flusher } from './flusher.ts';
import type { Party, Session } from './handshake.ts';
import { TRANSPORT_LIMITS } from './limits.ts';
import type { TransportLimits } from './limits.ts';
import { Link } from './link.ts';
import { Listener } from './listener.ts';
import { partyOf } from './options.ts';
import type { RaftTransportOptions } from './options.ts';
import { ToldByMembers } from './told.ts';

/** @throws Error that names what is wrong with the options. */
export function createRaftTransport(options: RaftTransportOptions): RaftTransport {
  return new TcpTransport(options);
}

interface KnownPeer {
  readonly address: string;
  readonly link: Link;
}

class TcpTransport implements RaftTransport, ConnectionOwner {
  readonly #options: RaftTransportOptions;
  readonly #party: Party;
  readonly #limits: TransportLimits;
  readonly #hooks: TransportHooks;
  readonly #traffic: Traffic;
  readonly #flusher = new Flusher();
  readonly #listener: Listener;
  readonly #peers = new Map<MemberId, KnownPeer>();
  /** What the members dialled, by member. */
  readonly #accepted = new Map<MemberId, Connection>();
  readonly #clients = new Set<Connection>();
  readonly #told: ToldByMembers;
  #handlers: TransportHandlers | null = null;
  #ticker: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(options: RaftTransportOptions) {
    const { clusterDigest, formatMax, versions, memberId, tls } = options;
    this.#options = options;
    this.#party = partyOf(options, memberId, 'member', { clusterDigest, formatMax, versions });
    this.#limits = { ...TRANSPORT_LIMITS, ...options.limits };
    this.#told = new ToldByMembers(this.#limits.membersMax);
    this.#hooks = hooksWith(options.hooks ?? {});
    this.#traffic = new Traffic(this.#hooks);
    this.#listener = new Listener({
      party: this.#party,
      tls,
      limits: this.#limits,
      refused: (...refused) => this.#hooks.refused(...refused),
      counted: () => this.#reportOpen(),
      accepted: (...accepted) => this.#accept(...accepted),
    });
  }

  async start(
    handlers: TransportHandlers,
  ): Promise<{ readonly host: string; readonly port: number }> {
    assert(this.#handlers === null, 'a transport starts once');
    this.#handlers = handlers;
    const { host, port } = this.#options.listen;
    const bound = await this.#listener.listen(host, port);
    this.#ticker = setInterval(() => this.#tick(), this.#limits.keepaliveMs);
    return bound;
  }

  connect(peers: ReadonlyMap<MemberId, string>): void {
    if (this.#isStopped) return;
    for (const [memberId, peer] of this.#peers) {
      if (peers.get(memberId) === peer.address) continue;
      this.#peers.delete(memberId);
      peer.link.close('its address changed, or it is no longer a member');
    }
    for (const [memberId, address] of peers) {
      if (memberId === this.#party.id || this.#peers.has(memberId)) continue;
      this.#peers.set(memberId, { address, link: this.#linkTo(memberId, address) });
    }
  }

  send(message: RaftMessage, trace: TraceParent): void {
    const connection = this.#connectionTo(message.to);
    if (connection === null) this.#hooks.dropped('not_connected', message.kind);
    else connection.send(message, trace);
  }

  request(
    to: MemberId,
    payload: Uint8Array,
    signal: AbortSignal,
    trace: TraceParent = null,
  ): Promise<Uint8Array> {
    const connection = this.#connectionTo(to);
    if (connection !== null) return connection.request(payload, trace, signal);
    return Promise.reject(new TransportError(`${to} is not connected`));
  }

  apiUrl(memberId: MemberId): string | null {
    return memberId === this.#party.id ? this.#ownApiUrl() : this.#told.apiUrl(memberId);
  }

  formatMax(memberId: MemberId): number | null {
    return memberId === this.#party.id ? this.#party.formatMax : this.#told.formatMax(memberId);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#ticker !== null) clearInterval(this.#ticker);
    for (const { link } of this.#peers.values()) link.close('this member stops');
    this.#peers.clear();
    for (const connection of [...this.#accepted.values(), ...this.#clients]) {
      connection.close('this member stops');
    }
    await this.#listener.close();
    this.#traffic.report();
    this.#reportOpen();
  }

  onMessage(message: RaftMessage, trace: TraceParent): void {
    this.#handlers?.onMessage(message, trace);
  }

  onRequest(payload: Uint8Array, trace: TraceParent, signal: AbortSignal): Promise<Uint8Array> {
    if (this.#handlers !== null) return this.#handlers.onRequest(payload, trace, signal);
    return Promise.reject(new TransportError('this member has not started'));
  }

  onAbout(connection: Connection, text: string): void {
    this.#told.about(connection.session, text);
  }

  onDropped(...dropped: Parameters<TransportHooks['dropped']>): void {
    this.#hooks.dropped(...dropped);
  }

  onEnd(connection: Connection, end: ConnectionEnd): void {
    const { peerId, peerRole } = connection.session;
    if (end.refusal !== null) this.#hooks.refused(end.refusal, connection.remote, end.detail);
    if (peerRole === 'client') {
      this.#clients.delete(connection);
    } else {
      const wasDialled = this.#peers.get(peerId)?.link.ended(connection) ?? false;
      if (this.#accepted.get(peerId) === connection) this.#accepted.delete(peerId);
      // Nothing was sent on an accepted one while there was one that this member had dialled.
      const carried = wasDialled || !this.#isDialled(peerId);
      if (carried && !this.#isStopped) this.#handlers?.onUnreachable(peerId);
    }
    this.#reportOpen();
  }

  #isDialled(memberId: MemberId): boolean {
    return (this.#peers.get(memberId)?.link.connection ?? null) !== null;
  }

  #connectionTo(memberId: MemberId): Connection | null {
    const dialled = this.#peers.get(memberId)?.link.connection ?? null;
    return dialled ?? this.#accepted.get(memberId) ?? null;
  }

  #linkTo(memberId: MemberId, address: string): Link {
    const identity = { party: this.#party, tls: this.#options.tls };
    return new Link({
      limits: this.#limits,
      dial: (outcome) => dial({ address, expects: memberId }, identity, this.#limits, outcome),
      connected: (socket, session) => {
        const connection = this.#open(socket, address, session);
        // The owner of the link learns of it a moment later; the count must include it.
        setImmediate(() => this.#reportOpen());
        return connection;
      },
      failed: (cause, detail) => this.#hooks.dialFailed(memberId, cause, detail),
    });
  }

  #accept(socket: Socket, remote: string, session: Session, rest: Buffer): void {
    const { peerId, peerRole } = session;
    const isClient = peerRole === 'client';
    const before = isClient ? undefined : this.#accepted.get(peerId);
    const isFull = isClient
      ? this.#clients.size >= this.#limits.clientsMax
      : before === undefined && this.#accepted.size >= this.#limits.membersMax;
    if (this.#isStopped || isFull) {
      socket.destroy();
      if (isFull) this.#hooks.refused('too_many', remote, `more ${peerRole}s than the bound`);
      return;
    }
    const connection = this.#open(socket, remote, session);
    if (isClient) this.#clients.add(connection);
    else this.#accepted.set(peerId, connection);
    before?.close('the member connected again');
    connection.begin(rest);
    if (!isClient) this.#peers.get(peerId)?.link.wake();
    this.#reportOpen();
  }

  #open(socket: Socket, remote: string, session: Session): Connection {
    const connection = new Connection({
      socket,
      remote,
      session,
      self: this.#party,
      limits: this.#limits,
      traffic: this.#traffic,
      flusher: this.#flusher,
      owner: this,
    });
    if (session.peerRole === 'member') {
      this.#told.hello(session);
      connection.sendAbout(this.#ownApiUrl());
    }
    return connection;
  }

  #ownApiUrl(): string {
    const { apiUrl } = this.#options;
    return typeof apiUrl === 'string' ? apiUrl : apiUrl();
  }

  #tick(): void {
    for (const connection of this.#connections()) connection.checkAlive();
    this.#traffic.report();
  }

  #connections(): readonly Connection[] {
    const dialled = [...this.#peers.values()].map((peer) => peer.link.connection);
    const open = dialled.filter((connection) => connection !== null);
    return [...open, ...this.#accepted.values(), ...this.#clients];
  }

  #reportOpen(): void {
    const clients = this.#clients.size;
    const members = this.#connections().length - clients;
    this.#hooks.connections({ members, clients, unauthenticated: this.#listener.strangers });
  }
}
