import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Applied } from '../../../../control-plane/model/command.ts';
import { PAST_POLICIES_MAX } from '../../../../control-plane/model/policy.ts';
import { applyCommand } from '../../../../control-plane/state/apply.ts';
import { KEYS_MAX } from '../../../../control-plane/state/keys.ts';
import {
  canonicalState,
  decodeState,
  encodeState,
} from '../../../../control-plane/state/snapshot.ts';
import { INITIAL_STATE } from '../../../../control-plane/state/state.ts';
import type { PlaneState } from '../../../../control-plane/state/state.ts';
import { AT_MS, entry, registration, workload } from '../../../support/log-commands.ts';
import { anyHistory } from '../../../support/log-random.ts';
import { policy } from '../../../support/scale-input.ts';
import { Plane, assertRefused, done, planeWithPolicy } from '../../../support/state-plane.ts';

describe('apply: keys', () => {
  it('applies a key once, and answers its retry with the version that it gave', () => {
    const plane = new Plane();
    const put = (mode: 'act' | 'advise', key: string): Applied =>
      plane.apply({
        kind: 'put_workload',
        key,
        workload: workload('w', { mode }),
        source: 'api',
        expectedVersion: null,
      });
    assert.deepEqual(put('act', 'first'), done(1));
    assert.deepEqual(put('advise', 'second'), done(2));
    const before = plane.state;
    assert.deepEqual(put('act', 'first'), { kind: 'applied', version: 1, repeated: true });
    assert.equal(plane.state, before);
  });

  it('remembers the key of a put that changed nothing: its retry must not undo what came between', () => {
    const plane = new Plane();
    plane.putWorkload();
    const again = {
      kind: 'put_workload',
      key: 'again',
      source: 'api',
      expectedVersion: null,
    } as const;
    plane.apply({ ...again, workload: workload('w') });
    plane.putWorkload(workload('w', { description: 'newer' }));
    plane.apply({ ...again, workload: workload('w') });
    assert.equal(plane.workload().workload.description, 'newer');
  });

  it('does not remember the key of a refused command', () => {
    const plane = new Plane();
    const put = { kind: 'put_policy', key: 'k', policy: policy(), expectedVersion: null } as const;
    const before = plane.state;
    assertRefused(plane.apply(put), 'workload_not_found');
    assert.equal(plane.state, before);
    plane.putWorkload();
    assert.deepEqual(plane.apply(put), done(1));
  });

  it('forgets the oldest key beyond the bound, and no other', () => {
    const token = { term: 1, index: 1 };
    const apply = (to: PlaneState, key: string) =>
      applyCommand(to, token, { kind: 'set_mode', key, atMs: AT_MS, mode: 'act' });
    let state = INITIAL_STATE;
    for (let at = 0; at <= KEYS_MAX; at += 1) state = apply(state, `k${at}`).state;
    assert.equal(state.appliedKeys.length, KEYS_MAX);
    const repeated = (key: string): boolean => {
      const { result } = apply(state, key);
      return result.kind === 'applied' && result.repeated;
    };
    assert.equal(repeated('k0'), false);
    assert.equal(repeated('k1'), true);
    assert.equal(repeated(`k${KEYS_MAX}`), true);
  });
});

describe('apply: nodes', () => {
  it('registers, keeps the same registration as it is, and replaces a changed one', () => {
    const plane = new Plane();
    const register = (hostname: string, atMs: number): Applied =>
      plane.apply({ kind: 'register_node', atMs, registration: registration('n', hostname) });
    register('a', 1);
    const { nodes } = plane.state;
    register('a', 2);
    assert.equal(plane.state.nodes, nodes);
    register('b', 3);
    assert.equal(plane.state.nodes['n']?.registeredAtMs, 3);
  });

  it('removes a node, and says when there is none', () => {
    const plane = new Plane();
    plane.apply({ kind: 'register_node', registration: registration('n') });
    assert.deepEqual(plane.apply({ kind: 'remove_node', nodeId: 'n' }), done(0));
    assertRefused(plane.apply({ kind: 'remove_node', nodeId: 'n' }), 'node_not_found');
  });

  it('finds nothing under the names that every object has', () => {
    const plane = new Plane();
    for (const nodeId of ['constructor', '__proto__', 'toString']) {
      assertRefused(plane.apply({ kind: 'remove_node', nodeId }), 'node_not_found');
      plane.apply({ kind: 'register_node', registration: registration(nodeId) });
      assert.equal(plane.state.nodes[nodeId]?.registration.nodeId, nodeId);
    }
    assert.equal(Object.keys(decodeState(encodeState(plane.state)).nodes).length, 3);
  });
});

