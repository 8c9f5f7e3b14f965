/**
 * What to do about words that the formula language does not know: the nearest one that it does, or
 * what is written here for what other languages call by that name. Judges no grammar.
 */

import { nearestWord } from '../../model/nearest-word.ts';
import { FORMULA_FUNCTIONS } from './formula.ts';
import { isFormulaFunction } from './grammar.ts';
import type { Token } from './tokens.ts';

/** Why a token may be in the way. */
export function missingOperator(token: Token): string {
  if (token.text === '(') return '; write * to multiply';
  return token.kind === 'word' || token.kind === 'number'
    ? '; is an operator missing before it?'
    : '';
}

export function unknownFunction(text: string): string {
  const instead = FOREIGN_FUNCTIONS.get(text);
  if (instead !== undefined) return `there is no such function; ${instead}`;
  const nearest = nearestWord(text, FORMULA_FUNCTIONS);
  if (nearest !== null) return `there is no such function; did you mean ${nearest}?`;
  return `there is no such function; there are ${FORMULA_FUNCTIONS.join(', ')}`;
}

export function unknownName(text: string, known: readonly string[]): string {
  if (isFormulaFunction(text)) return `${text} is a function; give it values, as in ${text}(…)`;
  if (/^[0-9]/.test(text)) return 'neither a number nor the name of a metric';
  const nearest = nearestWord(text, known);
  if (nearest !== null) return `there is no metric of this name; did you mean ${nearest}?`;
  const listed = known.slice(0, 10).join(', ');
  return `there is no metric of this name; there ${known.length === 0 ? 'is none' : `are ${listed}`}`;
}

/** What people call for, and what there is instead. */
const FOREIGN_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  [
    'coalesce',
    'a metric without a value leaves the formula without one, so that it cannot look like low load',
  ],
  [
    'default',
    'a metric without a value leaves the formula without one, so that it cannot look like low load',
  ],
  ['if', 'write condition ? this : that'],
  ['pow', 'write x ^ y'],
  ['power', 'write x ^ y'],
  ['ln', 'log is the natural logarithm'],
  ['mean', 'write avg(…)'],
  ['average', 'write avg(…)'],
  ['clamp_min', 'write max(x, least)'],
  ['clamp_max', 'write min(x, most)'],
  ['mod', 'write x % y'],
]);
