/**
 * The statements of the decision record: insert a batch, list a page, read one, delete the oldest. What
 * panels show of changes of the mode is kept beside it, as the records are written. Values are
 * parameters without exception. The newest comes first because the id sorts by time; a page goes on
 * behind the last id, so that it costs the same however far down it is.
 */

import type { ClientBase } from 'pg';
import { decisionIdOf } from '../../model/decision.ts';
import type { DecisionRecord } from '../../model/decision.ts';
import type { DecisionFilter } from '../../ports/decision-store.ts';
import { parseRecord } from './record-text.ts';
import { byColumn, insertInto, timeOf, whereAll } from './statements.ts';
import type { Column, Condition, Row } from './statements.ts';

/**
 * Idempotent: a record that is there already is left as it is, unless this one has the token that
 * the other lacks.
 */
export async function insertRecords(client: ClientBase, records: readonly string[]): Promise<void> {
  const rows = [...latestOf(records)].map(([, { record, json }]) => rowOf(record, json));
  await client.query(INSERT, byColumn(COLUMNS, rows));
  await client.query(INSERT_MODE_CHANGES, [rows.map(([decisionId]) => decisionId)]);
}

/** At most `limit` records below `afterId`, newest first. */
export async function listRecords(
  client: ClientBase,
  filter: DecisionFilter,
  limit: number,
  afterId: string | null,
): Promise<readonly DecisionRecord[]> {
  const { where, parameters } = whereAll(conditionsOf(filter, afterId));
  parameters.push(limit);
  const text = `select record::text as record from decisions ${where} order by decision_id desc limit $${parameters.length}`;
  const { rows } = await client.query<{ record: string }>(text, parameters);
  return rows.map(({ record }) => parseRecord(record));
}

export async function readRecord(
  client: ClientBase,
  decisionId: string,
): Promise<DecisionRecord | null> {
  const text = 'select record::text as record from decisions where decision_id = $1';
  const { rows } = await client.query<{ record: string }>(text, [decisionId]);
  const [row] = rows;
  return row === undefined ? null : parseRecord(row.record);
}

/** Deletes the oldest records made before `beforeMs`, at most `limit` of them; says how many went. */
export async function deleteRecords(
  client: ClientBase,
  beforeMs: number,
  limit: number,
): Promise<number> {
  const text = `
    delete from decisions where decision_id in (
      select decision_id from decisions where decision_id < $1 order by decision_id limit $2)`;
  const before = decisionIdOf(beforeMs, '');
  await client.query('delete from mode_changes where decision_id < $1', [before]);
  const { rowCount } = await client.query(text, [before, limit]);
  return rowCount ?? 0;
}

/** In the order of rowOf. */
const COLUMNS: readonly Column[] = [
  ['decision_id', 'text'],
  ['at', 'unix_ms'],
  ['kind', 'text'],
  ['workload_id', 'text'],
  ['policy_id', 'text'],
  ['policy_version', 'int'],
  ['verdict', 'text'],
  ['direction', 'text'],
  ['reason', 'text'],
  ['replicas_before', 'int'],
  ['replicas_after', 'int'],
  ['mode', 'text'],
  ['trace_id', 'text'],
  ['log_term', 'bigint'],
  ['log_index', 'bigint'],
  ['record', 'json'],
];

const INSERT = `${insertInto('decisions', COLUMNS)}
  on conflict (decision_id) do update
    set log_term = excluded.log_term, log_index = excluded.log_index, record = excluded.record
    where decisions.log_index is null and excluded.log_index is not null`;

/** Of the records with these ids, those whose mode is another than that of the workload's record before. */
const INSERT_MODE_CHANGES = `
  insert into mode_changes (decision_id, at, workload_id, mode_before, mode_after, trace_id)
  select written.decision_id, written.at, written.workload_id, earlier.mode, written.mode, written.trace_id
  from decisions as written
  cross join lateral (
    select mode from decisions
    where workload_id = written.workload_id and decision_id < written.decision_id
    order by decision_id desc limit 1) as earlier
  where written.decision_id = any ($1::text[]) and earlier.mode <> written.mode
  on conflict (decision_id) do nothing`;

/** One record per id, as one statement may not touch a row twice; the one with a token wins. */
function latestOf(records: readonly string[]) {
  const latest = new Map<string, { readonly record: DecisionRecord; readonly json: string }>();
  for (const json of records) {
    const record = parseRecord(json);
    const known = latest.get(record.decisionId);
    if (known === undefined || (known.record.token === null && record.token !== null)) {
      latest.set(record.decisionId, { record, json });
    }
  }
  return latest;
}

function rowOf(record: DecisionRecord, json: string): Row {
  const { input, outcome, token } = record;
  const { verdict } = outcome;
  return [
    record.decisionId,
    record.atMs,
    record.kind,
    record.workloadId,
    record.policyId,
    record.policyVersion,
    verdict.kind,
    verdict.kind === 'act' ? verdict.direction : null,
    verdict.reason,
    input.desired,
    verdict.replicas,
    input.mode,
    record.traceId,
    token?.term ?? null,
    token?.index ?? null,
    json,
  ];
}

function conditionsOf(filter: DecisionFilter, afterId: string | null): readonly Condition[] {
  return [
    ['workload_id = ?', filter.workloadId],
    ['policy_id = ?', filter.policyId],
    ['verdict = ?', filter.verdict],
    ['direction = ?', filter.direction],
    ['reason = ?', filter.reason],
    ['trace_id = ?', filter.traceId],
    [`at >= ${timeOf('?')}`, filter.fromMs],
    [`at < ${timeOf('?')}`, filter.toMs],
    ['decision_id < ?', afterId],
  ];
}
