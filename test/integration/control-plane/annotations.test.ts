/** What dashboards read of the database: the views, who may read them, and how elections get there. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { createDecisionStore } from '../../../control-plane/adapters/postgres/decision-store.ts';
import type { PostgresDecisionStore } from '../../../control-plane/adapters/postgres/decision-store.ts';
import { startPgliteProcess } from '../../../control-plane/adapters/postgres/pglite-process.ts';
import { setReaderPassword } from '../../../control-plane/adapters/postgres/reader.ts';
import { electionArchiveOf } from '../../../control-plane/composition/archive.ts';
import { ElectionArchivist } from '../../../control-plane/loops/election-archivist.ts';
import type { DecisionRecord } from '../../../control-plane/model/decision.ts';
import type { Election } from '../../../control-plane/model/election.ts';
import type { Mode } from '../../../control-plane/model/mode.ts';
import { INITIAL_STATE } from '../../../control-plane/state/state.ts';
import { decision } from '../../contract/decision-store.ts';
import { election } from '../../support/elections.ts';
import { postgresMissing, startPostgres, until } from '../../support/postgres.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { skipBecause } from '../../support/skip.ts';

const START_MS = 1_800_000_000_000;
const DAY_MS = 24 * 3_600_000;
const { signal } = new AbortController();

interface Annotation {
  readonly time: Date;
  readonly time_end: Date | null;
  readonly text: string;
  readonly tags: readonly string[];
  readonly workload: string | null;
  readonly member: string | null;
  readonly trace_id: string | null;
}

interface Database {
  readonly url: string;
  readonly connectionsMax: number;
  readonly stop: () => Promise<void>;
  /** Null where roles have no password. */
  readonly postgres: TestPostgres | null;
}

annotations('Postgres', async () => {
  const postgres = await startPostgres();
  return { url: postgres.url, connectionsMax: 4, stop: () => postgres.stop(), postgres };
});
annotations('PGlite', async (directory) => {
  const pglite = await startPgliteProcess({ directory: join(directory, 'pglite') });
  return {
    url: pglite.url,
    connectionsMax: pglite.connectionsMax,
    stop: () => pglite.stop(),
    postgres: null,
  };
});

