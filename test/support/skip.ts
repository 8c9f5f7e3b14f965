/** Skips a test with its reason, which the reporter lists at the end of the run. */

import type { Context } from 'mocha';
import { isInstalled } from './process.ts';

const REASONS = new WeakMap<object, string>();

/** Skips the running test or, from a `before` hook, its suite. */
export function skipBecause(context: Context, reason: string): never {
  const { test, currentTest } = context;
  const runnable = currentTest ?? test;
  if (runnable !== undefined) {
    REASONS.set(runnable, reason);
    const isTest = runnable.parent?.tests.some((one) => one === runnable) === true;
    if (!isTest && runnable.parent !== undefined) REASONS.set(runnable.parent, reason);
  }
  return context.skip();
}

/** Skips unless PATH leads to the program. */
export function skipWithout(context: Context, program: string): void {
  if (!isInstalled(program)) skipBecause(context, `${program} is not installed`);
}

/** The reason given for a test, or for a suite around it; null when none was. */
export function skipReason(test: Mocha.Test): string | null {
  for (let node: Mocha.Test | Mocha.Suite | undefined = test; node !== undefined;) {
    const reason = REASONS.get(node);
    if (reason !== undefined) return reason;
    node = node.parent;
  }
  return null;
}
