import assert from 'node:assert/strict';
import type { Applied, ShadowEntry } from '../../../../control-plane/model/command.ts';
import { NO_BRAKES, NO_MEMORY } from '../../../../control-plane/model/decision.ts';
import type { StrategyMemory } from '../../../../control-plane/model/decision.ts';
import type { ScalePolicy } from '../../../../control-plane/model/policy.ts';
import type { QueueStrategy } from '../../../../control-plane/model/strategy.ts';
import { shadowBrakesId } from '../../../../control-plane/state/brakes.ts';
import { AT_MS, entry, workload } from '../../../support/log-commands.ts';
import { policy } from '../../../support/scale-input.ts';
import {
  assertRefused,
  done,
  planeOfFormat4,
  planeWithPolicy,
} from '../../../support/state-plane.ts';
import type { Plane } from '../../../support/state-plane.ts';

const SHADOW = policy({ replicasMax: 20 });
const PLACE = shadowBrakesId('p');

function putShadow(plane: Plane, shadow: ScalePolicy = SHADOW): Applied {
  return plane.apply({ kind: 'put_shadow', policy: shadow });
}

function shadowed(live: ScalePolicy = policy(), shadow: ScalePolicy = SHADOW): Plane {
  const plane = planeOfFormat4(live);
  assert.deepEqual(putShadow(plane, shadow), done(1));
  return plane;
}

function queue(name: string): QueueStrategy {
  const query = { query: '', timestampQuery: '', coverage: null };
  const head = { name, group: null, fromReplicas: false };
  return { ...head, ...query, kind: 'queue', target: 1, activation: 0, cooldownMs: 0 };
}

function decided(overrides: Partial<ShadowEntry> = {}): ShadowEntry {
  return { version: 1, desired: 4, recommendation: 4, direction: 1, ...overrides };
}

function promote(plane: Plane, shadowVersion: number | null = null): Applied {
  return plane.apply({ kind: 'promote_shadow', policyId: 'p', shadowVersion });
}

const REMOVE = { kind: 'remove_shadow', policyId: 'p' } as const;

