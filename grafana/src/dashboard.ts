/**
 * A dashboard from rows of panels: places them on the grid, numbers them, and sets what all of the
 * product's dashboards have in common. Refuses two panels of one title, because a panel's number
 * (in links to it) is made of its title so that a new panel elsewhere does not renumber it.
 *
 *   export const node: DashboardSpec = {
 *     uid: 'omnimind-node', title: 'Node', description: '…', variables: [nodes],
 *     rows: [{ title: 'Is it healthy', panels: [stat({…}), timeSeries({…})] }],
 *   };
 */

import { DashboardCursorSync, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import type {
  AnnotationQuery,
  DashboardLink,
  GridPos,
  Panel,
  RowPanel,
  VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { annotations, type EventKind } from './annotations.ts';
import { productMenu, type DashboardUid } from './links.ts';
import { STAT_SIZE, type PlacelessPanel } from './panels.ts';
import { datasourceVariable, queryVariable, type VariableSpec } from './variables.ts';

export interface DashboardSpec {
  readonly uid: DashboardUid;
  readonly title: string;
  /** For whom, and which question it answers. */
  readonly description: string;
  /** After the data source; one that uses another stands behind it. */
  readonly variables: readonly VariableSpec[];
  readonly rows: readonly DashboardRow[];
  /** Grafana's notation; the last hour unless told. */
  readonly from?: string;
  /** Events that are drawn over the panels at first; each has its switch. */
  readonly events: readonly EventKind[];
}

export interface DashboardRow {
  readonly title: string;
  readonly panels: readonly PlacelessPanel[];
}

/** Of Grafana 10.4; newer ones migrate it when they load it. */
const SCHEMA_VERSION = 39;
const COLUMNS = 24;
const NUMBERS = 1_000_000;

/**
 * What is written of a dashboard. Declared here because the builders have a newer whole in mind, which
 * Grafana 10.4 cannot read; their panels, rows and variables are the same in both.
 */
export interface DashboardModel {
  readonly id: null;
  readonly uid: DashboardUid;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly timezone: 'browser';
  readonly editable: false;
  readonly graphTooltip: DashboardCursorSync;
  readonly time: { readonly from: string; readonly to: string };
  readonly refresh: string;
  readonly schemaVersion: number;
  readonly links: readonly DashboardLink[];
  readonly templating: { readonly list: readonly VariableModel[] };
  readonly annotations: { readonly list: readonly AnnotationQuery[] };
  readonly panels: readonly (Panel | RowPanel)[];
}

export function buildDashboard(spec: DashboardSpec): DashboardModel {
  return {
    id: null,
    uid: spec.uid,
    title: `OmniMind / ${spec.title}`,
    description: spec.description,
    tags: ['omnimind'],
    timezone: 'browser',
    editable: false,
    graphTooltip: DashboardCursorSync.Crosshair,
    time: { from: spec.from ?? 'now-1h', to: 'now' },
    refresh: '30s',
    schemaVersion: SCHEMA_VERSION,
    links: [productMenu()],
    templating: { list: [datasourceVariable(), ...spec.variables.map(queryVariable)] },
    annotations: { list: annotations(spec.events) },
    panels: numbered(placed(spec.rows)),
  };
}

type AnyPanel = Panel | RowPanel;

/** From left to right; a panel that does not fit any more begins a line below the highest so far. */
function placed(rows: readonly DashboardRow[]): readonly AnyPanel[] {
  let y = 0;
  return rows.flatMap(({ title, panels }) => {
    const row = { ...new RowBuilder(title).build(), gridPos: { x: 0, y, w: COLUMNS, h: 1 } };
    y += 1;
    let x = 0;
    let lineHeight = 0;
    const inRow = evened(panels).map(({ size: { width, height }, panel }): Panel => {
      if (x + width > COLUMNS) {
        x = 0;
        y += lineHeight;
        lineHeight = 0;
      }
      const gridPos: GridPos = { x, y, w: width, h: height };
      x += width;
      lineHeight = Math.max(lineHeight, height);
      return { ...panel, gridPos };
    });
    y += lineHeight;
    return [row, ...inRow];
  });
}

/** Numbers that need more than one line share as few lines as they can, as evenly as they can. */
function evened(panels: readonly PlacelessPanel[]): readonly PlacelessPanel[] {
  const perLineMax = COLUMNS / STAT_SIZE.width;
  const stats = panels.filter(({ size }) => size === STAT_SIZE);
  if (stats.length <= perLineMax) return panels;
  const lines = Math.ceil(stats.length / perLineMax);
  const perLine = Math.ceil(stats.length / lines);
  const inLast = stats.length - perLine * (lines - 1);
  return panels.map((one) => {
    const at = stats.indexOf(one);
    if (at < 0) return one;
    const beside = at < stats.length - inLast ? perLine : inLast;
    return { ...one, size: { ...STAT_SIZE, width: COLUMNS / beside } };
  });
}

function numbered(panels: readonly AnyPanel[]): AnyPanel[] {
  const taken = new Map<number, string>();
  return panels.map((panel) => {
    const title = `${panel.type === 'row' ? 'row ' : ''}${panel.title ?? ''}`;
    const id = numberOf(title);
    const other = taken.get(id);
    if (other !== undefined) throw new Error(`panels "${other}" and "${title}" have one number`);
    taken.set(id, title);
    return { ...panel, id };
  });
}

/** FNV-1a of the title (http://www.isthe.com/chongo/tech/comp/fnv), as a number that links can bear. */
function numberOf(title: string): number {
  let hash = 0x811c9dc5;
  for (const unit of title) {
    hash = Math.imul(hash ^ (unit.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return 1 + (hash % NUMBERS);
}