describe('apply: workloads', () => {
  it('begins with the initial replicas at version 1 and counts changes', () => {
    const plane = new Plane();
    assert.deepEqual(plane.putWorkload(), done(1));
    assert.equal(plane.workload().desired, 2);
    assert.deepEqual(plane.putWorkload(workload('w', { description: 'x' })), done(2));
  });

  it('keeps version and content when the same document is put again', () => {
    const plane = new Plane();
    plane.putWorkload();
    const before = plane.state.workloads;
    assert.deepEqual(plane.putWorkload(structuredClone(workload('w'))), done(1));
    assert.equal(plane.state.workloads, before);
  });

  it('keeps what was decided when the description changes', () => {
    const plane = planeWithPolicy();
    plane.act(2, 5);
    plane.putWorkload(workload('w', { replicasInitial: 1 }));
    assert.equal(plane.workload().desired, 5);
    assert.equal(plane.workload().inFlight?.decisionId, 'd1');
  });

  it('puts, removes and changes only at the version that was expected', () => {
    const plane = new Plane();
    assertRefused(plane.putWorkload(workload('w'), 1), 'version_conflict');
    assert.deepEqual(plane.putWorkload(workload('w'), 0), done(1));
    assertRefused(plane.putWorkload(workload('w'), 0), 'version_conflict');
    assertRefused(plane.putWorkload(workload('w'), 2), 'version_conflict');
    assert.deepEqual(plane.putWorkload(workload('w', { description: 'x' }), 1), done(2));
    const remove = (expectedVersion: number | null): Applied =>
      plane.apply({ kind: 'remove_workload', workloadId: 'w', expectedVersion });
    assertRefused(remove(1), 'version_conflict');
    assert.deepEqual(remove(2), done(0));
    assertRefused(remove(null), 'workload_not_found');
  });

  it('is not removed while a policy refers to it', () => {
    const plane = planeWithPolicy();
    const remove = { kind: 'remove_workload', workloadId: 'w', expectedVersion: null } as const;
    assertRefused(plane.apply(remove), 'workload_has_policy');
    plane.apply({ kind: 'remove_policy', policyId: 'p', expectedVersion: null });
    assert.deepEqual(plane.apply(remove), done(0));
  });

  it('gives a new version with another mode, and none with the same', () => {
    const plane = new Plane();
    const set = { kind: 'set_workload_mode', workloadId: 'w', mode: 'advise' } as const;
    assertRefused(plane.apply(set), 'workload_not_found');
    plane.putWorkload();
    assert.deepEqual(plane.apply(set), done(2));
    assert.deepEqual(plane.apply(set), done(2));
    assert.equal(plane.workload().mode, 'advise');
  });

  it("keeps an operator's mode when the file is read again, until the file's own word changes", () => {
    const plane = new Plane();
    const mode = () => plane.workload().mode;
    plane.putWorkload(workload('w', { mode: 'act' }), null, 'file');
    plane.apply({ kind: 'set_workload_mode', workloadId: 'w', mode: 'stopped' });
    assert.deepEqual(plane.putWorkload(workload('w', { mode: 'act' }), null, 'file'), done(2));
    assert.equal(mode(), 'stopped');
    plane.putWorkload(workload('w', { mode: 'act', description: 'x' }), null, 'file');
    assert.equal(mode(), 'stopped');
    plane.putWorkload(workload('w', { mode: 'observe', description: 'x' }), null, 'file');
    assert.equal(mode(), 'observe');
    plane.apply({ kind: 'set_workload_mode', workloadId: 'w', mode: 'stopped' });
    plane.putWorkload(workload('w', { mode: 'observe', description: 'x' }), null, 'api');
    assert.equal(mode(), 'observe');
  });

  it('gives a new token with another description, and keeps it with the same', () => {
    const plane = new Plane();
    plane.putWorkload();
    const { desiredToken } = plane.workload();
    plane.putWorkload();
    plane.apply({ kind: 'set_workload_mode', workloadId: 'w', mode: 'advise' });
    assert.deepEqual(plane.workload().desiredToken, desiredToken);
    plane.putWorkload(workload('w', { description: 'x' }));
    assert.deepEqual(plane.workload().desiredToken, { term: 1, index: plane.index });
  });

  it('sets the mode of the plane', () => {
    const plane = new Plane();
    assert.deepEqual(plane.apply({ kind: 'set_mode', mode: 'stopped' }), done(0));
    assert.equal(plane.state.mode, 'stopped');
  });
});

