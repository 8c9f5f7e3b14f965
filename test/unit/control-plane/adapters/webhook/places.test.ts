import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Places } from '../../../../../control-plane/adapters/webhook/places.ts';

const PLACE = { url: 'https://scaler.example/a', secret: 'scaling', requestTimeoutMs: 2_000 };

describe('the places of receivers', () => {
  let directory = '';
  let file = '';
  let troubles: unknown[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-places-'));
    file = join(directory, 'new', 'places.json');
    troubles = [];
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const open = (placesMax = 3): Promise<Places> =>
    Places.open({ file, placesMax, onTrouble: (error) => troubles.push(error) });

  it('outlive the process, and what was forgotten does not come back', async () => {
    const places = await open();
    assert.equal(await places.note('a', PLACE), true);
    assert.equal(await places.note('b', { ...PLACE, url: 'https://scaler.example/b' }), true);
    await places.forget('a');
    const again = await open();
    assert.deepEqual(again.ids(), ['b']);
    assert.equal(again.placeOf('a'), null);
    assert.equal(again.placeOf('b')?.url, 'https://scaler.example/b');
    assert.deepEqual(troubles, []);
  });

  it('are one for each workload, the last one noted', async () => {
    const places = await open();
    await places.note('a', PLACE);
    await places.note('a', { ...PLACE, secret: 'other' });
    assert.equal((await open()).placeOf('a')?.secret, 'other');
  });

  it('are nobody else’s to read, and leave nothing beside the file', async () => {
    const places = await open();
    await Promise.all(['a', 'b', 'c'].map((id) => places.note(id, PLACE)));
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(join(directory, 'new')), ['places.json']);
    assert.deepEqual((await open()).ids(), ['a', 'b', 'c']);
  });

  it('are so many and no more', async () => {
    const places = await open(1);
    assert.equal(await places.note('a', PLACE), true);
    assert.equal(await places.note('b', PLACE), false);
    assert.equal(await places.note('a', PLACE), true);
    assert.deepEqual(places.ids(), ['a']);
  });

  it('write nothing where nothing changes', async () => {
    const places = await open();
    await places.note('a', PLACE);
    const before = await stat(file, { bigint: true });
    await places.note('a', { ...PLACE });
    await places.forget('unknown');
    assert.equal((await stat(file, { bigint: true })).ino, before.ino);
  });

  it('put a damaged file aside, say so, and go on', async () => {
    await (await open()).note('a', PLACE);
    const whole = await readFile(file, 'utf8');
    for (const wrong of [
      whole.slice(0, -5),
      '{}',
      whole.replace('https:', 'file:'),
      whole.replace('"version": 1', '"version": 2'),
    ]) {
      await writeFile(file, wrong);
      assert.deepEqual((await open()).ids(), []);
      assert.match(String(troubles.pop()), /is damaged and was renamed/);
      assert.equal(await readFile(`${file}.damaged`, 'utf8'), wrong);
    }
  });

  it('are known all the same where the disk takes nothing', async () => {
    await writeFile(join(directory, 'new'), 'a file where the directory should be');
    const places = await open();
    troubles = [];
    assert.equal(await places.note('a', PLACE), true);
    assert.deepEqual(places.ids(), ['a']);
    assert.match(String(troubles[0]), /writing .*places\.json/);
  });
});
