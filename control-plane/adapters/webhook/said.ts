/**
 * What an answer says in words, for errors and logs: short, on one line, and of the receiver's URL no
 * more than everybody may see. It decides nothing.
 */

import type { Answer } from './exchange.ts';
import { parseAnswer, problemShape } from './protocol.ts';
import type { Problem } from './protocol.ts';

/** More of what a receiver says about itself is not repeated. */
const DETAIL_LENGTH_MAX = 300;

/** A status and, if it says so, what it is about. */
export function said({ status, body }: Pick<Answer, 'status' | 'body'>): string {
  const { detail, title, code } = problemOf(body);
  const why = detail ?? title ?? code;
  return why === undefined ? `status ${status}` : `status ${status}: ${printable(why)}`;
}

/** What a refusal says of itself; nothing where it is none. */
export function problemOf(body: string): Problem {
  const answer = parseAnswer(problemShape, body);
  return answer.kind === 'parsed' ? answer.value : {};
}

/** What a receiver says about itself, short and on one line. */
export function printable(text: string): string {
  return text.slice(0, DETAIL_LENGTH_MAX).replace(/[\s\p{C}]+/gu, ' ');
}

/** A URL in messages: what follows its path may be meant for the receiver alone. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
