/**
 * Recorded series as CSV: a header, then one row per time: the time and one number or more. Reads what
 * spreadsheets and Grafana write (quotes, spaces, CR LF); an empty cell is a missing point. Refuses a
 * file with any row that it cannot read, naming lines, and guesses no column.
 */

import type { Point } from '../model/backtest.ts';
import { readInstant } from './backtest-words.ts';

export interface CsvSeries {
  readonly name: string;
  readonly points: readonly Point[];
}

/** What is wrong with the text, line by line. */
export class CsvError extends Error {
  override readonly name = 'CsvError';
  /** At least one; at most FAULTS_SHOWN, and how many more there are. */
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

/** Rows that one file may have. */
export const CSV_ROWS_MAX = 5_000_000;
const COLUMNS_MAX = 64;
const FAULTS_SHOWN = 10;

/** @throws CsvError */
export function parseCsv(text: string): readonly CsvSeries[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const names = headerOf(lines[0] ?? '');
  if (lines.length > CSV_ROWS_MAX) throw new CsvError([`has more than ${CSV_ROWS_MAX} lines`]);
  const rows = new Rows(names);
  for (const [index, line] of lines.entries()) {
    if (index > 0 && line.trim() !== '') rows.take(line, index + 1);
  }
  return rows.series();
}

function headerOf(line: string): readonly string[] {
  const cells = cellsOf(line);
  const [first = '', ...names] = cells;
  if (first === '' || names.length === 0) {
    throw new CsvError([
      'line 1: expected a header with a time and at least one value, such as time,load',
    ]);
  }
  if (readInstant(first) !== null) {
    throw new CsvError([
      `line 1: expected a header such as time,load; got a row of numbers, beginning with ${first}`,
    ]);
  }
  const empty = names.indexOf('');
  if (empty >= 0) throw new CsvError([`line 1: column ${empty + 2} has no name`]);
  if (names.length > COLUMNS_MAX) throw new CsvError([`line 1: more than ${COLUMNS_MAX} columns`]);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new CsvError([`line 1: the column "${twice}" is there twice`]);
  return names;
}

class Rows {
  readonly #names: readonly string[];
  readonly #points: Point[][];
  readonly #faults: string[] = [];
  #faulty = 0;
  #lastMs = -Infinity;

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#points = names.map(() => []);
  }

  take(line: string, lineNumber: number): void {
    const [timeText = '', ...cells] = cellsOf(line);
    const atMs = readInstant(timeText);
    if (atMs === null) {
      this.#fault(lineNumber, `expected RFC 3339 or UNIX seconds or ms; got "${shown(timeText)}"`);
      return;
    }
    if (atMs <= this.#lastMs) {
      this.#fault(lineNumber, `the time ${timeText} is not after the one before it; sort the rows`);
      return;
    }
    if (cells.length !== this.#names.length) {
      const wanted = this.#names.length + 1;
      this.#fault(
        lineNumber,
        `expected ${wanted} cells, as in the header; got ${cells.length + 1}`,
      );
      return;
    }
    this.#lastMs = atMs;
    for (const [index, cell] of cells.entries()) this.#cell(index, cell, atMs, lineNumber);
  }

  series(): readonly CsvSeries[] {
    if (this.#faulty > this.#faults.length) {
      this.#faults.push(`and ${this.#faulty - this.#faults.length} more lines`);
    }
    if (this.#faults.length > 0) throw new CsvError(this.#faults);
    if (this.#lastMs === -Infinity) throw new CsvError(['there is no row below the header']);
    return this.#names.map((name, index) => ({ name, points: this.#points[index] ?? [] }));
  }

  #cell(index: number, cell: string, atMs: number, lineNumber: number): void {
    if (cell === '' || cell === 'null') return;
    const value = numberOf(cell);
    if (value !== null) {
      this.#points[index]?.push([atMs, value]);
      return;
    }
    const name = this.#names[index] ?? '';
    this.#fault(lineNumber, `${name}: expected a number, NaN or nothing; got "${shown(cell)}"`);
  }

  #fault(lineNumber: number, message: string): void {
    this.#faulty += 1;
    if (this.#faults.length < FAULTS_SHOWN) this.#faults.push(`line ${lineNumber}: ${message}`);
  }
}

function numberOf(cell: string): number | null {
  if (/^nan$/i.test(cell)) return NaN;
  const infinite = /^([+-]?)inf(inity)?$/i.exec(cell);
  if (infinite !== null) return infinite[1] === '-' ? -Infinity : Infinity;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell) ? Number(cell) : null;
}

/** Cells without their quotes and the space around them; a comma within quotes does not part cells. */
function cellsOf(line: string): readonly string[] {
  if (!line.includes('"')) return line.split(',').map((cell) => cell.trim());
  const cells = line.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g) ?? [];
  const texts = cells.map((cell) => cell.replace(/,$/, '').trim());
  // The expression matches once more behind the last cell that no comma follows.
  const whole = line.trimEnd().endsWith(',') ? texts : texts.slice(0, -1);
  return whole.map((cell) =>
    /^".*"$/.test(cell) ? cell.slice(1, -1).replaceAll('""', '"').trim() : cell,
  );
}

function shown(cell: string): string {
  return cell.length <= 40 ? cell : `${cell.slice(0, 40)}…`;
}
