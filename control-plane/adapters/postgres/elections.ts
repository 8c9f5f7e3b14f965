/**
 * The elections as rows: insert those that are not there, delete the expired. Values are parameters
 * without exception.
 */

import type { ClientBase } from 'pg';
import type { Election } from '../../model/election.ts';
import { byColumn, insertInto, timeOf } from './statements.ts';
import type { Column, Row } from './statements.ts';

/** Idempotent, in one statement. Of two members that write the same one, the first is right. */
export async function insertElections(
  client: ClientBase,
  elections: readonly Election[],
): Promise<void> {
  await client.query(INSERT, byColumn(COLUMNS, elections.map(rowOf)));
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
      where started_at < ${timeOf('$1')} order by started_at limit $2)`;
  const { rowCount } = await client.query(text, [beforeMs, limit]);
  return rowCount ?? 0;
}

/** In the order of rowOf. */
const COLUMNS: readonly Column[] = [
  ['election_id', 'text'],
  ['started_at', 'unix_ms'],
  ['ended_at', 'unix_ms'],
  ['candidate_id', 'text'],
  ['term', 'bigint'],
  ['cause', 'text'],
  ['outcome', 'text'],
  ['suspected_leader_id', 'text'],
  ['silent_for_ms', 'float8'],
  ['trace_id', 'text'],
  ['record', 'json'],
];

const INSERT = `${insertInto('elections', COLUMNS)} on conflict (election_id) do nothing`;

function rowOf(election: Election): Row {
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
