/**
 * Mocha's spec reporter with two things added at the end: each skipped test with its reason, and one
 * line with the three counts. A test that could not run must say so, or a green run has checked
 * nothing. Where no reason was given (skip.ts), the title stands for it.
 */

import Mocha from 'mocha';
import type { MochaOptions, Runner, Test } from 'mocha';
import { skipReason } from './skip.ts';

export interface Counts {
  readonly passes: number;
  readonly failures: number;
  /** One line for each, without its end. */
  readonly skipped: readonly string[];
}

export default class SummaryReporter extends Mocha.reporters.Spec {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    const skipped = skippedIn(runner);
    // Mocha's own summary was registered by the base class, so this comes after it.
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures } = this.stats;
      process.stdout.write(endOfRun({ passes, failures, skipped }));
    });
  }
}

/** A line for each test that is skipped, as the run goes on. */
export function skippedIn(runner: Runner): readonly string[] {
  const lines: string[] = [];
  runner.on(Mocha.Runner.constants.EVENT_TEST_PENDING, (test: Test) => {
    const reason = skipReason(test);
    lines.push(`  skipped: ${test.fullTitle()}${reason === null ? '' : `: ${reason}`}`);
  });
  return lines;
}

export function endOfRun({ passes, failures, skipped }: Counts): string {
  const counts = `${passes} passed, ${failures} failed, ${skipped.length} skipped`;
  return [...skipped, counts, ''].join('\n');
}
