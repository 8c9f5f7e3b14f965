import assert from 'node:assert/strict';
import fc from 'fast-check';
import { NO_BRAKES } from '../../../../control-plane/model/decision.ts';
import type { Brakes } from '../../../../control-plane/model/decision.ts';
import { RUNS_MAX, applyToBrakes } from '../../../../control-plane/state/brakes.ts';
import { entry } from '../../../support/log-commands.ts';
import { policy } from '../../../support/scale-input.ts';

const WINDOW_MS = 100_000;
const WINDOWED = policy({ stabilizationUpMs: 20_000, stabilizationDownMs: WINDOW_MS });

function recommend(brakes: Brakes, replicas: number | null, atMs: number): Brakes {
  return applyToBrakes(brakes, entry({ recommendation: replicas }), WINDOWED, atMs);
}

function extremes(values: readonly number[]): readonly [number, number] {
  return [Math.max(...values), Math.min(...values)];
}

function seen(brakes: Brakes, nowMs: number, windowMs: number): readonly [number, number] {
  const runs = brakes.recommendations.filter((run) => nowMs - run.lastAtMs < windowMs);
  return extremes(runs.map(({ replicas }) => replicas));
}

const FULL = { minLength: 3 * RUNS_MAX, maxLength: 3 * RUNS_MAX };

describe('brakes', () => {
  it('keeps equal recommendations as one run', () => {
    let brakes = NO_BRAKES;
    [3, 3, 3, 4, 3].forEach((replicas, at) => (brakes = recommend(brakes, replicas, at)));
    assert.deepEqual(brakes.recommendations, [
      { replicas: 3, firstAtMs: 0, lastAtMs: 2 },
      { replicas: 4, firstAtMs: 3, lastAtMs: 3 },
      { replicas: 3, firstAtMs: 4, lastAtMs: 4 },
    ]);
  });

  it('drops what the longer window cannot see, but never the newest', () => {
    let brakes = recommend(recommend(NO_BRAKES, 3, 0), 4, 1_000);
    brakes = recommend(brakes, 5, WINDOW_MS + 1);
    assert.deepEqual(
      brakes.recommendations.map(({ replicas }) => replicas),
      [4, 5],
    );
    brakes = recommend(brakes, null, 10 * WINDOW_MS);
    assert.deepEqual(
      brakes.recommendations.map(({ replicas }) => replicas),
      [5],
    );
  });

  it('is the same object when there is nothing new to remember', () => {
    const brakes = recommend(NO_BRAKES, 3, 5);
    assert.equal(recommend(brakes, null, 6), brakes);
    assert.equal(recommend(brakes, 3, 5), brakes);
  });

  it('remembers the last action each way', () => {
    const act = (
      brakes: Brakes,
      fromReplicas: number,
      toReplicas: number,
      atMs: number,
    ): Brakes => {
      const action = { fromReplicas, toReplicas, deadlineMs: 0 };
      return applyToBrakes(brakes, entry({ recommendation: null, action }), WINDOWED, atMs);
    };
    const out = act(NO_BRAKES, 1, 2, 7);
    assert.deepEqual([out.lastOutAtMs, out.lastInAtMs], [7, null]);
    const both = act(out, 2, 1, 9);
    assert.deepEqual([both.lastOutAtMs, both.lastInAtMs], [7, 9]);
    assert.equal(act(both, 2, 2, 11), both);
  });

  it('counts what it remembers of the future as remembered now, after a clock stepped back', () => {
    const action = { fromReplicas: 1, toReplicas: 2, deadlineMs: 0 };
    const ahead = applyToBrakes(NO_BRAKES, entry({ recommendation: 9, action }), WINDOWED, 10 ** 9);
    const back = recommend(ahead, 3, 1_000);
    assert.deepEqual(back.recommendations, [
      { replicas: 9, firstAtMs: 1_000, lastAtMs: 1_000 },
      { replicas: 3, firstAtMs: 1_000, lastAtMs: 1_000 },
    ]);
    assert.equal(back.lastOutAtMs, 1_000);
    assert.deepEqual(
      seen(recommend(back, 3, 1_000 + WINDOW_MS), 1_000 + WINDOW_MS, WINDOW_MS),
      [3, 3],
    );
  });

  it('gives the largest and smallest of every window exactly, while its bound is not reached', () => {
    const property = fc.property(
      fc.array(
        fc.tuple(fc.option(fc.integer({ min: 1, max: 6 })), fc.integer({ min: 1, max: 9_000 })),
        {
          maxLength: 120,
        },
      ),
      fc.integer({ min: 1, max: WINDOW_MS }),
      (steps, windowMs) => {
        let nowMs = 0;
        let brakes = NO_BRAKES;
        const all: { atMs: number; replicas: number }[] = [];
        for (const [replicas, afterMs] of steps) {
          nowMs += afterMs;
          brakes = recommend(brakes, replicas, nowMs);
          if (replicas !== null) all.push({ atMs: nowMs, replicas });
          const inWindow = all.filter(({ atMs }) => nowMs - atMs < windowMs);
          const truth = extremes(inWindow.map((one) => one.replicas));
          assert.deepEqual(seen(brakes, nowMs, windowMs), truth);
        }
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it('stays exact beyond the bound when recommendations go up and down', () => {
    const property = fc.property(fc.array(fc.integer({ min: 1, max: 40 }), FULL), (values) => {
      let brakes = NO_BRAKES;
      const all: number[] = [];
      for (let nowMs = 0; nowMs < 3 * RUNS_MAX; nowMs += 1) {
        const replicas = values[nowMs] ?? 1;
        brakes = recommend(brakes, replicas, nowMs);
        all.push(replicas);
        assert(brakes.recommendations.length <= RUNS_MAX);
      }
      for (const windowMs of [1, 10, RUNS_MAX, 2 * RUNS_MAX, 3 * RUNS_MAX]) {
        assert.deepEqual(seen(brakes, 3 * RUNS_MAX - 1, windowMs), extremes(all.slice(-windowMs)));
      }
    });
    fc.assert(property, { numRuns: 50 });
  });

  for (const [title, valueAt] of [
    ['falls', (at: number) => 10_000 - at],
    ['rises', (at: number) => at],
    ['swings ever less', (at: number) => (at % 2 === 0 ? 5_000 - at : 3_000 + at)],
  ] as const) {
    it(`brakes longer, never shorter, when the number ${title} for ever within one window`, () => {
      let brakes = NO_BRAKES;
      const all: number[] = [];
      for (let nowMs = 0; nowMs < 5 * RUNS_MAX; nowMs += 1) {
        brakes = recommend(brakes, valueAt(nowMs), nowMs);
        all.push(valueAt(nowMs));
        assert(brakes.recommendations.length <= RUNS_MAX);
        for (const windowMs of [1, 20, RUNS_MAX, 4 * RUNS_MAX]) {
          const [largest, smallest] = extremes(all.slice(-windowMs));
          const [seenLargest, seenSmallest] = seen(brakes, nowMs, windowMs);
          assert(seenLargest >= largest && seenSmallest <= smallest, `at ${nowMs}`);
        }
      }
    });
  }
});
