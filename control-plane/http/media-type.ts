/**
 * Whether a request wants a page for people or JSON (RFC 9110, section 12.5.1). JSON is what a client
 * gets that does not say, takes anything, or wants both alike and names JSON first. It refuses nobody:
 * whoever accepts neither gets JSON, as before there were pages.
 */

import type { IncomingHttpHeaders } from 'node:http';

export type Format = 'json' | 'html';

/** Says to caches that the answer depends on the request's Accept. */
export const VARY_ACCEPT = { vary: 'Accept' };

/** The same, for the description of an answer. */
export const ACCEPT_HEADERS = { vary: 'Accept: it decides whether this is JSON or a page.' };

export const HTML = 'text/html';

export function askedFormat({ accept }: Pick<IncomingHttpHeaders, 'accept'>): Format {
  const ranges = (accept ?? '').split(',').map(parseRange);
  const html = rank(ranges, 'text', 'html');
  const json = rank(ranges, 'application', 'json');
  if (html.quality !== json.quality) return html.quality > json.quality ? 'html' : 'json';
  if (html.quality === 0 || html.specificity < EXACT) return 'json';
  return json.specificity < EXACT || html.index < json.index ? 'html' : 'json';
}

interface Range {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
}

/** How well a type is wanted, and by which of the ranges: the most specific one counts. */
interface Rank {
  readonly quality: number;
  readonly specificity: number;
  readonly index: number;
}

const EXACT = 3;
const OF_TYPE = 2;
const ANY = 1;

const UNNAMED: Rank = { quality: 0, specificity: 0, index: -1 };

function rank(ranges: readonly Range[], type: string, subtype: string): Rank {
  return ranges.reduce((best, range, index) => {
    const specificity = specificityOf(range, type, subtype);
    return specificity > best.specificity ? { quality: range.quality, specificity, index } : best;
  }, UNNAMED);
}

function specificityOf(range: Range, type: string, subtype: string): number {
  if (range.type === '*' && range.subtype === '*') return ANY;
  if (range.type !== type) return 0;
  if (range.subtype === '*') return OF_TYPE;
  return range.subtype === subtype ? EXACT : 0;
}

function parseRange(text: string): Range {
  const [name = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const [type = '', subtype = ''] = name.split('/');
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  return { type, subtype, quality: weight === undefined ? 1 : qualityOf(weight.slice(2)) };
}

/** What is no weight counts as none: such a range asks for nothing. */
function qualityOf(text: string): number {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/u.test(text) ? Number(text) : 0;
}
