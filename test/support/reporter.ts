/**
 * Mocha's spec reporter with two things added at the end: each skipped test with its reason, and one
 * line with the three counts. A test that could not run must say so, or a green run has checked
 * nothing. Where no reason was given (skip.ts), the title stands for it.
 */

import Mocha from 'mocha';
import type { MochaOptions, Runner, Test } from 'mocha';
import { skipReason } from './skip.ts';

export default class SummaryReporter extends Mocha.reporters.Spec {
  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    const skipped: Test[] = [];
    runner.on(Mocha.Runner.constants.EVENT_TEST_PENDING, (test) => skipped.push(test));
    // Mocha's own summary was registered by the base class, so this comes after it.
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures } = this.stats;
      const lines = skipped.map((test) => {
        const reason = skipReason(test);
        return `  skipped: ${test.fullTitle()}${reason === null ? '' : `: ${reason}`}\n`;
      });
      const counts = `${passes} passed, ${failures} failed, ${skipped.length} skipped`;
      process.stdout.write(`${lines.join('')}${counts}\n`);
    });
  }
}
