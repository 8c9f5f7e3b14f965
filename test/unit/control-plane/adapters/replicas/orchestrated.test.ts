import assert from 'node:assert/strict';

import { orchestratedTarget } from '../../../../../control-plane/adapters/replicas/orchestrated.ts';
import type { KnownPlace } from '../../../../../control-plane/adapters/replicas/orchestrated.ts';
import type { StartableTarget } from '../../../../../control-plane/adapters/replicas/startable.ts';
import { localWorkload } from '../../../../support/local-workload.ts';
import { refused, targetCalls } from '../../../../support/scale-target-calls.ts';

describe('a target whose replicas an orchestrator runs', () => {
  let calls: string[];
  let claims: KnownPlace<string>[];
  let target: StartableTarget<[]>;
  const { set, remove } = targetCalls(localWorkload('llama'), () => calls.length);
  const claim = (place: string, workloadId: string, isKept: boolean): KnownPlace<string> => ({
    ...{ place, workloadId, isKept },
    token: { term: 1, index: 1 },
  });
  const called = (call: string): Promise<void> => {
    calls.push(call);
    return Promise.resolve();
  };

  beforeEach(async () => {
    calls = [];
    claims = [];
    target = orchestratedTarget({ replicasMax: 8, waitingMax: 4 }, () => ({
      name: 'orchestrator',
      failureOf: () => null,
      start: () => Promise.resolve(),
      close: () => Promise.resolve(),
      placeOf: () => 'here',
      nameOf: (place) => place,
      isSame: (a, b) => a === b,
      known: (workloadId) => claims.filter((held) => held.workloadId === workloadId),
      claimed: () => Promise.resolve(claims),
      scale: (place, { replicas }) => called(`scale ${place} ${replicas}`),
      release: (place) => called(`release ${place}`),
      readReplicas: () => Promise.resolve([]),
    }));
    await target.start();
  });
  afterEach(() => target.stop());

  it('calls nothing for what a place was told and has kept', async () => {
    claims = [claim('here', 'llama', true)];
    await set(target, 3, 1);
    assert.deepEqual(calls, []);
    claims = [claim('here', 'llama', false)];
    await set(target, 3, 1);
    assert.deepEqual(calls, ['scale here 3']);
  });

  it('gives up the places that the workload has left, after it has told the new one', async () => {
    claims = [claim('there', 'llama', true)];
    await set(target, 3, 2);
    assert.deepEqual(calls, ['scale here 3', 'release there']);
  });

  it('takes the highest number that it may tell, and none beyond it', async () => {
    await set(target, 8, 1);
    for (const replicas of [9, -1, 1.5]) {
      await refused('rejected', /^llama: here: .* from 0 to 8$/, () => set(target, replicas, 1));
    }
    assert.deepEqual(calls, ['scale here 8']);
  });

  it('gives up every place of a removed workload, and of no other', async () => {
    claims = ['here', 'there'].map((place) => claim(place, 'llama', true));
    claims.push(claim('elsewhere', 'qwen', true));
    await remove(target, 2);
    assert.deepEqual(calls, ['release here', 'release there']);
    assert.deepEqual(await target.listWorkloads(), ['llama', 'qwen']);
  });
});
