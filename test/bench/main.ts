/**
 * Runs one benchmark by its name: `npm run bench -- NAME [options]`. A benchmark is a file of this
 * folder that exports `run(args)` and prints one line of JSON per figure; this file measures nothing.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

interface Benchmark {
  /** Resolves to true when every goal was met. */
  run(args: readonly string[]): Promise<boolean>;
}

const folder = import.meta.dirname;
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts' && !file.includes('.part.'))
  .map((file) => file.slice(0, -'.ts'.length))
  .sort();

const [name = '', ...args] = process.argv.slice(2);
if (names.includes(name)) {
  const benchmark = (await import(join(folder, `${name}.ts`))) as Benchmark;
  const met = await benchmark.run(args);
  process.exitCode = met ? 0 : 1;
} else {
  console.error(`no benchmark "${name}"; there are: ${names.join(', ')}`);
  process.exitCode = 2;
}
