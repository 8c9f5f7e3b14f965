/**
 * Exponentials, logarithms and powers that give the same bits on every machine and every version of
 * the engine. `Math.exp`, `Math.log` and `Math.pow` do not promise that (ECMA-262, "the choice of
 * algorithms is left to the implementation"), and a decision that is replayed on another build must
 * come out bit for bit the same. Rounding their results would only make a difference rarer: two
 * results on either side of a rounding edge still part. So these use additions, multiplications,
 * divisions and square roots alone, which IEEE 754 fixes to the last bit.
 *
 * Within 1e-15 of the true value (relative) for logarithms and exponentials, within 2e-13 for powers;
 * exact for the logarithms and whole powers of 2 and of 10 that a normal number can hold. What is
 * outside the domain of an operation is for the caller to refuse.
 */

/** ln 2 in two parts; the first has zeros for its last 32 bits, so that a whole multiple is exact (fdlibm). */
const LN2_HIGH = 6.9314718036912381649e-1;
const LN2_LOW = 1.90821492927058770002e-10;
const LN2 = 0.6931471805599453;
const LN10 = 2.302585092994046;
const SQRT2 = 1.4142135623730951;

/** exp of more is beyond the largest number; of less, rounds to 0. */
const EXPONENT_MAX = 709.782712893384;
const EXPONENT_MIN = -745.1332191019412;

/** Largest whole power that is multiplied out. */
const WHOLE_POWER_MAX = 1_024;

/** 2, 4, 16, …: 2^(2^i) for i from 0 to 9. */
const SQUARES_OF_TWO = squaresOfTwo();

const SMALLEST_NORMAL = wholePowerOfTwo(-1_022);

/** e to the power of x; Infinity beyond the largest number. */
export function exponential(x: number): number {
  if (x > EXPONENT_MAX) return Infinity;
  if (x < EXPONENT_MIN) return 0;
  const doublings = Math.round(x / LN2);
  const rest = x - doublings * LN2_HIGH - doublings * LN2_LOW;
  let series = 1;
  for (let term = 18; term >= 1; term -= 1) series = 1 + (series * rest) / term;
  return timesPowerOfTwo(series, doublings);
}

/** Natural logarithm of x > 0. */
export function logarithm(x: number): number {
  const { mantissa, exponent } = split(x);
  const { twice, rest } = mantissaLogarithm(mantissa);
  return exponent * LN2_HIGH + (twice + (rest + exponent * LN2_LOW));
}

/** Logarithm to base 2 of x > 0; exact for powers of 2. */
export function logarithm2(x: number): number {
  const { mantissa, exponent } = split(x);
  const { twice, rest } = mantissaLogarithm(mantissa);
  return exponent + (twice + rest) / LN2;
}

/** Logarithm to base 10 of x > 0; exact for 10^-22 to 10^22. */
export function logarithm10(x: number): number {
  const result = logarithm(x) / LN10;
  const whole = Math.round(result);
  return Math.abs(whole) <= 22 && wholePower(10, whole) === x ? whole : result;
}

/** x to the power of y. Not for 0 to a negative power, nor for a negative x to a broken one. */
export function power(x: number, y: number): number {
  if (y === 0 || x === 1) return 1;
  if (x === 0) return 0;
  const whole = Math.floor(y);
  if (Math.abs(whole) <= WHOLE_POWER_MAX) {
    const result = wholePower(x, whole) * brokenPower(x, y - whole);
    if (Number.isFinite(result) && result !== 0) return result;
  }
  const magnitude = exponential(y * logarithm(Math.abs(x)));
  return x < 0 && y % 2 !== 0 ? -magnitude : magnitude;
}

function brokenPower(x: number, y: number): number {
  if (y === 0) return 1;
  return y === 0.5 ? Math.sqrt(x) : exponential(y * logarithm(x));
}

/** By repeated squaring, so in one order of multiplications. */
function wholePower(x: number, y: number): number {
  let result = 1;
  let square = x;
  for (let left = Math.abs(y); left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result *= square;
    square *= square;
  }
  return y < 0 ? 1 / result : result;
}

/** x = mantissa × 2^exponent, exactly, with the mantissa from √½ to √2. */
function split(x: number): { readonly mantissa: number; readonly exponent: number } {
  let mantissa = x;
  let exponent = 0;
  if (mantissa < SMALLEST_NORMAL) {
    mantissa = timesPowerOfTwo(mantissa, 54);
    exponent = -54;
  }
  for (let index = SQUARES_OF_TWO.length - 1; index >= 0; index -= 1) {
    const square = SQUARES_OF_TWO[index] ?? 2;
    const doublings = wholePowerOfTwo(index);
    if (mantissa >= square) {
      mantissa /= square;
      exponent += doublings;
    } else if (mantissa * square < 2) {
      mantissa *= square;
      exponent -= doublings;
    }
  }
  return mantissa > SQRT2
    ? { mantissa: mantissa / 2, exponent: exponent + 1 }
    : { mantissa, exponent };
}

/** ln m = 2 artanh s with s = (m − 1) ÷ (m + 1): its first term, and the sum of the others. */
function mantissaLogarithm(mantissa: number): { readonly twice: number; readonly rest: number } {
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let series = 0;
  for (let odd = 25; odd >= 3; odd -= 2) series = square * (2 / odd + series);
  return { twice: 2 * s, rest: s * series };
}

/** In two steps, since 2^exponent itself may be beyond the numbers where the product is not. */
function timesPowerOfTwo(x: number, exponent: number): number {
  const half = Math.trunc(exponent / 2);
  return x * wholePowerOfTwo(half) * wholePowerOfTwo(exponent - half);
}

function wholePowerOfTwo(exponent: number): number {
  return wholePower(2, exponent);
}

function squaresOfTwo(): readonly number[] {
  const squares = [2];
  for (let square = 4; Number.isFinite(square); square *= square) squares.push(square);
  return squares;
}
