/**
 * The process that asks remote file systems for their size, so that a dead server hangs this process
 * and not the agent. One path as a JSON string per line on stdin, one JSON object per answer on
 * stdout; it ends when stdin does. It bounds nothing: who asks keeps one question per path.
 */

import { createInterface } from 'node:readline';
import { measureHere } from './filesystem-sizes.ts';

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const path: unknown = JSON.parse(line);
    if (typeof path !== 'string') throw new TypeError('a line is one path');
    measureHere(path).then(
      (size) => answer({ path, size }),
      (error: unknown) => answer({ path, error: String(error) }),
    );
  })
  // Not even a question that hangs keeps this process: the kernel frees its threads when it can.
  .on('close', () => process.kill(process.pid, 'SIGKILL'));

function answer(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
