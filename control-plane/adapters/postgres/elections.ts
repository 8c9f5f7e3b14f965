/**
 * The elections as rows: insert those that are not there, delete the expired. Values are parameters
 * without exception.
 */

import type { ClientBase } from 'pg';
import type { Election } from '../../model/election.ts';

/** Idempotent, in one statement. Of two members that write the same one, the first is right. */
export async function insertElections(
  client: ClientBase,
  elections: readonly Election[],
): Promise<void> {
  const rows = elections.map(rowOf);
  const parameters = COLUMNS.map((_, column) => rows.map((row) => row[column] ?? null));
  await client.query(INSERT, parameters);
}

/** Deletes elections that started before `beforeMs`, at most `limit`; says how many went. */
export async function deleteElections(
  client: ClientBase,
  beforeMs: number,
  limit: number,
): Promise<number> {
  const text = `
    delete from elections where election_id in (
      select election_id from elections
      where started_at < to_timestamp($1::float8 / 1000) order by started_at limit $2)`;
  const { rowCount } = await client.query(text, [beforeMs, limit]);
  return rowCount ?? 0;
}

/** Name, type of the parameter, and what becomes of it; in the order of rowOf. */
const COLUMNS = [
  ['election_id', 'text'],
  ['started_at', 'float8'],
  ['ended_at', 'float8'],
  ['candidate_id', 'text'],
  ['term', 'bigint'],
  ['cause', 'text'],
  ['outcome', 'text'],
  ['suspected_leader_id', 'text'],
  ['silent_for_ms', 'float8'],
  ['trace_id', 'text'],
  ['record', 'json'],
] as const;

const INSERT = `
  insert into elections (${COLUMNS.map(([name]) => name).join(', ')})
  select ${COLUMNS.map(([name]) => (name.endsWith('_at') ? `to_timestamp(${name} / 1000)` : name)).join(', ')}
  from unnest(${COLUMNS.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ')})
    as batch (${COLUMNS.map(([name]) => name).join(', ')})
  on conflict (election_id) do nothing`;

function rowOf(election: Election): readonly (string | number | null)[] {
  return [
    election.electionId,
    election.startedAtMs,
    election.startedAtMs + election.durationMs,
    election.candidateId,
    election.term,
    election.cause,
    election.outcome,
    election.suspectedLeaderId,
    election.silentForMs,
    election.traceId,
    JSON.stringify(election),
  ];
}
