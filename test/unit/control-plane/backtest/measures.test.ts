import assert from 'node:assert/strict';
import { bucketsOf } from '../../../../control-plane/backtest/downsample.ts';
import { Measuring } from '../../../../control-plane/backtest/measures.ts';
import { MissKeeper } from '../../../../control-plane/backtest/misses.ts';
import type { Decided } from '../../../../control-plane/backtest/misses.ts';
import type { Step } from '../../../../control-plane/backtest/simulate.ts';

const WORLD = {
  stepMs: 1_000,
  replicaCapacity: 10,
  overload: { kind: 'queue', lateAfterMs: 1_000, timeoutMs: null },
} as const;

function step(at: number, overrides: Partial<Step> = {}): Step {
  return {
    ...{ at, nowMs: (at + 1) * 1_000, load: 10, ready: 1, booting: 0, desired: 1 },
    ...{ served: 10, waiting: 0, lost: 0, late: 0 },
    cohorts: () => ({ serving: [], orders: [] }),
    ...overrides,
  };
}

function held(reason: 'at_desired' | 'within_tolerance'): Decided {
  return { verdict: { kind: 'hold', replicas: 1, reason }, stages: [] };
}

describe('the measures of a run', () => {
  it('count the time at the maximum, the most replicas, and changes of direction', () => {
    const measuring = new Measuring(WORLD, 3);
    for (const [at, desired] of [1, 3, 4, 2, 1].entries()) measuring.take(step(at, { desired }));
    const measures = measuring.read(0);
    assert.equal(measures.atMaximumRatio, 2 / 5);
    assert.equal(measures.replicasPeak, 4);
    assert.equal(measures.actions, 3);
    assert.equal(measures.reversalsPerDay, 0);
  });

  it('count as late what was served late, given up, or still waits too long', () => {
    const measuring = new Measuring(WORLD, 9);
    measuring.take(step(0, { load: 20, served: 8, lost: 2, late: 3 }));
    const { lateRatio, unservedRatio } = measuring.read(5);
    assert.equal(lateRatio, (2 + 3 + 5) / 20);
    assert.equal(unservedRatio, 2 / 20);
  });

  it('are no numbers out of nothing where there was no load and no replica', () => {
    const measuring = new Measuring(WORLD, 9);
    measuring.take(step(0, { load: 0, served: 0, ready: 0, desired: 0 }));
    const { unservedRatio, slackRatio, lateRatio } = measuring.read(0);
    assert.deepEqual([unservedRatio, slackRatio, lateRatio], [0, 0, 0]);
  });
});

describe('the misses of a run', () => {
  const missesAt = (steps: readonly number[]) => {
    const keeper = new MissKeeper({ bootMs: 3_000, replicaCapacity: 10 });
    for (let at = 0; at < 20; at += 1) {
      const reason = at % 2 === 0 ? 'at_desired' : 'within_tolerance';
      keeper.take(step(at, { lost: steps.includes(at) ? 5 : 0 }), held(reason), 1);
    }
    return keeper.read().misses.toSorted((a, b) => a.fromMs - b.fromMs);
  };

  it('are one as long as no more than a boot time passes between them', () => {
    const spans = (steps: readonly number[]) =>
      missesAt(steps).map(({ fromMs, toMs }) => [fromMs / 1_000 - 1, toMs / 1_000 - 1]);
    assert.deepEqual(spans([5, 9]), [[5, 9]]);
    assert.deepEqual(spans([5, 10]), [
      [5, 5],
      [10, 10],
    ]);
  });

  it('tell what was decided from one boot time before, and nothing of what came later', () => {
    const [miss] = missesAt([8]);
    assert.deepEqual(
      miss?.episodes.map(({ fromMs }) => fromMs / 1_000 - 1),
      [5, 6, 7, 8],
    );
  });

  it('are kept by size, and the rest is counted', () => {
    const keeper = new MissKeeper({ bootMs: 0, replicaCapacity: 10 });
    for (let at = 0; at < 60; at += 1) {
      keeper.take(step(at, { lost: at % 3 === 0 ? 1 + at : 0 }), null, 1);
    }
    const { misses, omitted } = keeper.read();
    assert.equal(misses.length, 12);
    assert.equal(omitted, 8);
    assert.equal(misses[0]?.missed, 58);
    assert.equal(misses[0].episodes[0]?.verdict, 'nobody');
  });
});

describe('the buckets of a series', () => {
  it('are never more than asked for, and one per step where there are few', () => {
    assert.deepEqual(bucketsOf(401, 50), { count: 45, stepsEach: 9 });
    assert.deepEqual(bucketsOf(400, 50), { count: 50, stepsEach: 8 });
    assert.deepEqual(bucketsOf(7, 50), { count: 7, stepsEach: 1 });
  });
});
