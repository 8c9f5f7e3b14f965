import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DiskQueue } from '../../../../../control-plane/loops/raft/disk-queue.ts';
import type { LogChange } from '../../../../../control-plane/model/log-entry.ts';
import { MemoryDisk, openMemoryLog } from '../../../../support/memory-raft-log.ts';

const STATE = Buffer.from('the state');

function change(sequence: number, more: Partial<LogChange> = {}): LogChange {
  const nothing = { hardState: null, snapshot: null, truncateFrom: null, entries: [] };
  return { sequence, ...nothing, ...more };
}

function entries(sequence: number, bytes = 1): LogChange {
  const payload = Buffer.alloc(bytes);
  return change(sequence, { entries: [{ index: sequence, term: 1, type: 'command', payload }] });
}

function queueOn(disk: MemoryDisk, bounds: { changesMax?: number; bytesMax?: number } = {}) {
  const durable: number[] = [];
  const failures: unknown[] = [];
  const queue = new DiskQueue({
    log: openMemoryLog(disk),
    changesMax: 100,
    bytesMax: 1_000,
    monotonicMs: () => 0,
    onDurable: (sequence) => durable.push(sequence),
    onAppendLatency: () => undefined,
    onFailed: (cause) => failures.push(cause),
    ...bounds,
  });
  return { queue, durable, failures };
}

describe('disk queue', () => {
  it('writes together what waits while the disk is at work, within the bounds', async () => {
    const disk = new MemoryDisk();
    const { queue, durable } = queueOn(disk, { changesMax: 3, bytesMax: 100 });
    queue.add([], [entries(1)]);
    for (const sequence of [2, 3, 4, 5]) queue.add([], [entries(sequence)]);
    queue.add([], [entries(6, 60), entries(7, 60)]);
    await queue.idle();
    assert.deepEqual(disk.persists, [1, 3, 2, 1]);
    assert.deepEqual(durable, [1, 4, 6, 7]);
    assert.equal(disk.entries.length, 7);
  });

  it('stages before it installs, reads back what it installed, and only then goes on', async () => {
    const disk = new MemoryDisk();
    const { queue, durable } = queueOn(disk);
    const place = { index: 5, term: 1, configuration: null };
    queue.add([{ index: 5, offset: 0, bytes: STATE.subarray(0, 4) }], []);
    queue.add(
      [
        { index: 5, offset: 4, bytes: STATE.subarray(4) },
        { index: 9, offset: 0, bytes: Buffer.from('of a later snapshot') },
      ],
      [change(1, { snapshot: place }), change(2, { hardState: { term: 3, votedFor: null } })],
    );
    await queue.idle();
    assert.deepEqual(durable, [1, 2]);
    assert.equal(queue.takeInstalled(5)?.toString(), 'the state');
    assert.equal(queue.takeInstalled(5), null);
    assert.equal(disk.snapshot?.place, place);
  });

  it('says nothing to be durable after the first failure, and does nothing more', async () => {
    const disk = new MemoryDisk();
    const { queue, durable, failures } = queueOn(disk);
    disk.trouble = new Error('EIO');
    queue.add([], [entries(1)]);
    queue.add([], [entries(2)]);
    await queue.idle();
    disk.trouble = null;
    queue.add([], [entries(3)]);
    await queue.idle();
    await nextTurn();
    assert.deepEqual([durable, failures.length, disk.entries.length], [[], 1, 0]);
  });
});
