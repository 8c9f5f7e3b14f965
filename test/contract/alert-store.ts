/**
 * What every alert store does, whatever is behind it. Each run gets an empty store; `settle` resolves
 * when what was kept can be read.
 */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { alertIdOf, WATCHDOG_ALERT } from '../../control-plane/model/alert.ts';
import type { AlertNotice, AlertRecord } from '../../control-plane/model/alert.ts';
import { AlertStoreError } from '../../control-plane/ports/alert-store.ts';
import type { AlertFilter, AlertStore } from '../../control-plane/ports/alert-store.ts';

export const EVERY_ALERT: AlertFilter = { status: null, name: null, severity: null };

/** A Tuesday in 2026. */
export const ALERTS_START_MS = 1_790_000_000_000;

/** A critical alert that fires since the start, told ten seconds later. */
export function notice(overrides: Partial<AlertNotice> = {}): AlertNotice {
  const { name = 'OmniMindGpuLost' } = overrides;
  return {
    fingerprint: 'a1b2c3d4e5f60718',
    status: 'firing',
    name,
    startsAtMs: ALERTS_START_MS,
    endsAtMs: null,
    labels: { alertname: name, severity: 'critical', component: 'gpu', node: 'gpu-host-7' },
    annotations: { summary: 'A GPU has gone', description: 'gpu-host-7 lost GPU 3 “falls off”' },
    generatorUrl: 'http://prometheus:9090/graph?g0.expr=up',
    receivedAtMs: ALERTS_START_MS + 10_000,
    ...overrides,
  };
}

export function resolved(of: AlertNotice, atMs: number): AlertNotice {
  return { ...of, status: 'resolved', endsAtMs: atMs, receivedAtMs: atMs + 5_000 };
}

interface Subject {
  readonly store: AlertStore;
  readonly settle: () => Promise<void>;
}

