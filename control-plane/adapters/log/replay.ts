/**
 * From what a log holds to the state: the newest snapshot, then every entry behind it, in order. An
 * entry that cannot be understood stops it, with its place in the files: skipping one would give a
 * state that no other member has.
 */

import type { applyCommand } from '../../state/apply.ts';
import { decodeState } from '../../state/snapshot.ts';
import { INITIAL_STATE } from '../../state/state.ts';
import type { PlaneState } from '../../state/state.ts';
import { decodeCommand } from './command-codec.ts';
import { LogDamageError } from './damage.ts';
import type { LogEntry } from './record.ts';
import type { SegmentedLog } from './segmented-log.ts';

/** Bytes of entries that replay holds in memory at a time. */
const REPLAY_BYTES = 4 * 1024 * 1024;

/**
 * The state as the log's end has it.
 * @throws LogDamageError
 */
export async function recoverState(
  log: SegmentedLog,
  apply: typeof applyCommand,
): Promise<PlaneState> {
  const snapshot = await log.readSnapshot();
  if (snapshot === null) return replay(log, INITIAL_STATE, 1, apply);
  const state = decodeOr(
    () => decodeState(Buffer.from(snapshot.payload).toString('utf8')),
    () => ({ file: log.snapshotPath(snapshot.index), offset: 0 }),
  );
  return replay(log, state, snapshot.index + 1, apply);
}

/**
 * The state after every entry from `firstIndex` to the log's end, from the state before them.
 * @throws LogDamageError | LogCompactedError
 */
export async function replay(
  log: SegmentedLog,
  from: PlaneState,
  firstIndex: number,
  apply: typeof applyCommand,
): Promise<PlaneState> {
  let state = from;
  let next = firstIndex;
  while (next <= log.lastIndex) {
    const entries = await log.read(next, log.lastIndex, REPLAY_BYTES);
    for (const entry of entries) state = applyEntry(log, state, entry, apply);
    next += entries.length;
  }
  return state;
}

function applyEntry(
  log: SegmentedLog,
  state: PlaneState,
  entry: LogEntry,
  apply: typeof applyCommand,
): PlaneState {
  const { index, term, type, payload } = entry;
  if (type === 'term_start') return state;
  const command = decodeOr(
    () => decodeCommand(payload),
    () => log.placeOf(index),
  );
  return apply(state, { term, index }, command).state;
}

function decodeOr<T>(
  decode: () => T,
  place: () => { readonly file: string; readonly offset: number },
): T {
  try {
    return decode();
  } catch (cause) {
    const { file, offset } = place();
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new LogDamageError(file, offset, `its content is not understood: ${detail}`, { cause });
  }
}
