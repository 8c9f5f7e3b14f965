/**
 * What a load model is: it is shown samples of the load in the order of their times and says what it
 * expects at a later time, as one number. How sure that number is, and whether it is worth
 * anything, is not the model's to say: score.ts measures both from what comes true.
 */

export interface LoadModel {
  /** 1 to 63 characters of [a-z0-9_]; a label value. */
  readonly name: string;
  /** A sample, finite and not negative, later than the one before it. Missing samples are not shown. */
  observe(atMs: number, load: number): void;
  /** The load expected at a time after the last sample, not negative; null while too little is known. */
  predict(atMs: number): number | null;
}

/** Share of a difference that an average with this memory takes over after a pause; 0 to 1. */
export function gainAfter(pauseMs: number, memoryMs: number): number {
  return memoryMs <= 0 ? 1 : 1 - Math.exp(-pauseMs / memoryMs);
}
