/**
 * The process that the crash test kills: starts the only member of a cluster and proposes numbered commands as
 * fast as it can, several at a time, printing the number of each that was acknowledged. Arguments:
 * directory, first number, snapshotEveryEntries, entriesKept. It ends only by being killed.
 */

import { writeSync } from 'node:fs';
import { openRaftLog } from '../../control-plane/adapters/log/raft-log.ts';
import { startRaftMember } from '../../control-plane/loops/raft/member.ts';
import { numbered } from './log-commands.ts';
import { votersOnly } from './raft-member-cluster.ts';

const [directory = '', first = '', snapshotEvery = '', entriesKept = ''] = process.argv.slice(2);
const PROPOSERS = 8;
const NEVER = new AbortController().signal;

const member = await startRaftMember({
  memberId: 'm1',
  log: await openRaftLog({ directory, memberId: 'm1', segmentBytesMax: 32 * 1024 }),
  transport: null,
  bootstrap: votersOnly('m1'),
  limits: {
    snapshotEveryEntries: Number(snapshotEvery),
    entriesKept: Number(entriesKept),
    // By number alone.
    entriesKeptBytes: Infinity,
  },
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
