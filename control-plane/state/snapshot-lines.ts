/**
 * A snapshot's document line by line: the format (read by who made this), the mode, then each section
 * of the format between its first and its last line. Every line is checked for its shape and its place,
 * commas included: what is taken is one JSON document, and the only one that the state is written as.
 */

import type { Mode } from '../model/mode.ts';
import { modeShape } from './model-shape.ts';
import { ShapeError, objectOf, withShape } from './shape.ts';
import { sectionsOf } from './snapshot-shape.ts';
import type { Parts, Section } from './snapshot-shape.ts';
import type { Entry } from './sorted-map.ts';

const headShape = objectOf<{ readonly mode: Mode }>({ mode: modeShape });

export class SnapshotLines {
  readonly #formatVersion: number;
  readonly #sections: readonly Section[];
  readonly #maps = new Map<string, Entry<unknown>[]>();
  readonly #lists = new Map<string, unknown[]>();
  #mode: Mode | null = null;
  /** Sections that are closed. */
  #done = 0;
  /** Values read of the section that is open; null between sections. */
  #values: number | null = null;
  /** Whether the last value of the open section had a comma behind it. */
  #hasComma = false;
  /** Of the line taken last. */
  #number = 1;

  /** @throws ShapeError for a format that there never was. */
  constructor(formatVersion: number) {
    if (formatVersion < 1) throw new ShapeError('snapshot.formatVersion: begins at 1');
    this.#formatVersion = formatVersion;
    this.#sections = sectionsOf(formatVersion);
  }

  /** @throws ShapeError */
  take(line: string): void {
    this.#number += 1;
    const section = this.#sections[this.#done];
    if (this.#mode === null) this.#mode = this.#modeOf(line);
    else if (section === undefined) this.#fail('stands behind the end');
    else if (this.#values === null) this.#open(section, line);
    else if (line === this.#lastLineOf(section)) this.#close();
    else this.#add(section, this.#values, line);
  }

  /** @throws ShapeError when lines are missing. */
  finish(): Parts {
    if (this.#mode === null || this.#done < this.#sections.length) {
      throw new ShapeError(`the snapshot is cut off behind line ${this.#number}`);
    }
    const formatVersion = this.#formatVersion;
    return { formatVersion, mode: this.#mode, maps: this.#maps, lists: this.#lists };
  }

  #modeOf(line: string): Mode {
    if (!line.endsWith(',')) this.#fail('has no comma at its end');
    return withShape('snapshot', headShape, this.#json(`{${line.slice(0, -1)}}`)).mode;
  }

  #open({ name, kind }: Section, line: string): void {
    const first = `"${name}":${kind === 'map' ? '{' : '['}`;
    if (line !== first) this.#fail(`is not ${first}`);
    if (kind === 'map') this.#maps.set(name, []);
    else this.#lists.set(name, []);
    this.#values = 0;
    this.#hasComma = false;
  }

  #lastLineOf({ kind }: Section): string {
    const bracket = kind === 'map' ? '}' : ']';
    return bracket + (this.#done + 1 < this.#sections.length ? ',' : '}');
  }

  #close(): void {
    if (this.#hasComma) this.#fail('follows a comma');
    this.#values = null;
    this.#done += 1;
  }

  #add(section: Section, before: number, line: string): void {
    if (before > 0 && !this.#hasComma) this.#fail('follows no comma');
    this.#hasComma = line.endsWith(',');
    this.#values = before + 1;
    const value = this.#hasComma ? line.slice(0, -1) : line;
    if (section.kind === 'map') this.#addEntry(section, this.#json(`{${value}}`));
    else this.#addElement(section, before, this.#json(value));
  }

  #addEntry({ name, shape }: Section, value: unknown): void {
    const [entry, more] = Object.entries<unknown>({ ...(value as object) });
    if (entry === undefined || more !== undefined) this.#fail('is not one entry');
    const [id, member] = entry;
    const fault = shape(member);
    if (fault !== null) throw new ShapeError(`snapshot.${name}.${id}${fault}`);
    const entries = this.#maps.get(name) ?? [];
    const last = entries.at(-1);
    if (last !== undefined && last[0] >= id) this.#fail(`does not come after ${last[0]}`);
    entries.push(entry);
  }

  #addElement({ name, shape }: Section, at: number, value: unknown): void {
    const fault = shape(value);
    if (fault !== null) throw new ShapeError(`snapshot.${name}[${at}]${fault}`);
    this.#lists.get(name)?.push(value);
  }

  #json(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new ShapeError(`snapshot line ${this.#number} is not JSON`, { cause });
    }
  }

  #fail(what: string): never {
    throw new ShapeError(`snapshot line ${this.#number} ${what}`);
  }
}
