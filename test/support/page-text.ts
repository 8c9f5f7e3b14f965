/** Reads HTML pages as tests need them: what a person sees, and what a browser would load. */

import assert from 'node:assert/strict';

/** The text of a page, its whitespace as one space. */
export function textOf(page: string): string {
  return page
    .replaceAll(/<style>[^<]*<\/style>/gu, '')
    .replaceAll(/<(?:br|td|th|tr|p|li|dd|dt|h\d)\b[^>]*>/gu, ' ')
    .replaceAll(/<[^>]*>/gu, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
    .replaceAll(/\s+/gu, ' ')
    .trim();
}

/** Where its links lead. */
export function linksOf(page: string): readonly string[] {
  return [...page.matchAll(/ href="([^"]*)"/gu)].map(([, target = '']) =>
    target.replaceAll('&amp;', '&'),
  );
}

const VOID = new Set(['meta', 'br', 'hr', 'rect']);

/** Fails when an element is not closed, or when a page would load, run or send anything. */
export function assertSelfContained(page: string): void {
  assert.doesNotMatch(page, /<(?:script|link|img|iframe|object|embed|form|base|use)\b/iu);
  assert.doesNotMatch(page, /@import|url\(|<[^>]*\s(?:on\w+|style|src)=/iu);
  for (const target of linksOf(page)) assert.match(target, /^(?:#|\/v1\/)/u);
  const open: string[] = [];
  for (const [, slash, name = ''] of page.matchAll(/<(\/?)([a-z]\w*)\b[^>]*>/gu)) {
    if (VOID.has(name)) continue;
    if (slash === '') open.push(name);
    else assert.equal(open.pop(), name, page.slice(0, 400));
  }
  assert.deepEqual(open, []);
}