export function alertStoreContract(create: () => Promise<Subject>): void {
  let store: AlertStore;
  let settle: Subject['settle'];
  const { signal } = new AbortController();

  beforeEach(async function () {
    this.timeout(60_000);
    ({ store, settle } = await create());
  });

  const all = async (filter: Partial<AlertFilter> = {}): Promise<readonly AlertRecord[]> => {
    const page = await store.list({ ...EVERY_ALERT, ...filter }, 500, null, signal);
    assert.equal(page.nextAfterId, null);
    return page.records;
  };
  const keep = async (...notices: readonly AlertNotice[]): Promise<void> => {
    await store.keep(notices);
    await settle();
  };

  it('gives back what it was told, as it was told', async () => {
    await keep(notice());
    const { receivedAtMs, ...told } = notice();
    assert.deepEqual(await all(), [
      {
        ...told,
        alertId: alertIdOf(ALERTS_START_MS, 'a1b2c3d4e5f60718'),
        firstReceivedAtMs: receivedAtMs,
        lastReceivedAtMs: receivedAtMs,
      },
    ]);
  });

  it('keeps one record of an alert that is told again, and when it was told last', async () => {
    await keep(notice());
    await keep(notice({ receivedAtMs: ALERTS_START_MS + 70_000, annotations: { summary: 'Two' } }));
    const [record, ...others] = await all();
    assert.deepEqual(others, []);
    assert.equal(record?.firstReceivedAtMs, ALERTS_START_MS + 10_000);
    assert.equal(record.lastReceivedAtMs, ALERTS_START_MS + 70_000);
    assert.deepEqual(record.annotations, { summary: 'Two' });
  });

  it('ends the record when the alert is over, also when that was told first', async () => {
    const over = resolved(notice(), ALERTS_START_MS + 60_000);
    await keep(over);
    await keep(notice());
    const [record] = await all();
    assert.equal(record?.status, 'resolved');
    assert.equal(record.endsAtMs, ALERTS_START_MS + 60_000);
    assert.equal(record.firstReceivedAtMs, ALERTS_START_MS + 10_000);
  });

  it('takes both in one call', async () => {
    await keep(notice(), resolved(notice(), ALERTS_START_MS + 60_000));
    assert.deepEqual(
      (await all()).map(({ status }) => status),
      ['resolved'],
    );
  });

  it('begins a new record when the alert fires anew, and ends the one before', async () => {
    await keep(notice());
    await keep(notice({ startsAtMs: ALERTS_START_MS + 300_000 }));
    assert.deepEqual(
      (await all()).map(({ status, startsAtMs, endsAtMs }) => [
        status,
        startsAtMs - ALERTS_START_MS,
        endsAtMs,
      ]),
      [
        ['firing', 300_000, null],
        ['resolved', 0, ALERTS_START_MS + 300_000],
      ],
    );
  });

  it('filters by status, name and severity', async () => {
    const warning = { alertname: 'OmniMindSlow', severity: 'warning' };
    await keep(
      notice(),
      notice({ name: 'OmniMindSlow', labels: warning, fingerprint: '00000000000000aa' }),
      resolved(notice({ fingerprint: '00000000000000bb' }), ALERTS_START_MS + 1),
    );
    const found = async (filter: Partial<AlertFilter>) =>
      (await all(filter)).map(({ fingerprint }) => fingerprint.slice(-2));
    assert.deepEqual(await found({ status: 'resolved' }), ['bb']);
    assert.deepEqual(await found({ name: 'OmniMindSlow' }), ['aa']);
    assert.deepEqual(await found({ severity: 'critical' }), ['18', 'bb']);
    assert.deepEqual(await found({ severity: 'critical', status: 'firing' }), ['18']);
  });

  it('gives pages that together hold each alert once, those that started last first', async () => {
    const notices = Array.from({ length: 23 }, (_, n) =>
      notice({ startsAtMs: ALERTS_START_MS + n, fingerprint: String(n).padStart(16, '0') }),
    );
    await keep(...notices);
    const seen: number[] = [];
    let after: string | null = null;
    do {
      const page = await store.list(EVERY_ALERT, 5, after, signal);
      seen.push(...page.records.map(({ startsAtMs }) => startsAtMs - ALERTS_START_MS));
      after = page.nextAfterId;
    } while (after !== null);
    assert.deepEqual(
      seen,
      Array.from({ length: 23 }, (_, n) => 22 - n),
    );
  });

  it('says when the watchdog was heard of last', async () => {
    await keep(notice());
    assert.equal(store.status().watchdogSeenMs, null);
    const watchdog = notice({ name: WATCHDOG_ALERT, labels: { alertname: WATCHDOG_ALERT } });
    await keep({ ...watchdog, receivedAtMs: ALERTS_START_MS + 60_000 }, watchdog);
    assert.equal(store.status().watchdogSeenMs, ALERTS_START_MS + 60_000);
  });

  it('refuses a read that is aborted', async () => {
    await assert.rejects(
      store.list(EVERY_ALERT, 1, null, AbortSignal.abort()),
      (error) => error instanceof AlertStoreError && error.kind === 'failed',
    );
  });

  it('ends with the same records in whatever order, and however often, it was told', async function () {
    this.timeout(60_000);
    const firing = notice();
    const again = notice({ startsAtMs: ALERTS_START_MS + 100_000 });
    const told = [firing, resolved(firing, ALERTS_START_MS + 50_000), again, again];
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(told, { minLength: told.length }),
        fc.integer({ min: 1, max: 4 }),
        async (order, first) => {
          run += 1;
          const fingerprint = run.toString(16).padStart(16, '0');
          const own = order.map((one) => ({ ...one, fingerprint }));
          await keep(...own.slice(0, first));
          if (first < own.length) await keep(...own.slice(first));
          const found = (await all()).filter((one) => one.fingerprint === fingerprint);
          assert.deepEqual(
            found.map(({ status, endsAtMs }) => [status, endsAtMs]),
            [
              ['firing', null],
              ['resolved', ALERTS_START_MS + 50_000],
            ],
          );
        },
      ),
      { numRuns: 20 },
    );
  });
}
