/**
 * Figures of one size, and how each grows from the smallest size to the largest: as a power of the
 * size, whose exponent is compared with the one that means linear work. Prints one line of JSON per
 * figure; measures nothing.
 */

export interface Figure {
  readonly figure: string;
  readonly unit: string;
  readonly value: number;
  /** Bounds for the value; null for what is only shown. */
  readonly goal: Goal | null;
  /**
   * How it may grow: a `total` with the size; what is `each` not at all, since it is the cost of one
   * piece. Compared like a total but `unjudged`: tails, which on a machine that does other work too
   * are that work's, and what is another program's own affair. Null where growth says nothing.
   */
  readonly growth: 'total' | 'each' | 'unjudged' | null;
}

/** Shown, and held against the goal if there is one. */
export function shown(
  figure: string,
  unit: string,
  value: number,
  goal: Goal | null = null,
): Figure {
  return { figure, unit, value, goal, growth: null };
}

/** Shown, and compared between the sizes. */
export function growing(
  figure: string,
  unit: string,
  value: number,
  growth: 'total' | 'each' | 'unjudged' = 'total',
): Figure {
  return { figure, unit, value, goal: null, growth };
}

export type Goal = { readonly atMost: number } | { readonly exactly: number };

/** What an exponent may lie above its bound before it counts: run-to-run noise on a busy machine. */
const NOISE = 0.15;

/** Prints the figures of one size. @returns whether every goal was met */
export function reportFigures(size: number, figures: readonly Figure[]): boolean {
  let allMet = true;
  for (const { figure, unit, value, goal } of figures) {
    const met = goal === null ? null : isMet(value, goal);
    if (met === false) allMet = false;
    print({ figure, agents: size, value: rounded(value), unit, goal, met });
  }
  return allMet;
}

/** Prints what became of each figure between two sizes. @returns whether nothing judged is worse than linear */
export function reportGrowth(
  from: { readonly size: number; readonly figures: readonly Figure[] },
  to: { readonly size: number; readonly figures: readonly Figure[] },
): boolean {
  let allMet = true;
  for (const { figure, value: after, growth } of to.figures) {
    const before = from.figures.find((other) => other.figure === figure)?.value;
    if (growth === null || before === undefined || before === 0) continue;
    const ratio = after / before;
    const exponent = Math.log(ratio) / Math.log(to.size / from.size);
    const bound = (growth === 'each' ? 0 : 1) + NOISE;
    const worseThanLinear = exponent > bound;
    const met = growth === 'unjudged' ? null : !worseThanLinear;
    if (met === false) allMet = false;
    print({
      figure: `growth_${figure}`,
      from: from.size,
      to: to.size,
      value: rounded(exponent),
      unit: 'exponent',
      ratio: rounded(ratio),
      worseThanLinear,
      goal: growth === 'unjudged' ? null : { atMost: bound },
      met,
    });
  }
  return allMet;
}

function isMet(value: number, goal: Goal): boolean {
  return 'exactly' in goal ? value === goal.exactly : value <= goal.atMost;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function print(line: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify(line));
}
