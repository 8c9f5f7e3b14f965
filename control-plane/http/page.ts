/** Cuts a page out of a sorted list and says where the next one begins (cursor and Link header). */

import { encodeCursor } from '../schemas/query.ts';
import { json, type RawCall, type Reply } from './route.ts';

/** What every answer with pages may carry. */
export const PAGE_HEADERS = { link: 'The next page, as rel="next"; absent on the last.' };

export interface PageRequest {
  readonly limit: number;
  /** Id after which the page begins. */
  readonly cursor?: string | undefined;
}

/** @param items in ascending order of their ids */
export function cutPage<T>(
  items: readonly T[],
  idOf: (item: T) => string,
  request: PageRequest,
): { readonly items: readonly T[]; readonly nextAfterId: string | null } {
  const { cursor, limit } = request;
  const rest = cursor === undefined ? items : items.filter((item) => idOf(item) > cursor);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page,
    nextAfterId: last !== undefined && rest.length > limit ? idOf(last) : null,
  };
}

export function pageReply(
  raw: RawCall,
  items: readonly unknown[],
  nextAfterId: string | null,
): Reply {
  if (nextAfterId === null) return json({ items, nextCursor: null });
  const nextCursor = encodeCursor(nextAfterId);
  const headers = { link: `<${nextPagePath(raw, nextAfterId)}>; rel="next"` };
  return { ...json({ items, nextCursor }), headers };
}

/** Path and query of the page that continues after an id. */
export function nextPagePath({ path, search }: RawCall, afterId: string): string {
  const query = new URLSearchParams(search);
  query.set('cursor', encodeCursor(afterId));
  return `${path}?${query.toString()}`;
}

/** The values of a record in ascending order of their keys, by code unit: the order of cursors. */
export function sortedValues<T>(record: Readonly<Record<string, T>>): readonly T[] {
  return Object.entries(record)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, value]) => value);
}

/** A record's own member: ids such as `constructor` must not find what every object inherits. */
export function memberOf<T>(record: Readonly<Record<string, T>>, id: string): T | null {
  return Object.hasOwn(record, id) ? (record[id] ?? null) : null;
}
