import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import {
  ApiKeyFileError,
  createKey,
  loadApiKeys,
  parseApiKeys,
} from '../../../../control-plane/http/api-keys.ts';
import { SchemaError } from '../../../../control-plane/schemas/fault.ts';

describe('API keys', () => {
  it('finds the holder of a key by the line that was made with it', () => {
    const { key, line } = createKey('ops', 'operator', 0);
    const found = parseApiKeys(line).find(key);
    assert.equal(found?.name, 'ops');
    assert.equal(found.role, 'operator');
  });

  it('keeps no part of the secret in the file', () => {
    const { key, line } = createKey('ops', 'operator', 0);
    const secret = key.slice('omk_'.length + 13);
    assert.equal(secret.length, 43);
    assert.ok(!line.includes(secret));
  });

  it('knows nobody by a key with one character changed, another id, or no shape', () => {
    const { key, line } = createKey('ops', 'operator', 0);
    const other = createKey('other', 'admin', 0);
    const store = parseApiKeys(line);
    const last = key.endsWith('A') ? 'B' : 'A';
    for (const wrong of [`${key.slice(0, -1)}${last}`, other.key, '', 'omk_', `${key} `, 'é']) {
      assert.equal(store.find(wrong), null, wrong);
    }
    const swapped = other.key.slice(0, 16) + key.slice(16);
    assert.equal(parseApiKeys(line + other.line).find(swapped), null);
  });

  it('reads an empty file as no key, and comments and blank lines as nothing', () => {
    assert.equal(parseApiKeys('').size, 0);
    assert.equal(parseApiKeys(`# keys\n\n${createKey('a', 'viewer', 0).line}`).size, 1);
  });

  it('names every fault of a file', () => {
    const text = '- { id: "zz", name: "a b", role: root, sha256: "1", extra: 1 }\n';
    assert.throws(
      () => parseApiKeys(text),
      (error) => error instanceof SchemaError && error.faults.length === 5,
    );
  });

  it('refuses two keys of one name', () => {
    const text = createKey('a', 'viewer', 0).line + createKey('a', 'admin', 0).line;
    assert.throws(() => parseApiKeys(text), SchemaError);
  });

  it('refuses a name that the file could not hold', () => {
    assert.throws(() => createKey('a"b', 'viewer', 0), ApiKeyFileError);
  });

  describe('in a file', () => {
    let folder = '';
    let path = '';
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'api-keys-'));
      path = join(folder, 'keys.yaml');
    });
    afterEach(() => rm(folder, { recursive: true, force: true }));

    it('fails by name for a file that is missing or is not a list of keys', async () => {
      await assert.rejects(loadApiKeys(path), ApiKeyFileError);
      await writeFile(path, 'a: [');
      await assert.rejects(loadApiKeys(path), ApiKeyFileError);
    });

    it('revokes on reload, and keeps its keys when the file became empty or wrong', async () => {
      const [one, two] = [createKey('one', 'viewer', 0), createKey('two', 'viewer', 0)];
      await writeFile(path, one.line + two.line);
      const store = await loadApiKeys(path);
      await writeFile(path, two.line);
      await store.reload();
      assert.equal(store.find(one.key), null);
      assert.equal(store.find(two.key)?.name, 'two');
      for (const broken of ['', 'nonsense']) {
        await writeFile(path, broken);
        await assert.rejects(store.reload(), ApiKeyFileError);
        assert.equal(store.find(two.key)?.name, 'two');
      }
    });

    it('is written by the command, which prints the key once and refuses a name twice', async () => {
      const make = (name: string) =>
        promisify(execFile)(process.execPath, [
          'control-plane/api-key.ts',
          ...['--name', name, '--role', 'operator', '--file', path],
        ]);
      const first = (await make('first')).stdout.trim();
      const second = (await make('second')).stdout.trim();
      await assert.rejects(make('first'), /two keys/u);
      const store = await loadApiKeys(path);
      assert.equal(store.size, 2);
      assert.equal(store.find(first)?.name, 'first');
      assert.equal(store.find(second)?.role, 'operator');
      assert.ok(!(await readFile(path, 'utf8')).includes(first));
      assert.equal((await stat(path)).mode & 0o077, 0);
    });
  });
});
