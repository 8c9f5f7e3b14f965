/**
 * The statements of the alerts: take in a batch, list a page, say when one was told of last, delete
 * what has expired. Values are parameters without exception. Taking in is idempotent and takes notices
 * in any order, since several members may write what each of them was told.
 */

import type { ClientBase } from 'pg';
import { ALERT_STATUSES, mergeRecords } from '../../model/alert.ts';
import type { AlertRecord, AlertStatus } from '../../model/alert.ts';
import type { AlertFilter } from '../../ports/alert-store.ts';
import { byColumn, insertInto, timeOf, whereAll } from './statements.ts';
import type { Column, Condition, Row } from './statements.ts';

/** Both statements may be repeated: a failure between them leaves nothing wrong for long. */
export async function upsertAlerts(
  client: ClientBase,
  records: readonly AlertRecord[],
): Promise<void> {
  const rows = mergedById(records).map(rowOf);
  await client.query(UPSERT, byColumn(COLUMNS, rows));
  await client.query(SUPERSEDE, [records.map(({ fingerprint }) => fingerprint)]);
}

/** At most `limit` records below `afterId`, those that started last first. */
export async function listAlerts(
  client: ClientBase,
  filter: AlertFilter,
  limit: number,
  afterId: string | null,
): Promise<readonly AlertRecord[]> {
  const { where, parameters } = whereAll(conditionsOf(filter, afterId));
  parameters.push(limit);
  const text = `${SELECT} ${where} order by alert_id desc limit $${parameters.length}`;
  const { rows } = await client.query<AlertRow>(text, parameters);
  return rows.map(recordOf);
}

/** UNIX ms; null when no such alert is there. */
export async function lastToldMs(client: ClientBase, name: string): Promise<number | null> {
  const text = `select ${millisOf('max(last_received_at)')} as told from alerts where name = $1`;
  const { rows } = await client.query<{ told: number | null }>(text, [name]);
  return rows[0]?.told ?? null;
}

/** Deletes those told of last before `beforeMs`, at most `limit` of them; says how many went. */
export async function deleteAlerts(
  client: ClientBase,
  beforeMs: number,
  limit: number,
): Promise<number> {
  const text = `
    delete from alerts where alert_id in (
      select alert_id from alerts where last_received_at < ${timeOf('$1')}
      order by last_received_at limit $2)`;
  const { rowCount } = await client.query(text, [beforeMs, limit]);
  return rowCount ?? 0;
}

/** In the order of rowOf. */
const COLUMNS: readonly Column[] = [
  ['alert_id', 'text'],
  ['fingerprint', 'text'],
  ['name', 'text'],
  ['severity', 'text'],
  ['component', 'text'],
  ['status', 'text'],
  ['starts_at', 'unix_ms'],
  ['ends_at', 'unix_ms'],
  ['first_received_at', 'unix_ms'],
  ['last_received_at', 'unix_ms'],
  ['labels', 'jsonb'],
  ['annotations', 'jsonb'],
  ['generator_url', 'text'],
];

/** As mergeRecords does. */
const UPSERT = `${insertInto('alerts', COLUMNS)}
  on conflict (alert_id) do update set
    status = case when 'resolved' in (alerts.status, excluded.status) then 'resolved' else 'firing' end,
    ends_at = coalesce(excluded.ends_at, alerts.ends_at),
    annotations = case when excluded.last_received_at >= alerts.last_received_at
      then excluded.annotations else alerts.annotations end,
    generator_url = case when excluded.last_received_at >= alerts.last_received_at
      then excluded.generator_url else alerts.generator_url end,
    first_received_at = least(excluded.first_received_at, alerts.first_received_at),
    last_received_at = greatest(excluded.last_received_at, alerts.last_received_at)`;

/**
 * An alert fires once at a time: where it began anew, the time before has ended, though nobody said so
 * (Alertmanager forgets what it has to tell when it starts anew without its disk).
 */
const SUPERSEDE = `
  update alerts as older set status = 'resolved', ends_at = (
    select min(newer.starts_at) from alerts newer
    where newer.fingerprint = older.fingerprint and newer.starts_at > older.starts_at)
  where older.fingerprint = any($1::text[]) and older.status = 'firing' and exists (
    select from alerts newer
    where newer.fingerprint = older.fingerprint and newer.starts_at > older.starts_at)`;

const SELECT = `
  select alert_id, fingerprint, name, status, ${millisOf('starts_at')} as starts_at,
    ${millisOf('ends_at')} as ends_at, ${millisOf('first_received_at')} as first_received_at,
    ${millisOf('last_received_at')} as last_received_at, labels, annotations, generator_url
  from alerts`;

interface AlertRow {
  readonly alert_id: string;
  readonly fingerprint: string;
  readonly name: string;
  readonly status: string;
  readonly starts_at: number;
  readonly ends_at: number | null;
  readonly first_received_at: number;
  readonly last_received_at: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly generator_url: string;
}

/** One record per id, as one statement may not touch a row twice. */
function mergedById(records: readonly AlertRecord[]): readonly AlertRecord[] {
  const merged = new Map<string, AlertRecord>();
  for (const record of records) {
    const known = merged.get(record.alertId);
    merged.set(record.alertId, known === undefined ? record : mergeRecords(known, record));
  }
  return [...merged.values()];
}

function rowOf(record: AlertRecord): Row {
  return [
    record.alertId,
    record.fingerprint,
    record.name,
    record.labels['severity'] ?? null,
    record.labels['component'] ?? null,
    record.status,
    record.startsAtMs,
    record.endsAtMs,
    record.firstReceivedAtMs,
    record.lastReceivedAtMs,
    JSON.stringify(record.labels),
    JSON.stringify(record.annotations),
    record.generatorUrl,
  ];
}

function recordOf(row: AlertRow): AlertRecord {
  return {
    alertId: row.alert_id,
    fingerprint: row.fingerprint,
    name: row.name,
    status: statusOf(row.status),
    startsAtMs: row.starts_at,
    endsAtMs: row.ends_at,
    labels: row.labels,
    annotations: row.annotations,
    generatorUrl: row.generator_url,
    firstReceivedAtMs: row.first_received_at,
    lastReceivedAtMs: row.last_received_at,
  };
}

/** The table's check says the same. */
function statusOf(text: string): AlertStatus {
  return ALERT_STATUSES.find((status) => status === text) ?? 'firing';
}

function conditionsOf(filter: AlertFilter, afterId: string | null): readonly Condition[] {
  return [
    ['status = ?', filter.status],
    ['name = ?', filter.name],
    ['severity = ?', filter.severity],
    ['alert_id < ?', afterId],
  ];
}

/** Rounded: a double that went through microseconds comes back as the whole ms that it was. */
function millisOf(time: string): string {
  return `round(extract(epoch from ${time}) * 1000)::float8`;
}
