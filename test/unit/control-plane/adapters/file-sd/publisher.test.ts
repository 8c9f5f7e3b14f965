import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileSdPublisher } from '../../../../../control-plane/adapters/file-sd/publisher.ts';
import { TargetPublisherError } from '../../../../../control-plane/ports/target-publisher.ts';

const A = { targets: ['10.0.0.1:7410'], labels: { node: 'a' } };
const B = { targets: ['10.0.0.2:7410'], labels: { node: 'b' } };

describe('the file_sd publisher', () => {
  let root = '';
  let directory = '';

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'omnimind-file-sd-'));
    directory = join(root, 'targets');
  });

  afterEach(async () => {
    await rm(root, { recursive: true });
  });

  const read = async (name: string): Promise<unknown> =>
    JSON.parse(await readFile(join(directory, name), 'utf8'));
  const inode = async () => (await stat(join(directory, 'agents.json'))).ino;

  it('writes each kind to its file, readable by others, and leaves nothing beside it', async () => {
    const publisher = createFileSdPublisher({ directory });
    await publisher.publish('agents', [A, B]);
    await publisher.publish('replicas', []);
    assert.deepEqual(await read('agents.json'), [A, B]);
    assert.deepEqual(await read('replicas.json'), []);
    assert.deepEqual((await readdir(directory)).sort(), ['agents.json', 'replicas.json']);
    assert.equal((await stat(join(directory, 'agents.json'))).mode & 0o444, 0o444);
  });

  it('does not write an unchanged list again, whatever its order', async () => {
    const publisher = createFileSdPublisher({ directory });
    await publisher.publish('agents', [A, B]);
    const before = await inode();
    await publisher.publish('agents', [B, A]);
    assert.equal(await inode(), before);
    await publisher.publish('agents', [A]);
    assert.deepEqual(await read('agents.json'), [A]);
  });

  it('knows after a restart what it had written before', async () => {
    await createFileSdPublisher({ directory }).publish('agents', [A]);
    const before = await inode();
    await createFileSdPublisher({ directory }).publish('agents', [A]);
    assert.equal(await inode(), before);
  });

  it('writes again what another member, which led meanwhile, has replaced', async () => {
    const first = createFileSdPublisher({ directory });
    await first.publish('agents', [A]);
    await createFileSdPublisher({ directory }).publish('agents', [A, B]);
    await first.publish('agents', [A]);
    assert.deepEqual(await read('agents.json'), [A]);
  });

  it('leaves whole lists when several members write at once, and nothing beside them', async () => {
    const publishers = Array.from({ length: 8 }, () => createFileSdPublisher({ directory }));
    const lists = [[A], [B], [A, B]];
    await Promise.all(
      publishers.map((one, at) => one.publish('agents', lists[at % lists.length] ?? [])),
    );
    const written = JSON.stringify(await read('agents.json'));
    assert.ok(
      lists.some((list) => JSON.stringify(list) === written),
      written,
    );
    assert.deepEqual(await readdir(directory), ['agents.json']);
  });

  it('writes again what somebody removed', async () => {
    const publisher = createFileSdPublisher({ directory });
    await publisher.publish('agents', [A]);
    await rm(directory, { recursive: true });
    await publisher.publish('agents', [A]);
    assert.deepEqual(await read('agents.json'), [A]);
  });

  it('ends with the newest list when several are published at once', async () => {
    const publisher = createFileSdPublisher({ directory });
    await Promise.all([
      publisher.publish('agents', [A]),
      publisher.publish('agents', [B]),
      publisher.publish('agents', [A, B]),
    ]);
    assert.deepEqual(await read('agents.json'), [A, B]);
  });

  it('says what it could not write, keeps the old list, and recovers', async () => {
    await writeFile(directory, 'a file where the directory should be');
    const publisher = createFileSdPublisher({ directory });
    await assert.rejects(publisher.publish('agents', [A]), (error) => {
      assert.ok(error instanceof TargetPublisherError);
      assert.match(error.message, /writing the scrape targets to .*agents\.json/);
      return error.cause instanceof Error;
    });
    await rm(directory);
    await publisher.publish('agents', [A]);
    assert.deepEqual(await read('agents.json'), [A]);
    await chmod(directory, 0o755);
  });
});
