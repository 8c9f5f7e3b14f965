import assert from 'node:assert/strict';
import { createLatencyWindow } from '../../../../demo/traffic/latency-window.ts';

describe('the latency window', () => {
  it('gives counts by outcome and quantiles of the successful ones', () => {
    const window = createLatencyWindow(10, 1000);
    for (let number = 1; number <= 100; number += 1) window.add(5, 'ok', number / 100);
    window.add(5, 'refused', 0.001);
    window.add(5, 'failed', 9);
    window.add(5, 'not_sent', 0);
    assert.deepEqual(window.summary(6), {
      windowSeconds: 10,
      ok: 100,
      refused: 1,
      failed: 1,
      notSent: 1,
      p50Seconds: 0.5,
      p95Seconds: 0.95,
    });
  });

  it('forgets what is older than the window and says nothing of nothing', () => {
    const window = createLatencyWindow(10, 1000);
    window.add(1, 'ok', 3);
    window.add(9, 'ok', 1);
    assert.equal(window.summary(11).ok, 1);
    assert.equal(window.summary(11).p95Seconds, 1);
    const later = window.summary(100);
    assert.equal(later.ok, 0);
    assert.equal(later.p50Seconds, null);
  });

  it('holds no more than its bound', () => {
    const window = createLatencyWindow(1000, 100);
    for (let number = 0; number < 1000; number += 1) window.add(number / 10, 'ok', 1);
    assert.ok(window.summary(100).ok <= 100);
  });
});
