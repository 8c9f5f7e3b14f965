import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DocumentFilesError } from '../../../../control-plane/adapters/document-files/yaml-files.ts';
import { readSloFiles } from '../../../../control-plane/composition/slos.ts';
import { parseConfig } from '../../../../control-plane/config.ts';
import { createLogger } from '../../../../control-plane/telemetry/logs.ts';

describe('the SLOs of a member', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-slos-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const read = (slosDirectory: string) =>
    readSloFiles(
      {
        config: parseConfig({ OMNIMIND_SLOS_DIR: slosDirectory }),
        logger: createLogger({ level: 'error', service: 's', version: '0', member: 'm' }),
      },
      AbortSignal.timeout(5_000),
    );

  it('are those that are declared in its directory, by id', async () => {
    const slos = await read('prometheus/slos');
    const ids = slos.map(({ id }) => id);
    assert.ok(ids.includes('api-availability'));
    assert.deepEqual(ids, ids.toSorted());
  });

  it('are none when the directory is not there', async () => {
    assert.deepEqual(await read(join(directory, 'nowhere')), []);
  });

  it('keep it from starting when a file is wrong, or the directory is none', async () => {
    await writeFile(join(directory, 'a.yaml'), 'id: x\n');
    await assert.rejects(read(directory), (error) => {
      assert.ok(error instanceof DocumentFilesError);
      assert.equal(error.directory, directory);
      assert.ok(error.faults.length >= 6);
      return true;
    });
    await assert.rejects(read(join(directory, 'a.yaml')), DocumentFilesError);
  });
});
