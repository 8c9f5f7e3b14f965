/** What the rows about one GPU share: its selector, and a line per series of it. */

import { toDashboard, type PanelLink } from '../../links.ts';
import {
  stat,
  timeSeries,
  type PlacelessPanel,
  type StatSpec,
  type TimeSeriesSpec,
} from '../../panels.ts';

/** The labels that every selector of this dashboard has. */
export const OF = 'uuid="$device"';

export const toGpus: PanelLink = toDashboard('omnimind-gpu', 'GPU fleet');

type WithoutUsual<Spec extends object> = Omit<Spec, 'noValue' | 'link'> &
  Partial<Pick<Spec & { noValue: string; link: PanelLink }, 'noValue' | 'link'>>;

export function deviceLines(spec: WithoutUsual<TimeSeriesSpec>): PlacelessPanel {
  return timeSeries({ min: 0, noValue: ABSENT, link: toGpus, ...spec });
}

export function deviceStat(spec: WithoutUsual<StatSpec>): PlacelessPanel {
  return stat({ noValue: ABSENT, link: toGpus, ...spec });
}

const ABSENT = 'No GPU, or it does not say';
