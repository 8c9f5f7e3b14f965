import assert from 'node:assert/strict';
import { TickTimes, tickKey } from '../../../../control-plane/loops/tick-times.ts';
import type { AppliedKeys } from '../../../../control-plane/state/keys.ts';
import { NO_KEYS } from '../../../../control-plane/state/keys.ts';

const NOW_MS = 1_700_000_000_000;

describe('the times of ticks', () => {
  const applied = (...keys: readonly string[]): AppliedKeys =>
    keys.reduce((all, key) => all.withKey(key, 0), NO_KEYS);

  it('are those of the clock, in whole milliseconds', () => {
    assert.equal(new TickTimes().next(NOW_MS + 0.75, NO_KEYS), NOW_MS);
  });

  it('are never the same twice, and follow a clock that steps back', () => {
    const times = new TickTimes();
    assert.equal(times.next(NOW_MS, NO_KEYS), NOW_MS);
    assert.equal(times.next(NOW_MS, NO_KEYS), NOW_MS + 1);
    assert.equal(times.next(NOW_MS - 5_000, NO_KEYS), NOW_MS - 5_000);
  });

  it('are never those of an applied tick, whatever its term: they name decisions', () => {
    const keys = applied(tickKey(NOW_MS, 3), tickKey(NOW_MS + 1, 9));
    assert.equal(new TickTimes().next(NOW_MS, keys), NOW_MS + 2);
  });

  it('are not those of a tick whose time merely begins with the same digits', () => {
    const keys = applied(tickKey(NOW_MS * 10, 1));
    assert.equal(new TickTimes().next(NOW_MS, keys), NOW_MS);
  });
});

describe('the key of a tick', () => {
  it('differs between terms and between times', () => {
    const keys = [tickKey(1, 1), tickKey(1, 2), tickKey(11, 1), tickKey(1, 11)];
    assert.equal(new Set(keys).size, 4);
  });
});
