/**
 * Cron fields as operators write them, checked where a document is read: five fields, minute first.
 * Says which field is wrong and what may stand in it. Refuses seconds, nicknames, `?` (which means
 * the time of reading elsewhere) and texts that name no day of any year.
 */

import { Cron } from 'croner';
import { z } from 'zod';
import { describeValue, expected } from './document.ts';

const CRON_LENGTH_MAX = 200;
const EXPECTED = 'five cron fields as text, as in "0 8 * * 1-5"';

interface Field {
  readonly name: string;
  /** What may stand in it, for the message. */
  readonly range: string;
  readonly example: string;
}

const FIELDS: readonly Field[] = [
  { name: 'minute', range: '0 to 59', example: '*/15' },
  { name: 'hour', range: '0 to 23', example: '8-18' },
  { name: 'day of month', range: '1 to 31 or L for the last', example: '1,15' },
  { name: 'month', range: '1 to 12 or JAN to DEC', example: '3-10' },
  {
    name: 'day of week',
    range: '0 to 7 (0 and 7 are Sunday) or SUN to SAT',
    example: '1-5, or FRI#2 for the second Friday',
  },
];

const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);

/** The starts of a schedule. The schema keeps the text; see plainCron. */
export function cronText() {
  return z
    .string({ error: (issue) => expected(EXPECTED, issue.input) })
    .check((context) => {
      const message = cronFault(context.value);
      if (message !== null) context.issues.push({ code: 'custom', message, input: context.value });
    })
    .meta({
      description:
        'When a window begins: minute, hour, day of month, month, day of week. Where both days are given, one of them is enough.',
      examples: ['0 8 * * 1-5'],
      maxLength: CRON_LENGTH_MAX,
    });
}

/** The fields with one space between them. */
export function plainCron(cron: string): string {
  return fieldsOf(cron).join(' ');
}

/** What is wrong with a cron text; null when nothing is. */
function cronFault(cron: string): string | null {
  if (cron.length > CRON_LENGTH_MAX) {
    return `longer than ${CRON_LENGTH_MAX} characters: ${cron.length}`;
  }
  const fields = fieldsOf(cron);
  return countFault(cron, fields) ?? fieldsFault(fields) ?? wholeFault(fields);
}

function fieldsOf(cron: string): readonly string[] {
  return cron.split(/\s+/).filter((field) => field !== '');
}

function countFault(cron: string, fields: readonly string[]): string | null {
  const nickname = NICKNAMES.get(cron.trim().toLowerCase());
  if (nickname !== undefined) return `write the five fields: ${cron.trim()} is ${nickname}`;
  if (fields.length === FIELDS.length) return null;
  const names = FIELDS.map(({ name }) => name).join(', ');
  const got = `expected 5 fields (${names}); got ${fields.length}`;
  const isWithSeconds = fields.length === FIELDS.length + 1;
  return isWithSeconds
    ? `${got}: windows begin on the minute, leave the seconds out: ${fields.slice(1).join(' ')}`
    : `${got} in ${describeValue(cron)}`;
}

function fieldsFault(fields: readonly string[]): string | null {
  for (const [index, field] of FIELDS.entries()) {
    const text = fields[index] ?? '';
    if (isReadable(text, index)) continue;
    const { name, range, example } = field;
    const advice = adviceFor(text) ?? `expected *, ${range}, lists, ranges or steps`;
    return `${name} ${JSON.stringify(text)}: ${advice}; as in ${example}`;
  }
  return null;
}

/** For mistakes that the range of the field does not explain; null for the others. */
function adviceFor(text: string): string | null {
  if (text === '?') return 'write * for any';
  const range = /^(\d+)-(\d+)$/.exec(text);
  if (range === null || Number(range[1]) <= Number(range[2])) return null;
  return 'a range does not go over the end: write two, with a comma between them';
}

function isReadable(text: string, index: number): boolean {
  if (!/^[0-9A-Za-z*,/#-]+$/.test(text)) return false;
  return reading(FIELDS.map((_, other) => (other === index ? text : '*'))) !== null;
}

/** Faults of the fields together. Each of them is right by itself. */
function wholeFault(fields: readonly string[]): string | null {
  const cron = reading(fields);
  if (cron === null) return `cannot be read: ${describeValue(fields.join(' '))}`;
  const first = cron.nextRun(new Date(Date.UTC(2000, 0, 1)));
  return first === null ? 'never happens: the months that it names have no such day' : null;
}

function reading(fields: readonly string[]): Cron | null {
  try {
    const options = { timezone: 'UTC', mode: '5-part', fixedTimeRule: 'no-wildcard' } as const;
    return new Cron(fields.join(' '), options);
  } catch {
    return null;
  }
}
