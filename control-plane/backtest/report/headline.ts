/** What came of each policy in one sentence, for a report and for a terminal. Plain text. */

import type { BacktestResult, Measures, PolicyRun } from '../../model/backtest.ts';
import { percent } from './format.ts';

export function headline(run: PolicyRun, oracle: Measures): string {
  const { measures } = run;
  return `${run.label}: ${missedText(measures)}, ${percent(measures.slackRatio)} % slack, ${reversals(measures)}; ${beside(measures, oracle)}`;
}

/** What an operator would look at first. */
export function missedText({ unservedRatio, lateRatio }: Measures): string {
  if (lateRatio === null) return `${percent(unservedRatio)} % unserved`;
  const never = unservedRatio > 0 ? `, ${percent(unservedRatio)} % never` : '';
  return `${percent(lateRatio)} % late${never}`;
}

function reversals({ reversalsPerDay }: Measures): string {
  const rounded = reversalsPerDay < 10 ? reversalsPerDay.toFixed(1) : reversalsPerDay.toFixed(0);
  return `${rounded.replace(/\.0$/, '')} reversals a day`;
}

function beside(measures: Measures, oracle: Measures): string {
  const share = savings(measures, oracle);
  if (share === null) return 'the oracle needs no replica at all';
  const size = percent(Math.abs(share));
  if (size === '0') return 'the oracle would need as many replica-hours';
  return `the oracle would need ${size} % ${share > 0 ? 'fewer' : 'more'} replica-hours`;
}

/** Share of the replica-hours that perfect foresight would have saved; null when nothing was paid for. */
export function savings(measures: Measures, oracle: Measures): number | null {
  if (measures.replicaHours === 0 || oracle.replicaHours === 0) return null;
  return 1 - oracle.replicaHours / measures.replicaHours;
}

/** The labels of the runs that are best at something, as far as the text shows a difference. */
export function bestOf(
  { runs }: BacktestResult,
  rank: (measures: Measures) => number,
  text: (measures: Measures) => string,
): ReadonlySet<string> {
  const least = runs.reduce<PolicyRun | null>((best, run) => {
    return best === null || rank(run.measures) < rank(best.measures) ? run : best;
  }, null);
  if (least === null) return new Set();
  const best = runs.filter(({ measures }) => text(measures) === text(least.measures));
  // What all share distinguishes nobody.
  return new Set(best.length === runs.length ? [] : best.map(({ label }) => label));
}
