/**
 * A network between members in one process. It delivers in order, a turn of the event loop later, and
 * only between those of whom one was told of the other; connections can be cut, one way or both.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MemberId } from '../../control-plane/model/configuration.ts';
import type { RaftMessage } from '../../control-plane/model/raft-message.ts';
import { TransportError } from '../../control-plane/ports/raft-transport.ts';
import { FORMAT_MAX } from '../../control-plane/state/format.ts';
import type {
  RaftTransport,
  TraceParent,
  TransportHandlers,
} from '../../control-plane/ports/raft-transport.ts';

export class MemoryNetwork {
  readonly sent: RaftMessage[] = [];
  requests = 0;
  /** What members have told all others that they read, where it is not FORMAT_MAX; null: nothing yet. */
  readonly formats = new Map<MemberId, number | null>();
  readonly #running = new Map<MemberId, MemoryTransport>();
  readonly #cuts = new Set<string>();

  transport(memberId: MemberId): RaftTransport {
    return new MemoryTransport(memberId, this);
  }

  /** Nothing gets from the one to the other any more. */
  cut(from: MemberId, to: MemberId): void {
    this.#cuts.add(`${from} ${to}`);
  }

  /** Both ways, with everybody. */
  isolate(memberId: MemberId): void {
    for (const other of this.#running.keys()) {
      if (other === memberId) continue;
      this.cut(memberId, other);
      this.cut(other, memberId);
    }
  }

  isCut(from: MemberId, to: MemberId): boolean {
    return this.#cuts.has(`${from} ${to}`);
  }

  heal(): void {
    this.#cuts.clear();
  }

  /** A request of a client to a member. */
  ask(to: MemberId, payload: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    const handlers = this.#running.get(to)?.handlers ?? null;
    if (handlers === null) return Promise.reject(new TransportError(`${to} is not there`));
    return handlers.onRequest(payload, null, signal);
  }

  add(transport: MemoryTransport): void {
    this.#running.set(transport.memberId, transport);
  }

  remove(transport: MemoryTransport): void {
    this.#running.delete(transport.memberId);
    for (const other of this.#running.values()) {
      other.handlers?.onUnreachable(transport.memberId);
    }
  }

  /** The handlers at the other end of a connection; null when there is none. */
  reach(from: MemoryTransport, to: MemberId): TransportHandlers | null {
    const there = this.#running.get(to);
    if (there === undefined || !this.#running.has(from.memberId)) return null;
    if (this.isCut(from.memberId, to)) return null;
    const isKnown = from.peers.has(to) || there.peers.has(from.memberId);
    return isKnown ? there.handlers : null;
  }
}

class MemoryTransport implements RaftTransport {
  readonly memberId: MemberId;
  readonly #network: MemoryNetwork;
  handlers: TransportHandlers | null = null;
  peers: ReadonlyMap<MemberId, string> = new Map();

  constructor(memberId: MemberId, network: MemoryNetwork) {
    this.memberId = memberId;
    this.#network = network;
  }

  start(handlers: TransportHandlers): Promise<{ readonly host: string; readonly port: number }> {
    this.handlers = handlers;
    this.#network.add(this);
    return Promise.resolve({ host: 'memory', port: 1 });
  }

  connect(peers: ReadonlyMap<MemberId, string>): void {
    this.peers = new Map(peers);
  }

  send(message: RaftMessage, trace: TraceParent): void {
    this.#network.sent.push(message);
    setImmediate(() => this.#network.reach(this, message.to)?.onMessage(message, trace));
  }

  async request(to: MemberId, payload: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    this.#network.requests += 1;
    await nextTurn();
    const handlers = this.#network.reach(this, to);
    if (handlers === null) throw new TransportError(`${to} is not connected`);
    const given = Promise.withResolvers<never>();
    const onAbort = (): void => given.reject(new TransportError('given up'));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const answer = await Promise.race([handlers.onRequest(payload, null, signal), given.promise]);
      if (this.#network.reach(this, to) !== handlers) throw new TransportError(`${to} has gone`);
      // An answer that is lost on its way is never known to be.
      return this.#network.isCut(to, this.memberId) ? await given.promise : answer;
    } catch (error) {
      if (error instanceof TransportError) throw error;
      throw new TransportError(`${to} answered with an error`, { cause: error });
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  apiUrl(memberId: MemberId): string | null {
    return `http://${memberId}`;
  }

  formatMax(memberId: MemberId): number | null {
    const told = this.#network.formats.get(memberId);
    return told === undefined ? FORMAT_MAX : told;
  }

  async stop(): Promise<void> {
    if (this.handlers !== null) this.#network.remove(this);
    this.handlers = null;
    await nextTurn();
  }
}
