/**
 * Reads a snapshot from the pieces of its text, however they are cut, without holding the member up:
 * a piece costs what its own lines cost. A document of one entry per line is what this program writes;
 * any other JSON of a known format (the first one was written as one line) is kept until its end and
 * read at once. A newer format is refused with its first line rather than half understood.
 */

import { FORMAT_MAX } from './format.ts';
import { NewerFormatError, ShapeError, withShape } from './shape.ts';
import { SnapshotLines } from './snapshot-lines.ts';
import { documentShape, inOrder, sectionsOf, stateOf } from './snapshot-shape.ts';
import type { Parts } from './snapshot-shape.ts';
import type { Entry } from './sorted-map.ts';
import type { PlaneState } from './state.ts';

export class SnapshotReader {
  /** Of a line that has no end yet; of a whole document, all that came. */
  #rest: string[] = [];
  /** Null until the first line is there; 'whole' when it is none of ours. */
  #lines: SnapshotLines | 'whole' | null = null;

  /**
   * Takes the next piece of the text.
   * @throws ShapeError | NewerFormatError: the snapshot is of no use, whatever follows.
   */
  push(piece: string): void {
    let from = 0;
    while (this.#lines !== 'whole') {
      const end = piece.indexOf('\n', from);
      if (end < 0) break;
      this.#rest.push(piece.slice(from, end));
      from = end + 1;
      const line = this.#rest.join('');
      if (this.#lines === null) this.#lines = begin(line);
      else this.#lines.take(line);
      this.#rest = this.#isWhole() ? [line, '\n'] : [];
    }
    if (from < piece.length) this.#rest.push(piece.slice(from));
  }

  /**
   * The state, once every piece was taken.
   * @throws ShapeError | NewerFormatError
   */
  finish(): PlaneState {
    const rest = this.#rest.join('');
    if (this.#lines === null || this.#lines === 'whole') return stateOf(partsOf(rest));
    if (rest !== '') throw new ShapeError('the snapshot is cut off within a line');
    return stateOf(this.#lines.finish());
  }

  #isWhole(): boolean {
    return this.#lines === 'whole';
  }
}

function begin(line: string): SnapshotLines | 'whole' {
  const digits = /^\{"formatVersion":(\d{1,9}),$/.exec(line)?.[1];
  if (digits === undefined) return 'whole';
  const formatVersion = Number(digits);
  refuseNewer(formatVersion);
  return new SnapshotLines(formatVersion);
}

function partsOf(text: string): Parts {
  const value = parseJson(text);
  const formatVersion = formatVersionOf(value);
  const document = withShape('snapshot', documentShape(formatVersion), value);
  const contents = new Map(Object.entries<unknown>({ ...document }));
  const maps = new Map<string, readonly Entry<unknown>[]>();
  const lists = new Map<string, readonly unknown[]>();
  for (const { name, kind } of sectionsOf(formatVersion)) {
    const content = contents.get(name);
    if (kind === 'map')
      maps.set(name, inOrder(Object.entries<unknown>({ ...(content as object) })));
    else lists.set(name, content as readonly unknown[]);
  }
  return { formatVersion, mode: document.mode, maps, lists };
}

/** Of the document; 1 where it says nothing usable, and then its shape is refused. */
function formatVersionOf(value: unknown): number {
  if (typeof value !== 'object' || value === null || !('formatVersion' in value)) return 1;
  const { formatVersion } = value;
  if (typeof formatVersion !== 'number') return 1;
  refuseNewer(formatVersion);
  return formatVersion;
}

function refuseNewer(formatVersion: number): void {
  if (formatVersion > FORMAT_MAX) {
    throw new NewerFormatError('the snapshot', formatVersion, FORMAT_MAX);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ShapeError('the snapshot is not JSON', { cause });
  }
}
