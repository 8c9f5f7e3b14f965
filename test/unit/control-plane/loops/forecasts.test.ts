import assert from 'node:assert/strict';
import { FORECAST_STEP_MS } from '../../../../control-plane/forecast/defaults.ts';
import { Forecasts, runRefill } from '../../../../control-plane/loops/forecasts.ts';
import type { ScalePolicy } from '../../../../control-plane/model/policy.ts';
import type {
  MetricsSource,
  RangeQuery,
  RangeReading,
} from '../../../../control-plane/ports/metrics-source.ts';
import { createSeries } from '../../../../control-plane/telemetry/series.ts';
import { metric, policy, sample } from '../../../support/scale-input.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 20_000 * DAY_MS;

/** A load that follows the hours of the day. */
const loadAt = (atMs: number): number => 50 + 40 * Math.sin((atMs / DAY_MS) * 2 * Math.PI);

const forecasting = (overrides: Partial<ScalePolicy> = {}): ScalePolicy =>
  policy({
    metrics: [metric({ name: 'load', kind: 'average_value', target: 7 })],
    forecast: { metric: 'load', bootMs: 180_000, capacity: 10, historyMs: 8 * DAY_MS },
    ...overrides,
  });

function leader(answer: (query: RangeQuery) => RangeReading = history) {
  const now = { wallMs: NOW_MS, monotonicMs: 0 };
  const asked: RangeQuery[] = [];
  const lines: string[] = [];
  const source: MetricsSource = {
    readInstant: () => Promise.reject(new Error('not asked')),
    readRange: (queries) => {
      asked.push(...queries);
      return Promise.resolve(queries.map(answer));
    },
  };
  const log = (_: object, message: string): void => void lines.push(message);
  const logger = { debug: log, info: log, warn: log, error: log };
  const clock = { nowMs: () => now.wallMs, monotonicMs: () => now.monotonicMs };
  const forecasts = new Forecasts({ source, clock, logger, refillTimeoutMs: 5_000 });
  return { forecasts, now, asked, lines, clock, logger };
}

function history({ startMs, endMs, stepMs }: RangeQuery): RangeReading {
  const points: [number, number][] = [];
  for (let atMs = startMs; atMs <= endMs; atMs += stepMs) points.push([atMs, loadAt(atMs)]);
  return { kind: 'matrix', series: [{ labels: {}, points }] };
}

const signal = new AbortController().signal;

