import assert from 'node:assert/strict';
import type { LogChange, LogEntry } from '../../../control-plane/model/log-entry.ts';
import { NO_CONFIGURATION } from '../../../control-plane/model/configuration.ts';
import { Draws } from '../../simulation/draws.ts';
import { MemberDisk } from '../../simulation/member-disk.ts';

const draws = new Draws(1, 1);
const ignore = {
  hardStateDurable: () => undefined,
  truncating: () => undefined,
  installing: () => undefined,
};

function entry(index: number, term = 1): LogEntry {
  return { index, term, type: 'command', payload: new Uint8Array([index]) };
}

function change(sequence: number, parts: Partial<LogChange>): LogChange {
  return { sequence, hardState: null, snapshot: null, truncateFrom: null, entries: [], ...parts };
}

describe('the simulated disk of a member', () => {
  it('has nothing durable before the sync has ended, and then all of it', () => {
    const disk = new MemberDisk(ignore);
    const hardState = { term: 3, votedFor: 'a' };
    disk.enqueue([change(1, { hardState }), change(2, { entries: [entry(1), entry(2)] })]);
    assert.ok(disk.write());
    assert.equal(disk.hardState.term, 0);
    assert.equal(disk.log.lastIndex, 0);
    assert.equal(disk.synced(), 2);
    assert.deepEqual(disk.hardState, hardState);
    assert.equal(disk.log.lastIndex, 2);
  });

  it('loses in a crash what waits, and keeps a first part of what was being written', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const disk = new MemberDisk(ignore);
      disk.enqueue([change(1, { entries: [entry(1), entry(2)] })]);
      disk.write();
      disk.synced();
      disk.enqueue([
        change(2, {
          hardState: { term: 2, votedFor: null },
          truncateFrom: 2,
          entries: [entry(2, 2), entry(3, 2)],
        }),
      ]);
      disk.write();
      disk.enqueue([change(3, { entries: [entry(4, 2)] })]);
      const survived = disk.crash('torn', new Draws(seed, 1));
      const terms = [1, 2, 3, 4].map((index) => disk.log.termAt(index));
      const expected = [
        [1, 1, null, null],
        [1, 1, null, null],
        [1, null, null, null],
        [1, 2, null, null],
        [1, 2, 2, null],
      ];
      assert.deepEqual(terms, expected[survived]);
      assert.equal(disk.hardState.term, survived > 0 ? 2 : 0);
    }
  });

  it('keeps all of the write, or nothing, when it is told to', () => {
    for (const [tail, lastIndex] of [
      ['lost', 0],
      ['whole', 2],
    ] as const) {
      const disk = new MemberDisk(ignore);
      disk.enqueue([change(1, { entries: [entry(1), entry(2)] })]);
      disk.write();
      disk.crash(tail, draws);
      assert.equal(disk.log.lastIndex, lastIndex);
    }
  });

  it('installs what was staged in order, and refuses what does not follow', () => {
    const disk = new MemberDisk(ignore);
    disk.stage({ index: 9, offset: 0, bytes: new Uint8Array([1, 2]) });
    disk.stage({ index: 9, offset: 2, bytes: new Uint8Array([3]) });
    assert.throws(() => {
      disk.stage({ index: 9, offset: 2, bytes: new Uint8Array([3]) });
    }, /chunk at 2 of snapshot 9 staged, where 3 bytes of 9/);
    const snapshot = { index: 9, term: 2, configuration: NO_CONFIGURATION };
    disk.enqueue([change(1, { snapshot, entries: [entry(10, 2)] })]);
    disk.write();
    disk.synced();
    assert.deepEqual([...disk.snapshotBytes], [1, 2, 3]);
    assert.equal(disk.log.snapshotIndex, 9);
    assert.equal(disk.log.lastIndex, 10);
    assert.equal(disk.log.firstIndex, 10);
  });
});
