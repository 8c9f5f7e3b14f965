/**
 * A process that takes a directory's lock when it is told to, for races between real processes. It
 * answers each message of its parent with one word. argv: the directory. For tests only.
 *
 * - take: tries once and keeps what it gets: `held` or `refused`
 * - give: gives it back: `given`
 * - churn: takes and gives back until it has held often enough: `done`, or `overlap` when another
 *   held at the same time
 */

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  DirectoryHeldError,
  takeDirectoryLock,
} from '../../control-plane/adapters/disk/directory-lock.ts';

const HOLDS = 25;
const directory = process.argv[2] ?? '';
const witness = join(directory, 'witness');
let giveBack: (() => Promise<void>) | null = null;

async function take(): Promise<string> {
  try {
    giveBack = await takeDirectoryLock(directory);
    return 'held';
  } catch (error) {
    if (error instanceof DirectoryHeldError) return 'refused';
    throw error;
  }
}

async function give(): Promise<string> {
  await giveBack?.();
  giveBack = null;
  return 'given';
}

async function churn(): Promise<string> {
  for (let holds = 0; holds < HOLDS;) {
    if ((await take()) === 'refused') continue;
    try {
      // Fails when the file is there: somebody else is inside.
      await writeFile(witness, '', { flag: 'wx' });
    } catch {
      await give();
      return 'overlap';
    }
    await rm(witness);
    await give();
    holds += 1;
  }
  return 'done';
}

const ANSWERS = new Map([
  ['take', take],
  ['give', give],
  ['churn', churn],
]);

process.on('message', (message) => {
  const answer = ANSWERS.get(String(message));
  if (answer === undefined) throw new Error(`no such order: ${String(message)}`);
  void answer().then((word) => process.send?.(word));
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