describe('apply: policies', () => {
  it('needs its workload, of which each has one policy at most', () => {
    const plane = new Plane();
    assertRefused(plane.putPolicy(), 'workload_not_found');
    plane.putWorkload();
    assert.deepEqual(plane.putPolicy(), done(1));
    assertRefused(plane.putPolicy(policy({ id: 'q' })), 'workload_already_has_policy');
    assert.deepEqual(plane.putPolicy(policy({ replicasMax: 20 })), done(2));
    assert.deepEqual(plane.putPolicy(policy({ replicasMax: 20 })), done(2));
    assertRefused(plane.putPolicy(policy(), 1), 'version_conflict');
    assertRefused(plane.putPolicy(policy(), 0), 'version_conflict');
  });

  it('keeps its brakes when its windows change, drops them when it moves or goes', () => {
    const plane = planeWithPolicy();
    plane.putWorkload(workload('v'));
    plane.act(2, 3);
    const { brakes } = plane.state;
    plane.putPolicy(policy({ stabilizationDownMs: 5 }));
    assert.equal(plane.state.brakes, brakes);
    plane.putPolicy(policy({ workloadId: 'v' }));
    assert.deepEqual(Object.keys(plane.state.brakes), []);
    plane.putPolicy(policy());
    plane.finish('verified', 3);
    plane.act(3, 4);
    assert.deepEqual(Object.keys(plane.state.brakes), ['p']);
    plane.apply({ kind: 'remove_policy', policyId: 'p', expectedVersion: null });
    assert.deepEqual(Object.keys(plane.state.brakes), []);
    assert.equal(plane.workload().inFlight?.toReplicas, 4);
  });

  it('is removed at the version that was expected, and not twice', () => {
    const plane = planeWithPolicy();
    const remove = (expectedVersion: number | null): Applied =>
      plane.apply({ kind: 'remove_policy', policyId: 'p', expectedVersion });
    assertRefused(remove(7), 'version_conflict');
    assert.deepEqual(remove(1), done(0));
    assertRefused(remove(null), 'policy_not_found');
  });
});

