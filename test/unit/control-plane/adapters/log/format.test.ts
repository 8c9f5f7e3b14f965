import assert from 'node:assert/strict';
import { crc32c } from '../../../../../control-plane/adapters/log/crc32c.ts';
import { LogDamageError } from '../../../../../control-plane/adapters/log/damage.ts';
import { SimulatedDisk } from '../../../../support/log-disk.ts';
import {
  CONFIGURATION,
  append,
  change,
  entry,
  openOn,
  textsOf,
  vote,
} from '../../../../support/log-raft.ts';
import { oldHardState, oldSegment, oldSnapshot } from '../../../../support/log-version-1.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

const HARD_STATE = '/log/hard-state';
const SEGMENT = '/log/segment-00000000000000000003.log';
const SNAPSHOT = '/log/snapshot-00000000000000000002.snap';
const STATE = { memberId: 'm1', term: 4, votedFor: 'm1', durableIndex: 4 };
const place = { index: 2, term: 1, configuration: CONFIGURATION };

async function oldDisk(): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(seededRandom(1));
  disk.plant(HARD_STATE, oldHardState(STATE));
  disk.plant(SNAPSHOT, oldSnapshot(2, 3, 'state'));
  disk.plant(SEGMENT, await oldSegment([3, 4, 5].map((index) => entry(index, 4))));
  return disk;
}

describe('log: formats', () => {
  it('reads what version 1 wrote, and goes on in files of its own', async () => {
    const disk = await oldDisk();
    const log = await openOn(disk);
    assert.deepEqual(log.recovered.hardState, { term: 4, votedFor: 'm1' });
    assert.deepEqual(log.recovered.snapshot, { index: 2, term: 3, configuration: null });
    assert.equal(Buffer.from((await log.readSnapshot()) ?? []).toString(), 'state');
    assert.equal(
      Buffer.from((await log.readSnapshotChunk(2, 1, 3))?.bytes ?? []).toString(),
      'tat',
    );
    assert.deepEqual(textsOf(log), ['entry 3', 'entry 4', 'entry 5']);
    await log.persist([vote(5), change({ truncateFrom: 5, entries: [entry(5, 5, 'new')] })]);
    const again = await openOn(disk.afterPowerFailure());
    assert.deepEqual(textsOf(again), ['entry 3', 'entry 4', 'new']);
    assert(disk.paths().includes('/log/segment-00000000000000000005.log'));
  });

  it('cuts a torn tail of a segment of version 1, and refuses its damage', async () => {
    const disk = await oldDisk();
    const bytes = disk.bytesOf(SEGMENT);
    disk.plant(SEGMENT, bytes.slice(0, -3));
    assert.deepEqual(textsOf(await openOn(disk.copy())), ['entry 3', 'entry 4']);
    for (let at = 32; at < bytes.length; at += 1) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      disk.plant(SEGMENT, damaged);
      await assert.rejects(openOn(disk.copy()), LogDamageError, `byte ${at}`);
    }
  });

  it('refuses what a newer version wrote, with file and offset, and changes nothing', async () => {
    const disk = new SimulatedDisk(seededRandom(1));
    const log = await openOn(disk);
    await log.persist([vote(1), append(...[1, 2, 3].map((index) => entry(index, 1)))]);
    await log.saveSnapshot(place, [Buffer.from('state')], 5);
    await log.persist([append(entry(4, 1))]);
    const first = '/log/segment-00000000000000000001.log';
    const last = '/log/segment-00000000000000000004.log';
    for (const [path, offset, why, rewrite] of [
      [first, 0, /no segment of format 2 or older/, (bytes: Buffer) => newSegment(bytes)],
      [last, 512, /unknown type: a newer version/, (bytes: Buffer) => newRecord(bytes, 512, 12)],
      [last, 512, /payload is of version 9/, (bytes: Buffer) => newRecord(bytes, 512, 13)],
      [SNAPSHOT, 0, /does not begin as a file/, (bytes: Buffer) => newMagic(bytes)],
      [HARD_STATE, 0, /does not begin as a file/, (bytes: Buffer) => newMagic(bytes)],
    ] as const) {
      const copy = disk.afterPowerFailure();
      const bytes = Buffer.from(copy.bytesOf(path));
      rewrite(bytes);
      copy.plant(path, bytes);
      await assert.rejects(openOn(copy), (error) => {
        assert(error instanceof LogDamageError, String(error));
        assert.deepEqual([error.file, error.offset], [path, offset]);
        assert.match(error.message, why);
        return true;
      });
      assert.deepEqual(Buffer.from(copy.bytesOf(path)), bytes);
    }
  });
});

function newSegment(bytes: Buffer): void {
  bytes.writeUInt32LE(9, 8);
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, 28)), 28);
}

function newRecord(bytes: Buffer, at: number, field: number): void {
  const end = at + 32 + bytes.readUInt32LE(at + 8);
  bytes[at + field] = 9;
  bytes.writeUInt32LE(crc32c(bytes.subarray(at + 8, at + 32)), at + 4);
  bytes.writeUInt32LE(crc32c(bytes.subarray(at + 4, end)), at);
}

function newMagic(bytes: Buffer): void {
  bytes.write('9', 7, 'latin1');
}
