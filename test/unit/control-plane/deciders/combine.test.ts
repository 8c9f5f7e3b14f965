import assert from 'node:assert/strict';
import { combine } from '../../../../control-plane/deciders/combine.ts';
import type { Proposal } from '../../../../control-plane/model/decision.ts';
import type { ScalePolicy } from '../../../../control-plane/model/policy.ts';
import { policy, scaleInput, strategy } from '../../../support/scale-input.ts';
import { asking, silent } from '../../../support/scale-verdicts.ts';

type Case = readonly [title: string, proposals: readonly Proposal[], expected: string];

const a = (replicas: number, overrides = {}) => asking(replicas, { metric: 'a', ...overrides });
const b = (replicas: number, overrides = {}) => asking(replicas, { metric: 'b', ...overrides });
const c = (replicas: number) => asking(replicas, { metric: 'c' });
const partial = { limited: 'signal_partial' as const };

function check(change: Partial<ScalePolicy>, cases: readonly Case[]): void {
  const input = scaleInput({ policy: policy(change) });
  for (const [title, proposals, expected] of cases) {
    it(title, () => {
      const { after, reason } = combine(input, proposals);
      assert.equal(`${after} ${reason}`, expected);
    });
  }
  it('asks for the same whatever the order', () => {
    for (const [title, proposals] of cases) {
      const { after } = combine(input, proposals);
      assert.equal(combine(input, proposals.toReversed()).after, after, title);
    }
  });
}

describe('combine: the largest of all, with 4 wanted', () => {
  check({}, [
    ['goes out to the largest', [a(5), b(7), c(6)], '7 above_target'],
    ['goes out by one', [a(5)], '5 above_target'],
    ['stays where the largest is what is wanted', [a(4), b(2)], '4 at_desired'],
    ['stays within the tolerance', [a(4, { withinTolerance: true })], '4 within_tolerance'],
    ['goes in to the largest of the smaller', [a(1), b(3), c(2)], '3 below_target'],
    ['goes in to none', [a(0), b(0)], '0 below_target'],
    ['goes out though another is lost', [a(5), silent('signal_absent', 'b')], '5 above_target'],
    ['does not go in while another is lost', [a(3), silent('signal_stale', 'b')], '4 signal_stale'],
    [
      'does not stay silent about a lost one',
      [a(4), silent('signal_stale', 'b')],
      '4 signal_stale',
    ],
    [
      'names the first lost',
      [silent('signal_absent', 'a'), silent('signal_stale')],
      '4 signal_absent',
    ],
    ['does not go in while another is partial', [a(3), b(4, partial)], '4 signal_partial'],
    ['goes out on a partial one', [a(3), b(6, partial)], '6 above_target'],
    ['does not go in while all are partial', [a(4, partial)], '4 signal_partial'],
    ['stays without any', [], '4 at_desired'],
  ]);

  it('says how far from its target a metric is, and of a strategy what it asks for', () => {
    const input = scaleInput();
    assert.equal(combine(input, [a(4, { ratio: 0.95 })]).detail, 'a is at 0.9500 of its target');
    assert.equal(combine(input, [a(4)]).detail, 'a asks for 4');
    assert.equal(combine(input, [a(4, partial)]).detail, 'a: too few of the ready replicas report');
    const thin = a(4, { limited: 'signal_stale', detail: 'replica-1: 31 s old' });
    assert.equal(combine(input, [thin]).detail, 'a: replica-1: 31 s old');
  });
});

describe('combine: the winner, as nomad-autoscaler, with 4 wanted', () => {
  check({ combination: 'winner' }, [
    ['takes the largest that goes out', [a(5), b(7)], '7 above_target'],
    ['out goes before in', [a(5), b(0)], '5 above_target'],
    ['staying goes before going in', [a(4), b(1)], '4 at_desired'],
    ['goes in to the largest', [a(1), b(3)], '3 below_target'],
    ['goes out though another is lost', [a(5), silent('signal_absent', 'b')], '5 above_target'],
    [
      'a lost one stays, and its reason is told',
      [a(1), silent('signal_stale', 'b')],
      '4 signal_stale',
    ],
    ['a partial one stays', [a(1), b(4, partial)], '4 signal_partial'],
    ['a partial one may go out', [a(1), b(5, partial)], '5 above_target'],
    ['stays when all are lost', [silent('signal_absent', 'a')], '4 signal_absent'],
    ['has nothing to say without any', [], '4 signal_absent'],
  ]);
});

describe('combine: the winner with a group', () => {
  const strategies = ['a', 'b'].map((name) => ({ ...strategy('pass_through'), name, group: 'g' }));
  check({ combination: 'winner', strategies, metrics: [] }, [
    ['one of the group that stays abstains', [a(4), b(2)], '2 below_target'],
    [
      'a lost one of the group does not abstain',
      [silent('signal_absent', 'a'), b(2)],
      '4 signal_absent',
    ],
    ['a check that stands alone still holds it', [a(4), b(2), c(4)], '4 at_desired'],
    ['a check that stands alone may go further out', [a(5), b(4), c(6)], '6 above_target'],
    ['all of the group stay', [a(4), b(4)], '4 at_desired'],
  ]);
});

describe('combine: the winner with the compatibility nomad', () => {
  check({ combination: 'winner', compatibility: 'nomad' }, [
    ['one lost aborts every check', [a(9), silent('signal_absent', 'b')], '4 signal_absent'],
    ['the winner is the same without a loss', [a(9), b(1)], '9 above_target'],
  ]);
});

describe('combine: out if any, in only if all, with 4 wanted', () => {
  const strategies = [
    { ...strategy('target_tracking'), name: 'a' },
    { ...strategy('target_tracking'), name: 'b' },
    { ...strategy('target_tracking'), name: 'only_out', disableScaleIn: true },
  ];
  const onlyOut = (replicas: number) => asking(replicas, { metric: 'only_out' });
  check({ combination: 'out_if_any', strategies, metrics: [] }, [
    ['goes out if any does', [a(1), b(5)], '5 above_target'],
    ['to the most of those that go out', [a(6), b(5)], '6 above_target'],
    ['goes in only if all do', [a(1), b(4)], '4 at_desired'],
    ['to the most of those that go in', [a(1), b(3)], '3 below_target'],
    ['one that only adds has no say in going in', [a(3), onlyOut(4)], '3 below_target'],
    ['one that only adds goes out', [a(3), onlyOut(5)], '5 above_target'],
    ['stays with one that only adds alone', [onlyOut(4)], '4 at_desired'],
    ['a lost one keeps it from going in', [a(3), silent('signal_stale', 'b')], '4 signal_stale'],
    [
      'a lost one does not keep it from going out',
      [a(5), silent('signal_stale', 'b')],
      '5 above_target',
    ],
    [
      'a partial one keeps it from going in',
      [a(3), asking(4, { metric: 'only_out', ...partial })],
      '4 signal_partial',
    ],
    ['a partial one is told of while nothing moves', [a(4), b(4, partial)], '4 signal_partial'],
    ['a partial one may go out', [a(3), b(6, partial)], '6 above_target'],
  ]);
});
