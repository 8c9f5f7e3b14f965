import assert from 'node:assert/strict';
import { Snapshots } from '../../../../../control-plane/loops/raft/snapshots.ts';
import { INITIAL_STATE } from '../../../../../control-plane/state/state.ts';
import { MemoryDisk, openMemoryLog } from '../../../../support/memory-raft-log.ts';

function snapshotsOn(disk: MemoryDisk) {
  const log = openMemoryLog(disk);
  const monotonicMs = () => 0;
  const due = {
    everyEntries: 10,
    everyBytes: 1_000,
    logPerSnapshot: 4,
    entriesKept: 4,
    entriesKeptBytes: 250,
  };
  return new Snapshots({ log, ...due, monotonicMs }, 0);
}

function apply(snapshots: Snapshots, from: number, to: number, bytes = 50): void {
  for (let index = from; index <= to; index += 1) snapshots.applied(index, bytes);
}

function save(snapshots: Snapshots, index: number) {
  return snapshots.save({ index, term: 1, configuration: null }, INITIAL_STATE);
}

describe('snapshots', () => {
  it('are due after so many entries, or bytes, since the last one, one at a time', async () => {
    const snapshots = snapshotsOn(new MemoryDisk());
    apply(snapshots, 1, 9);
    assert(!snapshots.isDue);
    apply(snapshots, 10, 10);
    assert(snapshots.isDue);
    const saving = save(snapshots, 10);
    assert(!snapshots.isDue);
    await saving;
    assert(!snapshots.isDue);
    apply(snapshots, 11, 12, 500);
    assert(snapshots.isDue);
  });

  it('wait until the log since the last one is four times its size, or as large as it may be', async () => {
    const disk = new MemoryDisk();
    const snapshots = snapshotsOn(disk);
    apply(snapshots, 1, 10);
    await save(snapshots, 10);
    const bytes = disk.snapshot?.payload.length ?? 0;
    apply(snapshots, 11, 20, 1);
    assert(!snapshots.isDue);
    snapshots.applied(21, 4 * bytes - 11);
    assert(!snapshots.isDue);
    snapshots.applied(22, 1);
    assert(snapshots.isDue);
    await save(snapshots, 22);
    apply(snapshots, 23, 24, 500);
    assert(snapshots.isDue);
  });

  it('come at another entry at each member, as often at all of them', async () => {
    const members = ['m1', 'm2', 'm3', 'm4', 'm5'];
    const savedAt = new Map<string, number[]>();
    for (const self of members) {
      const snapshots = snapshotsOn(new MemoryDisk());
      snapshots.takeTurns(members, self);
      const indexes: number[] = [];
      for (let index = 1; index <= 30; index += 1) {
        snapshots.applied(index, 50);
        if (!snapshots.isDue) continue;
        indexes.push(index);
        await save(snapshots, index);
      }
      savedAt.set(self, indexes);
    }
    assert.deepEqual(Object.fromEntries(savedAt), {
      m1: [10, 20, 30],
      m2: [8, 18, 28],
      m3: [6, 16, 26],
      m4: [4, 14, 24],
      m5: [2, 12, 22],
    });
  });

  it('keep the newest entries within both bounds', async () => {
    const snapshots = snapshotsOn(new MemoryDisk());
    apply(snapshots, 1, 2);
    assert.deepEqual(await save(snapshots, 2), { index: 2, keepFrom: 1 });
    apply(snapshots, 3, 10);
    assert.deepEqual(await save(snapshots, 10), { index: 10, keepFrom: 7 });
    apply(snapshots, 11, 20, 100);
    assert.deepEqual(await save(snapshots, 20), { index: 20, keepFrom: 19 });
  });

  it('count from a snapshot that was installed, and give up one that it has overtaken', async () => {
    const snapshots = snapshotsOn(new MemoryDisk());
    apply(snapshots, 1, 10);
    const overtaken = save(snapshots, 10);
    snapshots.installed(100);
    assert.equal(await overtaken, null);
    apply(snapshots, 101, 109);
    assert(!snapshots.isDue);
    apply(snapshots, 110, 110);
    assert(snapshots.isDue);
  });
});
