/**
 * Several mocha processes side by side, told of as one run: each prints whole suites, one at a time, and
 * at the end come the failures of all, one summary, and one line with the counts. A lane that ends before
 * it has said how its tests went is a failure, whatever its exit code. Decides nothing about which test
 * runs where.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { getPriority, setPriority } from 'node:os';
import process from 'node:process';
import { z } from 'zod';
import { endOfRun } from './reporter.ts';

export interface Lane {
  readonly name: string;
  /** Relative to the root, in the order in which they run. */
  readonly files: readonly string[];
  /** 0 to 19: how far other processes go before its own. */
  readonly niceness: number;
}

export interface LanesOptions {
  readonly root: string;
  readonly lanes: readonly Lane[];
  /** For mocha, in every lane. */
  readonly mochaArguments: readonly string[];
  /** How long a lane may go on once its tests are over; a minute unless given. */
  readonly endsWithinMs?: number;
  /** Where it is told; stdout unless given. */
  readonly write?: (text: string) => void;
}

/** Ends a suite of the outermost level in what a lane writes: what stands before it may be shown. */
export const SUITE_END = '\u001e';

/** What a lane says of itself when its tests are over. */
export type LaneResult = z.infer<typeof RESULT>;
const RESULT = z.object({
  passes: z.number(),
  failures: z.number(),
  /** The failures as mocha lists them; empty without one. */
  list: z.string(),
  /** One line for each test that was skipped. */
  skipped: z.array(z.string()),
});

const MOCHA = join('node_modules', 'mocha', 'bin', 'mocha.js');
const REPORTER = join(import.meta.dirname, 'lane-reporter.ts');
const ENDS_WITHIN_MS = 60_000;
const NICENESS_MAX = 19;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Resolves with the exit code: 0 when every lane ended by itself, with no failure. */
export async function runLanes(options: LanesOptions): Promise<number> {
  const write = options.write ?? ((text) => void process.stdout.write(text));
  const startedAt = performance.now();
  const results = await Promise.all(options.lanes.map((lane) => runLane(lane, options, write)));
  const failed = results.filter(({ failures }) => failures > 0);
  for (const [index, { list, failures }] of results.entries()) {
    if (failures > 0) write(`\n  failures of the lane ${options.lanes[index]?.name}\n${list}\n`);
  }
  const sum = (count: (one: LaneResult) => number) =>
    results.reduce((all, one) => all + count(one), 0);
  const skipped = results.flatMap((one) => one.skipped);
  const counts = { passes: sum((one) => one.passes), failures: sum((one) => one.failures) };
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
  write(
    [
      `\n  ${counts.passes} passing (${minutes}m)`,
      ...(skipped.length > 0 ? [`  ${skipped.length} pending`] : []),
      ...(counts.failures > 0 ? [`  ${counts.failures} failing`] : []),
      `\n${endOfRun({ ...counts, skipped })}`,
    ].join('\n'),
  );
  return failed.length === 0 ? 0 : 1;
}

async function runLane(
  { files, niceness }: Lane,
  { root, mochaArguments, endsWithinMs = ENDS_WITHIN_MS }: LanesOptions,
  write: (text: string) => void,
): Promise<LaneResult> {
  const argv = [join(root, MOCHA), '--reporter', REPORTER, ...mochaArguments, ...files];
  const child = spawn(process.execPath, argv, {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // A pipe has no colours of itself.
    ...(process.stdout.isTTY && { env: { ...process.env, MOCHA_COLORS: '1' } }),
  });
  // Added to what it was started with: only root may raise a priority.
  if (child.pid !== undefined && niceness > 0) {
    setPriority(child.pid, Math.min(getPriority(child.pid) + niceness, NICENESS_MAX));
  }
  const said: LaneResult[] = [];
  let overdue: NodeJS.Timeout | undefined;
  child.on('message', (message) => {
    said.push(RESULT.parse(message));
    // What a test has left open would keep it for ever.
    overdue = setTimeout(() => child.kill('SIGKILL'), endsWithinMs);
  });
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, passOn);
  let shown = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const whole = `${shown}${text}`.split(SUITE_END);
    shown = whole.pop() ?? '';
    if (whole.length > 0) write(whole.join(''));
  });
  await once(child, 'close');
  clearTimeout(overdue);
  for (const one of SIGNALS) process.off(one, passOn);
  write(shown);
  const { exitCode, signalCode } = child;
  const [result] = said;
  if (result !== undefined && (exitCode === 0 || result.failures > 0)) return result;
  return lost(signalCode ?? `exit code ${exitCode}`, result);
}

/** Its tests did not all run, or something in it failed beside them. */
function lost(how: string, result: LaneResult | undefined): LaneResult {
  const { passes, list, skipped } = result ?? { passes: 0, list: '', skipped: [] };
  const when = result === undefined ? 'before it had said how its tests went' : 'after its tests';
  return { passes, failures: 1, list: `${list}\n  it ended with ${how} ${when}\n`, skipped };
}
