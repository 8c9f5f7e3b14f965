/**
 * A TCP proxy before a Raft port that can go silent without closing anything, as a network does that
 * lost its route or a process that was stopped.
 */

import net from 'node:net';
import type { Socket } from 'node:net';

export interface RaftProxy {
  readonly address: string;
  /** Connections that were made through it. */
  readonly count: number;
  /** Carries nothing more, on connections that are there and on new ones. */
  freeze(): void;
  /** Carries on; what was made while it was frozen is dropped. */
  thaw(): void;
  stop(): Promise<void>;
}

export async function startProxy(port: number): Promise<RaftProxy> {
  const sockets = new Set<Socket>();
  let isFrozen = false;
  let count = 0;
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = net.createServer((raw) => {
    const near = keep(raw);
    if (isFrozen) return void near.pause();
    count += 1;
    const far = keep(net.connect({ host: '127.0.0.1', port }));
    near.pipe(far).pipe(near);
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  if (typeof bound !== 'object' || bound === null) throw new Error('the proxy has no port');
  const drop = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `127.0.0.1:${bound.port}`,
    get count() {
      return count;
    },
    freeze: () => {
      isFrozen = true;
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
    },
    thaw: () => {
      isFrozen = false;
      drop();
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        drop();
      }),
  };
}
