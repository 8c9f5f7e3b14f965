import assert from 'node:assert/strict';

import { RedisSourceError } from '../../../../agents/sources/redis-endpoint.ts';
import { backoffMs, createRedisInstance } from '../../../../agents/sources/redis-instance.ts';
import { failureOfReply } from '../../../../agents/sources/redis-connection.ts';
import { freePort } from '../../../support/process.ts';

const LIMITS = { hangTimeoutMs: 1_000, backoffMinMs: 500, backoffMaxMs: 10_000 };

describe('redis instance', () => {
  it('doubles its wait up to the maximum, with a jitter of half of it either way', () => {
    const waits = [0, 1, 2, 3, 4, 5, 60].map((failures) => backoffMs(failures, LIMITS, () => 0.5));
    assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    assert.equal(
      backoffMs(0, LIMITS, () => 0),
      250,
    );
    assert.equal(
      backoffMs(9, LIMITS, () => 1),
      15_000,
    );
  });

  it('stays away from a refused address until its wait is over, and says why each time', async () => {
    const port = await freePort();
    let asked = 0;
    const instance = createRedisInstance(
      {
        address: { kind: 'tcp', host: '127.0.0.1', port },
        access: { username: null, passwordFile: null, tls: null },
      },
      () => {
        asked += 1;
        return Promise.resolve(1);
      },
      { ...LIMITS, backoffMinMs: 60_000, backoffMaxMs: 60_000 },
    );
    const first = await instance.read(performance.now() + 1_000);
    const second = await instance.read(performance.now() + 1_000);
    assert.equal(first.kind === 'failed' ? first.failure : '', 'refused');
    assert.equal(second, first);
    assert.equal(asked, 0);
    instance.close();
  });

  it('knows the server’s refusals by their first word', () => {
    assert.equal(failureOfReply('NOAUTH Authentication required.'), 'unauthenticated');
    assert.equal(failureOfReply('WRONGPASS invalid username-password pair'), 'unauthenticated');
    assert.equal(failureOfReply("NOPERM this user has no permissions to run 'info'"), 'forbidden');
    assert.equal(failureOfReply('BUSY Redis is busy running a script.'), 'busy');
    assert.equal(failureOfReply('ERR unknown command'), null);
    assert.equal(new RedisSourceError('busy', 'x').failure, 'busy');
  });
});
