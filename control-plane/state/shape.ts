/**
 * Checks that plain JSON has the shape that a type says, field by field, and says where it has not.
 * For what this program itself wrote (log entries, snapshots): it explains nothing to a user and
 * knows nothing of what a value means. A missing and an unknown field are both faults.
 */

/** Null when the value has the shape; else a path and what was found there. */
export interface Check<T> {
  (value: unknown): string | null;
  /** Never set: it ties the check to the type that it checks. */
  readonly checks?: T;
}

export class ShapeError extends Error {
  override readonly name: string = 'ShapeError';
}

/** Nothing is wrong with what was read: a newer program wrote it, and the cure is to run that one. */
export class NewerFormatError extends ShapeError {
  override readonly name = 'NewerFormatError';

  constructor(what: string, formatVersion: number, formatMax: number) {
    super(
      `${what} is of format ${formatVersion}, this program reads up to ${formatMax}: ` +
        'run the version that wrote it, or a newer one',
    );
  }
}

/**
 * The value, as the type that the check stands for.
 * @throws ShapeError naming the path of the first fault.
 */
export function withShape<T>(what: string, check: Check<T>, value: unknown): T {
  const fault = check(value);
  if (fault !== null) throw new ShapeError(`${what}${fault}`);
  return value as T;
}

export const text: Check<string> = (value) =>
  typeof value === 'string' ? null : found(value, 'a string');

export const truth: Check<boolean> = (value) =>
  typeof value === 'boolean' ? null : found(value, 'true or false');

export const finite: Check<number> = (value) =>
  typeof value === 'number' && Number.isFinite(value) ? null : found(value, 'a finite number');

/** A whole number from 0. */
export const count: Check<number> = (value) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? null
    : found(value, 'a whole number from 0');

export function wholeFrom(min: number, max: number): Check<number> {
  return (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
      ? null
      : found(value, `a whole number from ${min} to ${max}`);
}

export function textOf(lengthMin: number, lengthMax: number): Check<string> {
  return (value) =>
    typeof value === 'string' && value.length >= lengthMin && value.length <= lengthMax
      ? null
      : found(value, `a string of ${lengthMin} to ${lengthMax} characters`);
}

export function oneOf<T extends string | number>(allowed: readonly T[]): Check<T> {
  const set = new Set<unknown>(allowed);
  return (value) => (set.has(value) ? null : found(value, `one of ${allowed.join(', ')}`));
}

export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value) => (value === null ? null : check(value));
}

/** For a field that may be absent; its type must not allow undefined. */
export function optional<T>(check: Check<T>): Check<T> {
  return (value) => (value === undefined ? null : check(value));
}

export function listOf<T>(check: Check<T>, lengthMax = Infinity): Check<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value)) return found(value, 'an array');
    if (value.length > lengthMax) return `: ${value.length} elements are more than ${lengthMax}`;
    for (let at = 0; at < value.length; at += 1) {
      const fault = check(value[at]);
      if (fault !== null) return `[${at}]${fault}`;
    }
    return null;
  };
}

export function mapOf<T>(check: Check<T>, sizeMax = Infinity): Check<Readonly<Record<string, T>>> {
  return (value) => {
    if (!isObject(value)) return found(value, 'an object');
    const keys = Object.keys(value);
    if (keys.length > sizeMax) return `: ${keys.length} entries are more than ${sizeMax}`;
    for (const key of keys) {
      const fault = check(value[key]);
      if (fault !== null) return `.${key}${fault}`;
    }
    return null;
  };
}

export function objectOf<T extends object>(fields: {
  readonly [K in keyof T]-?: Check<T[K]>;
}): Check<T> {
  const checks = Object.entries<Check<unknown>>(fields);
  const names = new Set(Object.keys(fields));
  return (value) => {
    if (!isObject(value)) return found(value, 'an object');
    for (const [name, check] of checks) {
      const fault = check(value[name]);
      if (fault !== null) return `.${name}${fault}`;
    }
    const unknown = Object.keys(value).find((name) => !names.has(name));
    return unknown === undefined ? null : `.${unknown}: is not a field of this format`;
  };
}

/** A union that its `kind` tells apart. */
export function kindOf<T extends { readonly kind: string }>(cases: {
  readonly [K in T['kind']]: Check<Extract<T, { readonly kind: K }>>;
}): Check<T> {
  const checks = new Map<unknown, Check<unknown>>(Object.entries<Check<unknown>>(cases));
  return (value) => {
    const kind = isObject(value) ? value['kind'] : undefined;
    const check = checks.get(kind);
    return check === undefined ? `.kind${found(kind, 'a known kind')}` : check(value);
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function found(value: unknown, wanted: string): string {
  const shown = value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80);
  return `: ${shown} is not ${wanted}`;
}