describe('apply: decisions', () => {
  it('starts an action under the token of its entry', () => {
    const plane = planeWithPolicy();
    assert.deepEqual(plane.act(2, 5), done(0));
    const token = { term: 1, index: plane.index };
    assert.equal(plane.workload().desired, 5);
    assert.deepEqual(plane.workload().desiredToken, token);
    assert.deepEqual(plane.workload().inFlight, {
      decisionId: 'd1',
      workloadId: 'w',
      fromReplicas: 2,
      toReplicas: 5,
      startedAtMs: AT_MS,
      deadlineMs: AT_MS + 1_000,
      token,
    });
    assert.equal(plane.state.brakes['p']?.lastOutAtMs, AT_MS);
    assert.equal(plane.state.brakes['p'].lastInAtMs, null);
  });

  it('refuses the whole tick when one of its actions meets another in flight', () => {
    const plane = planeWithPolicy();
    plane.putWorkload(workload('v'));
    plane.putPolicy(policy({ id: 'q', workloadId: 'v' }));
    plane.act(2, 5);
    const action = { fromReplicas: 2, toReplicas: 3, deadlineMs: AT_MS };
    const before = plane.state;
    const result = plane.apply({
      kind: 'record_decisions',
      entries: [
        entry({ workloadId: 'v', policyId: 'q', decisionId: 'd2', action }),
        entry({ decisionId: 'd3', action }),
      ],
    });
    assertRefused(result, 'action_in_flight');
    assert.equal(plane.state, before);
  });

  it('refuses two actions for one workload in one tick', () => {
    const plane = planeWithPolicy();
    const action = { fromReplicas: 2, toReplicas: 3, deadlineMs: AT_MS };
    const entries = [entry({ action }), entry({ decisionId: 'd2', action })];
    assertRefused(plane.apply({ kind: 'record_decisions', entries }), 'action_in_flight');
  });

  it('skips entries whose workload or policy has gone, or belong together no more', () => {
    const plane = planeWithPolicy();
    plane.putWorkload(workload('v'));
    const action = { fromReplicas: 2, toReplicas: 3, deadlineMs: AT_MS };
    const before = plane.state;
    const result = plane.apply({
      kind: 'record_decisions',
      entries: [
        entry({ workloadId: 'gone', action }),
        entry({ policyId: 'gone', action }),
        entry({ workloadId: 'v', action }),
      ],
    });
    assert.deepEqual(result, done(0));
    assert.equal(plane.state.workloads, before.workloads);
    assert.equal(plane.state.brakes, before.brakes);
  });

  it('ends a verified action and keeps what was desired', () => {
    const plane = planeWithPolicy();
    plane.act(2, 5);
    const { desiredToken } = plane.workload();
    assert.deepEqual(plane.finish('verified', 5), done(0));
    const { desired, inFlight } = plane.workload();
    assert.deepEqual([desired, inFlight], [5, null]);
    assert.deepEqual(plane.workload().desiredToken, desiredToken);
  });

  for (const [from, to, ready, desired, why] of [
    [2, 5, 3, 3, 'what is ready, between the two ends'],
    [2, 5, 0, 2, 'no less than before a scale-out, though everything crashed'],
    [2, 5, 9, 5, 'no more than was asked for'],
    [5, 2, 4, 4, 'what is still there after a scale-in'],
    [5, 2, 9, 5, 'no more than before a scale-in'],
    [5, 2, 1, 2, 'no less than a scale-in asked for'],
    [1, 0, 0, 1, 'at least one'],
  ] as const) {
    it(`leaves ${desired} desired when ${from} → ${to} fails with ${ready} ready: ${why}`, () => {
      const plane = planeWithPolicy();
      plane.act(from, to);
      plane.finish('failed', ready);
      const workloadState = plane.workload();
      assert.deepEqual([workloadState.desired, workloadState.inFlight], [desired, null]);
      // Whoever has to tell the target another number needs a newer token for it.
      assert.equal(workloadState.desiredToken.index === plane.index, desired !== to);
    });
  }

  it('refuses to finish an action that is not the one in flight', () => {
    const plane = planeWithPolicy();
    assertRefused(plane.finish('verified', 1), 'action_not_found');
    plane.act(2, 5);
    assertRefused(plane.finish('verified', 5, 'd9'), 'action_not_found');
    assert.equal(plane.workload().inFlight?.decisionId, 'd1');
    const finish = { kind: 'finish_action', decisionId: 'd1', outcome: 'failed' } as const;
    const elsewhere = { ...finish, workloadId: 'gone', readyReplicas: 1 };
    assertRefused(plane.apply(elsewhere), 'workload_not_found');
  });
});

