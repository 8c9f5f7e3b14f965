import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseDuration, renderDuration } from '../../../../control-plane/schemas/duration.ts';
import { SchemaError } from '../../../../control-plane/schemas/fault.ts';

describe('durations', () => {
  const good: readonly (readonly [string, number])[] = [
    ['0s', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['1.1s', 1_100],
    ['5m', 300_000],
    ['1.5m', 90_000],
    ['24h', 86_400_000],
  ];
  for (const [text, ms] of good) {
    it(`reads ${text} as ${ms} ms`, () => {
      assert.equal(parseDuration(text), ms);
    });
  }

  const bad: readonly (readonly [unknown, RegExp])[] = [
    [300, /such as 30s or 5m; got the number 300: a number has no unit, write '300s'/],
    ['300', /a number has no unit, write '300s'/],
    ['1h30m', /use one unit/],
    ['2d', /days are written in hours/],
    ['5 min', /units are ms, s, m and h/],
    ['-5s', /got the text "-5s"/],
    ['', /got the text ""/],
    ['0.5ms', /whole milliseconds/],
    ['1e3s', /units are/],
    ['٣s', /got the text/],
    [undefined, /^required/],
    [null, /got null/],
    [['5m'], /got a list/],
    [Number.NaN, /got the number NaN$/],
  ];
  for (const [value, message] of bad) {
    it(`refuses ${value === undefined ? 'nothing' : JSON.stringify(value)} and names the fix`, () => {
      assert.throws(
        () => parseDuration(value),
        (error) => error instanceof SchemaError && message.test(error.faults[0]?.message ?? ''),
      );
    });
  }

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 86_400_000 }), (ms) => {
        assert.equal(parseDuration(renderDuration(ms)), ms);
      }),
    );
  });

  it('writes the largest unit that divides', () => {
    assert.deepEqual([0, 1, 1_500, 90_000, 300_000, 7_200_000].map(renderDuration), [
      '0s',
      '1ms',
      '1500ms',
      '90s',
      '5m',
      '2h',
    ]);
  });
});
