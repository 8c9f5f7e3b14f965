/** Vertical recommendations over the API: from usage to numbers, and what is told when there are none. */

import assert from 'node:assert/strict';
import { recommendationsView } from '../../../control-plane/http/recommendation-representations.ts';
import type { HttpServerOptions } from '../../../control-plane/http/server.ts';
import { VerticalReader } from '../../../control-plane/loops/vertical-reader.ts';
import type { RangeQuery, RangeReading } from '../../../control-plane/ports/metrics-source.ts';
import { FORMAT_MAX } from '../../../control-plane/state/format.ts';
import { policyDocument, workloadDocument } from '../../support/http-documents.ts';
import { problemOf, startTestPlane, type TestPlane } from '../../support/http-plane.ts';

const NOW_MS = 1_700_000_000_000;
const MIB = 1024 * 1024;
const VERTICAL = {
  resources: [
    { resource: 'memory', query: 'sum by (replica) (m)' },
    { resource: 'cpu', query: 'sum by (replica) (rate(c_total[5m]))', request: 2 },
  ],
  step: '1h',
};

describe('vertical recommendations over the API', () => {
  let plane: TestPlane;
  let answer: (query: RangeQuery) => RangeReading;

  const start = async (vertical?: HttpServerOptions['vertical']): Promise<void> => {
    const reader = new VerticalReader({
      source: {
        readInstant: () => assert.fail('not asked'),
        readRange: (queries) => Promise.resolve(queries.map((query) => answer(query))),
      },
      clock: { nowMs: () => NOW_MS, monotonicMs: () => 0 },
    });
    plane = await startTestPlane({ vertical: vertical ?? reader, withKeys: true });
    const raised = { key: 'raise', atMs: NOW_MS, formatVersion: FORMAT_MAX };
    await plane.consensus.propose({ kind: 'raise_format', ...raised }, AbortSignal.timeout(5_000));
  };
  beforeEach(() => {
    answer = (query) => ({
      kind: 'matrix',
      series: [{ labels: { replica: 'a' }, points: usage(query) }],
    });
  });
  afterEach(() => plane.stop());

  const get = (path: string) =>
    plane.send({ path, headers: { authorization: `Bearer ${plane.keys.viewer}` } });

  const put = async (path: string, body: unknown): Promise<void> => {
    const headers = { authorization: `Bearer ${plane.keys.admin}` };
    const { status, text } = await plane.send({ method: 'PUT', path, headers, body });
    assert.equal(status, 201, text);
  };

  const prepare = async (policy: object, target?: object): Promise<void> => {
    await put('/v1/workloads/w', workloadDocument(target === undefined ? {} : { target }));
    await put('/v1/policies/p', policyDocument(policy));
  };

  const read = async () => {
    const { status, json, text } = await get('/v1/workloads/w/recommendations');
    assert.equal(status, 200, text);
    return recommendationsView.parse(json);
  };

  it('tell a number, its bounds, why, and what it rests on', async () => {
    await start();
    await prepare({ vertical: VERTICAL });
    const found = await read();
    assert.deepEqual([found.workload, found.policy, found.policyVersion], ['w', 'p', 1]);
    assert.equal(found.computedAtMs, NOW_MS);
    const [memory, cpu] = found.recommendations;
    assert.ok(memory && cpu);
    assert.deepEqual(
      [memory.status, memory.advice, memory.target, memory.current, memory.changePercent],
      ['recommended', 'set', 1_150 * MIB, null, null],
    );
    assert.equal(memory.evidence.samples, 192);
    assert.equal(cpu.current, 2);
    assert.match(memory.text, /^Set memory to 1.12 GiB a replica: the highest peak of a replica/);
  });

  it('take what a container is given from the workload, where the policy does not say', async () => {
    await start();
    const docker = { kind: 'docker', image: 'i', port: 1, network: 'n', memoryMib: 4_096, cpus: 3 };
    await prepare({ vertical: VERTICAL }, docker);
    const [memory, cpu] = (await read()).recommendations;
    assert.deepEqual([memory?.current, memory?.advice], [4_096 * MIB, 'lower']);
    assert.equal(cpu?.current, 2);
  });

  it('say why there is no number while the history cannot be read', async () => {
    answer = () => ({ kind: 'failed', reason: 'signal_unavailable', detail: 'refused' });
    await start();
    await prepare({ vertical: VERTICAL });
    const [memory] = (await read()).recommendations;
    assert.ok(memory);
    assert.deepEqual(
      [memory.status, memory.reason, memory.text, memory.target],
      ['withheld', 'signal_unavailable', 'usage: refused', null],
    );
  });

  it('are an empty list for a workload whose policy asks for none, and for one without a policy', async () => {
    await start();
    await put('/v1/workloads/w', workloadDocument());
    assert.deepEqual((await read()).recommendations, []);
    await put('/v1/policies/p', policyDocument());
    const found = await read();
    assert.deepEqual([found.policy, found.recommendations], ['p', []]);
  });

  it('are asked for again when there are too many at once', async () => {
    await start({ read: () => Promise.resolve({ kind: 'busy' }) });
    await prepare({ vertical: VERTICAL });
    const refused = await get('/v1/workloads/w/recommendations');
    assert.equal(refused.status, 503);
    assert.equal(problemOf(refused).code, 'overloaded');
    assert.equal(refused.headers['retry-after'], '1');
  });

  it('are told to viewers, by any member, and not found of a workload that is not there', async () => {
    await start();
    assert.equal((await plane.send({ path: '/v1/workloads/w/recommendations' })).status, 401);
    const answered = await get('/v1/workloads/w/recommendations');
    assert.equal(answered.status, 404);
    assert.equal(problemOf(answered).code, 'workload_not_found');
    await prepare({ vertical: VERTICAL });
    plane.group.leaderId = null;
    assert.equal((await read()).recommendations.length, 2);
  });

  it('are part of the policy that is read back', async () => {
    await start();
    await prepare({ vertical: VERTICAL });
    const { text } = await get('/v1/policies/p');
    assert.match(text, /"vertical":\{"resources":\[\{"resource":"memory"/);
  });
});

/** 1000 MiB of memory, and as many cores as it takes to be no matter. */
function usage({ query, startMs, endMs, stepMs }: RangeQuery) {
  const count = Math.floor((endMs - startMs) / stepMs) + 1;
  const value = query.includes('rate(') ? 1 : 1_000 * MIB;
  return Array.from({ length: count }, (_, index) => [startMs + index * stepMs, value] as const);
}
