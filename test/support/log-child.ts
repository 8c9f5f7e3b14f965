/**
 * The process that the crash test kills: opens a single member and proposes numbered commands as
 * fast as it can, several at a time, printing the number of each that was acknowledged. Arguments:
 * directory, first number, snapshotEveryEntries, entriesKept. It ends only by being killed.
 */

import { writeSync } from 'node:fs';
import { openSingleMember } from '../../control-plane/adapters/log/single-member.ts';
import { numbered } from './log-commands.ts';

const [directory = '', first = '', snapshotEvery = '', entriesKept = ''] = process.argv.slice(2);
const PROPOSERS = 8;
const NEVER = new AbortController().signal;

const member = await openSingleMember({
  directory,
  memberId: 'm1',
  snapshotEveryEntries: Number(snapshotEvery),
  entriesKept: Number(entriesKept),
  segmentBytesMax: 32 * 1024,
});
let next = Number(first);
writeSync(1, `open ${member.status().leadership.term}\n`);

async function propose(): Promise<void> {
  for (;;) {
    const number = next;
    next += 1;
    const { token, result } = await member.propose(numbered(number), NEVER);
    const fate = result.kind === 'applied' && !result.repeated ? 'applied' : 'other';
    // Synchronous: what was printed has left this process.
    writeSync(1, `${number} ${token.index} ${fate}\n`);
  }
}

await Promise.all(Array.from({ length: PROPOSERS }, propose));
