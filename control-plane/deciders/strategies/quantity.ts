/**
 * Quantities as autoscaling/v2 carries them: whole thousandths, rounded up. Only `hpa-v2` reads
 * values so; everything else works on the numbers as they came.
 */

/** In thousandths; what is a whole number of them but for binary fractions is not rounded up. */
export function thousandths(value: number): number {
  const scaled = value * 1000;
  const nearest = Math.round(scaled);
  return Math.abs(scaled - nearest) < 1e-6 ? nearest : Math.ceil(scaled);
}

/** The same as an integer of any size, so that sums of bytes lose nothing. */
export function integerThousandths(value: number): bigint {
  return BigInt(Math.min(thousandths(value), Number.MAX_VALUE));
}
