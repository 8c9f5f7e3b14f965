/** Alertmanager's webhook and the list of alerts, over HTTP and over a database that fails. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { createAlertStore } from '../../../control-plane/adapters/postgres/alert-store.ts';
import type {
  AlertStoreOptions,
  PostgresAlertStore,
} from '../../../control-plane/adapters/postgres/alert-store.ts';
import { countedAlertStore, watchAlerts } from '../../../control-plane/composition/alerts.ts';
import { WATCHDOG_ALERT } from '../../../control-plane/model/alert.ts';
import { AlertStoreError } from '../../../control-plane/ports/alert-store.ts';
import { renderMetrics } from '../../../control-plane/telemetry/exposition.ts';
import { createSeries } from '../../../control-plane/telemetry/series.ts';
import { ALERTS_START_MS, EVERY_ALERT, notice } from '../../contract/alert-store.ts';
import { alertmanagerMessage, toldAlert } from '../../support/alert-messages.ts';
import { bearer, problemOf, startTestPlane } from '../../support/http-plane.ts';
import type { TestPlane } from '../../support/http-plane.ts';
import { createMemoryAlertStore } from '../../support/memory-alert-store.ts';
import { postgresMissing, startPostgres, until } from '../../support/postgres.ts';
import type { TestPostgres } from '../../support/postgres.ts';
import { skipBecause } from '../../support/skip.ts';

const WEBHOOK = '/v1/alerts/webhook';
const { signal } = new AbortController();

describe('the webhook for Alertmanager', () => {
  let plane: TestPlane;

  beforeEach(async () => {
    plane = await startTestPlane({ withKeys: true });
  });
  afterEach(() => plane.stop());

  const tell = (body: unknown, role: keyof TestPlane['keys'] = 'operator') =>
    plane.send({ method: 'POST', path: WEBHOOK, headers: bearer(plane.keys[role]), body });
  const list = async (query = '') => {
    const path = `/v1/alerts${query}`;
    const answer = await plane.send({ path, headers: bearer(plane.keys.viewer) });
    assert.equal(answer.status, 200, answer.text);
    const page = z.object({ items: z.array(z.looseObject({})), nextCursor: z.string().nullable() });
    return { ...page.parse(answer.json), headers: answer.headers };
  };

  it('keeps what it is told, once, and says how many alerts that were', async () => {
    const answer = await tell(alertmanagerMessage());
    assert.deepEqual([answer.status, answer.json], [202, { kept: 1 }]);
    assert.equal((await tell(alertmanagerMessage())).status, 202);
    const { items } = await list();
    assert.equal(items.length, 1);
    const [item] = items;
    assert.equal(item?.['name'], 'OmniMindGpuLost');
    assert.equal(item['startsAtMs'], Date.parse('2026-11-21T10:00:00.123Z'));
    assert.equal(item['endsAtMs'], null);
    assert.equal(
      item['alertId'],
      `${(1795255200123).toString(16).padStart(12, '0')}-a1b2c3d4e5f60718`,
    );
  });

  it('takes the end of an alert, which then is no longer among those that fire', async () => {
    await tell(alertmanagerMessage());
    const over = { status: 'resolved', endsAt: '2026-11-21T10:05:00Z' };
    await tell(alertmanagerMessage({ status: 'resolved' }, [over]));
    assert.deepEqual((await list('?status=firing')).items, []);
    const [item] = (await list('?status=resolved')).items;
    assert.equal(item?.['endsAtMs'], Date.parse('2026-11-21T10:05:00Z'));
  });

  it('lets fields through that a newer Alertmanager may add', async () => {
    const message = alertmanagerMessage({ notificationReason: 'new' }, [{ suppressedBy: [] }]);
    assert.equal((await tell(message)).status, 202);
  });

  it('answers on a member without a leader', async () => {
    plane.group.leaderId = null;
    assert.equal((await tell(alertmanagerMessage())).status, 202);
    assert.equal((await list()).items.length, 1);
  });

  it('lists in pages that filters bound', async () => {
    const alerts = Array.from({ length: 5 }, (_, n) => ({
      fingerprint: String(n).padStart(16, '0'),
      labels: { alertname: n < 3 ? 'OmniMindA' : 'OmniMindB', severity: 'warning' },
    }));
    await tell(alertmanagerMessage({}, alerts));
    const first = await list('?name=OmniMindA&severity=warning&limit=2');
    assert.equal(first.items.length, 2);
    assert.match(String(first.headers['link']), /rel="next"/u);
    const second = await list(
      `?name=OmniMindA&severity=warning&limit=2&cursor=${first.nextCursor}`,
    );
    assert.equal(second.items.length, 1);
    assert.equal(second.nextCursor, null);
    assert.deepEqual((await list('?severity=critical')).items, []);
  });

  it('needs the role operator, and viewer to read', async () => {
    assert.equal(problemOf(await tell(alertmanagerMessage(), 'viewer')).status, 403);
    assert.equal(problemOf(await plane.send({ path: '/v1/alerts' })).status, 401);
    assert.deepEqual((await list()).items, []);
  });

  const wrong: readonly [string, object, string][] = [
    ['another version', alertmanagerMessage({ version: '5' }), '/version'],
    ['no alert', alertmanagerMessage({}, []), '/alerts'],
    [
      'too many alerts',
      alertmanagerMessage(
        {},
        Array.from({ length: 1001 }, () => ({})),
      ),
      '/alerts',
    ],
    ['an unknown status', alertmanagerMessage({}, [{ status: 'pending' }]), '/alerts/0/status'],
    [
      'a wrong fingerprint',
      alertmanagerMessage({}, [{ fingerprint: 'x' }]),
      '/alerts/0/fingerprint',
    ],
    ['a wrong start', alertmanagerMessage({}, [{ startsAt: 'noon' }]), '/alerts/0/startsAt'],
    [
      'a start of the year 1',
      alertmanagerMessage({}, [{ startsAt: '0001-01-01T00:00:00Z' }]),
      '/alerts/0/startsAt',
    ],
    ['no name', alertmanagerMessage({}, [{ labels: {} }]), '/alerts/0/labels/alertname'],
    [
      'too many labels',
      alertmanagerMessage({}, [
        {
          labels: Object.fromEntries([
            ['alertname', 'x'],
            ...Array.from({ length: 64 }, (_, n) => [`l${n}`, ''] as const),
          ]),
        },
      ]),
      '/alerts/0/labels',
    ],
    [
      'a label that is a number',
      alertmanagerMessage({}, [{ labels: { alertname: 'x', n: 1 } }]),
      '/alerts/0/labels/n',
    ],
    [
      'a text that is too long',
      alertmanagerMessage({}, [{ annotations: { summary: 'x'.repeat(8193) } }]),
      '/alerts/0/annotations/summary',
    ],
  ];
  for (const [title, message, pointer] of wrong) {
    it(`refuses ${title} with the field's name, and keeps nothing`, async () => {
      const problem = problemOf(await tell(message));
      assert.equal(problem.status, 422);
      assert.deepEqual(problem.pointers, [pointer]);
      assert.deepEqual((await list()).items, []);
    });
  }

  it('refuses a message that is larger than the limit', async () => {
    const alerts = Array.from({ length: 900 }, () => ({ annotations: { s: 'x'.repeat(1200) } }));
    assert.equal(problemOf(await tell(alertmanagerMessage({}, alerts))).code, 'body_too_large');
  });

  it('refuses wrong filters and cursors', async () => {
    for (const query of ['status=pending', 'severity=page', 'name=', 'cursor=x', 'state=firing']) {
      const path = `/v1/alerts?${query}`;
      const problem = problemOf(await plane.send({ path, headers: bearer(plane.keys.viewer) }));
      assert.deepEqual(problem.pointers, [`/${query.split('=')[0]}`]);
    }
  });

  it('asks to be told again while too many wait, or the store is away', async () => {
    plane.alerts.failWith('full');
    const full = await tell(alertmanagerMessage());
    assert.equal(problemOf(full).code, 'alert_store_full');
    assert.equal(full.status, 503);
    assert.equal(full.headers['retry-after'], '10');
    plane.alerts.failWith('failed');
    assert.equal(problemOf(await tell(alertmanagerMessage())).code, 'alert_store_unavailable');
    const read = await plane.send({ path: '/v1/alerts', headers: bearer(plane.keys.viewer) });
    assert.equal(problemOf(read).code, 'alert_store_unavailable');
  });
});

describe('the alert store and its failing database', function () {
  this.timeout(30_000);
  let postgres: TestPostgres | null = null;
  let directory: string;
  const stores: PostgresAlertStore[] = [];

  before(async function () {
    const missing = postgresMissing();
    if (missing !== null) skipBecause(this, missing);
    postgres = await startPostgres();
  });
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'omnimind-alerts-'));
  });
  afterEach(async () => {
    for (const store of stores.splice(0)) await store.stop();
    rmSync(directory, { recursive: true });
  });
  after(() => postgres?.stop());

  const database = () => {
    assert.ok(postgres !== null);
    return postgres;
  };
  const open = async (options: Partial<AlertStoreOptions> = {}) => {
    const store = await createAlertStore({
      nowMs: () => ALERTS_START_MS,
      connectionUrl: database().url,
      spoolDirectory: directory,
      retryDelayMaxMs: 200,
      checkIntervalMs: 50,
      ...options,
    });
    stores.push(store);
    store.start();
    return store;
  };
  const many = (count: number, from: number) =>
    Array.from({ length: count }, (_, n) =>
      notice({ fingerprint: (from + n).toString(16).padStart(16, '0') }),
    );

  it('takes alerts while the database is away, over a restart, and brings them in', async () => {
    const before = await open();
    await until(() => before.status().connected, 10_000);
    await database().kill();
    await until(() => !before.status().connected, 10_000);
    await before.keep(many(20, 0x1000));
    await assert.rejects(before.list(EVERY_ALERT, 1, null, signal), AlertStoreError);
    await before.stop();

    const after = await open();
    assert.equal(after.status().buffered, 20);
    await database().start();
    await until(() => after.status().connected && after.status().buffered === 0, 15_000);
    const { records } = await after.list(EVERY_ALERT, 500, null, signal);
    assert.equal(
      records.filter(({ fingerprint }) => fingerprint.startsWith('000000000000')).length,
      20,
    );
    assert.equal(after.status().dropped, 0);
  });

  it('refuses what its share of the disk cannot hold, keeps what it took, and takes again', async () => {
    const connectionUrl = 'postgres://nobody@127.0.0.1:1/none';
    const store = await open({ connectionUrl, spoolBytesMax: 20_000 });
    let kept = 0;
    await assert.rejects(
      async () => {
        for (; kept < 1_000; kept += 1) await store.keep(many(1, 0x2000 + kept));
      },
      (error) => error instanceof AlertStoreError && error.kind === 'full',
    );
    assert.ok(kept > 10, `${kept} alerts`);
    assert.deepEqual([store.status().buffered, store.status().dropped], [kept, 0]);
    const rest = await Promise.allSettled(Array.from({ length: 50 }, () => store.keep(many(1, 1))));
    assert.ok(rest.every(({ status }) => status === 'rejected'));
    await store.stop();

    const other = await open({ spoolBytesMax: 20_000 });
    await until(() => other.status().connected && other.status().buffered === 0, 15_000);
    await other.keep(many(1, 0x3000));
    await until(() => other.status().buffered === 0, 10_000);
  });

  it('knows from the database when another member was told of the watchdog', async () => {
    const own = await open();
    const other = await open({ spoolDirectory: mkdtempSync(join(directory, 'other-')) });
    await until(() => own.status().connected, 10_000);
    assert.equal(own.status().watchdogSeenMs, null);
    await other.keep([notice({ name: WATCHDOG_ALERT, labels: { alertname: WATCHDOG_ALERT } })]);
    await until(() => own.status().watchdogSeenMs === ALERTS_START_MS + 10_000, 10_000);
  });

  it('forgets alerts that nobody has told of for longer than they are kept', async () => {
    const store = await open({ keepMs: 1_000, nowMs: () => ALERTS_START_MS + 60_000 });
    const recent = notice({
      fingerprint: 'ffffffffffffffff',
      receivedAtMs: ALERTS_START_MS + 59_500,
    });
    await store.keep([notice({ fingerprint: 'eeeeeeeeeeeeeeee' }), recent]);
    const fingerprints = async () => {
      const { records } = await store.list(EVERY_ALERT, 500, null, signal);
      return records.map(({ fingerprint }) => fingerprint);
    };
    await until(() => store.status().connected && store.status().buffered === 0, 10_000);
    await until(async () => !(await fingerprints()).includes('eeeeeeeeeeeeeeee'), 10_000);
    assert.ok((await fingerprints()).includes('ffffffffffffffff'));
  });
});

describe('the series of the alerts', () => {
  it('count what was told and refused, and show the age of the watchdog once there is one', async () => {
    const series = createSeries({ version: '0.0.0' });
    try {
      const memory = createMemoryAlertStore();
      const store = countedAlertStore(memory, series);
      let nowMs = ALERTS_START_MS;
      watchAlerts(series, memory, { nowMs: () => nowMs });
      const value = async (line: string) => {
        const { body } = await renderMetrics(series.registry, 'text/plain');
        const found = body.split('\n').find((text) => text.startsWith(`${line} `));
        return found === undefined ? null : Number(found.slice(line.length + 1));
      };
      assert.equal(await value('omnimind_alerts_watchdog_age_seconds'), null);
      await store.keep([notice(), toldWatchdog()]);
      nowMs += 70_000;
      assert.equal(await value('omnimind_alerts_watchdog_age_seconds'), 60);
      assert.equal(await value('omnimind_alerts_received_total{status="firing"}'), 2);
      memory.failWith('full');
      await assert.rejects(store.keep([notice()]), AlertStoreError);
      assert.equal(await value('omnimind_alerts_refused_total{cause="full"}'), 1);
      assert.equal(await value('omnimind_alert_store_connected'), 0);
    } finally {
      series.stop();
    }
  });
});

function toldWatchdog() {
  const { labels } = toldAlert();
  return notice({ name: WATCHDOG_ALERT, labels: { ...labels, alertname: WATCHDOG_ALERT } });
}
