import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { prepareCluster } from '../../../../demo/launcher/cluster-place.ts';
import { memberSpecs } from '../../../../demo/launcher/members.ts';
import { parseConfig } from '../../../../control-plane/config.ts';

describe('the place of a cluster', () => {
  let data = '';

  beforeEach(() => {
    data = mkdtempSync(join(tmpdir(), 'cluster-place-'));
  });
  afterEach(() => rmSync(data, { recursive: true, force: true }));

  it('keeps its secret to its user, and the same over runs', async () => {
    const { secretFile } = await prepareCluster(data, 3, true);
    const secret = readFileSync(secretFile, 'utf8');
    assert.ok(secret.trim().length >= 40);
    assert.equal(statSync(secretFile).mode & 0o777, 0o600);
    await prepareCluster(data, 3, true);
    assert.equal(readFileSync(secretFile, 'utf8'), secret);
    assert.notEqual(readFileSync((await prepareCluster(data, 5, true)).secretFile, 'utf8'), secret);
  });

  it('keeps the Raft ports, which the members know each other by', async () => {
    const first = await prepareCluster(data, 3, true);
    const ports = first.members.map(({ raftPort }) => raftPort);
    assert.equal(new Set(ports).size, 3);
    const again = await prepareCluster(data, 3, true);
    assert.deepEqual(again.members, first.members);
  });

  it('refuses to start a cluster elsewhere than where its members look for each other', async () => {
    const { members } = await prepareCluster(data, 3, true);
    const taken = members[1]?.raftPort ?? 0;
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(taken, '127.0.0.1', resolve));
    try {
      await assert.rejects(prepareCluster(data, 3, true), (error) => {
        assert.ok(error instanceof Error);
        assert.match(error.message, new RegExp(`port ${taken}, .* member-2 .* --fresh`));
        return true;
      });
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('picks ports anew only while no member has a log that names the old ones', async () => {
    const { directory, members } = await prepareCluster(data, 3, true);
    writeFileSync(join(directory, 'raft-ports.json'), '[1, 2');
    assert.equal((await prepareCluster(data, 3, true)).members.length, 3);
    mkdirSync(members[0]?.directory ?? '');
    assert.equal((await prepareCluster(data, 3, true)).members.length, 3);
    writeFileSync(join(directory, 'raft-ports.json'), '[1, 2');
    await assert.rejects(prepareCluster(data, 3, true), /gone or damaged.*--fresh/);
  });

  it('lets only its user at the database’s socket, however long the folder’s path is', async () => {
    for (const folder of [data, join(data, 'x'.repeat(120))]) {
      const { sockets } = await prepareCluster(folder, 3, true);
      assert.ok(Buffer.byteLength(join(sockets, '.s.PGSQL.5432')) <= 107, sockets);
      assert.equal(statSync(sockets).mode & 0o777, 0o700);
      if (!sockets.startsWith(data)) rmSync(sockets, { recursive: true });
    }
  });

  it('gives each member settings that the control plane takes', async () => {
    const cluster = await prepareCluster(data, 5, true);
    const specs = memberSpecs(cluster, [7401, 7402, 7403, 7404, 7405], {
      root: '/project',
      shared: { OMNIMIND_LOCAL_PROCESS: 'on' },
    });
    const members = specs.filter(({ name }) => name !== 'database');
    const own = ['OMNIMIND_DATABASE_URL', 'OMNIMIND_DATABASE_URL_FILE'];
    const given = own.some((name) => (process.env[name] ?? '') !== '');
    assert.equal(specs.length - members.length, given ? 0 : 1);
    const configs = members.map(({ environment }) => parseConfig(environment));
    for (const [index, config] of configs.entries()) {
      assert.equal(config.memberId, `member-${index + 1}`);
      assert.equal(config.raft.advertise, `127.0.0.1:${cluster.members[index]?.raftPort ?? 0}`);
      assert.equal(config.cluster.advertiseUrl, `http://127.0.0.1:${7401 + index}`);
      assert.deepEqual(config.cluster.members, configs[0]?.cluster.members);
      assert.equal(config.localProcess.directory, configs[0]?.localProcess.directory);
      assert.equal(config.localProcess.onStop, 'keep');
      assert.equal(config.databaseUrl?.reveal(), configs[0]?.databaseUrl?.reveal());
    }
    assert.equal(new Set(configs.map(({ dataDirectory }) => dataDirectory)).size, 5);
  });
});
