/**
 * What stopped members hold on their disks: each member's log is opened as it would be at its next
 * start, and its snapshot and entries are applied by the state machine that the product has. Also
 * damages a log, for tests of what becomes of that.
 */

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { openRaftLog } from '../../control-plane/adapters/log/raft-log.ts';
import { parseCommandText } from '../../control-plane/state/command-text.ts';
import { applyCommand } from '../../control-plane/state/apply.ts';
import { SnapshotReader } from '../../control-plane/state/snapshot-reader.ts';
import { INITIAL_STATE } from '../../control-plane/state/state.ts';
import type { PlaneState } from '../../control-plane/state/state.ts';
import type { ClusterMember } from './cluster-process.ts';

export interface HeldByMember {
  readonly state: PlaneState;
  readonly lastIndex: number;
  /** 0 without one. */
  readonly snapshotIndex: number;
  /** How often each key was applied by the entries after the snapshot. */
  readonly appliedByKey: ReadonlyMap<string, number>;
}

/** The member must not run. @throws what opening or reading the log throws */
export async function heldBy({ id, data }: ClusterMember): Promise<HeldByMember> {
  const log = await openRaftLog({ directory: join(data, 'log'), memberId: id });
  try {
    const { snapshot, entries } = log.recovered;
    const payload = await log.readSnapshot();
    let state = payload === null ? INITIAL_STATE : restored(payload);
    const snapshotIndex = snapshot?.index ?? 0;
    const appliedByKey = new Map<string, number>();
    for (const { index, term, type, payload: bytes } of entries) {
      if (index <= snapshotIndex || type !== 'command') continue;
      const command = parseCommandText(Buffer.from(bytes).toString());
      const { state: next, result } = applyCommand(state, { term, index }, command);
      state = next;
      if (result.kind !== 'applied' || result.repeated) continue;
      appliedByKey.set(command.key, (appliedByKey.get(command.key) ?? 0) + 1);
    }
    const lastIndex = entries.at(-1)?.index ?? snapshotIndex;
    return { state, lastIndex, snapshotIndex, appliedByKey };
  } finally {
    await log.close();
  }
}

/** Changes one byte in the middle of what the newest segment holds; gives its file. */
export async function damageLog({ data }: ClusterMember): Promise<string> {
  const directory = join(data, 'log');
  const names = (await readdir(directory)).filter((name) => name.startsWith('segment-')).toSorted();
  const file = join(directory, names.at(-1) ?? '');
  const bytes = await readFile(file);
  const used = bytes.findLastIndex((byte) => byte !== 0);
  const at = Math.floor(used / 2);
  bytes.writeUInt8(bytes.readUInt8(at) ^ 0x55, at);
  await writeFile(file, bytes);
  return file;
}

function restored(payload: Uint8Array): PlaneState {
  const reader = new SnapshotReader();
  reader.push(Buffer.from(payload).toString());
  return reader.finish();
}
