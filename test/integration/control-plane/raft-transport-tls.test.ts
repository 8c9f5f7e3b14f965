/** The same transport over mutual TLS 1.3, with certificates that are made for the run. */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import tls from 'node:tls';

import { connectRaftClient } from '../../../control-plane/adapters/raft/client.ts';
import type { RaftTls } from '../../../control-plane/adapters/raft/tls.ts';
import { createAuthority } from '../../support/raft-certificates.ts';
import type { TestAuthority } from '../../support/raft-certificates.ts';
import {
  CLUSTER,
  SECRET,
  append,
  heartbeat,
  introduce,
  signalWithin,
  startMember,
  until,
} from '../../support/raft-pair.ts';
import type { TestMember } from '../../support/raft-pair.ts';
import { closed, openSocket } from '../../support/raft-raw.ts';
import { skipWithout } from '../../support/skip.ts';

describe('raft transport over TLS', () => {
  const authorities: TestAuthority[] = [];
  const members: TestMember[] = [];
  const own = new Map<string, RaftTls>();
  let foreign: RaftTls;

  before(async function () {
    skipWithout(this, 'openssl');
    const [ours, theirs] = [await createAuthority(), await createAuthority()];
    authorities.push(ours, theirs);
    for (const id of ['m1', 'm2', 'tool']) own.set(id, await ours.issue(id));
    foreign = await theirs.issue('m2');
  });

  after(async () => {
    await Promise.all(authorities.map((authority) => authority.remove()));
  });

  afterEach(async () => {
    await Promise.all(members.splice(0).map((member) => member.transport.stop()));
  });

  function certificate(id: string): RaftTls {
    const issued = own.get(id);
    assert(issued !== undefined);
    return issued;
  }

  async function member(
    id: string,
    more: Parameters<typeof startMember>[1] = {},
  ): Promise<TestMember> {
    const identity = { secret: null, tls: certificate(id) };
    const started = await startMember(id, { ...identity, ...more });
    members.push(started);
    return started;
  }

  for (const secret of [null, SECRET]) {
    it(`carries messages and requests ${secret === null ? 'without' : 'with'} a secret beside it`, async () => {
      const [m1, m2] = [await member('m1', { secret }), await member('m2', { secret })];
      await introduce([m1, m2]);
      const payload = randomBytes(300_000);
      m1.transport.send(append('m1', 'm2', 1, payload), null);
      m1.transport.send(heartbeat('m1', 'm2', 2), null);
      await until('they arrived', () => m2.heard.messages.length === 2);
      const outside = connectRaftClient({
        clusterName: CLUSTER,
        clientId: 'tool',
        addresses: [m1.address],
        secret,
        tls: certificate('tool'),
      });
      assert.deepEqual(Buffer.from(await outside.request(payload, signalWithin())), payload);
      outside.close();
    });
  }

  it('refuses a member whose certificate is that of another', async () => {
    const m1 = await member('m1');
    const liar = await member('m2', { tls: certificate('tool') });
    liar.transport.connect(new Map([['m1', m1.address]]));
    await until('refused', () => m1.heard.refused.includes('certificate'));
    m1.transport.connect(new Map([['m2', liar.address]]));
    await until('not believed either', () =>
      m1.heard.dialFailures.some(
        ({ cause }) => cause === 'certificate' || cause === 'refused_by_peer',
      ),
    );
    assert.equal(m1.heard.open.members, 0);
  });

  it('refuses a certificate of another authority, whoever dials', async () => {
    const m1 = await member('m1');
    const stranger = await member('m2', { tls: foreign });
    stranger.transport.connect(new Map([['m1', m1.address]]));
    await until('it refuses', () =>
      stranger.heard.dialFailures.some(({ cause }) => cause === 'tls'),
    );
    await until('counted', () => m1.heard.refused.includes('tls'));
    m1.transport.connect(new Map([['m2', stranger.address]]));
    await until('refused', () => m1.heard.dialFailures.some(({ cause }) => cause === 'tls'));
    assert.equal(m1.heard.open.members, 0);
  });

  it('refuses those without a certificate, without TLS, with an older TLS, and those who wait', async () => {
    const m1 = await member('m1', { limits: { handshakeTimeoutMs: 300 } });
    const { ca } = certificate('m1');
    const at = { host: '127.0.0.1', port: m1.port, ca, checkServerIdentity: () => undefined };
    const attempts: (() => Promise<Socket>)[] = [
      () => Promise.resolve(tls.connect(at)),
      () => Promise.resolve(tls.connect({ ...at, ...certificate('m2'), maxVersion: 'TLSv1.2' })),
      async () => {
        const socket = await openSocket(m1.port);
        socket.write(randomBytes(500));
        return socket;
      },
      () => openSocket(m1.port),
    ];
    for (const [at, attempt] of attempts.entries()) {
      const socket = await attempt();
      socket.on('error', () => undefined);
      await closed(socket);
      await until('counted', () => m1.heard.refused.length === at + 1);
    }
    assert.deepEqual(m1.heard.refused, ['tls', 'tls', 'tls', 'timed_out']);
    assert.equal(m1.heard.open.unauthenticated, 0);
  });
});
