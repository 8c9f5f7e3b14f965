/**
 * A process whose files may not grow beyond a limit: appends to a spool, each record refused or
 * taken, and prints what became of it and what can be read afterwards. argv: the spool's folder.
 * For tests only.
 */

import { Spool } from '../../control-plane/adapters/postgres/spool.ts';

// The default would end the process; with a listener the write fails instead, as on a full disk.
process.on('SIGXFSZ', () => undefined);

const directory = process.argv[2] ?? '';
const open = () => Spool.open({ directory, bytesMax: 1024 * 1024, onDropped: () => undefined });
const taken: string[] = [];
let refused = 0;
const spool = await open();
for (let index = 0; index < 100; index += 1) {
  const json = JSON.stringify({ decisionId: String(index), text: 'x'.repeat(700) });
  try {
    await spool.append([{ act: false, json }]);
    taken.push(json);
  } catch {
    refused += 1;
  }
}
await spool.close();
const reopened = await open();
const found: string[] = [];
while (reopened.buffered > 0) {
  const { records, mark } = await reopened.read(50, 1_000_000);
  found.push(...records.map(({ json }) => json));
  await reopened.advance(mark);
}
await reopened.close();
const same = JSON.stringify(found) === JSON.stringify(taken);
process.stdout.write(JSON.stringify({ taken: taken.length, refused, same }));
