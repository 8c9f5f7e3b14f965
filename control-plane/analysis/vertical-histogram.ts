/**
 * The distribution of a usage as a histogram whose buckets grow by 5 %, so that a percentile is at most
 * 5 % and the width of the first bucket above the usage that it stands for: the scheme of the Vertical Pod Autoscaler
 * (kubernetes/autoscaler, vertical-pod-autoscaler/pkg/recommender/util/histogram.go). Unlike there the
 * buckets have no last one, and a percentile is never above the greatest value that was added.
 */

/** Each bucket is wider than the one before it by this factor. */
const GROWTH = 1.05;

export class UsageHistogram {
  readonly #firstWidth: number;
  readonly #weights = new Map<number, number>();
  #greatest = 0;

  /** @param firstWidth width of the first bucket, which begins at 0; nothing below it is told apart */
  constructor(firstWidth: number) {
    this.#firstWidth = firstWidth;
  }

  /** @param value at least 0 and finite; @param weight at least 0 and finite */
  add(value: number, weight: number): void {
    const bucket = this.#bucketOf(value);
    this.#weights.set(bucket, (this.#weights.get(bucket) ?? 0) + weight);
    this.#greatest = Math.max(this.#greatest, value);
  }

  /**
   * The end of the first bucket up to which that share of the weight lies, 0 to 1; the greatest value
   * when that is less. At least the width of the first bucket; null without weight.
   */
  percentile(share: number): number | null {
    const buckets = [...this.#weights].sort(([a], [b]) => a - b);
    // Summed in the order of the loop below, so that the whole is reached exactly.
    const total = buckets.reduce((sum, [, weight]) => sum + weight, 0);
    if (total <= 0) return null;
    let sum = 0;
    for (const [bucket, weight] of buckets) {
      sum += weight;
      if (sum >= share * total) return this.#within(this.#startOf(bucket + 1));
    }
    return this.#within(this.#greatest);
  }

  #within(value: number): number {
    return Math.max(this.#firstWidth, Math.min(value, this.#greatest));
  }

  /** Bucket n begins at firstWidth × (growthⁿ − 1) ÷ (growth − 1). */
  #startOf(bucket: number): number {
    return (this.#firstWidth * (GROWTH ** bucket - 1)) / (GROWTH - 1);
  }

  #bucketOf(value: number): number {
    const steps = Math.log((value / this.#firstWidth) * (GROWTH - 1) + 1) / Math.log(GROWTH);
    return Math.floor(steps);
  }
}

/** Weight of a sample: 1 when new, half of it after each half-life. */
export function decayedWeight(ageMs: number, halfLifeMs: number): number {
  return 2 ** (-ageMs / halfLifeMs);
}
