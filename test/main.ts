/**
 * Runs every test of this folder: `npm test`. In two lanes side by side, since much of a test with real
 * processes is waiting and most of a unit test is computing. The lane of the running clusters, agents and
 * demos has precedence: their tests measure real time, and must not wait for a processor behind those
 * that compute. With named files there are no lanes; mocha then runs them as they are.
 */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { runLanes } from './support/lanes.ts';

const ROOT = join(import.meta.dirname, '..');
/** In the order in which they run. */
const RUNNING = ['e2e/', 'integration/agents/', 'integration/demo/', 'integration/alerts/'];
const COMPUTING = ['unit/', 'contract/', 'simulation/', 'integration/'];
/**
 * Of the second lane. Where both want every processor it gets a quarter of one; with the 10 of `nice` it
 * would be a tenth, in which servers that it waits for come up too late.
 */
const NICENESS = 5;

const files = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.test.ts'))
  .sort();
const running = inOrder(files, RUNNING);
const computing = inOrder(
  files.filter((path) => !running.includes(path)),
  COMPUTING,
);
const nowhere = files.filter((path) => !running.includes(path) && !computing.includes(path));
if (nowhere.length > 0) throw new Error(`in no lane: ${nowhere.join(', ')}`);

// Hundreds of processes of this run compile the same sources. For this run alone: it would only grow.
const cache = mkdtempSync(join(tmpdir(), 'omnimind-test-compiled-'));
// What comes from a cache is counted less exactly.
if (process.env['NODE_V8_COVERAGE'] === undefined) process.env['NODE_COMPILE_CACHE'] = cache;
try {
  process.exitCode = await runLanes({
    root: ROOT,
    lanes: [
      { name: 'running', files: running.map((path) => `test/${path}`), niceness: 0 },
      { name: 'computing', files: computing.map((path) => `test/${path}`), niceness: NICENESS },
    ],
    mochaArguments: process.argv.slice(2),
  });
} finally {
  rmSync(cache, { recursive: true, force: true });
}

function inOrder(paths: readonly string[], folders: readonly string[]): readonly string[] {
  return folders.flatMap((folder) => paths.filter((path) => path.startsWith(folder)));
}
