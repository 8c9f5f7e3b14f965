import assert from 'node:assert/strict';
import { nextMemory } from '../../../../control-plane/deciders/memory.ts';
import { decideScale } from '../../../../control-plane/deciders/scale.ts';
import { NO_MEMORY } from '../../../../control-plane/model/decision.ts';
import type {
  PolicyMemory,
  ScaleInput,
  Verdict,
} from '../../../../control-plane/model/decision.ts';
import type { ScalePolicy } from '../../../../control-plane/model/policy.ts';
import {
  NOW_MS,
  failed,
  policy,
  sample,
  scaleInput,
  strategy,
  strategyInput,
} from '../../../support/scale-input.ts';
import { remembering } from '../../../support/scale-verdicts.ts';

const PERIOD_MS = 60_000;
const rules = {
  select: 'max',
  policies: [{ kind: 'replicas', value: 4, periodMs: PERIOD_MS }],
} as const;
const rates = { out: rules, in: rules };
const flapBudget = { reversalsMax: 2, periodMs: PERIOD_MS, windowMaxMs: 600_000 };
const onLost = { kind: 'static', replicas: 2, afterMs: 60_000 } as const;
const going = (direction: 'out' | 'in', replicas: number): Verdict => ({
  kind: 'act',
  direction,
  replicas,
  reason: direction === 'out' ? 'above_target' : 'below_target',
});
const staying: Verdict = { kind: 'hold', replicas: 4, reason: 'at_desired' };
const byHand: Verdict = { kind: 'act', direction: 'in', replicas: 1, reason: 'override_set' };

function next(
  change: Partial<ScalePolicy>,
  known: Partial<PolicyMemory>,
  verdict: Verdict,
  lostSinceMs: Readonly<Record<string, number>> = {},
): PolicyMemory | null {
  const input = scaleInput({ policy: policy(change), ...remembering(known) });
  return nextMemory(input, { verdict, lostSinceMs, strategies: {} });
}

const ages = (memory: PolicyMemory | null): readonly number[] =>
  (memory?.events ?? []).map(({ atMs }) => NOW_MS - atMs);

describe('nextMemory: events', () => {
  const events = [0, 1].map((more) => ({ atMs: NOW_MS - PERIOD_MS - more, change: 1 }));

  it('adds the change, with its direction', () => {
    const outward = next({ rates }, {}, going('out', 7));
    assert.deepEqual(outward?.events, [{ atMs: NOW_MS, change: 3 }]);
    const inward = next({ rates }, {}, going('in', 1));
    assert.deepEqual(inward?.events, [{ atMs: NOW_MS, change: -3 }]);
  });

  it('counts an operator’s number too: the replicas are the same', () => {
    assert.deepEqual(next({ rates }, {}, byHand)?.events, [{ atMs: NOW_MS, change: -3 }]);
  });

  it('keeps those as old as the longest period, and no older', () => {
    assert.deepEqual(ages(next({ rates }, { events }, going('out', 5))), [PERIOD_MS, 0]);
    assert.deepEqual(ages(next({ rates }, { events }, staying)), [PERIOD_MS]);
    const longer = { ...rules.policies[0], periodMs: PERIOD_MS + 1 };
    const wide = { out: rules, in: { ...rules, policies: [longer] } };
    assert.equal(next({ rates: wide }, { events }, staying), null);
  });

  it('keeps none without rate policies', () => {
    assert.deepEqual(next({ flapBudget }, { events }, going('out', 5))?.events, []);
  });
});

describe('nextMemory: reversals', () => {
  const cases: readonly [string, PolicyMemory['lastDirection'], Verdict, turned: boolean][] = [
    ['the first change turns nothing', null, going('out', 5), false],
    ['the same way again turns nothing', 'out', going('out', 5), false],
    ['in after out turns', 'out', going('in', 3), true],
    ['out after in turns', 'in', going('out', 5), true],
    ['staying turns nothing', 'in', staying, false],
    ['an operator’s number turns nothing', 'out', byHand, false],
  ];
  for (const [title, lastDirection, verdict, turned] of cases) {
    it(title, () => {
      const after = next({ flapBudget }, { lastDirection, reversalsAtMs: [NOW_MS - 1] }, verdict);
      const times = after === null ? [NOW_MS - 1] : after.reversalsAtMs;
      assert.deepEqual(times, turned ? [NOW_MS - 1, NOW_MS] : [NOW_MS - 1]);
    });
  }

  it('remembers the way of the last change, not of an operator’s', () => {
    assert.equal(
      next({ flapBudget }, { lastDirection: 'out' }, going('in', 3))?.lastDirection,
      'in',
    );
    assert.equal(next({ flapBudget }, { lastDirection: 'out' }, byHand), null);
    assert.equal(next({ rates }, { lastDirection: 'out' }, byHand)?.lastDirection, 'out');
  });

  it('keeps those within the period, and not at its end', () => {
    const at = (ageMs: number) =>
      next({ flapBudget }, { reversalsAtMs: [NOW_MS - ageMs] }, staying)?.reversalsAtMs;
    assert.equal(at(PERIOD_MS - 1), undefined);
    assert.deepEqual(at(PERIOD_MS), []);
  });

  it('keeps the newest 256', () => {
    const reversalsAtMs = Array.from({ length: 256 }, () => NOW_MS - 1);
    const after = next({ flapBudget }, { reversalsAtMs, lastDirection: 'in' }, going('out', 5));
    assert.equal(after?.reversalsAtMs.length, 256);
    assert.equal(after.reversalsAtMs.at(-1), NOW_MS);
  });

  it('keeps none without a budget', () => {
    const known = { reversalsAtMs: [NOW_MS - 1], lastDirection: 'in' } as const;
    assert.deepEqual(next({ rates }, known, going('out', 5))?.reversalsAtMs, []);
  });
});

