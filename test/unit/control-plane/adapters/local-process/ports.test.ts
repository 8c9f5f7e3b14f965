import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';

import { createPortPool } from '../../../../../control-plane/adapters/local-process/ports.ts';

const free = (): Promise<boolean> => Promise.resolve(true);

describe('port pool', () => {
  it('hands each port to one holder, also to callers at the same time', async () => {
    const pool = createPortPool(100, 104, free);
    const taken = await Promise.all(Array.from({ length: 7 }, () => pool.take()));
    assert.deepEqual(taken.filter((port) => port !== null).sort(), [100, 101, 102, 103, 104]);
    assert.equal(taken.filter((port) => port === null).length, 2);
  });

  it('lets a port rest that was given back', async () => {
    const pool = createPortPool(100, 102, free);
    pool.release((await pool.take()) ?? 0);
    assert.deepEqual([await pool.take(), await pool.take(), await pool.take()], [101, 102, 100]);
  });

  it('passes over ports that records hold and that others listen on', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address !== 'string');
    assert.equal(await createPortPool(address.port, address.port).take(), null);
    server.close();
    const pool = createPortPool(100, 101, free);
    pool.hold(100);
    assert.deepEqual([await pool.take(), await pool.take()], [101, null]);
  });
});
