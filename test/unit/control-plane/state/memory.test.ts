import assert from 'node:assert/strict';
import { NO_BRAKES, NO_MEMORY } from '../../../../control-plane/model/decision.ts';
import type { Brakes, PolicyMemory } from '../../../../control-plane/model/decision.ts';
import type { ScalePolicy } from '../../../../control-plane/model/policy.ts';
import type { StrategySpec } from '../../../../control-plane/model/strategy.ts';
import { applyToBrakes } from '../../../../control-plane/state/brakes.ts';
import { inherited, memoryNotInFuture, ofParts } from '../../../../control-plane/state/memory.ts';
import { AT_MS, entry } from '../../../support/log-commands.ts';
import { metric, policy } from '../../../support/scale-input.ts';

const own = { group: null, fromReplicas: false, query: '', timestampQuery: '', coverage: null };
const WORK: StrategySpec = {
  ...own,
  ...{ kind: 'queue', name: 'work', target: 5, activation: 0, cooldownMs: 60_000 },
};
const CALLS: StrategySpec = {
  ...{ kind: 'concurrency', name: 'calls', group: null, fromReplicas: true, query: '' },
  ...{ timestampQuery: '', stepMs: 1_000, gapRatioMax: 0, target: 1, capacity: 2 },
  ...{ stableWindowMs: 60_000, panicWindowMs: 6_000, panicThresholdRatio: 2, maxScaleUpRate: 9 },
  ...{ maxScaleDownRate: 2, activationScale: 1, scaleDownDelayMs: 0, scaleToZeroGraceMs: 0 },
  targetBurstCapacity: -1,
};
const RULES = { select: 'max', policies: [] } as const;
const FULL: Partial<ScalePolicy> = {
  metrics: [metric()],
  strategies: [WORK, CALLS],
  rates: { out: RULES, in: RULES },
  flapBudget: { reversalsMax: 2, periodMs: 60_000, windowMaxMs: 500_000 },
  onLost: { kind: 'current', replicas: 1, afterMs: 1_000 },
};

/** Everything is remembered of one moment. */
function remembered(atMs: number): PolicyMemory {
  return {
    events: [{ atMs, change: 2 }],
    reversalsAtMs: [atMs],
    lastDirection: 'out',
    lostSinceMs: { load: atMs, work: atMs },
    strategies: {
      work: { kind: 'queue', activeAtMs: atMs },
      calls: {
        kind: 'concurrency',
        panicAtMs: atMs,
        panicReplicasMax: 7,
        idleSinceMs: atMs,
        delayed: [{ atMs, replicas: 3 }],
      },
    },
  };
}

describe('memory of a policy that takes the place of another', () => {
  const from = policy(FULL);
  const memory = remembered(AT_MS);

  it('is all of it where both have the same parts', () => {
    assert.deepEqual(inherited(memory, from, policy({ ...FULL, replicasMax: 90 })), memory);
  });

  for (const [field, without] of [
    ['rates', { events: [] }],
    ['flapBudget', { reversalsAtMs: [], lastDirection: null }],
    ['onLost', { lostSinceMs: {} }],
    ['strategies', { strategies: {}, lostSinceMs: { load: AT_MS } }],
  ] as const) {
    it(`is nothing of ${field} when either of them has none`, () => {
      const less = Object.fromEntries(Object.entries(FULL).filter(([name]) => name !== field));
      const expected = { ...memory, ...without };
      assert.deepEqual(inherited(memory, from, policy(less)), expected);
      assert.deepEqual(inherited(memory, policy(less), from), expected);
    });
  }

  it('is of the strategies that keep their name and kind, and of the metrics that keep their name', () => {
    const kept = inherited(
      memory,
      from,
      policy({
        ...FULL,
        metrics: [metric({ name: 'other' })],
        strategies: [
          { ...WORK, name: 'calls' },
          { ...WORK, target: 9 },
        ],
      }),
    );
    assert.deepEqual(Object.keys(kept?.strategies ?? {}), ['work']);
    assert.deepEqual(kept?.lostSinceMs, { work: AT_MS });
  });

  it('is none at all where nothing is left', () => {
    assert.equal(inherited(memory, from, policy()), undefined);
    assert.equal(inherited(undefined, from, from), undefined);
    assert.equal(inherited(NO_MEMORY, from, from), undefined);
  });

  it('finds nothing under the names that every object has', () => {
    const odd = { ...NO_MEMORY, lostSinceMs: { constructor: 1 } };
    assert.deepEqual(ofParts(odd, from).lostSinceMs, {});
    const named = policy({ ...FULL, metrics: [metric({ name: '__proto__' })] });
    const since = JSON.parse('{"__proto__":5}') as Readonly<Record<string, number>>;
    const kept = ofParts({ ...NO_MEMORY, lostSinceMs: since }, named).lostSinceMs;
    assert.deepEqual(Object.entries(kept), [['__proto__', 5]]);
  });
});