function annotations(name: string, start: (directory: string) => Promise<Database>): void {
  describe(`the annotations of dashboards on ${name}`, function () {
    this.timeout(90_000);
    let directory: string;
    let database: Database;
    let store: PostgresDecisionStore;

    before(async function () {
      const missing = name === 'Postgres' ? postgresMissing() : null;
      if (missing !== null) skipBecause(this, missing);
      directory = mkdtempSync(join(tmpdir(), 'omnimind-annotations-'));
      database = await start(directory);
      store = await createDecisionStore({
        connectionUrl: database.url,
        connectionsMax: database.connectionsMax,
        spoolDirectory: join(directory, 'spool'),
        nowMs: () => START_MS,
        retryDelayMaxMs: 300,
        checkIntervalMs: 100,
      });
      await store.start();
      await until(() => store.status().connected, 60_000);
    });
    after(async () => {
      await store.stop();
      await database.stop();
      rmSync(directory, { recursive: true, force: true });
    });

    const ask = <Row extends object>(text: string): Promise<readonly Row[]> =>
      store.withConnection('ask', signal, async (client) => {
        const { rows } = await client.query<Row>(text);
        return rows;
      });
    const archiveRun = (archivist: ElectionArchivist, elections: readonly Election[]) =>
      archivist.run(
        {
          consensus: {
            leaseTerm: () => 7,
            readState: () => ({ ...INITIAL_STATE, elections }),
          },
          archive: electionArchiveOf(store),
          logger: SILENT,
          timeoutMs: 5_000,
        },
        signal,
      );

    it('show acts and changes of the mode, and no hold', async () => {
      const records = [
        decisionOf(0, 'hold', 'act'),
        decisionOf(1, 'act', 'act'),
        decisionOf(2, 'hold', 'observe'),
        decisionOf(3, 'hold', 'observe'),
        decisionOf(4, 'hold', 'act'),
      ];
      await store.append(records.slice(0, 3));
      await until(() => store.status().buffered === 0, 10_000);
      await store.append(records.slice(3));
      await until(() => store.status().buffered === 0, 10_000);
      const rows = await ask<Annotation>('select * from grafana_decisions order by time');
      const [act, observe, back] = rows;
      assert.equal(rows.length, 3, JSON.stringify(rows));
      assert.ok(act !== undefined && observe !== undefined && back !== undefined);
      assert.deepEqual(act.time, new Date(START_MS + 1_000));
      assert.match(act.text, /^inference scaled out from \d+ to \d+ replicas \(above_target\)$/);
      assert.deepEqual(act.tags, ['decision', 'scale_out', 'above_target']);
      assert.deepEqual([act.workload, act.trace_id], ['inference', records[1]?.traceId]);
      assert.equal(observe.text, 'inference went from mode act to observe');
      assert.deepEqual(back.tags, ['decision', 'mode', 'mode_act']);
    });

    it('show each election once, whoever brings it and however often', async () => {
      const elections = [
        election(0),
        election(1, { outcome: 'timed_out', cause: 'no_leader', suspectedLeaderId: null }),
      ];
      const first = new ElectionArchivist();
      await archiveRun(first, elections);
      await archiveRun(first, elections);
      // A new leader knows nothing of what the one before has stored.
      await Promise.all([
        archiveRun(new ElectionArchivist(), elections),
        archiveRun(new ElectionArchivist(), [...elections, election(2)]),
      ]);
      const rows = await ask<Annotation>('select * from grafana_elections order by time');
      assert.equal(rows.length, 3);
      const [won, lost] = rows;
      assert.ok(won !== undefined && lost !== undefined);
      assert.equal(
        won.text,
        'm1 was elected in term 1 after 13 ms; cause: leader_silent, m2 was silent for 212 ms',
      );
      assert.equal(
        lost.text,
        'm1 was not elected in term 2 (timed_out) after 13 ms; cause: no_leader',
      );
      assert.deepEqual(lost.tags, ['election', 'timed_out', 'no_leader']);
      assert.ok((won.time_end?.getTime() ?? 0) > won.time.getTime());
      assert.deepEqual([won.member, won.trace_id], ['m1', elections[0]?.traceId]);
      const records = await ask<{ record: unknown }>(
        'select record from elections order by term limit 1',
      );
      assert.deepEqual(records, [{ record: elections[0] }]);
    });

    it('show alerts that notify somebody', async () => {
      await store.withConnection('insert', signal, async (client) => {
        for (const [id, severity] of [
          ['a', 'critical'],
          ['b', 'none'],
        ] as const) {
          await client.query(
            `insert into alerts (alert_id, fingerprint, name, severity, status, starts_at,
               first_received_at, last_received_at, labels, annotations, generator_url)
             values ($1, $1, 'OmniMindNodeDown', $2, 'firing', now(), now(), now(), $3, $4, '')`,
            [id, severity, { member: 'm2' }, { summary: 'A node is down' }],
          );
        }
      });
      const rows = await ask<Annotation>('select * from grafana_alerts');
      assert.deepEqual(
        rows.map(({ text, tags, member, time_end }) => [text, tags, member, time_end]),
        [
          [
            'OmniMindNodeDown: A node is down',
            ['alert', 'OmniMindNodeDown', 'critical', 'firing'],
            'm2',
            null,
          ],
        ],
      );
    });

    it('are deleted with the decisions when they are too old', async () => {
      const old = START_MS - 91 * DAY_MS;
      await archiveRun(new ElectionArchivist(), [
        election(0, { electionId: 'old', startedAtMs: old }),
      ]);
      await until(async () => {
        const rows = await ask("select 1 from elections where election_id = 'old'");
        return rows.length === 0;
      }, 10_000);
      assert.equal((await ask('select 1 from elections')).length, 3);
    });

    it('are stored when the database is back', async function () {
      const { postgres } = database;
      if (postgres === null) skipBecause(this, 'PGlite is the plane’s own process');
      await postgres.kill();
      await until(() => !store.status().connected, 10_000);
      const archivist = new ElectionArchivist();
      const elections = [election(0), election(7)];
      await archiveRun(archivist, elections);
      await postgres.start();
      await until(() => store.status().connected, 20_000);
      await archiveRun(archivist, elections);
      const rows = await ask("select 1 from elections where election_id = 'm1-8-7'");
      assert.equal(rows.length, 1);
    });

    it('are read by a role that may read nothing else, with its password', async function () {
      if (database.postgres === null) skipBecause(this, 'PGlite asks for no password');
      const awkward = 'it\'s a \\ "pass" $$word%; drop';
      await store.withConnection('set the password', signal, (client) =>
        setReaderPassword(client, awkward),
      );
      const [role] = await ask<{ rolcanlogin: boolean; rolsuper: boolean; password: string }>(
        "select rolcanlogin, rolsuper, rolpassword as password from pg_authid where rolname = 'grafana_reader'",
      );
      assert.ok(role !== undefined && role.rolcanlogin && !role.rolsuper);
      assert.match(role.password, /^SCRAM-SHA-256\$4096:/);
      await assertLogsIn(database.url, awkward, ask);
      const reader = clientAs(database.url, awkward);
      await reader.connect();
      try {
        for (const view of ['grafana_decisions', 'grafana_elections', 'grafana_alerts']) {
          const { rows } = await reader.query(`select count(*) from ${view}`);
          assert.equal(rows.length, 1);
        }
        for (const wrong of [
          'select * from decisions',
          'select * from elections',
          'select * from alerts',
          'delete from grafana_decisions',
          'create table mine ()',
        ]) {
          await assert.rejects(
            reader.query(wrong),
            /permission denied|read-only|cannot delete from view/,
            wrong,
          );
        }
      } finally {
        await reader.end();
      }
    });

    it('do without that role where the plane may not create roles', async function () {
      if (database.postgres === null) skipBecause(this, 'PGlite has one user');
      await ask('create role plane login');
      await ask('create database plane owner plane');
      const limited = await createDecisionStore({
        connectionUrl: database.url.replace('postgres@', 'plane@').replace('/postgres?', '/plane?'),
        spoolDirectory: join(directory, 'limited-spool'),
        retryDelayMaxMs: 300,
      });
      await limited.start();
      try {
        await until(() => limited.status().connected, 10_000);
        const refused = limited.withConnection('set it', signal, (client) =>
          setReaderPassword(client, 'long enough'),
        );
        await assert.rejects(refused, /cannot set it: (permission denied|must have|must be)/);
        await limited.append([decision(START_MS)]);
        await until(() => limited.status().buffered === 0, 10_000);
      } finally {
        await limited.stop();
      }
    });
  });
}

