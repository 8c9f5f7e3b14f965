import assert from 'node:assert/strict';
import { ActionAges } from '../../../../control-plane/loops/action-ages.ts';
import type { InFlightAction } from '../../../../control-plane/model/decision.ts';

const action: InFlightAction = {
  decisionId: 'd',
  workloadId: 'w',
  fromReplicas: 1,
  toReplicas: 2,
  startedAtMs: 10_000,
  deadlineMs: 70_000,
  token: { term: 1, index: 1 },
};

describe('the ages of actions', () => {
  it('go by the wall clock while it runs on', () => {
    const ages = new ActionAges();
    assert.equal(ages.nowFor(action, 12_000, 500), 12_000);
    assert.equal(ages.nowFor(action, 70_000, 58_500), 70_000);
  });

  it('go by the time since the first look when the wall clock stepped back', () => {
    const ages = new ActionAges();
    ages.nowFor(action, 12_000, 500);
    assert.equal(ages.nowFor(action, 4_000, 20_500), 30_000);
  });

  it('forget an action that has ended', () => {
    const ages = new ActionAges();
    ages.nowFor(action, 12_000, 500);
    ages.retain(new Set(['d']));
    assert.equal(ages.nowFor(action, 0, 1_500), 11_000);
    ages.retain(new Set());
    assert.equal(ages.nowFor(action, 0, 1_500), 10_000);
  });
});
