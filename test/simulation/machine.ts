/**
 * What the log of a simulated cluster replicates. A machine is told each committed command in order,
 * gives every write its position among the writes of its key, and can be read, packed and unpacked.
 * `ListMachine` is as small as possible, so that thousands of worlds can be run; `PlaneMachine`
 * (plane-machine.ts) is the product's own state. Repeated writes must be recognized by the machine.
 */

import type { LogEntry } from '../../control-plane/model/log-entry.ts';

export interface Reading {
  /** Writes of this key so far. */
  readonly position: number;
  /** Stands for everything that these writes have left: equal only for the same writes in order. */
  readonly mark: number;
}

export interface Machine {
  /** The position that the write has, also when it is a repeated one. */
  apply(entry: LogEntry): { readonly position: number; readonly repeated: boolean };
  read(key: number): Reading;
  pack(): Uint8Array;
  /** A machine with what was packed. @throws Error for bytes that are none */
  unpack(bytes: Uint8Array): Machine;
  /** Equal for machines that were told the same; cheap enough for every step. */
  digest(): number;
  /** Equal exactly for machines in the same state. */
  text(): string;
}

/** A write: its key and its value, unique in the whole run, and bytes that only have a length. */
export interface Write {
  readonly key: number;
  readonly value: number;
}

const HEAD_BYTES = 5;

export function encodeWrite({ key, value }: Write, padding: number): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + padding);
  bytes[0] = key;
  putNumber(bytes, 1, value);
  return bytes;
}

export function decodeWrite(payload: Uint8Array): Write {
  return { key: payload[0] ?? 0, value: numberAt(payload, 1) };
}

/** A key's mark before any write. */
export const NO_MARK = 0;

/** A key's mark after one more write. */
export function nextMark(mark: number, value: number): number {
  const mixed = Math.imul(mark ^ Math.imul(value, 0x9e3779b1), 0x85ebca6b);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/** A list of values per key; a value that is there already is not added again. */
export class ListMachine implements Machine {
  readonly #lists: number[][] = [];
  readonly #marks: number[] = [];
  readonly #positions = new Map<number, number>();
  #digest = 0;

  apply(entry: LogEntry): { readonly position: number; readonly repeated: boolean } {
    const { key, value } = decodeWrite(entry.payload);
    const known = this.#positions.get(value);
    if (known !== undefined) return { position: known, repeated: true };
    return { position: this.#add(key, value), repeated: false };
  }

  read(key: number): Reading {
    return { position: this.#lists[key]?.length ?? 0, mark: this.#marks[key] ?? NO_MARK };
  }

  pack(): Uint8Array {
    const numbers = this.#lists.reduce((sum, list) => sum + 1 + list.length, 1);
    const bytes = new Uint8Array(numbers * 4);
    let at = 0;
    putNumber(bytes, at, this.#lists.length);
    for (const list of this.#lists) {
      putNumber(bytes, (at += 4), list.length);
      for (const value of list) putNumber(bytes, (at += 4), value);
    }
    return bytes;
  }

  unpack(bytes: Uint8Array): ListMachine {
    const machine = new ListMachine();
    const keys = numberAt(bytes, 0);
    let at = 0;
    for (let key = 0; key < keys; key += 1) {
      machine.#touch(key);
      const length = numberAt(bytes, (at += 4));
      for (let left = length; left > 0; left -= 1) machine.#add(key, numberAt(bytes, (at += 4)));
    }
    if (at + 4 !== bytes.length)
      throw new Error(`a snapshot of ${bytes.length} bytes ends at ${at}`);
    return machine;
  }

  digest(): number {
    return this.#digest;
  }

  text(): string {
    return JSON.stringify(this.#lists);
  }

  #add(key: number, value: number): number {
    const list = this.#touch(key);
    list.push(value);
    const mark = this.#marks[key] ?? NO_MARK;
    const next = nextMark(mark, value);
    this.#marks[key] = next;
    // Sums over the keys, so that the order in which lists are unpacked does not matter.
    this.#digest = (this.#digest - Math.imul(mark, key + 1) + Math.imul(next, key + 1)) | 0;
    this.#positions.set(value, list.length);
    return list.length;
  }

  #touch(key: number): number[] {
    while (this.#lists.length <= key) {
      this.#lists.push([]);
      this.#marks.push(NO_MARK);
    }
    return this.#lists[key] ?? [];
  }
}

function putNumber(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function numberAt(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(at, at + 4);
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