describe('nextMemory: losses', () => {
  it('keeps since when, where the policy has a choice for them', () => {
    const lost = { load: NOW_MS - 5 };
    assert.deepEqual(next({ onLost }, {}, staying, lost)?.lostSinceMs, lost);
    assert.equal(next({ rates }, {}, staying, lost), null);
    assert.deepEqual(next({ onLost }, { lostSinceMs: lost }, staying)?.lostSinceMs, {});
  });

  it('is told by a decision as soon as it is seen', () => {
    const input = scaleInput({
      policy: policy({ onLost }),
      observations: [failed('signal_absent')],
    });
    assert.deepEqual(decideScale(input).memory?.lostSinceMs, { load: NOW_MS });
  });
});

describe('nextMemory: what is absent', () => {
  const given: readonly [string, Partial<ScalePolicy>, remembers: boolean][] = [
    ['a policy with nothing that remembers', {}, false],
    ['one with no strategy', { strategies: [] }, false],
    ['one with a strategy', { strategies: [strategy('fixed_value')] }, true],
    ['one with rate policies', { rates }, true],
    ['one with a flap budget', { flapBudget }, true],
    ['one with a choice for lost signals', { onLost }, true],
  ];
  for (const [title, change, remembers] of given) {
    it(`${title} ${remembers ? 'remembers its changes' : 'remembers nothing'}`, () => {
      assert.equal(next(change, {}, going('out', 5)) !== null, remembers);
    });
  }

  it('is absent while nothing changes', () => {
    assert.equal(next({ rates, flapBudget, onLost }, {}, staying), null);
    const { memory, ...rest } = decideScale(scaleInput({ policy: policy({ rates }) }));
    assert.equal(memory, undefined);
    assert.equal('memory' in decideScale(scaleInput({ policy: policy({ rates }) })), false);
    assert.equal(rest.verdict.kind, 'hold');
  });

  it('is absent where nobody counted the replicas', () => {
    const actual = { kind: 'unknown', detail: 'away' } as const;
    const outcome = decideScale(
      scaleInput({ policy: policy({ onLost }), actual, observations: [] }),
    );
    assert.equal(outcome.memory, undefined);
  });
});

describe('the memory of strategies', () => {
  const queue = strategy('queue');
  const after = (input: ScaleInput) => decideScale(input).memory?.strategies;

  it('is kept by the name of each', () => {
    const other = { ...strategy('concurrency'), name: 'c' };
    const seen = after(strategyInput([queue, other], 30));
    assert.deepEqual(Object.keys(seen ?? {}), ['s', 'c']);
    assert.deepEqual(seen?.['s'], { kind: 'queue', activeAtMs: NOW_MS });
  });

  it('stays while nothing can be read', () => {
    const known = { s: { kind: 'queue', activeAtMs: NOW_MS - 7 } } as const;
    const input = strategyInput([queue], 30, {
      readings: [{ strategy: 's', parts: {} }],
      ...remembering({ strategies: known }),
    });
    assert.equal(after(input), undefined);
    const moved = { ...input, policy: { ...input.policy, replicasMin: 6, rates } };
    assert.deepEqual(after(moved), known);
  });

  it('survives a trip through JSON', () => {
    const outcome = decideScale(
      strategyInput([queue, { ...strategy('target_tracking'), name: 't' }], 9),
    );
    assert.deepEqual(JSON.parse(JSON.stringify(outcome.memory)), outcome.memory);
    assert.deepEqual(outcome.memory?.events, NO_MEMORY.events);
  });

  it('decides nothing in a mode that does not act, so it counts nothing either', () => {
    const input = scaleInput({
      policy: policy({ rates }),
      mode: 'advise',
      observations: [sample(90)],
    });
    assert.equal(decideScale(input).memory, undefined);
  });
});
