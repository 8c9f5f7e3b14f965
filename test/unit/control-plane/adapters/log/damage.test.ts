import assert from 'node:assert/strict';
import { LogDamageError } from '../../../../../control-plane/adapters/log/damage.ts';
import { scanSegment } from '../../../../../control-plane/adapters/log/segment.ts';
import { openLog } from '../../../../../control-plane/adapters/log/segmented-log.ts';
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
import { seededRandom } from '../../../../support/seeded-random.ts';

const SECTOR = 512;
const SNAPSHOT = '/log/snapshot-00000000000000000002.snap';
const place = (index: number) => ({ index, term: 1, configuration: CONFIGURATION });

interface Fixture {
  readonly disk: SimulatedDisk;
  /** By path: offset of each record, and where the last one ends without its padding. */
  readonly records: ReadonlyMap<string, { readonly offsets: readonly number[]; end: number }>;
  readonly lastSegment: string;
  readonly content: object;
}

/**
 * Segments, a snapshot and a vote, with records of every type: alone in a batch and several, shorter
 * than a sector and over many, with headers across sectors and with payloads of zeros.
 */
async function fixture(reserveBytes: number): Promise<Fixture> {
  const disk = new SimulatedDisk(seededRandom(5));
  const options = { segmentBytesMax: 4_096, reserveBytes };
  const log = await openOn(disk, options);
  await log.persist([vote(1, 'm2'), append(entry(1, 1, '', 'term_start'), entry(2, 1))]);
  await log.saveSnapshot(place(2), [Buffer.from('the state at 2')], 2);
  await log.persist([append(configurationEntry(3, 1), entry(4, 1, Buffer.alloc(600)))]);
  // The header of the second begins 1 byte before a sector's end.
  await log.persist([append(entry(5, 1, 'x'.repeat(479)), entry(6, 1, 'crosses'))]);
  await log.persist([append(...[7, 8, 9].map((index) => entry(index, 1, 'y'.repeat(300))))]);
  await log.persist([vote(2, 'm1'), append(entry(10, 2, '', 'term_start'))]);
  await log.persist([
    append(entry(11, 2), configurationEntry(12, 2), entry(13, 2, Buffer.alloc(1_300))),
  ]);
  // Nothing is said of how far it was durable, as after a crash.
  const crashed = disk.afterPowerFailure();
  const raw = await openLog({ directory: '/log', memberId: 'm1', disk: crashed.copy() });
  const records = new Map<string, { offsets: number[]; end: number }>();
  let lastSegment = '';
  for (let index = raw.firstIndex; index <= raw.lastIndex; index += 1) {
    const { file, offset } = raw.placeOf(index);
    const [read] = await raw.read(index, index, 1);
    const isMasked = index === 4 || index === 13;
    const end = offset + 32 + (read?.payload.length ?? 0) + (isMasked ? 1 : 0);
    records.set(file, { offsets: [...(records.get(file)?.offsets ?? []), offset], end });
    lastSegment = file;
  }
  const content = await contentOf(await openOn(crashed.copy(), options));
  return { disk: crashed, records, lastSegment, content };
}

type Outcome = { kind: 'refused'; error: LogDamageError } | { kind: 'opened'; content: object };

/** Opens a copy of the disk on which the file has other bytes. */
async function opened({ disk }: Fixture, path: string, bytes: Uint8Array): Promise<Outcome> {
  const copy = disk.copy();
  copy.plant(path, bytes);
  try {
    const log = await openOn(copy, { segmentBytesMax: 4_096 });
    return { kind: 'opened', content: await contentOf(log) };
  } catch (error) {
    assert(error instanceof LogDamageError, String(error));
    assert(error.message.includes(`${error.file} is damaged at byte ${error.offset}`));
    return { kind: 'refused', error };
  }
}

function flipped(bytes: Uint8Array, at: number, pattern: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ pattern;
  return copy;
}

