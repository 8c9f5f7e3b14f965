import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  breakObservation,
  drawInjections,
  windowCount,
  WindowWalk,
} from '../../../../control-plane/backtest/injections.ts';
import { OUTAGE_KINDS } from '../../../../control-plane/model/backtest.ts';
import type { InjectionPlan } from '../../../../control-plane/model/backtest.ts';
import type { Observation } from '../../../../control-plane/model/observation.ts';

const HOUR_MS = 3_600_000;
const SPAN = { fromMs: 1_000, toMs: 1_000 + 10 * HOUR_MS };

function plan(overrides: Partial<InjectionPlan> = {}): InjectionPlan {
  return {
    seed: 7,
    outages: [
      {
        kind: 'any',
        durationMs: 600_000,
        when: { kind: 'every', periodMs: HOUR_MS },
        metric: null,
      },
    ],
    kills: [{ gapMs: 30_000, when: { kind: 'at', atMs: 5_000_000 } }],
    compareForgotten: false,
    ...overrides,
  };
}

const seen: Observation = {
  kind: 'sample',
  metric: 'load',
  value: 40,
  sampledAtMs: 990,
  reporting: 5,
};
const before: Observation = { ...seen, value: 60, sampledAtMs: 500 };

describe('injections', () => {
  it('come once in each period, whole, in order, and the same for the same seed', () => {
    const { outages, kills } = drawInjections(plan(), SPAN);
    assert.equal(outages.length, windowCount({ kind: 'every', periodMs: HOUR_MS }, SPAN));
    for (const [index, { fromMs, toMs }] of outages.entries()) {
      assert.equal(toMs - fromMs, 600_000);
      assert.ok(fromMs >= SPAN.fromMs + index * HOUR_MS);
      assert.ok(toMs <= SPAN.fromMs + (index + 1) * HOUR_MS);
    }
    assert.deepEqual(kills, [{ fromMs: 5_000_000, toMs: 5_030_000 }]);
    assert.deepEqual(drawInjections(plan(), SPAN), { outages, kills });
    assert.notDeepEqual(drawInjections(plan({ seed: 8 }), SPAN).outages, outages);
  });

  it('draw every kind when any may come', () => {
    const span = { fromMs: 0, toMs: 500 * HOUR_MS };
    const kinds = new Set(drawInjections(plan(), span).outages.map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), [...OUTAGE_KINDS].sort());
  });

  it('hold from their beginning until before their end, also where they overlap', () => {
    const walk = new WindowWalk([
      { fromMs: 10, toMs: 20 },
      { fromMs: 15, toMs: 40 },
    ]);
    const at = [5, 10, 15, 19, 20, 39, 40].map((nowMs) => walk.at(nowMs).length);
    assert.deepEqual(at, [0, 1, 2, 2, 1, 1, 0]);
  });

  it('find in every window what looking through all of them finds', () => {
    const windows = fc.array(fc.tuple(fc.nat(100), fc.integer({ min: 1, max: 30 })), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(windows, fc.integer({ min: 1, max: 9 }), (drawn, stride) => {
        const list = drawn
          .map(([fromMs, length]) => ({ fromMs, toMs: fromMs + length }))
          .sort((a, b) => a.fromMs - b.fromMs);
        const walk = new WindowWalk(list);
        for (let nowMs = 0; nowMs < 140; nowMs += stride) {
          const open = list.filter(({ fromMs, toMs }) => fromMs <= nowMs && nowMs < toMs);
          assert.deepEqual(new Set(walk.at(nowMs)), new Set(open));
        }
      }),
    );
  });

  it('make of a signal what a reader would have made of such a fault', () => {
    const broken = (kind: (typeof OUTAGE_KINDS)[number], isTotal = true): Observation =>
      breakObservation(kind, seen, { nowMs: 1_000, isTotal, before });
    const reasons = ['absent', 'unavailable', 'nan', 'ambiguous'] as const;
    assert.deepEqual(
      reasons.map((kind) => {
        const one = broken(kind);
        return one.kind === 'failed' ? one.reason : null;
      }),
      ['signal_absent', 'signal_unavailable', 'signal_not_a_number', 'signal_ambiguous'],
    );
    assert.equal(broken('stale'), before);
    assert.deepEqual(broken('zero'), { ...seen, value: 0, sampledAtMs: 1_000 });
    assert.deepEqual(broken('partial'), { ...seen, value: 20, reporting: 2 });
    assert.deepEqual(broken('partial', false), { ...seen, value: 40, reporting: 2 });
  });
});
