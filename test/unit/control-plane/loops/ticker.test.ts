import assert from 'node:assert/strict';
import { nextDue, runTicker } from '../../../../control-plane/loops/ticker.ts';

const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

const rethrow = (error: unknown) => {
  throw error;
};

describe('ticker', () => {
  it('runs the work again after it failed, and reports the failure', async () => {
    const abort = new AbortController();
    const errors: unknown[] = [];
    let runs = 0;
    await runTicker(
      { intervalMs: 1, clock, onLag: () => {}, onError: (error) => errors.push(error) },
      () => {
        runs += 1;
        if (runs === 3) abort.abort();
        return runs === 1 ? Promise.reject(new Error('first')) : Promise.resolve();
      },
      abort.signal,
    );
    assert.equal(runs, 3);
    assert.deepEqual(errors.map(String), ['Error: first']);
  });

  it('goes on with the next point of its grid, and lets missed ones fall out', () => {
    assert.equal(nextDue(100, 103, 10), 110);
    assert.equal(nextDue(100, 110, 10), 120);
    assert.equal(nextDue(100, 137, 10), 140);
    assert.equal(nextDue(100, 99, 10), 110);
  });

  it('does not start when it is stopped already', async () => {
    const stopped = AbortSignal.abort();
    await runTicker(
      { intervalMs: 1, clock, onLag: () => {}, onError: rethrow },
      () => Promise.reject(new Error('ran')),
      stopped,
    );
  });
});
