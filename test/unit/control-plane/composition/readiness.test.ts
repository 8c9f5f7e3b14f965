import assert from 'node:assert/strict';
import { createReadinessChecks } from '../../../../control-plane/composition/readiness.ts';
import type { ReadinessParts } from '../../../../control-plane/composition/readiness.ts';
import { createScalePlane, never } from '../../../support/scale-plane.ts';
import type { ScalePlane } from '../../../support/scale-plane.ts';

type Known = {
  failure: string | null;
  lastError: string | null;
  connected: boolean;
};

describe('readiness', () => {
  let p: ScalePlane;
  let known: Known;
  beforeEach(() => {
    p = createScalePlane();
    known = { failure: null, lastError: null, connected: true };
  });
  afterEach(() => p.stop());

  const checks = (tickIntervalMs: number) => {
    const parts: ReadinessParts = {
      consensus: { status: () => p.memory.status(), failure: () => known.failure },
      source: { status: () => ({ breaker: 'closed', lastError: known.lastError }) },
      decisions: {
        status: () => ({ connected: known.connected, buffered: 3, dropped: 0, lastError: 'away' }),
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
});