describe('memory of a time that has not come', () => {
  it('counts as of now, and what was before stays', () => {
    assert.deepEqual(memoryNotInFuture(remembered(AT_MS + 60_000), AT_MS), remembered(AT_MS));
    assert.deepEqual(memoryNotInFuture(remembered(AT_MS - 1), AT_MS), remembered(AT_MS - 1));
  });

  it('leaves nothing at null that was at null', () => {
    const idle: PolicyMemory = {
      ...NO_MEMORY,
      strategies: {
        work: { kind: 'queue', activeAtMs: null },
        calls: {
          ...{ kind: 'concurrency', panicAtMs: null, panicReplicasMax: 0 },
          ...{ idleSinceMs: null, delayed: [] },
        },
      },
    };
    assert.deepEqual(memoryNotInFuture(idle, AT_MS), idle);
  });

  it("leaves the times of samples: the metrics source's clock may be ahead", () => {
    const alarm = { kind: 'alarm', beyond: 2, lastAtMs: AT_MS + 700 } as const;
    const ahead: PolicyMemory = {
      ...NO_MEMORY,
      strategies: {
        a: { kind: 'step', alarm, value: 3 },
        b: { kind: 'target_tracking', high: alarm, low: alarm, value: 3, fault: null },
      },
    };
    assert.deepEqual(memoryNotInFuture(ahead, AT_MS), ahead);
  });
});

describe('brakes with memory', () => {
  const full = policy(FULL);
  const after = (brakes: Brakes, memory: PolicyMemory | null, atMs: number): Brakes => {
    const overrides = { recommendation: 3, ...(memory === null ? {} : { memory }) };
    return applyToBrakes(brakes, entry(overrides), full, atMs);
  };

  it('keep what was decided to be remembered, until something else is', () => {
    const first = after(NO_BRAKES, remembered(AT_MS), AT_MS);
    assert.deepEqual(first.memory, remembered(AT_MS));
    const second = after(first, null, AT_MS + 1_000);
    assert.equal(second.memory, first.memory);
    assert.equal(second.recommendations.at(-1)?.lastAtMs, AT_MS + 1_000);
    const third = after(second, remembered(AT_MS + 2_000), AT_MS + 2_000);
    assert.deepEqual(third.memory, remembered(AT_MS + 2_000));
    const acted = applyToBrakes(
      third,
      entry({ action: { fromReplicas: 1, toReplicas: 2, deadlineMs: 0 } }),
      full,
      AT_MS + 3_000,
    );
    assert.deepEqual(acted.memory, third.memory);
  });

  it('have none unless it was decided', () => {
    assert(!Object.hasOwn(after(NO_BRAKES, null, AT_MS), 'memory'));
  });

  it('are the same object when the same is remembered again', () => {
    const brakes = after(NO_BRAKES, remembered(AT_MS), AT_MS);
    assert.equal(after(brakes, remembered(AT_MS), AT_MS), brakes);
  });

  it('remember nothing of the future, neither what is new nor what was there', () => {
    const brakes = after(NO_BRAKES, remembered(AT_MS + 9_000), AT_MS);
    assert.deepEqual(brakes.memory, remembered(AT_MS));
    const back = after(brakes, null, AT_MS - 5_000);
    assert.deepEqual(back.memory, remembered(AT_MS - 5_000));
  });

  it('take nothing of a strategy that the policy has no more, or of another kind by now', () => {
    const late = remembered(AT_MS);
    const other = policy({ ...FULL, strategies: [{ ...WORK, name: 'calls' }, WORK] });
    const brakes = applyToBrakes(NO_BRAKES, entry({ memory: late }), other, AT_MS);
    assert.deepEqual(Object.keys(brakes.memory?.strategies ?? {}), ['work']);
  });

  it('reach back as far as the flap budget may lengthen the window', () => {
    const brakes = [0, 1, 2].reduce(
      (known, at) => applyToBrakes(known, entry({ recommendation: at }), full, AT_MS + at),
      NO_BRAKES,
    );
    const runs = (windowed: ScalePolicy, atMs: number) =>
      applyToBrakes(brakes, entry({ recommendation: 9 }), windowed, atMs).recommendations.length;
    assert.equal(runs(full, AT_MS + 500_001), 3);
    assert.equal(runs(full, AT_MS + 500_000), 4);
    assert.equal(runs(policy({ stabilizationDownMs: 60_000 }), AT_MS + 60_001), 3);
    assert.equal(runs(policy({ ...FULL, stabilizationDownMs: 600_000 }), AT_MS + 600_000), 4);
  });
});
