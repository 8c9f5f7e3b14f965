/** What the tests of strategies have in common: short series, and an answer in one word. */

import type { SeriesInput } from '../../control-plane/deciders/strategies/series.ts';
import type { StrategyProposal } from '../../control-plane/deciders/strategies/strategy-proposal.ts';

export const NOW_MS = 1_000_000_000;
export const SERIES_AGE_MAX_MS = 30_000;

/** Values that no load can have. */
export const BROKEN_VALUES = [NaN, Infinity, -Infinity, -1, -1e-9] as const;

/** The replicas proposed, or the reason for none. */
export function answer(proposal: StrategyProposal): number | string {
  return proposal.kind === 'none' ? proposal.reason : proposal.replicas;
}

/** Points a second apart, the last one now. */
export function series(current: number, ...values: number[]): SeriesInput {
  const points = values.map((value, index) => ({
    value,
    atMs: NOW_MS - (values.length - 1 - index) * 1_000,
  }));
  return { nowMs: NOW_MS, current, points, sampleAgeMaxMs: SERIES_AGE_MAX_MS };
}

/** The same points, all so old. */
export function aged(given: SeriesInput, ageMs: number): SeriesInput {
  return { ...given, points: given.points.map(({ value }) => ({ value, atMs: NOW_MS - ageMs })) };
}
