/**
 * The text of a formula as tokens. Knows which characters may stand in a formula, and what people
 * write instead of them; knows nothing of the order in which they make sense.
 */

import type { FormulaFault } from './formula.ts';

export type Token =
  | {
      readonly kind: 'number';
      readonly text: string;
      readonly from: number;
      readonly value: number;
    }
  | { readonly kind: 'word'; readonly text: string; readonly from: number }
  | { readonly kind: 'symbol'; readonly text: string; readonly from: number }
  | { readonly kind: 'end'; readonly text: ''; readonly from: number };

export type TokenReading =
  /** Ends with the token `end`. */
  | { readonly kind: 'tokens'; readonly tokens: readonly Token[] }
  | { readonly kind: 'faulty'; readonly fault: FormulaFault };

const SPACE = /[ \t\r\n]+/y;
const WORD = /[a-z0-9_]+/y;
const NUMBER = /[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?/y;
const SYMBOL = /<=|>=|==|!=|[-+*/%^(),?:<>]/y;

/** What other languages write, and what is written here; longer ones first. */
const FOREIGN: readonly (readonly [foreign: string, instead: string])[] = [
  ['&&', 'write and'],
  ['||', 'write or'],
  ['**', 'write ^ for a power'],
  ['<>', 'write !='],
  ['=', 'write == to compare'],
  ['!', 'write not'],
  ['.', 'a number begins with a digit, as in 0.5'],
  ['"', 'there is no text in a formula'],
  ["'", 'there is no text in a formula'],
  ['[', 'there are no lists: give min, max, avg and sum their values one by one'],
  ['{', 'a formula reads the metrics of its policy, by their names'],
  ['×', 'write *'],
  ['÷', 'write /'],
  ['−', 'write -'],
  ['≤', 'write <='],
  ['≥', 'write >='],
];

/** Reads the tokens from the left; the first character that cannot be read ends it. Total. */
export function readTokens(text: string): TokenReading {
  const tokens: Token[] = [];
  let from = match(SPACE, text, 0).length;
  while (from < text.length) {
    const reading = readToken(text, from);
    if (reading.kind === 'faulty') return reading;
    tokens.push(reading.token);
    from += reading.token.text.length;
    from += match(SPACE, text, from).length;
  }
  tokens.push({ kind: 'end', text: '', from: text.length });
  return { kind: 'tokens', tokens };
}

type OneReading =
  | { readonly kind: 'token'; readonly token: Token }
  | { readonly kind: 'faulty'; readonly fault: FormulaFault };

function readToken(text: string, from: number): OneReading {
  const word = match(WORD, text, from);
  const digits = match(NUMBER, text, from);
  // `5xx_rate` is a name, `5` and `1e5` are numbers.
  if (digits !== '' && digits.length >= word.length) return readNumber(digits, from);
  if (word !== '') return { kind: 'token', token: { kind: 'word', text: word, from } };
  const symbol = match(SYMBOL, text, from);
  const foreign = FOREIGN.find(([sign]) => text.startsWith(sign, from));
  // `=` is foreign, `==` is not.
  if (foreign !== undefined && foreign[0].length > symbol.length) {
    return faulty(from, foreign[0], foreign[1]);
  }
  if (symbol !== '') return { kind: 'token', token: { kind: 'symbol', text: symbol, from } };
  return unreadable(text, from);
}

function readNumber(text: string, from: number): OneReading {
  const value = Number(text);
  if (!Number.isFinite(value)) return faulty(from, text, 'this number is too large');
  if (value === 0 && /^[0.]*[1-9]/.test(text)) {
    return faulty(from, text, 'this number is too small to be told from 0');
  }
  return { kind: 'token', token: { kind: 'number', text, from, value } };
}

function unreadable(text: string, from: number): OneReading {
  const letters = match(/[A-Za-z0-9_]+/y, text, from);
  if (letters !== '')
    return faulty(from, letters, `write it in lower case, ${letters.toLowerCase()}`);
  const character = String.fromCodePoint(text.codePointAt(from) ?? 0);
  return faulty(from, character, 'this character has no meaning in a formula');
}

function faulty(position: number, offending: string, advice: string): OneReading {
  const message = `at character ${position + 1}, ${JSON.stringify(offending)}: ${advice}`;
  return { kind: 'faulty', fault: { position, offending, message } };
}

function match(pattern: RegExp, text: string, from: number): string {
  pattern.lastIndex = from;
  return pattern.exec(text)?.[0] ?? '';
}
