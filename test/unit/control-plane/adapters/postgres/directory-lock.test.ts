/** The lock on a PGlite directory. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { holdLock } from '../../../../../control-plane/adapters/postgres/directory-lock.ts';

describe('directory lock', () => {
  let directory: string;
  const held: Server[] = [];
  const path = () => join(directory, 'lock');
  const hold = async (timeoutMs: number) => {
    const server = await holdLock(path(), timeoutMs);
    held.push(server);
    return server;
  };
  const release = () =>
    Promise.all(held.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'omnimind-lock-'));
  });
  afterEach(async () => {
    await release();
    rmSync(directory, { recursive: true });
  });

  it('is held by one at a time', async () => {
    await hold(1000);
    await assert.rejects(hold(100), /held by another process/);
  });

  it('goes to the one who waits as soon as it is let go', async () => {
    await hold(1000);
    const waiting = holdLock(path(), 10_000);
    await release();
    held.push(await waiting);
  });

  it('is free when its holder was killed, though its socket is still there', async () => {
    const script = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', script, path()]);
    await hold(1000);
  });
});
