/**
 * What the transport counts, in closed sets: they are the labels of its series. Nothing here decides
 * which applies, and nothing that a stranger sent becomes a label.
 */

import type { RaftMessageKind } from '../../model/raft-message.ts';

/** Why a connection was refused, or closed for what came over it. */
export const REFUSAL_CAUSES = [
  /** Not the protocol, or not what it allows here. */
  'malformed',
  /** A length above the limit. */
  'oversized',
  /** The handshake took longer than its deadline. */
  'timed_out',
  /** It went away before it had proven itself. */
  'closed_early',
  /** No version that both speak. */
  'version',
  /** Another cluster's name, or the digest of another bootstrap configuration. */
  'foreign_cluster',
  /** It says to be this member itself, or expects another one at this address. */
  'wrong_member',
  /** TLS failed: no certificate, one of another authority, or no TLS at all. */
  'tls',
  /** The certificate does not hold the id that was said. */
  'certificate',
  /** The secret is another one, or the handshake was heard before. */
  'proof',
  /** A record whose authentication code is wrong. */
  'mac',
  /** A record that was repeated, left out or moved. */
  'sequence',
  /** A frame that its role may not send. */
  'forbidden',
  /** A message from, or to, another member than those at the ends of the connection. */
  'misaddressed',
  /** More unauthenticated connections than the bound: the oldest one goes. */
  'too_many_unauthenticated',
  /** More authenticated connections than the bound. */
  'too_many',
] as const;
export type RefusalCause = (typeof REFUSAL_CAUSES)[number];

/** Why this member's own attempt to reach another failed. */
export type DialFailure =
  | RefusalCause
  /** No route, nobody listens, or no answer within the deadline. */
  | 'unreachable'
  /** The other side refused, and said why. */
  | 'refused_by_peer';

/** Why a message, or an answer, was not sent. */
export const DROP_CAUSES = [
  'not_connected',
  'queue_full',
  /** Larger than a frame may be. */
  'oversized',
  /** It waited for a connection that broke. */
  'connection_lost',
] as const;
export type DropCause = (typeof DROP_CAUSES)[number];

export type FrameKind =
  RaftMessageKind | 'request' | 'answer' | 'failure' | 'about' | 'ping' | 'pong';

export type Direction = 'sent' | 'received';

export interface OpenConnections {
  /** Authenticated connections with members: both those dialled and those accepted. */
  readonly members: number;
  readonly clients: number;
  readonly unauthenticated: number;
}

/** Called back by the transport; must return quickly and not throw. */
export interface TransportHooks {
  /** Summed up since the last call, several times a second; bytes are those of the frames. */
  traffic(direction: Direction, kind: FrameKind, frames: number, bytes: number): void;
  dropped(cause: DropCause, kind: FrameKind): void;
  /** `remote` and `detail` are for a log line. */
  refused(cause: RefusalCause, remote: string, detail: string): void;
  dialFailed(peer: string, cause: DialFailure, detail: string): void;
  connections(open: OpenConnections): void;
}

export function hooksWith(given: Partial<TransportHooks>): TransportHooks {
  const nothing = (): void => undefined;
  return {
    traffic: nothing,
    dropped: nothing,
    refused: nothing,
    dialFailed: nothing,
    connections: nothing,
    ...given,
  };
}

interface Sum {
  frames: number;
  bytes: number;
}

/** Sums up frames, so that counting one costs next to nothing. */
export class Traffic {
  readonly #hooks: TransportHooks;
  readonly #sent = new Map<FrameKind, Sum>();
  readonly #received = new Map<FrameKind, Sum>();

  constructor(hooks: TransportHooks) {
    this.#hooks = hooks;
  }

  sent(kind: FrameKind, bytes: number): void {
    add(this.#sent, kind, bytes);
  }

  received(kind: FrameKind, bytes: number): void {
    add(this.#received, kind, bytes);
  }

  report(): void {
    this.#report('sent', this.#sent);
    this.#report('received', this.#received);
  }

  #report(direction: Direction, sums: Map<FrameKind, Sum>): void {
    for (const [kind, sum] of sums) {
      if (sum.frames === 0) continue;
      const { frames, bytes } = sum;
      sum.frames = 0;
      sum.bytes = 0;
      this.#hooks.traffic(direction, kind, frames, bytes);
    }
  }
}

function add(sums: Map<FrameKind, Sum>, kind: FrameKind, bytes: number): void {
  const sum = sums.get(kind);
  if (sum === undefined) {
    sums.set(kind, { frames: 1, bytes });
    return;
  }
  sum.frames += 1;
  sum.bytes += bytes;
}
