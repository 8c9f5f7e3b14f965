import assert from 'node:assert/strict';
import { Breaker } from '../../../../../control-plane/adapters/prometheus/breaker.ts';

describe('the breaker', () => {
  let nowMs = 0;
  let breaker: Breaker;

  beforeEach(() => {
    nowMs = 1_000;
    breaker = new Breaker({ failuresMax: 3, openMs: 500 }, () => nowMs);
  });

  function fail(times: number): void {
    for (let n = 0; n < times; n += 1) breaker.failed('refused');
  }

  it('opens with the third failure in a row and not before', () => {
    fail(2);
    assert.equal(breaker.state, 'closed');
    fail(1);
    assert.equal(breaker.state, 'open');
    assert.match(
      breaker.describe(),
      /after 3 failures in a row, next probe in 0\.5 s; the last: refused/,
    );
  });

  it('counts from the beginning after a success', () => {
    fail(2);
    breaker.succeeded();
    fail(2);
    assert.equal(breaker.state, 'closed');
  });

  it('asks for a probe when the pause is over, once', () => {
    fail(3);
    nowMs += 499;
    assert.equal(breaker.probeIsDue, false);
    nowMs += 1;
    assert.equal(breaker.probeIsDue, true);
    breaker.beginProbe();
    assert.equal(breaker.probeIsDue, false);
    assert.equal(breaker.state, 'half_open');
  });

  it('opens anew for a whole pause when the probe fails, and closes when it succeeds', () => {
    fail(3);
    nowMs += 500;
    breaker.beginProbe();
    breaker.failed('still refused');
    assert.equal(breaker.state, 'open');
    assert.equal(breaker.lastFailure, 'still refused');
    nowMs += 499;
    assert.equal(breaker.probeIsDue, false);
    nowMs += 1;
    breaker.beginProbe();
    breaker.succeeded();
    assert.equal(breaker.state, 'closed');
    assert.equal(breaker.lastFailure, null);
    fail(2);
    assert.equal(breaker.state, 'closed');
  });

  it('learns nothing from an abandoned probe', () => {
    fail(3);
    nowMs += 500;
    breaker.beginProbe();
    breaker.abandonProbe();
    assert.equal(breaker.state, 'open');
    assert.equal(breaker.probeIsDue, true);
  });
});
