/**
 * JSON as everybody understands it: what JSON.parse reads, minus what two readers may read
 * differently or what a later reader chokes on (duplicate member names, `__proto__`, unpaired
 * surrogates and NUL, which Postgres refuses) and minus what costs more to check than it is worth
 * (deep nesting, very many values). It knows nothing of what a document means.
 */

import { pointerOf, type Fault } from '../schemas/fault.ts';

export interface JsonLimits {
  readonly depthMax: number;
  /** Members, elements and scalars together. */
  readonly valuesMax: number;
}

export type JsonReading =
  | { readonly kind: 'value'; readonly value: unknown }
  /** Not JSON; `detail` has the position. */
  | { readonly kind: 'malformed'; readonly detail: string }
  | { readonly kind: 'unsafe'; readonly faults: readonly Fault[] };

export function readStrictJson(text: string, limits: JsonLimits): JsonReading {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'malformed', detail: syntaxDetail(error) };
  }
  const faults = findUnsafe(text, limits);
  return faults.length === 0 ? { kind: 'value', value } : { kind: 'unsafe', faults };
}

interface Container {
  readonly kind: 'object' | 'array';
  readonly names: Set<string>;
  /** The member or element being read. */
  at: string | number;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gsu;

/** Walks the tokens of a text that JSON.parse accepted; iterative, so depth costs no stack. */
function findUnsafe(text: string, limits: JsonLimits): readonly Fault[] {
  const faults: Fault[] = [];
  const stack: Container[] = [];
  let values = 0;
  let expectsName = false;
  const here = (): string => pointerOf(stack.map((container) => container.at));
  for (const [token] of text.matchAll(TOKEN)) {
    const top = stack.at(-1);
    if (token === '{' || token === '[') {
      stack.push({ kind: token === '{' ? 'object' : 'array', names: new Set(), at: 0 });
      expectsName = token === '{';
      values += 1;
      if (stack.length > limits.depthMax) {
        return [
          ...faults,
          { pointer: '', message: `nested deeper than ${limits.depthMax} levels` },
        ];
      }
    } else if (token === '}' || token === ']') {
      stack.pop();
      expectsName = false;
    } else if (token === ',') {
      if (top?.kind === 'array') top.at = Number(top.at) + 1;
      expectsName = top?.kind === 'object';
    } else if (expectsName && top !== undefined && token !== ':') {
      top.at = decode(token);
      faults.push(...nameFaults(top, here()));
      expectsName = false;
    } else if (token !== ':') {
      values += 1;
      if (token.startsWith('"')) faults.push(...stringFaults(decode(token), here()));
    }
    if (values > limits.valuesMax) {
      return [...faults, { pointer: '', message: `more than ${limits.valuesMax} values` }];
    }
  }
  return faults;
}

function nameFaults(object: Container, pointer: string): readonly Fault[] {
  const name = String(object.at);
  const faults = [...stringFaults(name, pointer)];
  if (object.names.has(name)) faults.push({ pointer, message: 'this member is given twice' });
  if (name === '__proto__') faults.push({ pointer, message: 'a member may not be named so' });
  object.names.add(name);
  return faults;
}

function stringFaults(text: string, pointer: string): readonly Fault[] {
  if (text.includes('\0')) return [{ pointer, message: 'contains a NUL character' }];
  if (!text.isWellFormed()) return [{ pointer, message: 'contains an unpaired surrogate' }];
  return [];
}

function decode(token: string): string {
  return token.includes('\\') ? String(JSON.parse(token)) : token.slice(1, -1);
}

/** V8 quotes the text around the error, which may be long or unprintable: only the place is kept. */
function syntaxDetail(error: unknown): string {
  const place = /line \d+ column \d+/u.exec(error instanceof Error ? error.message : '')?.[0];
  return place === undefined ? 'The text ends too early or is empty.' : `Wrong syntax at ${place}.`;
}