describe('shadows', () => {
  it('stand beside a policy, for its workload', () => {
    const plane = planeOfFormat4();
    assertRefused(putShadow(plane, policy({ id: 'q' })), 'policy_not_found');
    plane.putWorkload(workload('v'));
    assertRefused(putShadow(plane, policy({ workloadId: 'v' })), 'shadow_of_another_workload');
    assert.equal(plane.policy().shadow, undefined);
    assert.deepEqual(putShadow(plane), done(1));
    const expected = { version: 1, desired: null, lastDirection: null, reversals: 0 };
    assert.deepEqual(plane.policy().shadow, { policy: SHADOW, ...expected });
    assert.equal(plane.policy().version, 1);
    assert.deepEqual(plane.policy().policy, policy());
  });

  it('share only budgets that there are', () => {
    const budgets = [{ budgetId: 'gpus', unitsPerReplica: 1 }];
    assertRefused(putShadow(planeOfFormat4(), policy({ budgets })), 'budget_not_found');
  });

  it('are not known before format 4', () => {
    assertRefused(putShadow(planeWithPolicy()), 'format_not_in_force');
  });

  it('remember what they decided, apart from what the policy did', () => {
    const plane = shadowed();
    plane.record({ recommendation: 2, shadow: decided() });
    const runs = [{ replicas: 4, firstAtMs: AT_MS, lastAtMs: AT_MS }];
    assert.deepEqual(plane.state.brakes[PLACE], {
      recommendations: runs,
      lastOutAtMs: AT_MS,
      lastInAtMs: null,
    });
    assert.equal(plane.state.brakes['p']?.recommendations[0]?.replicas, 2);
    assert.equal(plane.state.brakes['p'].lastOutAtMs, null);
    assert.equal(plane.policy().shadow?.desired, 4);
    assert.equal(plane.workload().desired, 2);
    assert.equal(plane.workload().inFlight, null);
  });

  it('count how often they turned', () => {
    const plane = shadowed();
    const seen = [0, 1, 0, 1, -1, 0, -1, 1].map((direction, at) => {
      const way = direction as -1 | 0 | 1;
      plane.record({ shadow: decided({ direction: way, desired: at }) }, AT_MS + at);
      const { lastDirection, reversals, desired } = plane.policy().shadow ?? assert.fail();
      assert.equal(desired, at);
      return [lastDirection, reversals];
    });
    assert.deepEqual(seen, [
      ...[
        [null, 0],
        ['out', 0],
        ['out', 0],
        ['out', 0],
      ],
      ...[
        ['in', 1],
        ['in', 1],
        ['in', 1],
        ['out', 2],
      ],
    ]);
    assert.equal(plane.state.brakes[PLACE]?.lastInAtMs, AT_MS + 6);
  });

  it('change nothing of the policy when nothing of them changed', () => {
    const plane = shadowed();
    plane.record({ shadow: decided() });
    const { policies } = plane.state;
    plane.record({ shadow: decided({ direction: 0 }) }, AT_MS + 1);
    assert.equal(plane.state.policies, policies);
  });

  it('take no decision of another shadow, nor one when they are gone', () => {
    const plane = shadowed();
    const other = policy({ replicasMax: 30 });
    plane.record({ shadow: decided() });
    assert.deepEqual(putShadow(plane, other), done(2));
    plane.record({ shadow: decided({ version: 1 }) });
    assert.equal(plane.policy().shadow?.desired, null);
    assert.equal(plane.state.brakes[PLACE], undefined);
    plane.record({ shadow: decided({ version: 2 }) });
    assert.equal(plane.policy().shadow?.desired, 4);
    plane.apply(REMOVE);
    plane.record({ shadow: decided({ version: 2 }) });
    assert.equal(plane.state.brakes[PLACE], undefined);
    assert.equal(plane.policy().shadow, undefined);
  });

  it('keep version and memory when the same is put again, and begin anew when another is', () => {
    const plane = shadowed();
    plane.record({ shadow: decided() });
    const { policies, brakes } = plane.state;
    assert.deepEqual(putShadow(plane, { ...SHADOW }), done(1));
    assert.equal(plane.state.policies, policies);
    assert.equal(plane.state.brakes, brakes);
    assert.deepEqual(putShadow(plane, policy({ replicasMax: 21 })), done(2));
    assert.equal(plane.policy().shadow?.desired, null);
    assert.equal(plane.state.brakes[PLACE], undefined);
    assert(plane.state.brakes['p'] !== undefined);
  });

  it('have no version twice, also when one was removed: none is taken for another', () => {
    const plane = shadowed();
    assert.deepEqual(plane.apply(REMOVE), done(0));
    assertRefused(plane.apply(REMOVE), 'shadow_not_found');
    assertRefused(plane.apply({ ...REMOVE, policyId: 'q' }), 'policy_not_found');
    assert.deepEqual(putShadow(plane), done(2));
    assertRefused(promote(plane, 1), 'version_conflict');
    assert.deepEqual(promote(plane, 2), done(2));
    assert.deepEqual(putShadow(plane, policy()), done(3));
  });

  it('stay when their policy changes; go when it moves to another workload, or goes', () => {
    const plane = shadowed();
    plane.record({ shadow: decided() });
    plane.putPolicy(policy({ replicasMax: 11 }));
    assert.equal(plane.policy().shadow?.desired, 4);
    assert(plane.state.brakes[PLACE] !== undefined);
    plane.putWorkload(workload('v'));
    plane.putPolicy(policy({ workloadId: 'v' }));
    assert.equal(plane.policy().shadow, undefined);
    assert.deepEqual(Object.keys(plane.state.brakes), []);
    putShadow(plane, policy({ workloadId: 'v', replicasMax: 3 }));
    const about = { workloadId: 'v', policyId: 'p', shadow: decided({ version: 2 }) };
    plane.apply({ kind: 'record_decisions', entries: [entry(about)] });
    assert.deepEqual(Object.keys(plane.state.brakes), ['p', PLACE]);
    plane.apply({ kind: 'remove_policy', policyId: 'p', expectedVersion: null });
    assert.deepEqual(Object.keys(plane.state.brakes), []);
  });
});

