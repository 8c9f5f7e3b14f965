/**
 * A process that appends decisions as fast as the disk allows and prints the id of each once its
 * append has resolved, until it is killed. argv: the database's URL, the spool's folder, the first
 * time in ms. For tests only.
 */

import { createDecisionStore } from '../../control-plane/adapters/postgres/decision-store.ts';
import { START_MS, decision } from '../contract/decision-store.ts';

const [url = '', spoolDirectory = '', first = '0'] = process.argv.slice(2);
const store = await createDecisionStore({
  nowMs: () => START_MS,
  connectionUrl: url,
  spoolDirectory,
  batchMax: 20,
  retryDelayMaxMs: 200,
  // Small segments, so that kills meet rotations and deletions too; and room for all that is appended
  // where no life is long enough to reach the database: nothing is to be given up.
  spoolBytesMax: 8 * 1024 * 1024,
});
await store.start();
for (let atMs = Number(first); ; atMs += 1) {
  const record = decision(atMs);
  await store.append([record]);
  process.stdout.write(`${record.decisionId}\n`);
}
