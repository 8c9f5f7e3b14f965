/** SLOs over the API: what is told with numbers, without, and while Prometheus is away. */

import assert from 'node:assert/strict';
import { z } from 'zod';
import { pageOf } from '../../../control-plane/http/representations.ts';
import { sloView } from '../../../control-plane/http/slo-representations.ts';
import { SloReader } from '../../../control-plane/loops/slo-reader.ts';
import type { InstantReading } from '../../../control-plane/ports/metrics-source.ts';
import { problemOf, startTestPlane, type TestPlane } from '../../support/http-plane.ts';
import { sloOf } from '../../support/slos.ts';

const NOW_MS = 1_700_000_000_000;

describe('SLOs over the API', () => {
  let plane: TestPlane;
  let answer: (query: string) => InstantReading;

  beforeEach(async () => {
    answer = () => ({ kind: 'vector', samples: [] });
    const slos = new SloReader({
      slos: ['a', 'b', 'c'].map((id) => sloOf({ id })),
      source: {
        readInstant: (queries) => Promise.resolve(queries.map((query) => answer(query))),
        readRange: () => assert.fail('not asked'),
      },
      clock: { nowMs: () => NOW_MS, monotonicMs: () => 0 },
    });
    plane = await startTestPlane({ slos, withKeys: true });
  });
  afterEach(() => plane.stop());

  const get = (path: string) =>
    plane.send({ path, headers: { authorization: `Bearer ${plane.keys.viewer}` } });

  const read = async (id: string) => {
    const { status, json, text } = await get(`/v1/slos/${id}`);
    assert.equal(status, 200, text);
    return sloView.parse(json);
  };

  it('tell ratios, burn rates, and the budget as share and as minutes of full outage', async () => {
    const values: Readonly<Record<string, number>> = {
      'slo:sli_error:ratio_rate1h': 0.02,
      'slo:burn_rate:ratio_rate1h': 2,
      'slo:error_budget_remaining:ratio': 0.25,
      'slo:window_coverage:ratio': 0.5,
      'timestamp(slo:total_events:increase5m)': NOW_MS / 1_000 - 9,
    };
    answer = (query) => {
      const value = values[query.replace(/\{[^}]*\}/, '')];
      const labels = { slo: 'b', scope: 'workload' };
      const samples = value === undefined ? [] : [{ labels, value, evaluatedAtMs: NOW_MS }];
      return { kind: 'vector', samples };
    };
    const slo = await read('b');
    assert.deepEqual(slo.data, { status: 'available', reason: null, detail: null });
    assert.equal(slo.asOfMs, NOW_MS);
    assert.equal(slo.budgetMinutes, 432);
    const [only] = slo.measurements;
    assert.ok(only);
    assert.deepEqual(only.windows[2], { window: '1h', errorRatio: 0.02, burnRate: 2 });
    assert.deepEqual(only.windows[0], { window: '5m', errorRatio: null, burnRate: null });
    assert.equal(only.budgetRemainingRatio, 0.25);
    assert.equal(only.budgetRemainingMinutes, 108);
    assert.equal(only.coverageRatio, 0.5);
    assert.equal(only.dataAgeMs, 9_000);
    assert.equal((await read('a')).data.status, 'not_recorded');
  });

  it('tell the objectives while Prometheus is away, why there are no numbers, and none', async () => {
    answer = () => ({ kind: 'failed', reason: 'signal_unavailable', detail: 'refused' });
    const slo = await read('a');
    assert.deepEqual(slo.data, {
      status: 'unavailable',
      reason: 'signal_unavailable',
      detail: 'refused',
    });
    assert.deepEqual(slo.measurements, []);
    assert.equal(slo.objective, 0.99);
  });

  it('come in pages', async () => {
    const page = pageOf(sloView, 'Page');
    const first = page.parse((await get('/v1/slos?limit=2')).json);
    assert.deepEqual(
      z
        .array(sloView)
        .parse(first.items)
        .map(({ id }) => id),
      ['a', 'b'],
    );
    const rest = page.parse((await get(`/v1/slos?limit=2&cursor=${first.nextCursor ?? ''}`)).json);
    assert.deepEqual(
      z
        .array(sloView)
        .parse(rest.items)
        .map(({ id }) => id),
      ['c'],
    );
    assert.equal(rest.nextCursor, null);
  });

  it('are told to viewers, and to nobody without a key', async () => {
    assert.equal((await plane.send({ path: '/v1/slos' })).status, 401);
  });

  it('are not found under another id', async () => {
    const answered = await get('/v1/slos/nothing');
    assert.equal(answered.status, 404);
    assert.equal(problemOf(answered).code, 'slo_not_found');
  });
});
