/**
 * A plane in small, to be killed: takes the target's directory and sends it command after command,
 * and writes to a file which command it found in force and each command before it sends it.
 * Arguments: directory, file for the commands, term, seed.
 */

import { appendFileSync, existsSync, readFileSync, writeSync } from 'node:fs';

import { createLocalProcessTarget } from '../../control-plane/adapters/local-process/target.ts';
import { CRASH_LIMITS, crashWorkload, recordFile } from './local-process-crash.ts';
import { seededRandom } from './seeded-random.ts';

const [directory = '', commands = '', term = '', seed = ''] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const workload = crashWorkload(directory);
const target = createLocalProcessTarget({
  directory,
  portsFrom: 25_000,
  portsTo: 25_999,
  nowMs: Date.now,
  limits: CRASH_LIMITS,
});
writeSync(1, 'running\n');
await target.start();
writeSync(1, 'started\n');
if (existsSync(recordFile(directory))) {
  const found: unknown = JSON.parse(readFileSync(recordFile(directory), 'utf8'));
  appendFileSync(commands, `${JSON.stringify({ found })}\n`);
}
for (let index = 1; ; index += 1) {
  const replicas = Math.floor(random() * 6);
  const token = { term: Number(term), index };
  appendFileSync(commands, `${JSON.stringify({ sent: { token, replicas } })}\n`);
  writeSync(1, 'sending\n');
  await target.setReplicas(workload, replicas, token, AbortSignal.timeout(10_000));
  await new Promise((resolve) => setTimeout(resolve, random() * 60));
}
