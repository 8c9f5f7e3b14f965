import assert from 'node:assert/strict';
import { policiesOf } from '../../../../control-plane/http/workload-policies.ts';
import type { StoredPolicy } from '../../../../control-plane/model/policy.ts';
import { policy } from '../../../support/scale-input.ts';

describe('the policies of a workload', () => {
  const stored = (id: string, workloadId: string): StoredPolicy => ({
    policy: policy({ id, workloadId }),
    version: 1,
  });

  it('are those that scale it, in ascending order of their ids', () => {
    const policies = { b: stored('b', 'w'), a: stored('a', 'w'), c: stored('c', 'v') };
    assert.deepEqual(policiesOf(policies, 'w'), ['a', 'b']);
    assert.deepEqual(policiesOf(policies, 'v'), ['c']);
    assert.deepEqual(policiesOf(policies, 'constructor'), []);
  });

  it('are those of the state that is asked for, not of one before', () => {
    const before = { a: stored('a', 'w') };
    assert.deepEqual(policiesOf(before, 'w'), ['a']);
    assert.deepEqual(policiesOf({ ...before, b: stored('b', 'w') }, 'w'), ['a', 'b']);
    assert.deepEqual(policiesOf(before, 'w'), ['a']);
  });
});
