import assert from 'node:assert/strict';
import { createReadinessChecks } from '../../../../control-plane/composition/readiness.ts';
import type { ReadinessParts } from '../../../../control-plane/composition/readiness.ts';
import { createScalePlane, never } from '../../../support/scale-plane.ts';
import type { ScalePlane } from '../../../support/scale-plane.ts';

type Known = {
  failure: string | null;
  stalledForMs: number;
  leaderId: string | null;
  lastError: string | null;
  connected: boolean;
  members: readonly string[];
};

function viewOf(memberId: string) {
  const progress = { matchIndex: null, lagEntries: null, contactAgeMs: null, replication: null };
  const role = 'unknown' as const;
  const told = { apiUrl: null, formatMax: null };
  return { memberId, address: '', ...told, membership: 'voter' as const, role, ...progress };
}

describe('readiness', () => {
  let p: ScalePlane;
  let known: Known;
  beforeEach(() => {
    p = createScalePlane();
    known = {
      failure: null,
      stalledForMs: 0,
      leaderId: 'm2',
      lastError: null,
      connected: true,
      members: [p.memory.status().memberId, 'm2'],
    };
  });
  afterEach(() => p.stop());

  const checks = (tickIntervalMs: number) => {
    const parts: ReadinessParts = {
      consensus: {
        status: () => ({
          ...p.memory.status(),
          leadership: { kind: 'follower', term: 3, leaderId: known.leaderId },
        }),
        failure: () => known.failure,
        members: () => known.members.map(viewOf),
      },
      diskStalledForMs: () => known.stalledForMs,
      source: { status: () => ({ breaker: 'closed', lastError: known.lastError }) },
      decisions: {
        status: () => ({
          ...{ connected: known.connected, buffered: 3, dropped: 0, lastError: 'away' },
          ...{ spoolBytes: 300, spoolBytesMax: 1024 },
        }),
      },
      clock: p.clock,
      tickIntervalMs,
      lastTickEndedMs: () => p.loop.lastEndedMs,
    };
    const all = createReadinessChecks(parts);
    return (name: string) => all.map((check) => check()).find((found) => found.name === name);
  };

  it('fails when a tick hangs, whatever it hangs on', async () => {
    const check = checks(5_000);
    await p.put('w', {});
    await p.tick();
    assert.equal(check('scale_loop')?.status, 'ok');
    // The loop's own deadlines are held by another test; here the tick is taken to have none.
    p.source.readInstant = () => never();
    const stop = new AbortController();
    const hanging = p.loop.tick(stop.signal);
    p.now.monotonicMs += 15_000;
    assert.equal(check('scale_loop')?.status, 'ok', 'three ticks may fall out');
    p.now.monotonicMs += 1;
    assert.equal(check('scale_loop')?.status, 'failed');
    stop.abort();
    await assert.rejects(hanging);
  });

  it('fails when every tick fails', async () => {
    const check = checks(1_000);
    await p.put('w', {});
    await p.tick();
    p.memory.failWith('storage_failed');
    for (let tick = 0; tick < 11; tick += 1) await assert.rejects(p.tick(1_000));
    assert.equal(check('scale_loop')?.status, 'failed');
  });

  it('is degraded before the first tick, and failed when none comes', () => {
    const check = checks(1_000);
    assert.equal(check('scale_loop')?.status, 'degraded');
    p.now.monotonicMs += 10_001;
    assert.equal(check('scale_loop')?.status, 'failed');
  });

  it('is degraded, not failed, without Prometheus and without the database', () => {
    known = { ...known, lastError: 'refused', connected: false };
    const check = checks(1_000);
    assert.deepEqual(
      [check('prometheus'), check('decision_store')].map((found) => found?.status),
      ['degraded', 'degraded'],
    );
    assert.equal(check('decision_store')?.detail, 'away; 3 records wait on disk, 0 were given up');
  });

  it('fails with the log', () => {
    known = { ...known, failure: 'EIO' };
    assert.deepEqual(checks(1_000)('log'), { name: 'log', status: 'failed', detail: 'EIO' });
  });

  it('is degraded while the disk of the log hangs, and ok again after it', () => {
    const check = checks(1_000);
    assert.equal(check('log')?.status, 'ok');
    known.stalledForMs = 1_500;
    const detail = 'its disk has hung for 1500 ms';
    assert.deepEqual(check('log'), { name: 'log', status: 'degraded', detail });
    known = { ...known, stalledForMs: 0 };
    assert.deepEqual(check('log'), {
      name: 'log',
      status: 'ok',
      detail: 'follower of term 3 at index 0',
    });
  });

  it('is degraded while no leader is known, failed after five seconds, and well with the next', () => {
    const check = checks(1_000);
    const detail = 'm2 leads term 3';
    assert.deepEqual(check('quorum'), { name: 'quorum', status: 'ok', detail });
    known.leaderId = null;
    assert.equal(check('quorum')?.status, 'degraded');
    p.now.monotonicMs += 5_000;
    assert.equal(check('quorum')?.status, 'degraded');
    p.now.monotonicMs += 1;
    const cutOff = 'no_quorum: no leader is known for 5001 ms';
    assert.deepEqual(check('quorum'), { name: 'quorum', status: 'failed', detail: cutOff });
    known.leaderId = 'm3';
    assert.equal(check('quorum')?.status, 'ok');
    p.now.monotonicMs += 60_000;
    known.leaderId = null;
    const justLost = 'no_quorum: no leader is known for 0 ms';
    assert.equal(check('quorum')?.detail, justLost, 'nobody had looked for a minute');
  });

  it('says of a member that is none why it hears of no leader', () => {
    const check = checks(1_000);
    known.leaderId = null;
    known.members = [];
    assert.match(check('quorum')?.detail ?? '', /it waits to be added/);
    known.members = ['m7', 'm8', 'm9'];
    assert.match(check('quorum')?.detail ?? '', /it was removed from the cluster/);
  });

  it('is not ready when it never hears of a leader', () => {
    known.leaderId = null;
    const check = checks(1_000);
    assert.equal(check('quorum')?.status, 'degraded');
    p.now.monotonicMs += 5_001;
    assert.equal(check('quorum')?.status, 'failed');
  });
});
