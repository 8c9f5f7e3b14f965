/** What the rows of the node dashboard share: its selector, and a line per thing and host. */

import { toDashboard, type PanelLink } from '../../links.ts';
import { timeSeries, type PlacelessPanel, type TimeSeriesSpec } from '../../panels.ts';

/** The labels that every selector of this dashboard has. */
export const OF = 'node=~"$node"';

export const toFleet: PanelLink = toDashboard('omnimind-fleet', 'Fleet');

export function lines(
  spec: Omit<TimeSeriesSpec, 'noValue' | 'link'> &
    Partial<Pick<TimeSeriesSpec, 'noValue' | 'link'>>,
): PlacelessPanel {
  return timeSeries({ noValue: 'No agent of these nodes reports it', link: toFleet, ...spec });
}
