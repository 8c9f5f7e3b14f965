import assert from 'node:assert/strict';
import {
  LogCompactedError,
  LogDamageError,
  LogFailedError,
  LogLockedError,
} from '../../../../../control-plane/adapters/log/damage.ts';
import type { LogEntry, SnapshotPlace } from '../../../../../control-plane/model/log-entry.ts';
import { openLog } from '../../../../../control-plane/adapters/log/segmented-log.ts';
import type { SegmentedLog } from '../../../../../control-plane/adapters/log/segmented-log.ts';
import { SimulatedDisk } from '../../../../support/log-disk.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

/** Three batches of one entry each. */
const SEGMENT_BYTES = 2_048;
const FIRST_SEGMENT = '/log/segment-00000000000000000001.log';

function open(disk: SimulatedDisk, segmentBytesMax = 10_000): Promise<SegmentedLog> {
  return openLog({ directory: '/log', memberId: 'm1', disk, segmentBytesMax, reserveBytes: 0 });
}

function entries(from: number, to: number, term = 1, text = 'entry'): readonly LogEntry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => ({
    index: from + at,
    term,
    type: 'command',
    payload: Buffer.from(`${text} ${from + at}`),
  }));
}

function place(index: number): SnapshotPlace {
  return { index, term: 1, configuration: null };
}

/** A log of `count` entries in term 1, each a batch of its own; hard state says nothing of them. */
async function logOf(count: number, segmentBytesMax?: number): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(seededRandom(1));
  const log = await open(disk, segmentBytesMax);
  await log.saveHardState(1, 'm1');
  for (const entry of entries(1, count)) await log.append([entry]);
  await log.close();
  return disk;
}

async function textsOf(log: SegmentedLog): Promise<readonly string[]> {
  const read = await log.read(log.firstIndex, log.lastIndex, Infinity);
  return read.map(({ payload }) => Buffer.from(payload).toString());
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 0x10;
  return copy;
}

describe('segmented log', () => {
  it('reads back what was appended, over segments and a restart', async () => {
    const disk = await logOf(20, SEGMENT_BYTES);
    const log = await open(disk, SEGMENT_BYTES);
    assert.deepEqual([log.firstIndex, log.lastIndex, log.lastTerm], [1, 20, 1]);
    assert(disk.paths().filter((path) => path.includes('segment')).length > 3);
    assert.deepEqual(
      await textsOf(log),
      Array.from({ length: 20 }, (_, at) => `entry ${at + 1}`),
    );
    assert.equal(log.placeOf(1).file, FIRST_SEGMENT);
    assert.equal(log.placeOf(1).offset, 512);
  });

  it('reads at least one entry, and no more once the bytes are reached', async () => {
    const log = await open(await logOf(20, SEGMENT_BYTES), SEGMENT_BYTES);
    assert.equal((await log.read(3, 20, 1)).length, 1);
    const some = await log.read(3, 20, 120);
    assert.deepEqual(
      some.map(({ index }) => index),
      [3, 4, 5, 6],
    );
  });

  it('writes a batch with one write and one sync', async () => {
    const disk = await logOf(1);
    const log = await open(disk);
    disk.trail.length = 0;
    await log.append(entries(2, 100));
    assert.deepEqual(disk.trail, [`write ${FIRST_SEGMENT}`, `sync ${FIRST_SEGMENT}`]);
  });

  it('keeps term and vote, and refuses a term that goes down', async () => {
    const disk = await logOf(3);
    const log = await open(disk);
    await log.saveHardState(7, 'm3');
    await assert.rejects(log.saveHardState(6, null), /below 7/);
    await log.close();
    const again = await open(disk.afterPowerFailure());
    assert.deepEqual(again.hardState, { memberId: 'm1', term: 7, votedFor: 'm3', durableIndex: 3 });
  });

  it('refuses entries that leave a hole, go back in term, or run ahead of the durable term', async () => {
    const log = await open(await logOf(3));
    await assert.rejects(log.append(entries(5, 5)), /does not follow 3/);
    await assert.rejects(log.append(entries(4, 4, 2)), /not made durable/);
    await log.saveHardState(2, null);
    await log.append(entries(4, 4, 2));
    await assert.rejects(log.append(entries(5, 5, 1)), /term 1 follows term 2/);
  });

  for (const from of [1, 2, 9, 12, 19, 20, 21]) {
    it(`forgets a suffix from ${from} for good and appends behind the rest`, async () => {
      const disk = await logOf(20, SEGMENT_BYTES);
      const log = await open(disk, SEGMENT_BYTES);
      await log.saveHardState(2, null);
      await log.truncateSuffix(from);
      assert.equal(log.lastIndex, from - 1);
      await log.append(entries(from, from + 1, 2, 'other'));
      await log.close();
      const again = await open(disk.afterPowerFailure(), SEGMENT_BYTES);
      const kept = Array.from({ length: from - 1 }, (_, at) => `entry ${at + 1}`);
      assert.deepEqual(await textsOf(again), [...kept, `other ${from}`, `other ${from + 1}`]);
      assert.equal(again.termAt(from), 2);
      assert.equal(again.termAt(from - 1), from === 1 ? null : 1);
    });
  }

  it('has a whole log after a crash at any point of forgetting a suffix', async () => {
    for (let atOperation = 1; atOperation < 40; atOperation += 1) {
      const before = await logOf(20, SEGMENT_BYTES);
      const disk = before.afterProcessDeath({ atOperation, kind: 'power_failure' });
      const cut = open(disk, SEGMENT_BYTES).then(async (log) => {
        await log.saveHardState(2, null);
        await log.truncateSuffix(4);
      });
      const done = await cut.then(
        () => true,
        () => false,
      );
      const log = await open(disk.afterPowerFailure(), SEGMENT_BYTES);
      assert(done ? log.lastIndex === 3 : log.lastIndex >= 3, `operation ${atOperation}`);
    }
  });

  it('drops whole segments below a snapshot, keeps what it is told to, and knows its term', async () => {
    const disk = await logOf(20, SEGMENT_BYTES);
    const log = await open(disk, SEGMENT_BYTES);
    await log.saveSnapshot(place(15), [Buffer.from('state')], 4);
    assert(log.firstIndex > 4 && log.firstIndex <= 12, String(log.firstIndex));
    await assert.rejects(log.read(1, 20, 100), LogCompactedError);
    assert.equal(log.termAt(15), 1);
    await log.close();
    const again = await open(disk.afterPowerFailure(), SEGMENT_BYTES);
    assert.deepEqual([again.snapshot?.index, again.snapshot?.term], [15, 1]);
    assert.equal(Buffer.from((await again.readSnapshot())?.payload ?? []).toString(), 'state');
    assert.equal(again.lastIndex, 20);
  });

  it('refuses everything after one failed operation, also when the disk works again', async () => {
    const before = await logOf(3);
    const disk = before.afterProcessDeath({ atOperation: 9, kind: 'EIO' });
    const log = await open(disk);
    await assert.rejects(log.append(entries(4, 4)), LogFailedError);
    await assert.rejects(log.append(entries(4, 4)), /nothing more is written/);
    await assert.rejects(log.saveHardState(9, null), LogFailedError);
    await assert.rejects(log.saveSnapshot(place(2), [], 0), LogFailedError);
  });

  it('is held by one opener at a time', async () => {
    const disk = await logOf(1);
    const log = await open(disk);
    await assert.rejects(open(disk), LogLockedError);
    await log.close();
    await (await open(disk)).close();
  });
});

