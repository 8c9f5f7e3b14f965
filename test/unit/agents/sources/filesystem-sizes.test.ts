import assert from 'node:assert/strict';
import type { FilesystemSize, Mount } from '../../../../agents/collectors/node-filesystem.ts';
import { createFilesystemSizes } from '../../../../agents/sources/filesystem-sizes.ts';

const size: FilesystemSize = {
  blockBytes: 1,
  blocks: 10,
  blocksFree: 5,
  blocksAvailable: 4,
  files: 0,
  filesFree: 0,
};

function mountAt(mountpoint: string, isRemote = false): Mount {
  return { device: 'd', mountpoint, fstype: 'x', isReadonly: false, isRemote };
}

function setUp() {
  const pending = new Map<string, PromiseWithResolvers<FilesystemSize>>();
  const asked: string[] = [];
  const hanging = new Set<string>();
  let nowMs = 0;
  const measure = (path: string): Promise<FilesystemSize> => {
    asked.push(path);
    if (!hanging.has(path)) return Promise.resolve(size);
    const question = Promise.withResolvers<FilesystemSize>();
    pending.set(path, question);
    return question.promise;
  };
  const sizes = createFilesystemSizes({
    hostRoot: '/',
    stalenessMs: 1000,
    patienceMs: 20,
    measureLocal: measure,
    measureRemote: measure,
    now: () => nowMs,
  });
  return {
    sizes,
    pending,
    asked,
    hanging,
    advance: (ms: number) => (nowMs += ms),
    states: async (...mounts: Mount[]) =>
      (await sizes.read(mounts)).map(({ size: measured, state }) => [state, measured !== null]),
  };
}

describe('filesystem sizes', () => {
  it('gives the size of every mount in order', async () => {
    const { states } = setUp();
    assert.deepEqual(
      await states(mountAt('/'), mountAt('/b'), mountAt('/c'), mountAt('/r', true)),
      [
        ['ok', true],
        ['ok', true],
        ['ok', true],
        ['ok', true],
      ],
    );
  });

  it('waits for a dead mount no longer than its patience, and asks it only once', async () => {
    const { states, hanging, asked } = setUp();
    hanging.add('/dead');
    const began = performance.now();
    assert.deepEqual(await states(mountAt('/'), mountAt('/dead', true)), [
      ['ok', true],
      ['stuck', false],
    ]);
    assert.ok(performance.now() - began < 500);
    await states(mountAt('/'), mountAt('/dead', true));
    assert.equal(asked.filter((path) => path === '/dead').length, 1);
  });

  it('gives the last size of a stuck mount until it is stale, and a fresh one once it answers', async () => {
    const { states, hanging, pending, advance } = setUp();
    const dead = mountAt('/dead');
    assert.deepEqual(await states(dead), [['ok', true]]);
    hanging.add('/dead');
    assert.deepEqual(await states(dead), [['stuck', true]]);
    advance(999);
    assert.deepEqual(await states(dead), [['stuck', true]]);
    advance(1);
    assert.deepEqual(await states(dead), [['stuck', false]]);
    hanging.clear();
    pending.get('/dead')?.resolve(size);
    await Promise.resolve();
    assert.deepEqual(await states(dead), [['ok', true]]);
  });

  it('lets two dead local mounts take two threads and no more, and goes on with remote ones', async () => {
    const { states, hanging, asked } = setUp();
    for (const path of ['/a', '/b', '/c', '/d']) hanging.add(path);
    const mounts = ['/a', '/b', '/c', '/d'].map((path) => mountAt(path));
    await states(...mounts, mountAt('/remote', true));
    assert.deepEqual(asked, ['/a', '/b', '/remote']);
  });

  it('asks those that had to wait for a place when one is free', async () => {
    const { states, asked } = setUp();
    const mounts = ['/a', '/b', '/c', '/d', '/e'].map((path) => mountAt(path));
    assert.ok(
      (await states(...mounts)).every(([state, isKnown]) => state === 'ok' && isKnown === true),
    );
    assert.equal(asked.length, 5);
  });

  it('says that a mount failed when it refused, without a size', async () => {
    const { states, hanging, pending } = setUp();
    hanging.add('/x');
    const answer = states(mountAt('/x'));
    pending.get('/x')?.reject(new Error('EACCES'));
    assert.deepEqual(await answer, [['failed', false]]);
  });
});
