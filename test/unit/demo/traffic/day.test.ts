import assert from 'node:assert/strict';
import { arrivals, DAY_SECONDS, RATE_MAX, rateAt } from '../../../../demo/traffic/day.ts';
import { createRandom } from '../../../../demo/traffic/random.ts';

/** What one replica of the demo serves, in requests per second. */
const REPLICA_RATE = 10;

function take(seed: number, untilSeconds: number): number[] {
  const times: number[] = [];
  for (const at of arrivals(createRandom(seed))) {
    if (at > untilSeconds) return times;
    times.push(at);
  }
  return times;
}

describe('the compressed day', () => {
  it('rises within a minute above what two replicas serve', () => {
    assert.ok(rateAt(0) < REPLICA_RATE);
    assert.ok(rateAt(60) > 2 * REPLICA_RATE);
  });

  it('falls after the morning to what two replicas serve, for more than a minute', () => {
    for (let at = 140; at <= 210; at += 5) assert.ok(rateAt(at) <= REPLICA_RATE, `at ${at} s`);
  });

  it('peaks where seven of eight replicas are needed at seven tenths of their rate', () => {
    const needed = Math.ceil(rateAt(360) / (0.7 * REPLICA_RATE));
    assert.equal(needed, 7);
  });

  it('has a burst on top of the evening', () => {
    assert.ok(rateAt(501) - rateAt(499) > 30);
    assert.ok(rateAt(524) - rateAt(526) > 30);
  });

  it('begins the next day where this one ends, and is positive and below its bound throughout', () => {
    assert.ok(Math.abs(rateAt(DAY_SECONDS - 0.01) - rateAt(DAY_SECONDS)) < 0.1);
    for (let at = 0; at < 2 * DAY_SECONDS; at += 1) {
      assert.ok(rateAt(at) > 0 && rateAt(at) <= RATE_MAX, `at ${at} s`);
      assert.equal(rateAt(at), rateAt(at + DAY_SECONDS));
    }
  });

  it('plans the same arrivals for the same seed, rising, as many as the curve says', () => {
    const times = take(7, DAY_SECONDS);
    assert.deepEqual(times, take(7, DAY_SECONDS));
    assert.notDeepEqual(times, take(8, DAY_SECONDS));
    assert.ok(times.every((at, index) => at > (times[index - 1] ?? 0)));
    let expected = 0;
    for (let at = 0.5; at < DAY_SECONDS; at += 1) expected += rateAt(at);
    // Five standard deviations of a Poisson count.
    assert.ok(Math.abs(times.length - expected) < 5 * Math.sqrt(expected), `${times.length}`);
  });
});
