/** How fresh a read is at the member that leads, and that its answer says so. */

import assert from 'node:assert/strict';

import { pollUntil } from '../../support/process.ts';
import { registrationDocument } from '../../support/http-documents.ts';
import { startTestCluster } from '../../support/http-cluster.ts';
import {
  problemOf,
  startTestPlane,
  type TestCall,
  type TestPlane,
  type TestPlaneOptions,
} from '../../support/http-plane.ts';

/** Every read of replicated state. */
const READS = [
  '/v1/nodes',
  '/v1/nodes/node-1',
  '/v1/services',
  '/v1/workloads',
  '/v1/policies',
  '/v1/mode',
  '/v1/members',
  '/v1/members/member-1',
  '/v1/elections',
];

describe('a read at the leader', () => {
  let plane: TestPlane | null = null;

  async function start(options: TestPlaneOptions = {}): Promise<TestPlane> {
    plane = await startTestPlane(options);
    const register: TestCall = { method: 'POST', path: '/v1/nodes', body: registrationDocument() };
    assert.equal((await plane.send(register)).status, 201);
    return plane;
  }
  afterEach(async () => {
    await plane?.stop();
    plane = null;
  });

  for (const path of READS) {
    it(`of ${path} waits for a quorum, also when asked to, and not when stale will do`, async () => {
      const { send, consensus } = await start();
      for (const [query, consistency, barriers] of [
        ['', 'linearizable', 1],
        ['?consistency=linearizable', 'linearizable', 2],
        ['?consistency=stale', 'stale', 2],
      ] as const) {
        const answer = await send({ path: `${path}${query}` });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.headers['omnimind-consistency'], consistency);
        assert.equal(answer.headers['omnimind-applied-index'], '1');
        assert.equal(consensus.barriers(), barriers);
      }
    });
  }

  it('of what is asked often, or is not replicated, waits for no quorum', async () => {
    const { send, consensus } = await start();
    const heartbeat = { failingCollectors: [], sequence: 1 };
    await send({ method: 'POST', path: '/v1/nodes/node-1/heartbeat', body: heartbeat });
    for (const path of [
      '/v1/discovery/prometheus?kind=agents',
      '/v1/decisions',
      '/metrics',
      '/readyz',
      '/v1/openapi.json',
    ]) {
      const answer = await send({ path });
      assert.equal(answer.status, 200, path);
      assert.equal(answer.headers['omnimind-consistency'], undefined, path);
    }
    await send({ method: 'PUT', path: '/v1/mode', body: { mode: 'act' } });
    assert.equal(consensus.barriers(), 0);
  });

  for (const failure of ['no_leader', 'not_leader', 'aborted', 'overloaded', 'silence'] as const) {
    it(`says stale when the quorum does not confirm (${failure}), or is refused`, async () => {
      const { send, consensus } = await start({ limits: { barrierTimeoutMs: 50 } });
      consensus.failBarrierWith(failure);
      const read = await send({ path: '/v1/nodes' });
      assert.equal(read.status, 200);
      assert.equal(read.headers['omnimind-consistency'], 'stale');
      const strict = await send({ path: '/v1/nodes?consistency=linearizable' });
      assert.equal(problemOf(strict).code, 'no_leader');
      assert.equal(strict.headers['retry-after'], '1');
    });
  }

  it('does not take a bug for a missing quorum', async () => {
    const { send, consensus } = await start();
    consensus.failBarrierWith('bug');
    assert.equal(problemOf(await send({ path: '/v1/nodes' })).code, 'internal_error');
  });

  it('goes on to the next leader when leadership is lost meanwhile', async () => {
    const cluster = await startTestCluster({ limits: { barrierTimeoutMs: 200 } });
    try {
      const old = cluster.member('a');
      old.consensus.failBarrierWith('silence');
      const pending = old.send({ path: '/v1/mode?consistency=linearizable' });
      await pollUntil('a barrier', 5_000, () => old.consensus.barriers() === 1);
      cluster.lead('b');
      const answer = await pending;
      assert.equal(answer.status, 200, answer.text);
      assert.equal(answer.headers['omnimind-leader'], 'b');
    } finally {
      await cluster.stop();
    }
  });
});
