/**
 * What happened, drawn over every panel: the plane's decisions that acted, elections, and alerts as
 * Alertmanager told them. Read from the record in PostgreSQL through views made for this, so they are
 * there as soon as the record is and nobody has to write them down. Refuses to read tables: a view
 * is a promise, a table is not.
 */

import type { AnnotationQuery } from '@grafana/grafana-foundation-sdk/dashboard';
import { COLOURS } from './colours.ts';
import { RECORDS } from './datasources.ts';

/** The newest of a kind within the time range; more would hide the panels that they explain. */
const SHOWN_MAX = 100;

/** SQL for a link to the event's trace, behind its text; empty where there is none. */
const TRACE_LINK = `coalesce(' <a href="${traceAddress("' || trace_id || '")}">trace</a>', '')`;

const KINDS = [
  { name: 'Decisions', view: 'grafana_decisions', colour: COLOURS.neutral },
  { name: 'Elections', view: 'grafana_elections', colour: COLOURS.warning },
  { name: 'Alerts', view: 'grafana_alerts', colour: COLOURS.critical },
] as const;

export type EventKind = (typeof KINDS)[number]['name'];

/** @param shown the kinds that are drawn until the reader chooses; the others have their switch */
export function annotations(shown: readonly EventKind[]): readonly AnnotationQuery[] {
  return KINDS.map(({ name, view, colour }) => ({
    name,
    datasource: RECORDS,
    enable: shown.includes(name),
    iconColor: colour,
    target: {
      refId: 'Anno',
      datasource: RECORDS,
      editorMode: 'code',
      format: 'table',
      rawQuery: true,
      rawSql: sql(view),
      // Marks the type and is not written: JSON has no functions.
      _implementsDataqueryVariant: () => undefined,
    },
  }));
}

/** Of a trace in Grafana's explorer. */
function traceAddress(traceId: string): string {
  const [before = '', after = ''] = JSON.stringify({
    trace: {
      datasource: 'tempo',
      queries: [{ refId: 'A', queryType: 'traceql', query: 'TRACE' }],
      range: { from: 'now-1h', to: 'now' },
    },
  })
    .split('TRACE')
    .map(encodeURIComponent);
  return `/explore?schemaVersion=1&panes=${before}${traceId}${after}`;
}

/** An event that began before the range and lasts into it counts as within. */
function sql(view: string): string {
  return [
    `SELECT time, time_end AS "timeEnd", text || ${TRACE_LINK} AS text,`,
    "array_to_string(tags, ',') AS tags",
    `FROM ${view}`,
    'WHERE time <= $__timeTo() AND coalesce(time_end, time) >= $__timeFrom()',
    `ORDER BY time DESC LIMIT ${SHOWN_MAX}`,
  ].join(' ');
}
