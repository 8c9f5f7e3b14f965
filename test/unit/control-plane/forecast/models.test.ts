import assert from 'node:assert/strict';
import type { LoadModel } from '../../../../control-plane/forecast/load-model.ts';
import { gainAfter } from '../../../../control-plane/forecast/load-model.ts';
import { Persistence } from '../../../../control-plane/forecast/persistence.ts';
import { Seasonal } from '../../../../control-plane/forecast/seasonal.ts';
import { Trend } from '../../../../control-plane/forecast/trend.ts';

const STEP_MS = 15_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function show(
  model: LoadModel,
  fromMs: number,
  toMs: number,
  load: (atMs: number) => number,
): void {
  for (let atMs = fromMs; atMs < toMs; atMs += STEP_MS) model.observe(atMs, load(atMs));
}

function assertNear(actual: number | null, expected: number, within: number): void {
  assert.ok(actual !== null && Math.abs(actual - expected) <= within, `${actual}, not ${expected}`);
}

describe('persistence', () => {
  it('expects the last sample, and nothing before there is one', () => {
    const model = new Persistence();
    assert.equal(model.predict(), null);
    model.observe(0, 7);
    assert.equal(model.predict(), 7);
  });
});

describe('the gain of an average', () => {
  it('grows with the pause, and takes all over where there is no memory', () => {
    assert.equal(gainAfter(0, 10), 0);
    assert.ok(gainAfter(5, 10) < gainAfter(10, 10));
    assert.equal(gainAfter(1, 0), 1);
    assert.equal(gainAfter(1, Infinity), 0);
  });
});

describe('the damped trend', () => {
  const options = {
    name: 'trend',
    levelMs: 2 * MINUTE_MS,
    slopeMs: 15 * MINUTE_MS,
    dampingMs: 10 * MINUTE_MS,
  };

  it('follows a line, less and less far, and never below nil', () => {
    const model = new Trend(options);
    show(model, 0, 3 * HOUR_MS, (atMs) => atMs / MINUTE_MS);
    const lastMs = 3 * HOUR_MS - STEP_MS;
    const last = lastMs / MINUTE_MS;
    assertNear(model.predict(lastMs + MINUTE_MS), last + 10 * (1 - Math.exp(-0.1)), 0.05);
    assertNear(model.predict(lastMs + 24 * HOUR_MS), last + 10, 0.1);
    const falling = new Trend(options);
    show(falling, 0, HOUR_MS, (atMs) => 60 - atMs / MINUTE_MS);
    assert.equal(falling.predict(2 * HOUR_MS), 0);
  });

  it('knows nothing before it has seen as much as its level remembers', () => {
    const model = new Trend(options);
    show(model, 0, 2 * MINUTE_MS, () => 1);
    assert.equal(model.predict(2 * MINUTE_MS), null);
    show(model, 2 * MINUTE_MS, 2 * MINUTE_MS + 1, () => 1);
    assert.equal(model.predict(2 * MINUTE_MS), 1);
  });

  it('forgets its slope over a gap longer than it remembers one', () => {
    const model = new Trend(options);
    show(model, 0, HOUR_MS, (atMs) => atMs / MINUTE_MS);
    model.observe(2 * HOUR_MS, 5);
    show(model, 2 * HOUR_MS + STEP_MS, 2 * HOUR_MS + 5 * MINUTE_MS, () => 5);
    assert.equal(model.predict(3 * HOUR_MS), 5);
  });

  it('is a level when its slope is remembered for ever', () => {
    const model = new Trend({ ...options, slopeMs: Infinity, dampingMs: 0 });
    show(model, 0, 3 * HOUR_MS, (atMs) => atMs / MINUTE_MS);
    assertNear(model.predict(4 * HOUR_MS), 178, 0.5);
  });
});

describe('the season', () => {
  const options = {
    name: 'hour',
    periodMs: HOUR_MS,
    slotMs: MINUTE_MS,
    neighbours: 0,
    gain: 0.5,
    levelMs: 10 * MINUTE_MS,
  };
  const shape = (atMs: number): number =>
    20 + 10 * Math.sin((2 * Math.PI * (atMs % HOUR_MS)) / HOUR_MS);

  it('knows nothing before it has seen a whole period', () => {
    const model = new Seasonal(options);
    show(model, 0, HOUR_MS + 3 * MINUTE_MS, shape);
    assert.notEqual(model.predict(HOUR_MS + 4 * MINUTE_MS), null);
    const young = new Seasonal(options);
    show(young, 0, HOUR_MS, shape);
    assert.equal(young.predict(HOUR_MS + MINUTE_MS), null);
  });

  it('expects what came one period before', () => {
    const model = new Seasonal(options);
    show(model, 0, 4 * HOUR_MS, shape);
    for (const aheadMs of [0, 7, 15, 31, 45].map((minutes) => minutes * MINUTE_MS)) {
      assertNear(model.predict(4 * HOUR_MS + aheadMs), shape(aheadMs), 0.6);
    }
  });

  it('scales the shape to the level of the last while', () => {
    const model = new Seasonal(options);
    show(model, 0, 4 * HOUR_MS, shape);
    show(model, 4 * HOUR_MS, 4 * HOUR_MS + 40 * MINUTE_MS, (atMs) => 2 * shape(atMs));
    assertNear(model.predict(4 * HOUR_MS + 55 * MINUTE_MS), 2 * shape(55 * MINUTE_MS), 0.6);
  });

  it('learns nothing from a gap: the shape under it stays', () => {
    const model = new Seasonal(options);
    show(model, 0, 3 * HOUR_MS, shape);
    show(model, 3 * HOUR_MS + 30 * MINUTE_MS, 4 * HOUR_MS, shape);
    assertNear(model.predict(4 * HOUR_MS + 15 * MINUTE_MS), shape(15 * MINUTE_MS), 0.6);
  });

  it('expects nothing where it has learned nothing, or only silence', () => {
    const model = new Seasonal(options);
    for (let hour = 0; hour < 4; hour += 1) {
      show(model, hour * HOUR_MS, hour * HOUR_MS + 20 * MINUTE_MS, () => 5);
    }
    assert.equal(model.predict(4 * HOUR_MS + 40 * MINUTE_MS), null);
    const silent = new Seasonal(options);
    show(silent, 0, 2 * HOUR_MS, () => 0);
    assert.equal(silent.predict(2 * HOUR_MS), null);
  });
});
