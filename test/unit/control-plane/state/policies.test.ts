import assert from 'node:assert/strict';
import { NO_MEMORY } from '../../../../control-plane/model/decision.ts';
import { PAST_POLICIES_MAX } from '../../../../control-plane/model/policy.ts';
import type { ScalePolicy } from '../../../../control-plane/model/policy.ts';
import { AT_MS, workload } from '../../../support/log-commands.ts';
import { policy } from '../../../support/scale-input.ts';
import {
  assertRefused,
  done,
  planeOfFormat4,
  planeWithPolicy,
} from '../../../support/state-plane.ts';

const RULES = { select: 'max', policies: [] } as const;
const RATES: Partial<ScalePolicy> = { rates: { out: RULES, in: RULES } };
const MEMORY = { ...NO_MEMORY, events: [{ atMs: AT_MS, change: 1 }] };
const GPUS = { id: 'gpus', description: '', unit: 'gpu', limit: 4 };

describe('past versions of a policy', () => {
  it('are kept from format 4 on, the newest, oldest first', () => {
    const plane = planeOfFormat4();
    for (let at = 1; at <= PAST_POLICIES_MAX + 2; at += 1) {
      const put = { kind: 'put_policy', policy: policy({ replicasMax: 10 + at }) } as const;
      plane.apply({ ...put, atMs: AT_MS + at, expectedVersion: null });
    }
    const { past = [], version } = plane.policy();
    assert.equal(version, PAST_POLICIES_MAX + 3);
    assert.deepEqual(
      past.map((one) => [one.version, one.policy.replicasMax, one.replacedAtMs]),
      [3, 4, 5, 6, 7, 8, 9, 10].map((of) => [of, of + 9, AT_MS + of]),
    );
  });

  it('are none where nothing was replaced: neither of the first nor of the same again', () => {
    const plane = planeOfFormat4();
    assert.deepEqual(plane.policy(), { policy: policy(), version: 1 });
    const before = plane.state.policies;
    assert.deepEqual(plane.putPolicy(), done(1));
    assert.equal(plane.state.policies, before);
  });

  it('are not kept before format 4, and those of before are not made up later', () => {
    const plane = planeWithPolicy();
    plane.apply({ kind: 'raise_format', formatVersion: 3 });
    plane.putPolicy(policy({ replicasMax: 11 }));
    assert.deepEqual(plane.policy(), { policy: policy({ replicasMax: 11 }), version: 2 });
    plane.apply({ kind: 'raise_format', formatVersion: 4 });
    plane.putPolicy(policy({ replicasMax: 12 }));
    assert.deepEqual(
      plane.policy().past?.map(({ version }) => version),
      [2],
    );
  });

  it('go with the policy to another workload, and end with it', () => {
    const plane = planeOfFormat4();
    plane.putWorkload(workload('v'));
    plane.putPolicy(policy({ workloadId: 'v' }));
    assert.equal(plane.policy().past?.[0]?.policy.workloadId, 'w');
    plane.apply({ kind: 'remove_policy', policyId: 'p', expectedVersion: null });
    plane.putPolicy();
    assert.deepEqual(plane.policy(), { policy: policy(), version: 1 });
  });
});

describe('brakes of a policy that is replaced', () => {
  it('stay, with the memory of the parts that it still has', () => {
    const plane = planeOfFormat4(policy(RATES));
    plane.record({ memory: MEMORY });
    plane.putPolicy(policy({ ...RATES, replicasMax: 11 }));
    assert.deepEqual(plane.state.brakes['p']?.memory, MEMORY);
    plane.putPolicy(policy());
    const left = Object.keys({ ...plane.state.brakes['p'] });
    assert.deepEqual(left, ['recommendations', 'lastOutAtMs', 'lastInAtMs']);
  });

  it('are none for another workload', () => {
    const plane = planeOfFormat4(policy(RATES));
    plane.putWorkload(workload('v'));
    plane.record({ memory: MEMORY });
    plane.putPolicy(policy({ ...RATES, workloadId: 'v' }));
    assert.equal(plane.state.brakes['p'], undefined);
    assert.deepEqual({ ...plane.state.policyIdByWorkload }, { v: 'p' });
  });
});

describe('budgets', () => {
  const share = (budgetId: string) => policy({ budgets: [{ budgetId, unitsPerReplica: 2 }] });
  const put = { kind: 'put_budget', budget: GPUS, expectedVersion: null } as const;
  const remove = { kind: 'remove_budget', budgetId: 'gpus', expectedVersion: null } as const;

  it('count versions from 1, keep the same as it is, and change only at the expected version', () => {
    const plane = planeOfFormat4();
    assertRefused(plane.apply({ ...put, expectedVersion: 1 }), 'version_conflict');
    assert.deepEqual(plane.apply({ ...put, expectedVersion: 0 }), done(1));
    const before = plane.state.budgets;
    assert.deepEqual(plane.apply({ ...put, budget: { ...GPUS } }), done(1));
    assert.equal(plane.state.budgets, before);
    const more = { ...GPUS, limit: 0 };
    assertRefused(plane.apply({ ...put, budget: more, expectedVersion: 0 }), 'version_conflict');
    assert.deepEqual(plane.apply({ ...put, budget: more, expectedVersion: 1 }), done(2));
    assert.deepEqual(plane.state.budgets['gpus'], { budget: more, version: 2 });
    assertRefused(plane.apply({ ...remove, expectedVersion: 1 }), 'version_conflict');
    assert.deepEqual(plane.apply({ ...remove, expectedVersion: 2 }), done(0));
    assertRefused(plane.apply(remove), 'budget_not_found');
  });

  it('must be there for a policy to share them', () => {
    const plane = planeOfFormat4();
    for (const budgetId of ['gpus', 'constructor']) {
      const result = plane.putPolicy(share(budgetId));
      assertRefused(result, 'budget_not_found');
      const detail = `there is no budget ${budgetId}`;
      assert.deepEqual(result, { kind: 'refused', refusal: 'budget_not_found', detail });
    }
    assert.equal(plane.policy().version, 1);
    plane.apply(put);
    assert.deepEqual(plane.putPolicy(share('gpus')), done(2));
  });

  it('are not removed while a policy or a shadow shares them, and the refusal names those', () => {
    const plane = planeOfFormat4();
    plane.apply(put);
    plane.putPolicy(share('gpus'));
    plane.apply({ kind: 'put_shadow', policy: share('gpus') });
    const both = plane.apply(remove);
    assertRefused(both, 'budget_in_use');
    assert.match(both.kind === 'refused' ? both.detail : '', /policy p, the shadow of policy p$/);
    plane.putPolicy();
    const shadow = plane.apply(remove);
    assert.match(shadow.kind === 'refused' ? shadow.detail : '', /by the shadow of policy p$/);
    plane.apply({ kind: 'remove_shadow', policyId: 'p' });
    assert.deepEqual(plane.apply(remove), done(0));
  });

  it('are named with a few of many policies', () => {
    const plane = planeOfFormat4();
    plane.apply(put);
    for (let at = 0; at < 7; at += 1) {
      plane.putWorkload(workload(`w${at}`));
      plane.putPolicy({ ...share('gpus'), id: `p${at}`, workloadId: `w${at}` });
    }
    const result = plane.apply(remove);
    const detail = result.kind === 'refused' ? result.detail : '';
    assert.match(detail, /policy p0, policy p1, policy p2, policy p3, policy p4 and 2 more$/);
  });
});
