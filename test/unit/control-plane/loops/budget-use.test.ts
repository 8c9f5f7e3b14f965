import assert from 'node:assert/strict';
import { BudgetUse } from '../../../../control-plane/loops/budget-use.ts';
import { NOTHING_BESIDE, decideAll } from '../../../../control-plane/loops/tick-decisions.ts';
import type { Sight } from '../../../../control-plane/loops/sight.ts';
import type { InFlightAction } from '../../../../control-plane/model/decision.ts';
import { recordOf } from '../../../../control-plane/state/records.ts';
import { INITIAL_STATE } from '../../../../control-plane/state/state.ts';
import type { PlaneState, WorkloadState } from '../../../../control-plane/state/state.ts';
import { workload } from '../../../support/log-commands.ts';
import { NOW_MS, policy, sample } from '../../../support/scale-input.ts';

const UNITS = 2;

/** Workloads that share `gpus`, by id and the number wanted. */
function sharing(
  desired: Readonly<Record<string, number>>,
  limit: number,
  inFlight: Readonly<Record<string, InFlightAction>> = {},
): PlaneState {
  const ids = Object.keys(desired).sort();
  return {
    ...INITIAL_STATE,
    formatVersion: 4,
    budgets: recordOf([
      ['gpus', { budget: { id: 'gpus', description: '', unit: 'gpu', limit }, version: 1 }],
    ]),
    workloads: recordOf(
      ids.map((id): [string, WorkloadState] => [
        id,
        {
          workload: workload(id),
          version: 1,
          mode: 'act',
          desired: desired[id] ?? 0,
          desiredToken: { term: 1, index: 1 },
          inFlight: inFlight[id] ?? null,
        },
      ]),
    ),
    policies: recordOf(
      ids.map((id) => [
        id,
        {
          policy: policy({
            id,
            workloadId: id,
            budgets: [{ budgetId: 'gpus', unitsPerReplica: UNITS }],
          }),
          version: 1,
        },
      ]),
    ),
  };
}

const going = (workloadId: string, fromReplicas: number, toReplicas: number): InFlightAction => ({
  decisionId: 'd',
  workloadId,
  fromReplicas,
  toReplicas,
  startedAtMs: 0,
  deadlineMs: 1,
  token: { term: 1, index: 1 },
});

describe('what is used of a budget', () => {
  it('is what the others want, times what each of their replicas takes', () => {
    const use = new BudgetUse(sharing({ a: 3, b: 4 }, 100));
    assert.equal(use.usedByOthers('gpus', 'a'), 4 * UNITS);
    assert.equal(use.usedOf('gpus'), 7 * UNITS);
    assert.equal(use.limitOf('gpus'), 100);
    assert.equal(use.limitOf('other'), null);
  });

  it('counts what an action takes away until it is gone', () => {
    const use = new BudgetUse(sharing({ a: 1, b: 4 }, 100, { a: going('a', 5, 1) }));
    assert.equal(use.usedByOthers('gpus', 'b'), 5 * UNITS);
  });

  it('counts what was granted in the same tick, and not what was given back', () => {
    const use = new BudgetUse(sharing({ a: 1, b: 4 }, 100));
    const shared = policy({
      workloadId: 'a',
      budgets: [{ budgetId: 'gpus', unitsPerReplica: UNITS }],
    });
    use.granted(shared, { kind: 'act', direction: 'out', replicas: 6, reason: 'above_target' });
    assert.equal(use.usedByOthers('gpus', 'b'), 6 * UNITS);
    use.granted(shared, { kind: 'act', direction: 'in', replicas: 1, reason: 'below_target' });
    assert.equal(use.usedByOthers('gpus', 'b'), 6 * UNITS);
  });

  it('is never exceeded by two workloads that want more in one tick', () => {
    const state = sharing({ a: 2, b: 2 }, 14);
    const signals = new Map(
      Object.values(state.policies).map((stored) => [
        stored.policy.id,
        { stored, observations: [sample(100)], readings: [], shadow: null },
      ]),
    );
    const replicas = new Map(['a', 'b'].map((id) => [id, { kind: 'seen', replicas: [] } as const]));
    const sight: Sight = { atMs: NOW_MS, queries: 0, signals, replicas };
    const records = decideAll(state, sight, 'trace', NOTHING_BESIDE);
    assert.deepEqual(
      records.map(({ outcome }) => outcome.verdict.replicas),
      [5, 2],
    );
    assert.deepEqual(
      records.map(({ outcome }) => outcome.stages.find(({ stage }) => stage === 'budget')?.reason),
      ['budget_exhausted', 'budget_exhausted'],
    );
  });
});
