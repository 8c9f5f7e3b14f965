/**
 * A program that says what a build makes of the disks of stopped members: opens each log with the build's own
 * code, applies snapshot and entries with its own state machine, and prints as JSON a digest of each state.
 * Run as `node upgrade-state.ts BUILD_ROOT LAST_INDEX MEMBER_ID=DATA_DIRECTORY…`: entries behind that index
 * are left out. It works on copies.
 */

import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
// What a file of the other build exports is what this build's file does.
import type * as RaftLogFile from '../../control-plane/adapters/log/raft-log.ts';
import type * as ApplyFile from '../../control-plane/state/apply.ts';
import type * as CommandTextFile from '../../control-plane/state/command-text.ts';
import type * as SnapshotFile from '../../control-plane/state/snapshot.ts';
import type * as StateFile from '../../control-plane/state/state.ts';

/** What the program prints, of each member. */
export interface StateSeen {
  readonly lastIndex: number;
  readonly formatVersion: number;
  readonly digest: string;
}

if (process.argv[1] === import.meta.filename) {
  const [root = '', upTo = '', ...places] = process.argv.slice(2);
  const seen: StateSeen[] = [];
  for (const place of places) {
    const [memberId = '', data = ''] = place.split('=');
    seen.push(await stateOf(root, memberId, data, Number(upTo)));
  }
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}

async function stateOf(
  root: string,
  memberId: string,
  data: string,
  upTo: number,
): Promise<StateSeen> {
  const load = async <Module>(path: string): Promise<Module> =>
    (await import(pathToFileURL(join(root, 'control-plane', path)).href)) as Module;
  const { openRaftLog } = await load<typeof RaftLogFile>('adapters/log/raft-log.ts');
  const { parseCommandText } = await load<typeof CommandTextFile>('state/command-text.ts');
  const { applyCommand } = await load<typeof ApplyFile>('state/apply.ts');
  const { decodeState, encodeState } = await load<typeof SnapshotFile>('state/snapshot.ts');
  const { INITIAL_STATE } = await load<typeof StateFile>('state/state.ts');
  const copy = await mkdtemp(join(tmpdir(), 'omnimind-state-'));
  try {
    await cp(join(data, 'log'), copy, { recursive: true });
    const log = await openRaftLog({ directory: copy, memberId });
    const { snapshot, entries } = log.recovered;
    const payload = await log.readSnapshot();
    let state = payload === null ? INITIAL_STATE : decodeState(Buffer.from(payload).toString());
    let lastIndex = snapshot?.index ?? 0;
    for (const { index, term, type, payload: bytes } of entries) {
      if (index <= lastIndex || index > upTo) continue;
      lastIndex = index;
      if (type !== 'command') continue;
      const command = parseCommandText(Buffer.from(bytes).toString());
      state = applyCommand(state, { term, index }, command).state;
    }
    await log.close();
    const digest = createHash('sha256').update(encodeState(state)).digest('hex');
    return { lastIndex, formatVersion: state.formatVersion, digest };
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
