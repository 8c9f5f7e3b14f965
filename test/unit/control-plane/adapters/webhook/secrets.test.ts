import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  parseSecrets,
  readSecrets,
  SECRET_BYTES_MIN,
} from '../../../../../control-plane/adapters/webhook/secrets.ts';

const SECRET = 'a-secret-of-more-than-thirty-two-characters';

describe('the secrets of webhooks', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-secrets-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('are read one a line, the newest first, without the blanks around them', () => {
    const keys = parseSecrets('scaling', `\n${SECRET}-2 \r\n\n\t${SECRET}-1\n`);
    assert.deepEqual(
      keys.map(({ key }) => key.export().toString()),
      [`${SECRET}-2`, `${SECRET}-1`],
    );
  });

  it('are named after their file and a hash, the same for the same secret', () => {
    const [first] = parseSecrets('scaling', SECRET);
    const [again] = parseSecrets('scaling', SECRET);
    const [other] = parseSecrets('scaling', `${SECRET}-2`);
    assert.match(first.id, /^scaling\/[0-9a-f]{8}$/);
    assert.equal(first.id, again.id);
    assert.notEqual(first.id, other.id);
  });

  it('are 1 to 4, each of 32 characters or more', () => {
    assert.equal(parseSecrets('s', 'x'.repeat(SECRET_BYTES_MIN)).length, 1);
    assert.equal(parseSecrets('s', `${SECRET}\n`.repeat(4)).length, 4);
    for (const [text, why] of [
      ['', /1 to 4 secrets; got 0/],
      [`${SECRET}\n`.repeat(5), /1 to 4 secrets; got 5/],
      ['x'.repeat(SECRET_BYTES_MIN - 1), /32 to 1024 characters; one has 31/],
      ['x'.repeat(1_025), /one has 1025/],
      [`${SECRET} with a blank`, /without blanks/],
      [`${SECRET}é`, /printable ASCII/],
    ] as const) {
      assert.throws(() => parseSecrets('s', text), why);
    }
  });

  it('are read anew each time, and a fault names the file and nothing that it holds', async () => {
    const { signal } = new AbortController();
    const file = join(directory, 'scaling');
    await writeFile(file, SECRET);
    const [first] = await readSecrets(directory, 'scaling', signal);
    await writeFile(file, `${SECRET}-2\n${SECRET}`);
    const [second, third] = await readSecrets(directory, 'scaling', signal);
    assert.notEqual(second.id, first.id);
    assert.equal(third?.id, first.id);
    await writeFile(file, 'too short');
    await assert.rejects(readSecrets(directory, 'scaling', signal), (error: Error) => {
      assert.ok(error.message.includes(file));
      assert.ok(!error.message.includes('too short'));
      return true;
    });
    await assert.rejects(readSecrets(directory, 'absent', signal), /absent cannot be read: ENOENT/);
    await writeFile(file, 'x'.repeat(9_000));
    await assert.rejects(readSecrets(directory, 'scaling', signal), /larger than 8192 bytes/);
  });

  it('are in the directory and nowhere else', async () => {
    const { signal } = new AbortController();
    for (const name of ['../scaling', '/etc/passwd', 'a/b', '.', '', 'A']) {
      await assert.rejects(readSecrets(directory, name, signal), /is not the name of a secret/);
    }
  });
});
