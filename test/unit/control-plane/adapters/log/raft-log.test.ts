import assert from 'node:assert/strict';
import type { RaftLogOnDisk } from '../../../../../control-plane/adapters/log/raft-log.ts';
import type { DiskStall } from '../../../../../control-plane/adapters/log/watched-disk.ts';
import { RaftLogError } from '../../../../../control-plane/ports/raft-log.ts';
import { SimulatedDisk } from '../../../../support/log-disk.ts';
import {
  CONFIGURATION,
  append,
  change,
  configurationEntry,
  contentOf,
  entry,
  openOn,
  textsOf,
  vote,
} from '../../../../support/log-raft.ts';
import { pollUntil } from '../../../../support/process.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

const SEGMENT = '/log/segment-00000000000000000001.log';
const place = (index: number, term = 1) => ({ index, term, configuration: CONFIGURATION });

function newDisk(): SimulatedDisk {
  return new SimulatedDisk(seededRandom(1));
}

async function reopened(disk: SimulatedDisk) {
  return openOn(disk.afterPowerFailure());
}

function stalledMs(log: RaftLogOnDisk): number {
  return log.stalledForMs;
}

describe('raft log', () => {
  it('is empty in a new directory', async () => {
    const log = await openOn(newDisk());
    assert.deepEqual(log.recovered, {
      hardState: { term: 0, votedFor: null },
      snapshot: null,
      entries: [],
    });
    assert.equal(await log.readSnapshot(), null);
    assert.equal(await log.readSnapshotChunk(1, 0, 10), null);
    await log.close();
  });

  it('gives back every type of entry after a power failure', async () => {
    const disk = newDisk();
    const log = await openOn(disk);
    const entries = [entry(1, 1, '', 'term_start'), configurationEntry(2, 1), entry(3, 1)];
    await log.persist([vote(1, 'm2'), append(...entries)]);
    const again = await reopened(disk);
    assert.deepEqual(again.recovered, {
      hardState: { term: 1, votedFor: 'm2' },
      snapshot: null,
      entries,
    });
  });

  it('keeps payloads with sectors of zeros, and of any other byte', async () => {
    const disk = newDisk();
    const log = await openOn(disk);
    const payloads = [
      Buffer.alloc(3_000),
      Buffer.concat([Buffer.alloc(700), Buffer.alloc(700, 1), Buffer.alloc(700, 2)]),
      Buffer.alloc(2_000, 0xff),
      Buffer.from(Array.from({ length: 256 * 200 }, (_, at) => Math.floor(at / 200))),
    ];
    await log.persist([vote(1), append(...payloads.map((one, at) => entry(at + 1, 1, one)))]);
    const again = await reopened(disk);
    assert.deepEqual(
      again.recovered.entries.map(({ payload }) => Buffer.from(payload)),
      payloads,
    );
  });

  it('does many changes with one write and one sync of each kind', async () => {
    const disk = newDisk();
    const log = await openOn(disk);
    await log.persist([vote(1), append(entry(1, 1))]);
    disk.trail.length = 0;
    await log.persist([
      change({ hardState: { term: 2, votedFor: null }, entries: [entry(2, 1)] }),
      append(entry(3, 2), entry(4, 2)),
      change({ truncateFrom: 4, entries: [entry(4, 2, 'other'), entry(5, 2)] }),
      vote(3, 'm1'),
    ]);
    assert.deepEqual(disk.trail, [
      'write /log/hard-state',
      'sync /log/hard-state',
      `write ${SEGMENT}`,
      `sync ${SEGMENT}`,
    ]);
    const again = await reopened(disk);
    assert.deepEqual(textsOf(again), ['entry 1', 'entry 2', 'entry 3', 'other', 'entry 5']);
    assert.deepEqual(again.recovered.hardState, { term: 3, votedFor: 'm1' });
  });

  it('truncates once, at the lowest index of several changes', async () => {
    const disk = newDisk();
    const log = await openOn(disk);
    await log.persist([vote(1), append(...[1, 2, 3, 4, 5].map((index) => entry(index, 1)))]);
    disk.trail.length = 0;
    await log.persist([
      vote(3),
      change({ truncateFrom: 4, entries: [entry(4, 2)] }),
      change({ truncateFrom: 3, entries: [entry(3, 3, 'three'), entry(4, 3, 'four')] }),
    ]);
    assert.equal(disk.trail.filter((name) => name.startsWith('truncate')).length, 1);
    assert.deepEqual(textsOf(await reopened(disk)), ['entry 1', 'entry 2', 'three', 'four']);
  });

  it('knows nothing of a truncation behind its end', async () => {
    const disk = newDisk();
    const log = await openOn(disk);
    await log.persist([vote(1), append(entry(1, 1))]);
    await log.persist([change({ truncateFrom: 2, entries: [entry(2, 1)] })]);
    assert.deepEqual(textsOf(await reopened(disk)), ['entry 1', 'entry 2']);
  });

  it('makes a vote with one write and one sync, in a file that never grows', async () => {
    const disk = newDisk();
    const log = await openOn(disk);
    await log.persist([vote(1)]);
    const { length } = disk.bytesOf('/log/hard-state');
    for (let term = 2; term < 9; term += 1) {
      disk.trail.length = 0;
      await log.persist([vote(term, 'm3')]);
      assert.deepEqual(disk.trail, ['write /log/hard-state', 'sync /log/hard-state']);
      const again = await reopened(disk);
      assert.deepEqual(again.recovered.hardState, { term, votedFor: 'm3' });
    }
    assert.equal(disk.bytesOf('/log/hard-state').length, length);
  });

  it('refuses what would break its own order: a bug of the caller', async () => {
    const log = await openOn(newDisk());
    await log.persist([vote(2), append(entry(1, 1))]);
    for (const [wrong, why] of [
      [vote(1), /term 1 is below 2/],
      [append(entry(3, 2)), /entry 3 does not follow 1/],
      [append(entry(2, 3)), /term 3 was not made durable/],
      [append(entry(2, 2), entry(3, 1)), /term 1 follows term 2/],
    ] as const) {
      await assert.rejects(log.persist([wrong]), why);
    }
    await log.persist([append(entry(2, 2))]);
    assert.equal(log.failure, null);
  });

  it('keeps the newest entries below a snapshot, over a restart', async () => {
    const disk = newDisk();
    const log = await openOn(disk, { segmentBytesMax: 1_600 });
    await log.persist([vote(1)]);
    for (let index = 1; index <= 20; index += 1) await log.persist([append(entry(index, 1))]);
    await log.saveSnapshot(place(15), [Buffer.from('sta'), Buffer.from('te')], 4);
    const again = await reopened(disk);
    const { snapshot, entries } = again.recovered;
    assert.deepEqual(snapshot, place(15));
    assert.equal(Buffer.from((await again.readSnapshot()) ?? []).toString(), 'state');
    const first = entries[0]?.index ?? 0;
    assert(first > 8 && first <= 12, `the first is ${first}`);
    assert.equal(entries.at(-1)?.index, 20);
    assert(again.snapshotBytes > 69 && again.bytes > again.snapshotBytes);
  });

  it('gives the newest snapshot away in parts, and no other', async () => {
    const log = await openOn(newDisk());
    await log.persist([vote(1), append(entry(1, 1), entry(2, 1))]);
    await log.saveSnapshot(place(1), [Buffer.from('older')], 0);
    await log.saveSnapshot(place(2), [Buffer.from('0123456789')], 0);
    const part = async (offset: number, lengthMax: number) => {
      const chunk = await log.readSnapshotChunk(2, offset, lengthMax);
      return chunk && [Buffer.from(chunk.bytes).toString(), chunk.totalBytes];
    };
    assert.deepEqual(await part(0, 4), ['0123', 10]);
    assert.deepEqual(await part(4, 100), ['456789', 10]);
    assert.deepEqual(await part(10, 4), ['', 10]);
    assert.equal(await log.readSnapshotChunk(1, 0, 4), null);
  });

  it('lets the event loop go on while it saves a large snapshot', async () => {
    const log = await openOn(newDisk());
    await log.persist([vote(1), append(entry(1, 1))]);
    let longestMs = 0;
    let before = performance.now();
    const beat = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - before);
      before = performance.now();
    }, 1);
    const done = log.saveSnapshot(place(1), [Buffer.alloc(12 * 1024 * 1024, 7)], 0);
    await done.finally(() => {
      clearInterval(beat);
    });
    assert(longestMs > 0, 'the event loop never ran');
  });

  it('appends while a snapshot takes its place, and holds both wherever the power fails', async () => {
    for (let atOperation = 12, hasFailed = true; hasFailed; atOperation += 1) {
      const disk = new SimulatedDisk(seededRandom(1), { atOperation, kind: 'power_failure' });
      const log = await openOn(disk, { segmentBytesMax: 2_048 });
      let durable = 0;
      const saves: number[] = [];
      const appendThrough = async (last: number): Promise<void> => {
        for (let at = durable + 1; at <= last; at += 1) {
          await log.persist([append(entry(at, 1))]);
          durable = at;
        }
      };
      const save = async (): Promise<void> => {
        await log.saveSnapshot(place(6), [Buffer.from('state')], 1);
        saves.push(6);
      };
      const session = async (): Promise<boolean> => {
        await log.persist([vote(1)]);
        await appendThrough(8);
        const ends = await Promise.allSettled([save(), appendThrough(30)]);
        return ends.some(({ status }) => status === 'rejected');
      };
      hasFailed = await session().catch(() => true);
      const again = await reopened(disk);
      const lastIndex = again.recovered.entries.at(-1)?.index ?? 0;
      assert(lastIndex >= durable, `at ${atOperation}: ${durable} was durable, not ${lastIndex}`);
      assert.deepEqual(saves, saves.length === 0 ? [] : [again.recovered.snapshot?.index]);
      await again.close();
    }
  });

  it('does not hold up entries while the files below a snapshot are removed', async () => {
    const removing = Promise.withResolvers<undefined>();
    const begun = Promise.withResolvers<undefined>();
    class SlowToRemove extends SimulatedDisk {
      override async remove(path: string): Promise<void> {
        begun.resolve(undefined);
        await removing.promise;
        await super.remove(path);
      }
    }
    const log = await openOn(new SlowToRemove(seededRandom(1)));
    await log.persist([vote(1), append(entry(1, 1))]);
    await log.saveSnapshot(place(1), [Buffer.from('state')], 0);
    await log.persist([append(entry(2, 1))]);
    const saving = log.saveSnapshot(place(2), [Buffer.from('state')], 0);
    await begun.promise;
    await log.persist([append(entry(3, 1))]);
    removing.resolve(undefined);
    await saving;
    await log.close();
  });

  it('installs a staged snapshot in place of the whole log, with entries behind it', async () => {
    for (const index of [3, 5, 50]) {
      const disk = newDisk();
      const log = await openOn(disk);
      await log.persist([vote(1), append(...[1, 2, 3, 4, 5].map((at) => entry(at, 1)))]);
      await log.stageSnapshot(index, 0, Buffer.from('void'));
      await log.stageSnapshot(index, 0, Buffer.from('sta'));
      await log.stageSnapshot(index, 3, Buffer.from('te'));
      await log.persist([
        append(entry(6, 1)),
        change({
          hardState: { term: 2, votedFor: null },
          snapshot: place(index, 2),
          entries: [entry(index + 1, 2, 'behind')],
        }),
      ]);
      const again = await reopened(disk);
      assert.deepEqual(textsOf(again), ['behind'], `at ${index}`);
      assert.deepEqual(again.recovered.snapshot, place(index, 2));
      assert.equal(Buffer.from((await again.readSnapshot()) ?? []).toString(), 'state');
      assert.equal(disk.paths().filter((path) => path.includes('segment')).length, 1);
    }
  });

  it('refuses chunks that leave a hole, and to install what was not staged', async () => {
    const log = await openOn(newDisk());
    await log.persist([vote(1)]);
    await log.stageSnapshot(7, 0, Buffer.from('abc'));
    await assert.rejects(log.stageSnapshot(7, 4, Buffer.from('e')), /follows 3 of 7/);
    const other = await openOn(newDisk());
    await other.persist([vote(1)]);
    await assert.rejects(
      other.persist([change({ snapshot: place(9) })]),
      /snapshot 9 was not staged/,
    );
  });

  it('gives up its own snapshot quietly when a newer one was installed meanwhile', async () => {
    const disk = newDisk();
    const log = await openOn(disk);
    await log.persist([vote(1), append(entry(1, 1), entry(2, 1))]);
    await log.stageSnapshot(9, 0, Buffer.from('leader'));
    const installing = async function* () {
      yield Buffer.from('own');
      await log.persist([change({ snapshot: place(9) })]);
      yield Buffer.from('own');
    };
    await log.saveSnapshot(place(2), installing(), 0);
    await log.saveSnapshot(place(2), [Buffer.from('never read')], 0);
    const again = await reopened(disk);
    assert.deepEqual(again.recovered.snapshot, place(9));
    assert.deepEqual(
      disk.paths().filter((path) => path.includes('snapshot')),
      ['/log/snapshot-00000000000000000009.snap'],
    );
  });

  it('forgets what was staged before a restart', async () => {
    const disk = newDisk();
    const log = await openOn(disk);
    await log.persist([vote(1)]);
    await log.stageSnapshot(9, 0, Buffer.from('half'));
    await log.close();
    await (await openOn(disk)).close();
    assert.deepEqual(disk.paths(), ['/log/hard-state']);
  });

  it('writes ahead of the entries, and takes a full disk for no room', async () => {
    const disk = newDisk();
    const log = await openOn(disk, { reserveBytes: 4_096 });
    await log.persist([vote(1), append(entry(1, 1))]);
    assert.equal(disk.bytesOf(SEGMENT).length, 1_024 + 4_096);
    disk.trail.length = 0;
    await log.persist([append(entry(2, 1))]);
    assert.deepEqual(disk.trail, [`write ${SEGMENT}`, `sync ${SEGMENT}`]);
    assert.equal(disk.bytesOf(SEGMENT).length, 1_024 + 4_096);
    await log.close();

    const healthy = new SimulatedDisk(seededRandom(2));
    await (await openOn(healthy, { reserveBytes: 4_096 })).persist([vote(1), append(entry(1, 1))]);
    const full = new SimulatedDisk(seededRandom(2), {
      atOperation: healthy.operations - 1,
      kind: 'ENOSPC',
    });
    const other = await openOn(full, { reserveBytes: 4_096 });
    await other.persist([vote(1), append(entry(1, 1))]);
    assert.equal(other.failure, null);
    assert.deepEqual(textsOf(await reopened(full)), ['entry 1']);
  });

  for (const kind of ['ENOSPC', 'EIO'] as const) {
    it(`fails closed on ${kind} at any operation, names the file, and loses nothing`, async () => {
      const steps = async (disk: SimulatedDisk, done: string[]): Promise<void> => {
        const log = await openOn(disk);
        await log.persist([vote(1), append(entry(1, 1))]);
        done.push('entry 1');
        await log.saveSnapshot(place(1), [Buffer.from('state')], 5);
        await log.persist([vote(2), append(entry(2, 2))]);
        done.push('entry 2');
        await log.persist([change({ truncateFrom: 2 })]);
        done.pop();
      };
      const healthy = newDisk();
      await steps(healthy, []);
      for (let atOperation = 2; atOperation <= healthy.operations; atOperation += 1) {
        const disk = new SimulatedDisk(seededRandom(atOperation), { atOperation, kind });
        const done: string[] = [];
        await assert.rejects(steps(disk, done), (error) => {
          assert(error instanceof RaftLogError, String(error));
          assert.match(error.message, new RegExp(`${kind}.* /log`));
          return true;
        });
        const again = await openOn(disk.afterProcessDeath());
        const texts = textsOf(again);
        assert(
          done.every((text, at) => texts[at] === text || text === 'entry 2'),
          `${kind} at ${atOperation}: ${texts.join()}`,
        );
      }
    });
  }

  it('refuses everything after a failure, and says why', async () => {
    const healthy = newDisk();
    await (await openOn(healthy)).persist([vote(1)]);
    const disk = new SimulatedDisk(seededRandom(1), {
      atOperation: healthy.operations + 1,
      kind: 'EIO',
    });
    const log = await openOn(disk);
    await log.persist([vote(1)]);
    await assert.rejects(log.persist([vote(2)]), /EIO: write \/log\/hard-state/);
    await assert.rejects(log.persist([vote(3)]), /nothing more is written.*EIO/);
    await assert.rejects(log.stageSnapshot(1, 0, Buffer.from('')), RaftLogError);
    await assert.rejects(log.saveSnapshot(place(0), [], 0), /nothing|snapshot/).catch(() => null);
    assert.match(log.failure ?? '', /EIO/);
    await log.close();
  });

  it('says while it lasts that the disk hangs, and goes on when it no longer does', async () => {
    const disk = newDisk();
    const stalls: DiskStall[] = [];
    const log = await openOn(disk, { stallAfterMs: 5, onStall: (stall) => stalls.push(stall) });
    await log.persist([vote(1)]);
    assert.equal(stalledMs(log), 0);
    const hang = Promise.withResolvers<undefined>();
    disk.stall = hang.promise;
    const persisted = log.persist([vote(2)]);
    await pollUntil('the stall', 5_000, () => stalls.length > 0);
    assert(stalledMs(log) >= 5);
    assert.deepEqual(
      stalls.map(({ operation, file }) => [operation, file]),
      [['write through', '/log/hard-state']],
    );
    disk.stall = null;
    hang.resolve(undefined);
    await persisted;
    assert.equal(stalledMs(log), 0);
    await log.close();
  });

  it('fails when the disk hangs for too long, and keeps its directory to itself', async () => {
    const disk = newDisk();
    const log = await openOn(disk, { stallAfterMs: 5, ioTimeoutMs: 20 });
    await log.persist([vote(1)]);
    disk.stall = Promise.withResolvers<undefined>().promise;
    await assert.rejects(log.persist([vote(2)]), /hard-state has not ended for 20 ms/);
    await assert.rejects(log.close(), /stays locked: the disk hangs/);
    await assert.rejects(openOn(disk), /held/);
  });

  it('tells the next start how far it was durable when it is closed', async () => {
    const disk = newDisk();
    const log = await openOn(disk);
    await log.persist([vote(1), append(entry(1, 1))]);
    await log.persist([append(entry(2, 1))]);
    await log.close();
    const bytes = disk.bytesOf(SEGMENT);
    disk.plant(SEGMENT, bytes.slice(0, 1_024));
    await assert.rejects(openOn(disk), /the log ends at index 1, but 2 was durable/);
  });

  it('times appends and syncs', async () => {
    const appends: number[] = [];
    const fsyncs: number[] = [];
    const log = await openOn(newDisk(), {
      onAppend: (seconds) => appends.push(seconds),
      onFsync: (seconds) => fsyncs.push(seconds),
    });
    await log.persist([vote(1), append(entry(1, 1)), append(entry(2, 1))]);
    await log.persist([vote(2)]);
    assert.deepEqual([appends.length, fsyncs.length], [1, 1]);
    assert((appends[0] ?? 0) >= (fsyncs[0] ?? 1));
    assert.deepEqual(await contentOf(log), {
      hardState: { term: 0, votedFor: null },
      snapshot: null,
      payload: null,
      entries: [],
    });
  });
});