describe('apply: decisions that know their term', () => {
  const action = { fromReplicas: 2, toReplicas: 5, deadlineMs: AT_MS };
  const decide = (plane: Plane, decidedInTerm: number): Applied =>
    plane.apply({ kind: 'record_decisions', entries: [entry({ action })], decidedInTerm });

  it('count in that term alone: not those of a deposed leader, nor of a later one', () => {
    const plane = planeWithPolicy();
    plane.apply({ kind: 'raise_format', formatVersion: 2 });
    const before = plane.state;
    assertRefused(decide(plane, 0), 'stale_term');
    assertRefused(decide(plane, 2), 'stale_term');
    assert.equal(plane.state, before);
    assert.deepEqual(decide(plane, 1), done(0));
    assert.equal(plane.workload().desired, 5);
  });

  it('start from the number that is desired, or not at all', () => {
    const plane = planeWithPolicy();
    plane.apply({ kind: 'raise_format', formatVersion: 2 });
    plane.act(2, 3);
    assertRefused(decide(plane, 1), 'action_in_flight');
    plane.finish('verified', 3);
    const before = plane.state;
    assertRefused(decide(plane, 1), 'stale_decision');
    assert.equal(plane.state, before);
  });

  it('answer a retry in a later term as what they are: applied before', () => {
    const plane = planeWithPolicy();
    plane.apply({ kind: 'raise_format', formatVersion: 2 });
    const entries = [entry({ action })];
    const head = { kind: 'record_decisions', key: 'tick', atMs: AT_MS } as const;
    const command = { ...head, entries, decidedInTerm: 1 };
    const first = applyCommand(plane.state, { term: 1, index: 90 }, command);
    const again = applyCommand(first.state, { term: 2, index: 91 }, command);
    assert.deepEqual(again.result, { kind: 'applied', version: 0, repeated: true });
    assert.equal(again.state, first.state);
  });
});

describe('apply: every command', () => {
  it('is deterministic, never throws, and holds the invariants of the state', () => {
    const property = fc.property(anyHistory(60), (commands) => {
      let state = INITIAL_STATE;
      let restored = INITIAL_STATE;
      commands.forEach((command, at) => {
        const token = { term: 1, index: at + 1 };
        const applied = applyCommand(state, token, command);
        if (applied.result.kind === 'refused') assert.equal(applied.state, state);
        const again = applyCommand(decodeState(encodeState(restored)), token, command);
        assert.deepEqual(again.result, applied.result);
        state = applied.state;
        restored = again.state;
        assertInvariants(state);
      });
      assert.equal(canonicalState(restored), canonicalState(state));
    });
    // The seed is part of the message when it fails.
    fc.assert(property, { numRuns: 300 });
  });
});

/** What no member of an older format could read. */
const NEWER_FIELDS = /"(past|shadow|shadowVersion|memory|pause|override|budgets|strategies)":/;

function assertInvariants(state: PlaneState): void {
  const policies = Object.values(state.policies);
  const workloadIds = policies.map(({ policy: { workloadId } }) => workloadId);
  assert.equal(new Set(workloadIds).size, workloadIds.length, 'two policies for one workload');
  for (const workloadId of workloadIds) assert(state.workloads[workloadId] !== undefined);
  for (const [id, { memory }] of Object.entries(state.brakes)) {
    const stored = state.policies[id.replace(/\/shadow$/, '')];
    const braked = id.endsWith('/shadow') ? stored?.shadow?.policy : stored?.policy;
    assert(braked !== undefined, `brakes of ${id}, which is not there`);
    const names = braked.strategies?.map(({ name }) => name) ?? [];
    assert(Object.keys(memory?.strategies ?? {}).every((name) => names.includes(name)));
  }
  for (const {
    policy: { budgets = [], workloadId },
    shadow,
    past = [],
  } of policies) {
    for (const { budgetId } of [...budgets, ...(shadow?.policy.budgets ?? [])]) {
      assert(state.budgets[budgetId] !== undefined, 'a share of a budget that there is not');
    }
    assert(shadow === undefined || shadow.policy.workloadId === workloadId);
    assert(past.length <= PAST_POLICIES_MAX);
    assert(past.every(({ version }, at) => version < (past[at + 1]?.version ?? Infinity)));
  }
  if (state.formatVersion < 4) assert.doesNotMatch(encodeState(state), NEWER_FIELDS);
  const keys = [...state.appliedKeys].map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length, 'a key is remembered twice');
  assert(Object.values(state.workloads).every(({ version }) => version >= 1));
  const byWorkload = policies.map(({ policy: { id, workloadId } }) => [workloadId, id] as const);
  assert.deepEqual({ ...state.policyIdByWorkload }, Object.fromEntries(byWorkload));
  assert(state.formatVersion >= 2 || state.elections.length === 0);
}
