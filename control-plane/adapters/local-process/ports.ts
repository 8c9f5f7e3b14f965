/**
 * Ports of replicas: each from the range, free on this host, and held for one slot at a time. They
 * are taken in turn, so that a port which was just given back rests as long as possible.
 */

import { createServer } from 'node:net';

export interface PortPool {
  readonly size: number;
  /** Holds a port that a record says is in use. */
  hold(port: number): void;
  /** A free port, held for the caller; null when the range is exhausted. */
  take(): Promise<number | null>;
  release(port: number): void;
}

/** Both ends belong to the range. */
export function createPortPool(
  from: number,
  to: number,
  isFree: (port: number) => Promise<boolean> = canListen,
): PortPool {
  const held = new Set<number>();
  const size = to - from + 1;
  let next = 0;
  return {
    size,
    hold: (port) => void held.add(port),
    release: (port) => void held.delete(port),
    async take() {
      for (let tried = 0; tried < size; tried += 1) {
        const port = from + next;
        next = (next + 1) % size;
        if (held.has(port)) continue;
        // Held before the first await, or two callers would find the same port free.
        held.add(port);
        if (await isFree(port)) return port;
        held.delete(port);
      }
      return null;
    },
  };
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
