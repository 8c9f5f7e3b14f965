/** What the rows of the cache dashboard share: its selector, and a line per server. */

import { toDashboard, type PanelLink } from '../../links.ts';
import { timeSeries, type PlacelessPanel, type TimeSeriesSpec } from '../../panels.ts';

/** The labels that every selector of this dashboard has. */
export const OF = 'target=~"$target"';

export const NO_CACHE = 'No agent watches a cache (OMNIMIND_AGENT_CACHE_TARGETS_FILE)';
export const NO_REPLICA = 'No cache has a replica';

export const toFleet: PanelLink = toDashboard('omnimind-fleet', 'Fleet');

export function cacheLines(
  spec: Omit<TimeSeriesSpec, 'noValue' | 'link'> &
    Partial<Pick<TimeSeriesSpec, 'noValue' | 'link'>>,
): PlacelessPanel {
  return timeSeries({ min: 0, noValue: NO_CACHE, link: toFleet, ...spec });
}

/** Per server; two agents may watch one, which must not count twice. */
export function byServer(series: string): string {
  return `topk(25, max by (target, instance_address) (${series}))`;
}

export const SERVER_LEGEND = '{{target}} {{instance_address}}';
