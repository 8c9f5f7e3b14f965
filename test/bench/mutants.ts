/**
 * `npm run bench -- mutants [NAME...]`: runs the deciders' unit tests on each mutant of the deciders, two
 * at a time, and prints one line of JSON for each and one for all. A mutant is caught when a test fails;
 * one that survives, and one that could not be run, fail the benchmark. The test that mirrors the mutated
 * file runs first, the tables of the pipeline and of the strategies next, the random properties last.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { z } from 'zod';
import { plantedSource } from '../simulation/plant-loader.ts';
import type { Plant } from '../simulation/plants/plant.ts';
import { MUTANTS } from './mutants-list.part.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const MOCHA = join('node_modules', 'mocha', 'bin', 'mocha.js');
const PLANT = './test/bench/mutants-plant.part.ts';
const TESTS = 'test/unit/control-plane/deciders';
/** Slow, and rarely the first to see anything. */
const LAST = ['scale-properties.test.ts', 'replay.test.ts'];
/** A mutant that hangs is caught, too. */
const LIMIT_MS = 180_000;
/** All tests, of which a mutant runs few, and on a machine that may be busy with others. */
const ALL_LIMIT_MS = 900_000;
const AT_ONCE = Math.min(2, availableParallelism());

const REPORT = z.object({
  stats: z.object({ passes: z.number(), failures: z.number() }),
  failures: z.array(z.object({ fullTitle: z.string() })),
});

type Ran =
  | { readonly kind: 'passed'; readonly tests: number }
  | { readonly kind: 'failed'; readonly by: string }
  | { readonly kind: 'broken'; readonly detail: string };

/** Resolves to true when every mutant was caught. */
export async function run(args: readonly string[]): Promise<boolean> {
  const mutants = args.length === 0 ? MUTANTS : MUTANTS.filter(({ name }) => args.includes(name));
  if (mutants.length === 0) throw new Error(`no mutant is called ${args.join(' or ')}`);
  for (const mutant of mutants) plantedSource(mutant);
  const startedAt = performance.now();
  const rounds = roundsOf();
  const sound = await runTests(null, rounds.flat());
  if (sound.kind !== 'passed') throw new Error(`without a mutant: ${JSON.stringify(sound)}`);
  const waiting = [...mutants];
  const survived: string[] = [];
  const lane = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      if (!(await isCaught(one, rounds))) survived.push(one.name);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  say({
    benchmark: 'mutants',
    mutants: mutants.length,
    caught: mutants.length - survived.length,
    survived,
    tests: sound.tests,
    seconds: secondsSince(startedAt),
  });
  return survived.length === 0;
}

async function isCaught(mutant: Plant, rounds: readonly (readonly string[])[]): Promise<boolean> {
  const startedAt = performance.now();
  const mirror = mutant.file.replace('control-plane/deciders', TESTS).replace(/\.ts$/, '.test.ts');
  const first = existsSync(join(ROOT, mirror)) ? [[mirror]] : [];
  let ran: Ran = { kind: 'broken', detail: 'no test' };
  for (const files of [...first, ...rounds]) {
    ran = await runTests(mutant, files);
    if (ran.kind !== 'passed') break;
  }
  const { name, file, breaks } = mutant;
  const outcome = ran.kind === 'failed' ? { caught_by: ran.by } : { caught_by: null, ran };
  say({ mutant: name, file, breaks, ...outcome, seconds: secondsSince(startedAt) });
  return ran.kind === 'failed';
}

/** The pipeline's tables, those of the strategies and formulas, and the slow ones. */
function roundsOf(): readonly (readonly string[])[] {
  const files = readdirSync(join(ROOT, TESTS), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .sort();
  const pipeline = files.filter((path) => !path.includes('/') && !LAST.includes(path));
  const parts = files.filter((path) => path.includes('/'));
  return [pipeline, parts, LAST].map((paths) => paths.map((path) => `${TESTS}/${path}`));
}

async function runTests(mutant: Plant | null, files: readonly string[]): Promise<Ran> {
  const planted = mutant === null ? [] : ['--import', PLANT];
  const child = spawn(
    process.execPath,
    [...planted, MOCHA, '--bail', '--reporter', 'json', ...files],
    {
      cwd: ROOT,
      env: { ...process.env, DECIDER_MUTANT: mutant?.name ?? '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let told = '';
  let trouble = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (told += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (trouble += text));
  const limitMs = mutant === null ? ALL_LIMIT_MS : LIMIT_MS;
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
  await once(child, 'close');
  clearTimeout(limit);
  if (child.signalCode === 'SIGKILL')
    return { kind: 'failed', by: `still running after ${limitMs} ms` };
  return verdictOf(told, trouble);
}

function verdictOf(told: string, trouble: string): Ran {
  const report = REPORT.safeParse(parsed(told));
  if (!report.success)
    return { kind: 'broken', detail: `${told.slice(-300)}${trouble.slice(-300)}` };
  const { stats, failures } = report.data;
  const [failure] = failures;
  if (failure !== undefined) return { kind: 'failed', by: failure.fullTitle };
  if (stats.passes === 0) return { kind: 'broken', detail: 'no test ran' };
  return { kind: 'passed', tests: stats.passes };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.slice(text.indexOf('{')));
  } catch {
    return null;
  }
}

function secondsSince(startedAt: number): number {
  return Math.round((performance.now() - startedAt) / 100) / 10;
}

function say(line: object): void {
  console.log(JSON.stringify(line));
}
