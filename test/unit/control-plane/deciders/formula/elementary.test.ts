import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  exponential,
  logarithm,
  logarithm10,
  logarithm2,
  power,
} from '../../../../../control-plane/deciders/formula/elementary.ts';

const positive = fc.double({ min: Number.MIN_VALUE, max: Number.MAX_VALUE, noNaN: true });
const apart = (value: number, expected: number) =>
  value === expected ? 0 : Math.abs(value - expected) / Math.abs(expected);
const within = (value: number, expected: number, bound: number, what: string) =>
  assert.ok(apart(value, expected) <= bound, `${what}: ${value}, not ${expected}`);

/** Bits that must never change: a record made by one build is replayed by another. */
const PINNED: readonly [what: string, value: number, bits: number][] = [
  ['exp(1)', exponential(1), 2.7182818284590455],
  ['exp(0.1)', exponential(0.1), 1.1051709180756477],
  ['exp(-20.5)', exponential(-20.5), 1.2501528663867428e-9],
  ['log(3)', logarithm(3), 1.0986122886681098],
  ['log(1e-5)', logarithm(1e-5), -11.512925464970229],
  ['log2(10)', logarithm2(10), 3.321928094887362],
  ['log10(2)', logarithm10(2), 0.30102999566398114],
  ['27 ^ (1/3)', power(27, 1 / 3), 2.9999999999999996],
  ['1.1 ^ 2.5', power(1.1, 2.5), 1.2690587062858836],
  ['3 ^ 100', power(3, 100), 5.153775207320114e47],
];

describe('the elementary functions', () => {
  for (const [what, value, bits] of PINNED) {
    it(`give the same bits for ${what} as they always did`, () => assert.equal(value, bits));
  }

  it('are exact for powers of 2 and of 10', () => {
    for (let exponent = -1_074; exponent < 1_024; exponent += 1) {
      assert.equal(logarithm2(2 ** exponent), exponent);
      if (exponent >= -1_022) assert.equal(power(2, exponent), 2 ** exponent);
    }
    for (let exponent = -22; exponent <= 22; exponent += 1) {
      assert.equal(logarithm10(Number(`1e${exponent}`)), exponent);
      assert.equal(power(10, exponent), Number(`1e${exponent}`));
    }
  });

  it('are within 1e-15 of the true logarithm', () => {
    const near1 = fc.double({ min: 0.5, max: 2, noNaN: true });
    fc.assert(
      fc.property(fc.oneof(positive, near1), (x) => {
        within(logarithm(x), Math.log(x), 1e-15, `log(${x})`);
        within(logarithm2(x), Math.log2(x), 1e-15, `log2(${x})`);
        within(logarithm10(x), Math.log10(x), 1e-15, `log10(${x})`);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are within 1e-15 of the true exponential, and meet its edges', () => {
    const x = fc.double({ min: -708, max: 709.7, noNaN: true });
    fc.assert(
      fc.property(x, (given) =>
        within(exponential(given), Math.exp(given), 1e-15, `exp(${given})`),
      ),
      { numRuns: 2_000 },
    );
    assert.equal(exponential(0), 1);
    assert.equal(exponential(709.79), Infinity);
    assert.ok(Number.isFinite(exponential(709.78)));
    assert.equal(exponential(-746), 0);
    assert.ok(exponential(-745) > 0);
  });

  it('are within 2e-13 of the true power', () => {
    const base = fc.double({ min: 1e-3, max: 1e3, noNaN: true });
    const exponent = fc.oneof(
      fc.double({ min: -100, max: 100, noNaN: true }),
      fc.integer({ min: -100, max: 100 }),
      fc.integer({ min: -100, max: 100 }).map((whole) => whole + 0.5),
    );
    fc.assert(
      fc.property(base, exponent, (x, y) => {
        const expected = x ** y;
        if (expected < 1e-300) return;
        within(power(x, y), expected, 2e-13, `${x} ^ ${y}`);
        if (Number.isInteger(y)) within(power(-x, y), (-x) ** y, 2e-13, `-${x} ^ ${y}`);
      }),
      { numRuns: 2_000 },
    );
  });

  it('take square roots exactly', () => {
    fc.assert(fc.property(positive, (x) => assert.equal(power(x, 0.5), Math.sqrt(x))));
  });

  it('have the edges of powers', () => {
    assert.equal(power(0, 0), 1);
    assert.equal(power(0, 3), 0);
    assert.equal(power(1, 1e300), 1);
    assert.equal(power(5, 0), 1);
    assert.equal(power(2, 1e300), Infinity);
    assert.equal(power(2, -1e300), 0);
    assert.equal(power(-1, 2_000), 1);
    assert.equal(power(-1, 2_001), -1);
    within(power(0.5, -1_023.5), 2 ** 1_023.5, 2e-13, '0.5 ^ -1023.5');
    within(power(10, -310), 1e-310, 2e-12, '10 ^ -310');
    within(power(1.0000001, 1e9), 1.0000001 ** 1e9, 2e-13, '1.0000001 ^ 1e9');
  });
});
