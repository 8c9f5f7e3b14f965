import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createBacklog } from '../../../../control-plane/backtest/overload.ts';

const STEP_MS = 1_000;

describe('load beyond the capacity', () => {
  it('is lost at once where overload is lost', () => {
    const backlog = createBacklog({ kind: 'lost' }, STEP_MS);
    assert.deepEqual(backlog.step(7, 4), { served: 4, lost: 3, late: 0, waiting: 0 });
    assert.deepEqual(backlog.step(1, 4), { served: 1, lost: 0, late: 0, waiting: 0 });
    assert.equal(backlog.lateAtEnd(), 0);
  });

  it('waits first in, first out, and is late beyond the limit', () => {
    const queue = createBacklog({ kind: 'queue', lateAfterMs: 1_000, timeoutMs: null }, STEP_MS);
    assert.deepEqual(queue.step(9, 2), { served: 2, lost: 0, late: 0, waiting: 7 });
    assert.deepEqual(queue.step(1, 2), { served: 2, lost: 0, late: 0, waiting: 6 });
    // What came in the first step is served two steps later: later than one second.
    assert.deepEqual(queue.step(0, 2), { served: 2, lost: 0, late: 2, waiting: 4 });
    assert.equal(queue.lateAtEnd(), 3);
    assert.deepEqual(queue.step(0, 9), { served: 4, lost: 0, late: 4, waiting: 0 });
    assert.equal(queue.lateAtEnd(), 0);
  });

  it('is given up once it has waited longer than it may, and not at the limit', () => {
    const queue = createBacklog({ kind: 'queue', lateAfterMs: 0, timeoutMs: 2_000 }, STEP_MS);
    queue.step(5, 0);
    assert.equal(queue.step(0, 0).lost, 0);
    assert.equal(queue.step(0, 0).lost, 0);
    assert.deepEqual(queue.step(0, 9), { served: 0, lost: 5, late: 0, waiting: 0 });
  });

  it('loses no work and makes none: what came is served, lost or waiting', () => {
    const amount = fc.double({ min: 0, max: 50, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(amount, amount), { minLength: 1, maxLength: 3_000 }),
        fc.constantFrom(null, 0, 3_000),
        (steps, timeoutMs) => {
          const queue = createBacklog({ kind: 'queue', lateAfterMs: 500, timeoutMs }, STEP_MS);
          let came = 0;
          let gone = 0;
          for (const [work, capacity] of steps) {
            const { served, lost, late, waiting } = queue.step(work, capacity);
            came += work;
            gone += served + lost;
            assert.ok(served <= capacity && late <= served + 1e-9 && waiting >= 0);
            assert.ok(Math.abs(came - gone - waiting) < 1e-6 * (1 + came), `${came} ${gone}`);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
