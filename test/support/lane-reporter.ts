/**
 * Mocha's spec reporter for one lane of several (lanes.ts): marks where a suite of the outermost level
 * ends, so that suites of two lanes are not mixed, and says at the end how its tests went instead of
 * printing it. Its process ends when nobody is there any more to hear that.
 */

import { format } from 'node:util';
import process from 'node:process';
import Mocha from 'mocha';
import type { MochaOptions, Runner, Suite } from 'mocha';
import { SUITE_END } from './lanes.ts';
import type { LaneResult } from './lanes.ts';
import { skippedIn } from './reporter.ts';

export default class LaneReporter extends Mocha.reporters.Spec {
  readonly #skipped: readonly string[];

  constructor(runner: Runner, options: MochaOptions) {
    super(runner, options);
    this.#skipped = skippedIn(runner);
    runner.on(Mocha.Runner.constants.EVENT_SUITE_END, (suite: Suite) => {
      if (suite.parent?.root === true) process.stdout.write(SUITE_END);
    });
    process.on('disconnect', () => process.exit(1));
    // To listen for it must not keep the process alive.
    process.channel?.unref();
  }

  override epilogue(): void {
    const { passes, failures } = this.stats;
    const list = failures > 0 ? printed(() => super.epilogue()) : '';
    const result: LaneResult = { passes, failures, list, skipped: [...this.#skipped] };
    process.send?.(result);
  }
}

/** What mocha would have written. */
function printed(write: () => void): string {
  const { consoleLog } = Mocha.reporters.Base;
  let text = '';
  Mocha.reporters.Base.consoleLog = (...data: unknown[]) => (text += `${format(...data)}\n`);
  try {
    write();
  } finally {
    Mocha.reporters.Base.consoleLog = consoleLog;
  }
  return text;
}
