import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { readDiskSpace } from '../../../../control-plane/adapters/disk/space.ts';
import { createDiskWatch } from '../../../../control-plane/composition/watch-disk.ts';
import { createSeries } from '../../../../control-plane/telemetry/series.ts';
import type { Series } from '../../../../control-plane/telemetry/series.ts';

const SPACE = { availableBytes: 30, sizeBytes: 100 };
const clock = { nowMs: () => 0, monotonicMs: () => 0 };
const silent = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const never = new AbortController().signal;

describe('the watch over the room on disk', () => {
  let series: Series;

  beforeEach(() => {
    series = createSeries({ version: '0' });
  });

  afterEach(() => series.stop());

  const watch = (readSpace: () => Promise<typeof SPACE>, timeoutMs = 5_000) =>
    createDiskWatch({ series, clock, logger: silent, readSpace, timeoutMs });

  it('shows what there is, and nothing before the first look', async () => {
    const look = watch(() => Promise.resolve(SPACE));
    assert.deepEqual(await shown(series), [NaN, NaN]);
    await look(never);
    assert.deepEqual(await shown(series), [30, 100]);
  });

  it('shows no old number once a look has failed', async () => {
    const answers = [Promise.resolve(SPACE), Promise.reject(new Error('gone'))];
    answers[1]?.catch(ignore);
    const look = watch(() => answers.shift() ?? assert.fail('asked too often'));
    await look(never);
    await assert.rejects(look(never), /gone/);
    assert.deepEqual(await shown(series), [NaN, NaN]);
  });

  it('asks no second time while the first look hangs, and takes its answer when it comes', async () => {
    const hanging = Promise.withResolvers<typeof SPACE>();
    let asked = 0;
    const look = watch(() => {
      asked += 1;
      return hanging.promise;
    }, 1);
    await assert.rejects(look(never), /no answer within/);
    await assert.rejects(look(never), /no answer within/);
    assert.equal(asked, 1);
    const third = look(never);
    hanging.resolve(SPACE);
    await third;
    assert.deepEqual(await shown(series), [30, 100]);
  });

  it('reads a real file system', async () => {
    const { availableBytes, sizeBytes } = await readDiskSpace(tmpdir());
    assert.ok(sizeBytes > 0 && availableBytes >= 0 && availableBytes <= sizeBytes);
    await assert.rejects(readDiskSpace('/nowhere/at/all'), { code: 'ENOENT' });
  });
});

/** As they are exposed: what is available, then the size. */
async function shown(series: Series): Promise<readonly (number | undefined)[]> {
  const families = await series.registry.getMetricsAsJSON();
  const valueOf = (name: string) => {
    const family = families.find((one) => one.name === name);
    const [first] = family?.values ?? [];
    return first?.value;
  };
  return ['omnimind_data_disk_available_bytes', 'omnimind_data_disk_size_bytes'].map(valueOf);
}

function ignore(): void {
  // What is logged is not what is tested here.
}
