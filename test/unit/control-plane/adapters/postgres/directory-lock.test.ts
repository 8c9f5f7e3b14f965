/** Waiting for the lock on a PGlite directory; the lock itself has its tests in disk/. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryHeldError } from '../../../../../control-plane/adapters/disk/directory-lock.ts';
import { waitForDirectory } from '../../../../../control-plane/adapters/postgres/directory-lock.ts';

describe('PGlite directory', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'omnimind-lock-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('is refused once its holder has not let go in time', async () => {
    const giveBack = await waitForDirectory(directory, 1000);
    const startedAt = performance.now();
    await assert.rejects(waitForDirectory(directory, 100), DirectoryHeldError);
    assert.ok(performance.now() - startedAt >= 100);
    await giveBack();
  });

  it('goes to the one who waits as soon as it is let go', async () => {
    const giveBack = await waitForDirectory(directory, 1000);
    const waiting = waitForDirectory(directory, 10_000);
    await giveBack();
    await (
      await waiting
    )();
  });

  it('is not waited for when the system refuses it', async () => {
    await assert.rejects(waitForDirectory(join(directory, 'none'), 60_000), { code: 'ENOENT' });
  });
});