describe('the forecasts of a leader', () => {
  it('are none for a policy that forecasts nothing', () => {
    assert.equal(leader().forecasts.forecastOf('p', policy(), NOW_MS), undefined);
  });

  it('warm up until the history was read, each sample of it once', async () => {
    const { forecasts, asked } = leader();
    assert.equal(forecasts.forecastOf('p', forecasting(), NOW_MS)?.kind, 'warming');
    const one = forecasting();
    forecasts.forecastOf('p', one, NOW_MS);
    await forecasts.refill(signal);
    assert.equal(forecasts.forecastOf('p', one, NOW_MS)?.kind, 'ready');
    const times = asked.flatMap(({ startMs, endMs, stepMs }) => {
      const each: number[] = [];
      for (let atMs = startMs; atMs <= endMs; atMs += stepMs) each.push(atMs);
      return each;
    });
    assert.equal(new Set(times).size, times.length);
    assert.equal(times.length, (8 * DAY_MS) / FORECAST_STEP_MS + 1);
    assert.ok(asked.every(({ startMs, endMs, stepMs }) => (endMs - startMs) / stepMs < 11_000));
  });

  it('foresee a daily load after a week of it, and say by which model and how well', async () => {
    const { forecasts } = leader();
    const one = forecasting();
    forecasts.forecastOf('p', one, NOW_MS);
    await forecasts.refill(signal);
    const told = forecasts.forecastOf('p', one, NOW_MS);
    assert.ok(told?.kind === 'ready');
    const [near] = told.forecasts;
    assert.ok(near?.kind === 'forecast', JSON.stringify(told.forecasts));
    assert.equal(near.horizonMs, 180_000 + FORECAST_STEP_MS);
    const median = near.quantiles.find(({ level }) => level === 0.5)?.load ?? 0;
    assert.ok(Math.abs(median - loadAt(NOW_MS + near.horizonMs)) < 3, `${median}`);
    assert.ok(near.skillRatio > 0 && near.scored > 60);
    assert.deepEqual([...new Set(told.rules.map(({ kind }) => kind))], ['raise', 'hold']);
  });

  it('go on as the history would: fed live they say what a new leader reads', async () => {
    const one = forecasting();
    const old = leader();
    old.now.wallMs = NOW_MS - 30 * FORECAST_STEP_MS;
    old.forecasts.forecastOf('p', one, old.now.wallMs);
    await old.forecasts.refill(signal);
    for (let step = 29; step >= 0; step -= 1) {
      const atMs = NOW_MS - step * FORECAST_STEP_MS;
      const observations = [sample(loadAt(atMs), { metric: 'load', sampledAtMs: atMs })];
      old.forecasts.feed('p', one, observations, atMs);
      old.forecasts.feed('p', one, observations, atMs + 15_000);
    }
    const next = leader();
    next.forecasts.forecastOf('p', one, NOW_MS);
    await next.forecasts.refill(signal);
    const [told, read] = [old, next].map(({ forecasts }) => forecasts.forecastOf('p', one, NOW_MS));
    assert.ok(told?.kind === 'ready' && read?.kind === 'ready');
    const loads = (of: typeof told) =>
      of.forecasts.map((each) =>
        each.kind === 'forecast' ? each.quantiles.map(({ load }) => load) : each,
      );
    // The first eight days of either begin half an hour apart.
    for (const [index, quantiles] of loads(told).entries()) {
      const others = loads(read)[index];
      assert.ok(Array.isArray(quantiles) && Array.isArray(others));
      for (const [at, load] of quantiles.entries())
        assert.ok(Math.abs(load - (others[at] ?? 0)) < 1);
    }
  });

  it('stay warming while the history cannot be read, and ask again ever more seldom', async () => {
    const down: RangeReading = { kind: 'failed', reason: 'signal_unavailable', detail: 'refused' };
    const { forecasts, now, asked } = leader(() => down);
    const one = forecasting();
    const told = () => forecasts.forecastOf('p', one, NOW_MS);
    told();
    await forecasts.refill(signal);
    const first = told();
    assert.match(first?.kind === 'warming' ? first.detail : '', /could not be read: refused/u);
    const after = asked.length;
    await forecasts.refill(signal);
    assert.equal(asked.length, after);
    now.monotonicMs += 5_000;
    await forecasts.refill(signal);
    assert.ok(asked.length > after);
    const later = asked.length;
    now.monotonicMs += 5_000;
    await forecasts.refill(signal);
    assert.equal(asked.length, later);
  });

  it('are ready without a history: then no model is proven', async () => {
    const { forecasts } = leader(() => ({ kind: 'matrix', series: [] }));
    const one = forecasting();
    forecasts.forecastOf('p', one, NOW_MS);
    await forecasts.refill(signal);
    const told = forecasts.forecastOf('p', one, NOW_MS);
    assert.ok(told?.kind === 'ready');
    assert.ok(told.forecasts.every((each) => each.kind === 'none'));
  });

  it('take no sample that is old or lost', async () => {
    const { forecasts } = leader(() => ({ kind: 'matrix', series: [] }));
    const one = forecasting({ signalAgeMaxMs: 30_000 });
    forecasts.forecastOf('p', one, NOW_MS);
    await forecasts.refill(signal);
    const fed = (atMs: number, sampledAtMs: number | null) => {
      forecasts.feed('p', one, [sample(9, { metric: 'load', sampledAtMs })], atMs);
      const told = forecasts.forecastOf('p', one, atMs);
      return told?.kind === 'ready'
        ? told.forecasts.map((each) => each.kind === 'none' && each.reason)
        : [];
    };
    fed(NOW_MS + FORECAST_STEP_MS, NOW_MS + FORECAST_STEP_MS);
    const stale = fed(NOW_MS + 60 * FORECAST_STEP_MS, NOW_MS);
    assert.deepEqual([...new Set(stale)], ['forecast_stale']);
  });

  it('keep what was learnt when a policy changes in what they do not read, and begin anew otherwise', async () => {
    const { forecasts } = leader();
    forecasts.forecastOf('p', forecasting(), NOW_MS);
    const one = forecasting();
    forecasts.forecastOf('p', one, NOW_MS);
    await forecasts.refill(signal);
    assert.equal(
      forecasts.forecastOf('p', forecasting({ replicasMax: 99 }), NOW_MS)?.kind,
      'ready',
    );
    const other = forecasting({
      metrics: [metric({ name: 'load', kind: 'average_value', query: 'x' })],
    });
    assert.equal(forecasts.peek('p', other, NOW_MS)?.kind, 'warming');
    assert.equal(
      forecasts.forecastOf('p', forecasting({ replicasMax: 98 }), NOW_MS)?.kind,
      'ready',
    );
    assert.equal(forecasts.forecastOf('p', other, NOW_MS)?.kind, 'warming');
  });

  it('are gone with leadership, and with their policy', async () => {
    const { forecasts, clock, logger } = leader();
    const one = forecasting();
    forecasts.forecastOf('p', one, NOW_MS);
    const options = { forecasts, clock, logger, series: createSeries({ version: '0' }) };
    await runRefill({ ...options, consensus: { leaseTerm: () => 3 } }, signal);
    assert.equal(forecasts.forecastOf('p', one, NOW_MS)?.kind, 'ready');
    forecasts.retain(new Set(['p']));
    assert.equal(forecasts.forecastOf('p', one, NOW_MS)?.kind, 'ready');
    await runRefill({ ...options, consensus: { leaseTerm: () => null } }, signal);
    assert.equal(forecasts.forecastOf('p', one, NOW_MS)?.kind, 'warming');
    options.series.stop();
  });
});
