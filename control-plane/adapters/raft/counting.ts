/**
 * What the transport counts, and whom it tells. Everything is counted by closed sets, which are the
 * labels of its series; nothing that a stranger sent becomes a label, and nothing here decides which
 * applies.
 */

import type { DialFailure, DropCause, RefusalCause } from '../../model/raft-connection.ts';
import type { RaftMessageKind } from '../../model/raft-message.ts';

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