const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** The server has to ask for it: it trusts everybody until told otherwise, for this role alone. */
async function assertLogsIn(
  url: string,
  password: string,
  ask: (text: string) => Promise<readonly object[]>,
): Promise<void> {
  const [found] = (await ask(
    "select setting from pg_settings where name = 'hba_file'",
  )) as readonly {
    setting: string;
  }[];
  assert.ok(found !== undefined);
  const rules = "array['local all grafana_reader scram-sha-256', 'local all all trust']";
  await ask(`copy (select unnest(${rules})) to '${found.setting}'`);
  await ask('select pg_reload_conf()');
  await until(async () => {
    const wrong = clientAs(url, `${password}x`);
    try {
      await wrong.connect();
      await wrong.end();
      return false;
    } catch (error) {
      return error instanceof Error && /password authentication failed/.test(error.message);
    }
  }, 5_000);
}

function clientAs(url: string, password: string): pg.Client {
  const host = new URL(url).searchParams.get('host') ?? '';
  const client = new pg.Client({ host, user: 'grafana_reader', database: 'postgres', password });
  client.on('error', () => undefined);
  return client;
}

function decisionOf(nth: number, verdict: 'act' | 'hold', mode: Mode): DecisionRecord {
  const made = decision(START_MS + nth * 1_000, { workloadId: 'inference' });
  return {
    ...made,
    input: { ...made.input, mode },
    outcome: {
      ...made.outcome,
      verdict:
        verdict === 'act'
          ? { kind: 'act', direction: 'out', replicas: 4, reason: 'above_target' }
          : { kind: 'hold', replicas: 2, reason: 'within_tolerance' },
    },
    token: verdict === 'act' ? { term: 1, index: nth } : null,
  };
}
