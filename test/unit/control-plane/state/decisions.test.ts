import assert from 'node:assert/strict';
import type { Applied } from '../../../../control-plane/model/command.ts';
import { AT_MS, entry } from '../../../support/log-commands.ts';
import {
  assertRefused,
  done,
  planeOfFormat4,
  planeWithPolicy,
} from '../../../support/state-plane.ts';
import type { Plane } from '../../../support/state-plane.ts';

interface Further {
  readonly from?: number;
  readonly to?: number;
  readonly supersedes?: string;
  readonly decidedInTerm?: number;
}

/** A decision `d2` that goes from 5 to 8 in place of `d1`, unless it says otherwise. */
function goFurther(plane: Plane, { from = 5, to = 8, supersedes = 'd1', ...more }: Further = {}) {
  const action = { fromReplicas: from, toReplicas: to, deadlineMs: AT_MS + 9_000, supersedes };
  const entries = [entry({ decisionId: 'd2', action })];
  return plane.apply({ kind: 'record_decisions', atMs: AT_MS + 500, entries, ...more });
}

function booting(): Plane {
  const plane = planeOfFormat4();
  plane.act(2, 5);
  return plane;
}

describe('an action that supersedes the one under way', () => {
  it('takes its place: from what is desired, begun now, under its own token', () => {
    const plane = booting();
    assert.deepEqual(goFurther(plane), done(0));
    const token = { term: 1, index: plane.index };
    const { desired, desiredToken, inFlight } = plane.workload();
    assert.deepEqual([desired, desiredToken], [8, token]);
    assert.deepEqual(inFlight, {
      decisionId: 'd2',
      workloadId: 'w',
      fromReplicas: 5,
      toReplicas: 8,
      startedAtMs: AT_MS + 500,
      deadlineMs: AT_MS + 9_000,
      token,
    });
    assertRefused(plane.finish('verified', 5, 'd1'), 'action_not_found');
    assert.deepEqual(plane.finish('verified', 8, 'd2'), done(0));
    assert.equal(plane.workload().desired, 8);
  });

  for (const [title, further] of [
    ['of another decision than the one under way', { supersedes: 'd0' }],
    ['of no more than is under way', { to: 5 }],
    ['of less than is under way', { to: 4 }],
  ] as const) {
    it(`is refused as one beside it: ${title}`, () => {
      const plane = booting();
      const before = plane.state;
      assertRefused(goFurther(plane, further), 'action_in_flight');
      assert.equal(plane.state, before);
    });
  }

  it('is refused while replicas go in, whatever its way', () => {
    for (const to of [1, 3, 9]) {
      const plane = planeOfFormat4();
      plane.act(5, 2);
      assertRefused(goFurther(plane, { from: 2, to }), 'action_in_flight');
    }
  });

  it('starts from what is desired, or not at all, also where no term is known', () => {
    assertRefused(goFurther(booting(), { from: 4 }), 'stale_decision');
    assertRefused(goFurther(booting(), { from: 4, decidedInTerm: 1 }), 'stale_decision');
    assert.deepEqual(goFurther(booting(), { decidedInTerm: 1 }), done(0));
    assertRefused(goFurther(booting(), { decidedInTerm: 2 }), 'stale_term');
  });

  it('starts as any other when the one under way has ended meanwhile', () => {
    const verified = booting();
    verified.finish('verified', 5);
    assert.deepEqual(goFurther(verified, { decidedInTerm: 1 }), done(0));
    assert.equal(verified.workload().desired, 8);
    const failed = booting();
    failed.finish('failed', 3);
    assertRefused(goFurther(failed, { decidedInTerm: 1 }), 'stale_decision');
  });

  it('is not known before format 4', () => {
    const plane = planeWithPolicy();
    plane.apply({ kind: 'raise_format', formatVersion: 3 });
    plane.act(2, 5);
    assertRefused(goFurther(plane), 'format_not_in_force');
  });
});

describe('an action that failed, from format 4 on', () => {
  const left = (plane: Plane, from: number, to: number, ready: number): Applied => {
    plane.act(from, to);
    return plane.finish('failed', ready);
  };

  for (const [from, to, ready, desired, why] of [
    [1, 0, 0, 0, 'none, where none was wanted and none is'],
    [3, 0, 0, 0, 'none, however many went in'],
    [3, 0, 2, 2, 'what is still there'],
    [0, 2, 0, 1, 'one that goes on waking'],
    [0, 2, 1, 1, 'what has woken'],
    [0, 2, 9, 2, 'no more than was asked for'],
    [2, 5, 0, 2, 'no less than before'],
    [5, 2, 0, 2, 'no less than was asked for'],
  ] as const) {
    it(`leaves ${desired} desired when ${from} → ${to} fails with ${ready} ready: ${why}`, () => {
      const plane = planeOfFormat4();
      left(plane, from, to, ready);
      assert.equal(plane.workload().desired, desired);
      assert.equal(plane.workload().inFlight, null);
      assert.equal(plane.workload().desiredToken.index === plane.index, desired !== to);
    });
  }

  it('leaves at least one before that', () => {
    const plane = planeWithPolicy();
    plane.apply({ kind: 'raise_format', formatVersion: 3 });
    left(plane, 1, 0, 0);
    assert.equal(plane.workload().desired, 1);
  });
});
