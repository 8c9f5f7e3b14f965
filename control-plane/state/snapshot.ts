/**
 * The state as one JSON document and back, exactly. The document has one entry per line, in ascending
 * order of ids, so that it can be written and read in pieces, by a member that has other things to do
 * in between; the same state gives the same bytes. It is written in the format in force (format.ts).
 * Reading takes nothing on trust but the meaning, and is another file's affair (snapshot-reader.ts).
 */

import { canonicalJson } from './canonical.ts';
import { entriesOf } from './records.ts';
import type { ReadonlyMapById } from './records.ts';
import { SnapshotReader } from './snapshot-reader.ts';
import type { PlaneState } from './state.ts';

/**
 * Characters from which a piece is full. With the line that fills it, a piece is larger by one entry
 * at most: one document that a client put, a few KiB, or a policy with its past versions and shadow.
 */
const PIECE_CHARS = 64 * 1024;

/**
 * The document in pieces of about 64 Ki characters, whole lines each; they are made as they are asked
 * for, in well under a millisecond each, and the state may be held as long as that takes.
 */
export function* encodeStatePieces(state: PlaneState): Generator<string> {
  let piece = '';
  for (const line of linesOf(state)) {
    piece += line;
    if (piece.length < PIECE_CHARS) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

/** The whole document at once. */
export function encodeState(state: PlaneState): string {
  return [...encodeStatePieces(state)].join('');
}

/**
 * The whole document at once; SnapshotReader takes it in pieces.
 * @throws ShapeError when it is no snapshot, or one of another shape; NewerFormatError.
 */
export function decodeState(encoded: string): PlaneState {
  const reader = new SnapshotReader();
  reader.push(encoded);
  return reader.finish();
}

/** Equal exactly when two states are: for comparing members, and a state with its replay. */
export function canonicalState(state: PlaneState): string {
  return canonicalJson({ ...state, appliedKeys: [...state.appliedKeys] });
}

function* linesOf(state: PlaneState): Generator<string> {
  const { formatVersion, mode } = state;
  yield `{"formatVersion":${formatVersion},\n"mode":${JSON.stringify(mode)},\n`;
  yield* mapLines('nodes', state.nodes);
  yield* mapLines('workloads', state.workloads);
  yield* mapLines('policies', state.policies);
  yield* mapLines('brakes', state.brakes);
  if (formatVersion >= 4) yield* mapLines('budgets', state.budgets);
  if (formatVersion >= 2) yield* listLines('elections', state.elections, ',');
  yield* listLines('appliedKeys', state.appliedKeys, '}');
}

function* mapLines(name: string, map: ReadonlyMapById<unknown>): Generator<string> {
  yield `"${name}":{\n`;
  let separator = '';
  for (const [id, value] of entriesOf(map)) {
    yield `${separator}${JSON.stringify(id)}:${JSON.stringify(value)}`;
    separator = ',\n';
  }
  yield separator === '' ? '},\n' : '\n},\n';
}

function* listLines(name: string, list: Iterable<unknown>, end: ',' | '}'): Generator<string> {
  yield `"${name}":[\n`;
  let separator = '';
  for (const value of list) {
    yield `${separator}${JSON.stringify(value)}`;
    separator = ',\n';
  }
  yield `${separator === '' ? '' : '\n'}]${end}\n`;
}
