/**
 * A process for the launcher's tests: listens on PORT, answers 200 to everything, and behaves as its
 * STUB_ variables say. STUB_STUBBORN=on ignores SIGTERM; STUB_CHILD=on starts a detached child that
 * outlives it unless somebody ends it, STUB_CHILD=stubborn one that ignores SIGTERM; STUB_LIFE_MS ends it with exit code 3 after that time;
 * STUB_STOP_FILE is appended a line when SIGTERM comes.
 */

import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import process from 'node:process';

const { PORT, STUB_NAME, STUB_STUBBORN, STUB_CHILD, STUB_LIFE_MS, STUB_STOP_FILE } = process.env;

if (STUB_CHILD !== undefined) {
  const ignore = STUB_CHILD === 'stubborn' ? 'process.on("SIGTERM", () => {});' : '';
  const program = `${ignore} setInterval(() => {}, 1000);`;
  spawn(process.execPath, ['-e', program], { detached: true, stdio: 'ignore' }).unref();
}
const server = createServer((_request, response) => response.end('ready'));
server.listen(Number(PORT), '127.0.0.1', () => {
  process.stdout.write(`stub ${STUB_NAME ?? ''} serves\n`);
});
process.on('SIGTERM', () => {
  if (STUB_STOP_FILE !== undefined) appendFileSync(STUB_STOP_FILE, `${STUB_NAME ?? ''}\n`);
  if (STUB_STUBBORN !== 'on') process.exit(0);
});
if (STUB_LIFE_MS !== undefined) {
  setTimeout(() => {
    process.stdout.write('stub gives up: out of luck\n');
    process.exit(3);
  }, Number(STUB_LIFE_MS));
}
