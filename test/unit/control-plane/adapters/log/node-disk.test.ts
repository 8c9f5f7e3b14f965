import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogLockedError } from '../../../../../control-plane/adapters/log/damage.ts';
import { NODE_DISK } from '../../../../../control-plane/adapters/log/node-disk.ts';

describe('the disk of the machine', () => {
  it('says as the log does that a directory is held, and by which process', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-disk-'));
    try {
      const giveBack = await NODE_DISK.lock(directory);
      await assert.rejects(NODE_DISK.lock(directory), (error) => {
        assert.ok(error instanceof LogLockedError);
        assert.equal(error.message, `${directory} is in use by process ${process.pid}`);
        return true;
      });
      await giveBack();
      await (
        await NODE_DISK.lock(directory)
      )();
      await assert.rejects(NODE_DISK.lock(join(directory, 'none')), { code: 'ENOENT' });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