describe('promoting a shadow', () => {
  it('makes it the next version of its policy, which becomes a past one', () => {
    const plane = shadowed();
    assertRefused(promote(plane, 2), 'version_conflict');
    const head = { kind: 'promote_shadow', policyId: 'p', shadowVersion: 1 } as const;
    assert.deepEqual(plane.apply({ ...head, atMs: AT_MS + 7 }), done(2));
    assert.deepEqual(plane.policy(), {
      policy: SHADOW,
      version: 2,
      past: [{ policy: policy(), version: 1, replacedAtMs: AT_MS + 7 }],
      shadowVersion: 1,
    });
    assertRefused(promote(plane), 'shadow_not_found');
    assertRefused(plane.apply({ ...head, policyId: 'q' }), 'policy_not_found');
  });

  it('leaves the version where both say the same', () => {
    const plane = shadowed(policy(), policy());
    assert.deepEqual(promote(plane), done(1));
    assert.deepEqual(plane.policy(), { policy: policy(), version: 1, shadowVersion: 1 });
  });

  it('leaves the brakes of the policy in force: what was done brakes on', () => {
    const plane = shadowed();
    plane.act(2, 3);
    plane.record({ recommendation: null, shadow: decided({ recommendation: 9 }) }, AT_MS + 5);
    const live = plane.state.brakes['p'];
    assert(live !== undefined);
    promote(plane);
    assert.deepEqual({ ...plane.state.brakes }, { p: live });
    assert.equal(plane.workload().desired, 3);
  });

  it('needs no brakes: neither may have decided yet', () => {
    const plane = shadowed();
    promote(plane);
    assert.deepEqual(Object.keys(plane.state.brakes), []);
  });

  it('keeps memory of what both have, and takes what strategies of the shadow alone have learnt', () => {
    const since = (activeAtMs: number): StrategyMemory => ({ kind: 'queue', activeAtMs });
    const flapBudget = { reversalsMax: 1, periodMs: 60_000, windowMaxMs: 60_000 };
    const plane = shadowed(
      policy({ strategies: [queue('both'), queue('live')], flapBudget }),
      policy({ strategies: [queue('both'), queue('new')], flapBudget }),
    );
    plane.record({
      memory: {
        ...NO_MEMORY,
        reversalsAtMs: [AT_MS],
        lastDirection: 'in',
        strategies: { both: since(1), live: since(2) },
      },
      shadow: decided({
        memory: {
          ...NO_MEMORY,
          reversalsAtMs: [AT_MS - 1],
          lastDirection: 'out',
          strategies: { both: since(3), new: since(4) },
        },
      }),
    });
    promote(plane);
    assert.deepEqual(plane.state.brakes['p']?.memory, {
      ...NO_MEMORY,
      reversalsAtMs: [AT_MS],
      lastDirection: 'in',
      strategies: { new: since(4), both: since(1) },
    });
  });

  it('takes what its strategies learnt also where the policy in force has not decided', () => {
    const plane = shadowed(policy(), policy({ strategies: [queue('q')] }));
    const memory = { ...NO_MEMORY, strategies: { q: { kind: 'queue', activeAtMs: 1 } } } as const;
    plane.record({ recommendation: null, shadow: decided({ memory }) });
    promote(plane);
    assert.deepEqual(plane.state.brakes['p'], { ...NO_BRAKES, memory });
  });
});
