/**
 * The network between members. Messages may be lost, and never wait: what cannot be sent within the
 * bounds is dropped and counted. Only authenticated members of the same cluster are heard.
 */

import type { MemberId } from '../model/configuration.ts';
import type { RaftMessage } from '../model/raft-message.ts';

/** W3C traceparent of the work that a message belongs to; null outside of any. */
export type TraceParent = string | null;

export interface TransportHandlers {
  onMessage(message: RaftMessage, trace: TraceParent): void;
  /** The connection to the member broke: what was on its way may be lost. */
  onUnreachable(memberId: MemberId): void;
  /** Answers a request of a member or client; a rejection reaches the asker as TransportError. */
  onRequest(payload: Uint8Array, trace: TraceParent, signal: AbortSignal): Promise<Uint8Array>;
}

export interface RaftTransport {
  /** Hears from now on. @throws Error when the address cannot be listened on. */
  start(handlers: TransportHandlers): Promise<{ readonly host: string; readonly port: number }>;
  /** Whom to keep connections to: member id → host:port. Others are let go. */
  connect(peers: ReadonlyMap<MemberId, string>): void;
  send(message: RaftMessage, trace: TraceParent): void;
  /** @throws TransportError */
  request(
    to: MemberId,
    payload: Uint8Array,
    signal: AbortSignal,
    trace?: TraceParent,
  ): Promise<Uint8Array>;
  /** URL of the API of a member, as it said itself; null before it was connected. */
  apiUrl(memberId: MemberId): string | null;
  /**
   * The newest format of the log that a member reads, as it said when it connected last; null while it
   * has not connected since this member started.
   */
  formatMax(memberId: MemberId): number | null;
  stop(): Promise<void>;
}

export class TransportError extends Error {
  override readonly name = 'TransportError';
}
