/**
 * What the documents of policies and workloads have in common: how a document is parsed so that
 * every fault is reported at once, and the fields that both use. Knows no document by name.
 */

import { z } from 'zod';
import { type Fault, parseWith, SchemaError } from './fault.ts';

/** More faults than these are counted, not listed. */
export const FAULTS_MAX = 100;

/** Reads a field for a rule that spans fields: its parsed value, or undefined when it is wrong or absent. */
export type ReadField = <T>(path: readonly PropertyKey[], schema: z.ZodType<T>) => T | undefined;

/** A rule that spans fields. It sees every field that parsed by itself, whatever the others look like. */
export type CrossCheck = (read: ReadField) => readonly Fault[];

/**
 * Parses a document with its schema and its cross-field rules. The rules are a pass of their own,
 * since zod skips an object's refinements as soon as one of its fields is wrong.
 * @throws SchemaError with every fault, at most FAULTS_MAX
 */
export function parseDocument<T>(schema: z.ZodType<T>, value: unknown, check: CrossCheck): T {
  const faults: Fault[] = [];
  const parsed = attempt(schema, value, faults);
  faults.push(...check((path, field) => readField(value, path, field)));
  if (faults.length > 0 || parsed.kind === 'faulty') throw new SchemaError(bounded(faults));
  return parsed.value;
}

/** An identifier in the words of the API: 1 to 63 characters of [a-z0-9-]. */
export function slug(what: string) {
  return text(what, 63)
    .regex(/^[a-z0-9-]{1,63}$/, {
      error: (issue) =>
        `expected 1 to 63 characters of a-z, 0-9 and -; got ${describeValue(issue.input)}`,
    })
    .check((context) => {
      // A key of this name would find what every object inherits.
      if (context.value !== 'constructor') return;
      context.issues.push({ code: 'custom', message: 'reserved word', input: context.value });
    });
}

/** Text of 1 to `lengthMax` characters without control characters other than tab and line feed. */
export function text(what: string, lengthMax: number) {
  return z
    .string({ error: (issue) => expected(what, issue.input) })
    .min(1, { error: `expected ${what}; got an empty text` })
    .max(lengthMax, {
      error: (issue) => `longer than ${lengthMax} characters: ${lengthOf(issue.input)}`,
    })
    .regex(PRINTABLE, { error: 'contains a control character' });
}

/** A finite number from `min` to `max`, both inclusive. */
export function ratio(min: number, max: number) {
  const what = `a number from ${min} to ${max}`;
  return number(what).min(min, outside(what)).max(max, outside(what));
}

/** A finite number greater than 0. */
export function positive() {
  const what = 'a number greater than 0';
  return number(what).positive(outside(what));
}

/** A whole number from `min` to `max`, both inclusive. `why` explains the bound. */
export function wholeNumber(min: number, max: number, why = '') {
  const what = `a whole number from ${min} to ${max}${why}`;
  return number(what).int(outside(what)).min(min, outside(what)).max(max, outside(what));
}

/** An object with exactly the given fields; anything else in it is a fault. */
export function strictObject<Shape extends z.core.$ZodLooseShape>(what: string, shape: Shape) {
  return z.strictObject(shape, {
    // Undefined leaves other issues, such as unknown fields, to their own words.
    error: (issue) => (issue.code === 'invalid_type' ? expected(what, issue.input) : undefined),
  });
}

/** A list of `min` to `max` elements. */
export function list<T extends z.ZodType>(what: string, element: T, min: number, max: number) {
  return z
    .array(element, { error: (issue) => expected(what, issue.input) })
    .min(min, { error: `expected ${what}; got ${min === 1 ? 'an empty list' : 'too few'}` })
    .max(max, { error: `expected ${what}; got more than ${max}` });
}

/** One of a closed set of words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: (issue) => expected(`one of ${words.join(', ')}`, issue.input) });
}

/** A map from text to text, at most `entriesMax` long; the keys are for the cross-check to judge. */
export function textMap(what: string, valueLengthMax: number) {
  return z.record(z.string(), textOrEmpty(`${what}: values are text`, valueLengthMax), {
    error: (issue) => expected(what, issue.input),
  });
}

/** As `text`, but may be empty. */
export function textOrEmpty(what: string, lengthMax: number) {
  return z
    .string({ error: (issue) => expected(what, issue.input) })
    .max(lengthMax, {
      error: (issue) => `longer than ${lengthMax} characters: ${lengthOf(issue.input)}`,
    })
    .regex(PRINTABLE, { error: 'contains a control character' });
}

/** The message for a value of the wrong type, or for none. */
export function expected(what: string, value: unknown): string {
  return value === undefined
    ? `required: expected ${what}`
    : `expected ${what}; got ${describeValue(value)}`;
}

/** A value in at most a few words: `the number 300`, `the text "5 min"`, `a list`. */
export function describeValue(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return `the text ${JSON.stringify(shortened(value))}`;
  if (typeof value === 'number' || typeof value === 'bigint') return `the number ${String(value)}`;
  if (typeof value === 'boolean') return String(value);
  if (value === undefined) return 'nothing';
  return Array.isArray(value) ? 'a list' : `an ${typeof value}`;
}

// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const PRINTABLE = /^[^\u0000-\u0008\u000B-\u001F\u007F]*$/;

function number(what: string) {
  return z.number({ error: (issue) => expected(what, issue.input) });
}

function outside(what: string) {
  return {
    error: (issue: z.core.$ZodRawIssue) => `expected ${what}; got ${String(issue.input)}`,
  };
}

function shortened(value: string): string {
  return value.length <= 80 ? value : `${value.slice(0, 77)}...`;
}

function lengthOf(value: unknown): string {
  return typeof value === 'string' ? `${value.length}` : 'unknown';
}

type Attempt<T> = { readonly kind: 'parsed'; readonly value: T } | { readonly kind: 'faulty' };

function attempt<T>(schema: z.ZodType<T>, value: unknown, faults: Fault[]): Attempt<T> {
  try {
    return { kind: 'parsed', value: parseWith(schema, value) };
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    faults.push(...error.faults);
    return { kind: 'faulty' };
  }
}

function readField<T>(
  value: unknown,
  path: readonly PropertyKey[],
  schema: z.ZodType<T>,
): T | undefined {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = Reflect.get(found, key);
  }
  const result = schema.safeParse(found);
  return result.success ? result.data : undefined;
}

function bounded(faults: readonly Fault[]): readonly Fault[] {
  const seen = new Set<string>();
  const distinct = faults.filter(({ pointer, message }) => {
    const key = `${pointer} ${message}`;
    return seen.has(key) ? false : seen.add(key).size > 0;
  });
  if (distinct.length <= FAULTS_MAX) return distinct;
  const more = distinct.length - FAULTS_MAX + 1;
  return [
    ...distinct.slice(0, FAULTS_MAX - 1),
    { pointer: '', message: `${more} more faults are not listed` },
  ];
}
