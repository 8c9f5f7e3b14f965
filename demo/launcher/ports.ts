/** Picks ports on loopback. A port that is free now may be taken a moment later; that fails loudly at the process that wants it. */

import { createServer, connect } from 'node:net';

/** The preferred port when it is free, otherwise one that the system picks. */
export async function pickPort(preferred: number): Promise<number> {
  return (await tryPort(preferred)) ?? (await tryPort(0)) ?? fail();
}

/** The first block of `size` ports of which all are free, as `from-to`; blocks start at `from`. */
export async function pickPortBlock(from: number, size: number, blocks: number): Promise<string> {
  for (let block = 0; block < blocks; block += 1) {
    const first = from + block * size;
    const ports = Array.from({ length: size }, (_, index) => first + index);
    const tried = await Promise.all(ports.map((port) => tryPort(port)));
    if (tried.every((port) => port !== null)) return `${first}-${first + size - 1}`;
  }
  throw new Error(`no ${size} free ports in a row from ${from} on`);
}

/** True when it could be listened on just now. */
export async function isFree(port: number): Promise<boolean> {
  return (await tryPort(port)) !== null;
}

/** True when something on loopback accepts connections there. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 500 });
    const settle = (listening: boolean): void => {
      socket.destroy();
      resolve(listening);
    };
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('timeout', () => settle(true));
  });
}

function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : null;
      server.close(() => resolve(bound));
    });
  });
}

function fail(): never {
  throw new Error('the system has no free port on 127.0.0.1');
}
