/**
 * One process per PGlite directory. After a SIGKILL of the plane its old database process may still
 * be closing when the new one starts, and two writers would ruin the files. The lock is a listening
 * socket: it is let go by the kernel however its holder ends, so none is ever left behind.
 */

import { unlink } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_MS = 50;

/**
 * Resolves once this process holds the lock; held until the process ends.
 * @throws Error when another still holds it after `timeoutMs`
 */
export async function holdLock(path: string, timeoutMs: number): Promise<Server> {
  const endsAt = performance.now() + timeoutMs;
  for (;;) {
    const server = await listen(path);
    if (server !== null) return server;
    if (!(await answers(path))) await unlink(path).catch(() => undefined);
    else if (performance.now() >= endsAt) throw new Error(`${path} is held by another process`);
    else await sleep(RETRY_MS);
  }
}

/** Null when the path exists already, whether somebody listens there or not. */
function listen(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EADDRINUSE') resolve(null);
      else reject(cause);
    });
    server.listen(path, () => resolve(server));
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