describe('segmented log: damage', () => {
  /** Opens and expects a refusal that names file and offset. */
  async function refused(disk: SimulatedDisk, file: string, offset: number, detail: RegExp) {
    const before = disk
      .paths()
      .map((path) => [path, Buffer.from(disk.bytesOf(path)).toString('hex')]);
    await assert.rejects(open(disk, SEGMENT_BYTES), (error: unknown) => {
      assert(error instanceof LogDamageError, String(error));
      assert.deepEqual([error.file, error.offset], [file, offset], error.message);
      assert.match(error.message, detail);
      assert(error.message.includes(file) && error.message.includes(String(offset)));
      return true;
    });
    const after = disk
      .paths()
      .map((path) => [path, Buffer.from(disk.bytesOf(path)).toString('hex')]);
    assert.deepEqual(after, before, 'evidence was changed');
  }

  it('refuses a torn record in a segment that is not the last', async () => {
    const disk = await logOf(20, SEGMENT_BYTES);
    const bytes = disk.bytesOf(FIRST_SEGMENT);
    disk.plant(FIRST_SEGMENT, bytes.slice(0, -500));
    await refused(disk, FIRST_SEGMENT, bytes.length - 512, /ends/);
  });

  it('refuses a missing segment: first, middle and last', async () => {
    const disk = await logOf(20, SEGMENT_BYTES);
    const log = await open(disk, SEGMENT_BYTES);
    await log.saveHardState(2, null);
    await log.close();
    const segments = disk.paths().filter((path) => path.includes('segment'));
    const [first = '', second = '', third = ''] = segments;
    const last = segments.at(-1) ?? '';
    for (const [gone, named, detail] of [
      [first, second, /entries 1 to \d+ are missing/],
      [second, third, /the segment before it ends at/],
      [last, segments.at(-2) ?? '', /but 20 was durable/],
    ] as const) {
      const bytes = disk.bytesOf(gone);
      disk.unplant(gone);
      const offset = gone === last ? disk.bytesOf(named).length : 0;
      await refused(disk, named, offset, detail);
      disk.plant(gone, bytes);
    }
  });

  it('refuses a segment under the name of another', async () => {
    const disk = await logOf(5);
    disk.plant('/log/segment-00000000000000000006.log', disk.bytesOf(FIRST_SEGMENT));
    await refused(disk, '/log/segment-00000000000000000006.log', 0, /begins at index 1/);
  });

  it('refuses a missing, foreign or broken hard state', async () => {
    const disk = await logOf(5);
    const path = '/log/hard-state';
    const bytes = disk.bytesOf(path);
    await assert.rejects(
      openLog({ directory: '/log', memberId: 'm2', disk: disk.copy() }),
      /belongs to member m1, this is member m2/,
    );
    disk.plant(path, flipped(bytes, 40));
    await refused(disk, path, 0, /checksum/);
    disk.plant(path, bytes.slice(0, -1));
    await refused(disk, path, 0, /instead of/);
    disk.unplant(path);
    await refused(disk, path, 0, /missing/);
  });

  it('refuses a broken snapshot rather than starting from an older one', async () => {
    const disk = await logOf(20, SEGMENT_BYTES);
    const log = await open(disk, SEGMENT_BYTES);
    await log.saveSnapshot(place(15), [Buffer.from('state')], 0);
    await log.close();
    const path = '/log/snapshot-00000000000000000015.snap';
    const bytes = disk.bytesOf(path);
    disk.plant(path, flipped(bytes, bytes.length - 1));
    await refused(disk, path, 12, /checksum/);
    disk.unplant(path);
    const first = disk.paths().find((name) => name.includes('segment')) ?? '';
    await refused(disk, first, 0, /are missing before it/);
  });
});