describe('log: damage', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);

  for (const reserveBytes of [0, 1_024]) {
    it(`accepts no flipped byte of any file, ${reserveBytes} bytes written ahead (seed ${seed})`, async () => {
      const random = seededRandom(seed);
      const made = await fixture(reserveBytes);
      let refused = 0;
      for (const path of made.disk.paths()) {
        const bytes = made.disk.bytesOf(path);
        const records = made.records.get(path);
        for (let at = 0; at < bytes.length; at += 1) {
          const pattern = 1 + Math.floor(random() * 255);
          const outcome = await opened(made, path, flipped(bytes, at, pattern));
          const where = `${path} at ${at} by ${pattern}`;
          if (outcome.kind === 'opened') {
            assert.deepEqual(outcome.content, made.content, where);
            const record = records?.offsets.findLast((offset) => offset <= at);
            assert(record === undefined || at >= (records?.end ?? 0), `${where} was accepted`);
            continue;
          }
          refused += 1;
          assert.equal(outcome.error.file, path, where);
          if (records === undefined) continue;
          const record = records.offsets.findLast((offset) => offset <= at);
          if (record !== undefined && at < records.end && isInRecord(made, path, at)) {
            assert.equal(outcome.error.offset, record, where);
          }
        }
      }
      assert(refused > 5_000, `${refused} flips were refused`);
    });
  }

  it('refuses any flip in the last batch: all 255 of each byte at its begin, every 17th behind', async () => {
    const { disk, records, lastSegment } = await fixture(1_024);
    const bytes = Buffer.from(disk.bytesOf(lastSegment));
    const { offsets, end } = records.get(lastSegment) ?? { offsets: [], end: 0 };
    const firstIndex = Number(/\d{20}/.exec(lastSegment)?.[0]);
    const batch = offsets.at(-3) ?? 0;
    for (let at = batch; at < end; at += 1) {
      for (let pattern = 1; pattern < 256; pattern += at < batch + 300 ? 1 : 17) {
        const damaged = Buffer.from(flipped(bytes, at, pattern));
        const { fault } = await scanSegment('f', damaged, firstIndex, 1);
        assert(fault !== null && !fault.torn, `byte ${at} by ${pattern}`);
      }
    }
  });

  for (const reserveBytes of [0, 1_024]) {
    it(`cuts the last batch where it is cut short, at each byte, ${reserveBytes} bytes written ahead`, async () => {
      const made = await fixture(reserveBytes);
      const bytes = made.disk.bytesOf(made.lastSegment);
      const { offsets, end } = made.records.get(made.lastSegment) ?? { offsets: [], end: 0 };
      const batch = offsets.at(-3) ?? 0;
      for (let at = batch; at < bytes.length; at += 1) {
        const outcome = await opened(made, made.lastSegment, bytes.slice(0, at));
        assert(outcome.kind === 'opened', `cut at ${at}`);
        const { entries } = outcome.content as { entries: readonly { index: number }[] };
        const ends = [...offsets.slice(-2), end];
        const whole = ends.filter((offset) => offset <= at).length;
        assert.equal(entries.at(-1)?.index, 10 + whole, `cut at ${at}`);
        const all = made.content as { entries: readonly object[] };
        assert.deepEqual(entries, all.entries.slice(0, entries.length));
      }
    });
  }

  it('appends behind a tail that was cut, at each byte', async () => {
    const made = await fixture(0);
    const bytes = made.disk.bytesOf(made.lastSegment);
    const { offsets } = made.records.get(made.lastSegment) ?? { offsets: [] };
    for (let at = offsets.at(-2) ?? 0; at < bytes.length; at += 7) {
      const disk = made.disk.copy();
      disk.plant(made.lastSegment, bytes.slice(0, at));
      const log = await openOn(disk, { segmentBytesMax: 4_096 });
      const next = (log.recovered.entries.at(-1)?.index ?? 0) + 1;
      await log.persist([append(entry(next, 2, 'new'))]);
      assert.equal(textsOf(await openOn(disk.afterPowerFailure())).at(-1), 'new', `cut at ${at}`);
    }
  });

  it('cuts the last batch where its last sector goes on in zeros, at each byte', async () => {
    const made = await fixture(0);
    const bytes = made.disk.bytesOf(made.lastSegment);
    const { offsets, end } = made.records.get(made.lastSegment) ?? { offsets: [], end: 0 };
    assert.equal(bytes.length % SECTOR, 0, 'the last sector is padded');
    const all = made.content as { entries: readonly object[] };
    for (let at = bytes.length - SECTOR + 1; at <= bytes.length - 8; at += 1) {
      const damaged = bytes.slice().fill(0, at);
      const outcome = await opened(made, made.lastSegment, damaged);
      assert(outcome.kind === 'opened', `zeros from ${at} on`);
      const { entries } = outcome.content as { entries: readonly { index: number }[] };
      const whole = [...offsets.slice(-2), end].filter((offset) => offset <= at).length;
      assert.equal(entries.at(-1)?.index, 10 + whole, `zeros from ${at} on`);
      assert.deepEqual(entries, all.entries.slice(0, entries.length));
    }
  });

  it('cuts the last batch when any of its sectors never reached the disk', async () => {
    const made = await fixture(1_024);
    const bytes = made.disk.bytesOf(made.lastSegment);
    const { offsets, end } = made.records.get(made.lastSegment) ?? { offsets: [], end: 0 };
    const first = (offsets.at(-3) ?? 0) / SECTOR;
    const sectors = Math.ceil(end / SECTOR) - first;
    assert(sectors >= 2, `${sectors} sectors`);
    for (let lost = 1; lost < 2 ** sectors; lost += 1) {
      const damaged = bytes.slice();
      for (let sector = 0; sector < sectors; sector += 1) {
        if (((lost >> sector) & 1) === 0) continue;
        damaged.fill(0, (first + sector) * SECTOR, (first + sector + 1) * SECTOR);
      }
      const outcome = await opened(made, made.lastSegment, damaged);
      assert(outcome.kind === 'opened', `sectors ${lost.toString(2)}`);
      const { entries } = outcome.content as { entries: readonly { index: number }[] };
      const last = entries.at(-1)?.index ?? 0;
      assert(last >= 10 && last < 13, `sectors ${lost.toString(2)}: ends at ${last}`);
    }
  });

  it('refuses a sector of zeros in any earlier batch', async () => {
    const made = await fixture(1_024);
    for (const [path, { offsets }] of made.records) {
      const isLast = path === made.lastSegment;
      const end = isLast ? (offsets.at(-3) ?? 0) : (offsets.at(-1) ?? 0);
      const bytes = made.disk.bytesOf(path);
      for (let at = 0; at < end; at += SECTOR) {
        const damaged = bytes.slice();
        damaged.fill(0, at, at + SECTOR);
        const outcome = await opened(made, path, damaged);
        assert.equal(outcome.kind, 'refused', `${path} at ${at}`);
      }
    }
  });

  it('refuses a sector of zeros before a batch in the same segment, which proves it was durable', async () => {
    const disk = new SimulatedDisk(seededRandom(1));
    const log = await openOn(disk, { reserveBytes: 2_048 });
    await log.persist([vote(1)]);
    for (let index = 1; index <= 6; index += 1) {
      await log.persist([append(entry(index, 1, 'w'.repeat(700)))]);
    }
    const path = '/log/segment-00000000000000000001.log';
    const bytes = disk.bytesOf(path);
    for (let sector = 1; sector <= 12; sector += 1) {
      const copy = disk.afterPowerFailure();
      const damaged = bytes.slice();
      damaged.fill(0, sector * SECTOR, (sector + 1) * SECTOR);
      copy.plant(path, damaged);
      if (sector > 10) assert.equal((await openOn(copy)).recovered.entries.length, 5);
      else await assert.rejects(openOn(copy), LogDamageError, `sector ${sector}`);
    }
  });

  it('refuses a snapshot and a vote that are cut short, or have something behind them', async () => {
    const made = await fixture(0);
    for (const path of [SNAPSHOT, '/log/hard-state']) {
      const bytes = made.disk.bytesOf(path);
      for (let at = 0; at < bytes.length; at += 1) {
        const { kind } = await opened(made, path, bytes.slice(0, at));
        assert.equal(kind, 'refused', `${path} cut at ${at}`);
      }
      const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
      assert.equal((await opened(made, path, longer)).kind, 'refused');
    }
  });

  it('never takes an older vote for a newer one that cannot be read', async () => {
    const disk = new SimulatedDisk(seededRandom(1));
    const log = await openOn(disk);
    await log.persist([vote(1, 'm1')]);
    await log.persist([vote(1, 'm1')]);
    for (let term = 2; term < 6; term += 1) {
      await log.persist([vote(term, 'm3')]);
      for (const slot of [0, 4_096]) {
        const copy = disk.afterPowerFailure();
        copy.plant('/log/hard-state', flipped(disk.bytesOf('/log/hard-state'), slot + 40, 1));
        await assert.rejects(openOn(copy), (error) => {
          assert(error instanceof LogDamageError);
          assert.deepEqual([error.file, error.offset], ['/log/hard-state', slot]);
          return true;
        });
        copy.plant('/log/hard-state', disk.bytesOf('/log/hard-state'));
        const zeroed = disk.bytesOf('/log/hard-state').slice();
        zeroed.fill(0, slot, slot + SECTOR);
        copy.plant('/log/hard-state', zeroed);
        await assert.rejects(openOn(copy), LogDamageError);
      }
    }
  });

  it('does not install a staged snapshot that is not what arrived, and keeps its log', async () => {
    const staged = '/log/snapshot-staged.tmp';
    const original = new SimulatedDisk(seededRandom(1));
    const first = await openOn(original);
    await first.persist([vote(1), append(entry(1, 1))]);
    for (let at = 64; at < 64 + 'the state at 9'.length; at += 1) {
      const disk = original.afterPowerFailure();
      const log = await openOn(disk);
      await log.stageSnapshot(9, 0, Buffer.from('the state at 9'));
      disk.damage(staged, at);
      await assert.rejects(log.persist([change({ snapshot: place(9) })]), (error) => {
        assert(error instanceof RaftLogError);
        assert.match(error.message, /snapshot-staged.tmp is damaged at byte 12: the content/);
        return true;
      });
      const again = await openOn(disk.afterPowerFailure());
      assert.deepEqual(textsOf(again), ['entry 1']);
      assert.equal(again.recovered.snapshot, null);
    }
  });

  it('refuses a snapshot that is missing although segments follow it', async () => {
    const disk = new SimulatedDisk(seededRandom(1));
    const log = await openOn(disk);
    await log.persist([vote(1), append(entry(1, 1), entry(2, 1), entry(3, 1))]);
    await log.stageSnapshot(2, 0, Buffer.from('state'));
    await log.persist([change({ snapshot: place(2), entries: [entry(3, 1)] })]);
    await log.close();
    disk.unplant(SNAPSHOT);
    await assert.rejects(
      openOn(disk),
      /segment-0+3\.log is damaged at byte 0: it follows a snapshot/,
    );
  });
});

/** Whether a byte belongs to a record, and not to the padding between two. */
function isInRecord({ disk }: Fixture, path: string, at: number): boolean {
  const bytes = disk.bytesOf(path);
  const sectorEnd = Math.ceil((at + 1) / SECTOR) * SECTOR;
  return bytes.subarray(at, sectorEnd).some((byte) => byte !== 0x5a);
}
