import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bootstrapConfiguration,
  ClusterFileError,
  readCredentials,
} from '../../../../control-plane/composition/cluster.ts';
import { parseConfig } from '../../../../control-plane/config.ts';
import type { Config } from '../../../../control-plane/config.ts';

describe('a cluster’s settings for consensus', () => {
  let directory = '';
  let secretFile = '';

  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'cluster-'));
    secretFile = join(directory, 'secret');
    writeFileSync(secretFile, 'a secret of the cluster\n');
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  const member = (memberId: string, members: string, more = {}): Config =>
    parseConfig({
      OMNIMIND_MEMBER_ID: memberId,
      OMNIMIND_CLUSTER_MEMBERS: members,
      OMNIMIND_CLUSTER_SECRET_FILE: secretFile,
      OMNIMIND_RAFT_LISTEN: '127.0.0.1:7450',
      ...more,
    });
  const [LIST, SHUFFLED] = [
    'a=127.0.0.1:7450,b=127.0.0.1:7451,c=127.0.0.1:7452',
    'c=127.0.0.1:7452,a=127.0.0.1:7450,b=127.0.0.1:7451',
  ];

  it('begin with the listed voters, with this member alone, or with none to be added to', () => {
    assert.deepEqual(bootstrapConfiguration(member('a', SHUFFLED)), {
      voters: ['a', 'b', 'c'],
      outgoing: [],
      learners: [],
      addresses: { a: '127.0.0.1:7450', b: '127.0.0.1:7451', c: '127.0.0.1:7452' },
    });
    const alone = bootstrapConfiguration(parseConfig({}));
    assert.deepEqual(alone.voters, ['member-1']);
    assert.deepEqual(alone.addresses, { 'member-1': '' });
    const growing = bootstrapConfiguration(member('a', ''));
    assert.deepEqual(growing.addresses, { a: '127.0.0.1:7450' });
    const joining = bootstrapConfiguration(member('d', '', { OMNIMIND_CLUSTER_JOIN: 'on' }));
    assert.deepEqual(joining.voters, []);
  });

  it('tell two clusters apart by their first voters while they are new, and by the name alone later', async () => {
    const digest = async (config: Config, isNew: boolean) =>
      (await readCredentials(config, isNew)).clusterDigest;
    const one = await digest(member('a', LIST), true);
    assert.match(one ?? '', /^[0-9a-f]{64}$/);
    const other = { OMNIMIND_RAFT_LISTEN: '127.0.0.1:7451' };
    assert.equal(await digest(member('b', SHUFFLED, other), true), one);
    assert.notEqual(await digest(member('a', LIST.replace('c=', 'd=')), true), one);
    assert.equal(await digest(member('a', LIST), false), null);
    const joining = member('d', '', { OMNIMIND_CLUSTER_JOIN: 'on' });
    assert.equal(await digest(joining, true), null);
  });

  it('read the secret and the certificates, and name the setting whose file is not there', async () => {
    const files = { ca: 'CA', cert: 'CERT', key: 'KEY' };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    const tls = {
      OMNIMIND_RAFT_TLS_CA_FILE: join(directory, 'ca'),
      OMNIMIND_RAFT_TLS_CERT_FILE: join(directory, 'cert'),
      OMNIMIND_RAFT_TLS_KEY_FILE: join(directory, 'key'),
    };
    const found = await readCredentials(member('a', LIST, tls), true);
    assert.equal(found.secret?.toString(), 'a secret of the cluster');
    assert.deepEqual(
      Object.entries(found.tls ?? {}).map(([name, bytes]) => [name, bytes.toString()]),
      Object.entries(files),
    );
    const lost = member('a', LIST, { ...tls, OMNIMIND_RAFT_TLS_KEY_FILE: '/nowhere' });
    await assert.rejects(readCredentials(lost, true), (error) => {
      assert.ok(error instanceof ClusterFileError);
      assert.match(error.message, /OMNIMIND_RAFT_TLS_KEY_FILE: cannot read \/nowhere/);
      return true;
    });
  });
});
