import assert from 'node:assert/strict';
import { FORECAST_STEP_MS } from '../../../../../control-plane/forecast/defaults.ts';
import { createCronerCalendar } from '../../../../../control-plane/adapters/calendar/croner.ts';
import { runJob } from '../../../../../control-plane/loops/backtest/job.ts';
import type { BacktestRequest } from '../../../../../control-plane/model/backtest.ts';
import type {
  MetricsSource,
  RangeQuery,
  RangeReading,
} from '../../../../../control-plane/ports/metrics-source.ts';
import {
  backtestPolicy,
  backtestRequest,
  FROM_MS,
  runRequest,
  STEP_MS,
} from '../../../../support/backtest.ts';
import { metric } from '../../../../support/scale-input.ts';

const LOAD = Array.from({ length: 240 }, (_, at) => Math.round(60 + 50 * Math.sin(at / 20)));

/** A source that answers each query with what `value` says of a time; null is a gap. */
function sourceOf(
  value: (query: string, atMs: number) => number | null,
  asked: RangeQuery[] = [],
): MetricsSource {
  const answer = (range: RangeQuery): RangeReading => {
    asked.push(range);
    const points: [number, number][] = [];
    for (let atMs = range.startMs; atMs <= range.endMs; atMs += range.stepMs) {
      const found = value(range.query, atMs);
      if (found !== null) points.push([atMs, found]);
    }
    return { kind: 'matrix', series: points.length === 0 ? [] : [{ labels: {}, points }] };
  };
  return {
    readInstant: () => assert.fail('not asked'),
    readRange: (queries) => Promise.resolve(queries.map(answer)),
  };
}

function run(request: BacktestRequest, source: MetricsSource | null) {
  const calendar = createCronerCalendar();
  return runJob(request, { source, calendar, signal: new AbortController().signal });
}

const fromSource = (load: readonly number[], overrides: Partial<BacktestRequest> = {}) =>
  backtestRequest(load, {
    source: { kind: 'prometheus' },
    load: { kind: 'first_total' },
    ...overrides,
  });

const isTime = (query: string): boolean => query.includes('timestamp');
const loadAt = (atMs: number): number => LOAD[(atMs - FROM_MS) / STEP_MS - 1] ?? 0;

describe('a job of backtesting', () => {
  it('reads value and age from the source, and runs as on the same points', async () => {
    const source = sourceOf((query, atMs) => (isTime(query) ? atMs / 1_000 : loadAt(atMs)));
    const outcome = await run(fromSource(LOAD), source);
    assert.ok(outcome.kind === 'done');
    assert.deepEqual(outcome.result.runs, runRequest(backtestRequest(LOAD)).runs);
  });

  it('asks in pieces that a server answers, without a gap or an overlap between them', async () => {
    const asked: RangeQuery[] = [];
    const load = new Array<number>(12_001).fill(20);
    const outcome = await run(
      fromSource(load),
      sourceOf(() => 20, asked),
    );
    assert.equal(outcome.kind, 'done');
    const values = asked.filter(({ query }) => !isTime(query));
    assert.equal(values.length, 3);
    let next = FROM_MS + STEP_MS;
    for (const { startMs, endMs, stepMs } of values) {
      assert.equal(startMs, next);
      assert.ok((endMs - startMs) / stepMs < 11_000);
      next = endMs + STEP_MS;
    }
    assert.equal(next, FROM_MS + 12_002 * STEP_MS);
  });

  it('keeps a gap a gap, and sees a series that only looks alive by its age', async () => {
    const holdsOf = async (value: Parameters<typeof sourceOf>[0]) => {
      const outcome = await run(fromSource(LOAD), sourceOf(value));
      assert.ok(outcome.kind === 'done');
      return new Map(outcome.result.runs[0]?.holds.map(({ reason, ticks }) => [reason, ticks]));
    };
    const lost = FROM_MS + 100 * STEP_MS;
    const gap = await holdsOf((query, atMs) => {
      if (atMs > lost && atMs <= lost + 10 * STEP_MS) return null;
      return isTime(query) ? atMs / 1_000 : loadAt(atMs);
    });
    assert.equal(gap.get('signal_absent'), 10);
    // The lookback of the server shows the last sample on; only its timestamp stands still.
    const frozen = await holdsOf((query, atMs) => {
      const shown = atMs > lost && atMs <= lost + 20 * STEP_MS ? lost : atMs;
      return isTime(query) ? shown / 1_000 : loadAt(shown);
    });
    assert.equal(frozen.get('signal_stale'), 16);
    const ageless = await holdsOf((query, atMs) => (isTime(query) ? null : loadAt(atMs)));
    assert.equal(ageless.get('signal_stale'), LOAD.length);
  });

  it('fails, and says why, when the source does', async () => {
    const failing = (reason: 'signal_unavailable' | 'signal_rejected'): MetricsSource => ({
      readInstant: () => assert.fail('not asked'),
      readRange: (queries) =>
        Promise.resolve(queries.map(() => ({ kind: 'failed', reason, detail: 'no way' }))),
    });
    assert.deepEqual(await run(fromSource(LOAD), failing('signal_unavailable')), {
      kind: 'source_failed',
      detail: 'signal_unavailable: no way, of the query workload:load:sum{workload="w"}',
    });
    const refused = await run(fromSource(LOAD), failing('signal_rejected'));
    assert.equal(refused.kind, 'refused');
  });

  it('refuses what cannot be run, with every reason at once', async () => {
    const cpu = backtestPolicy({ metrics: [metric({ name: 'cpu', kind: 'value' })] });
    const request = backtestRequest(LOAD, {
      policies: [{ label: 'cpu', policy: cpu, document: '' }],
      toMs: FROM_MS + 700_000 * STEP_MS,
      signals: { gpu: { rule: 'busy', full: 1 } },
      injections: {
        seed: 1,
        outages: [
          {
            kind: 'absent',
            durationMs: 1,
            when: { kind: 'every', periodMs: 60_000 },
            metric: 'gpu',
          },
        ],
        kills: [],
        compareForgotten: false,
      },
    });
    const outcome = await run(request, null);
    assert.ok(outcome.kind === 'refused');
    const text = outcome.faults.join('\n');
    assert.match(text, /700000 steps are more than 600000; take longer steps/);
    assert.match(text, /175000 outages are more than 5000/);
    assert.match(text, /no policy reads a signal gpu; the signals are: cpu/);
    assert.match(text, /no policy reads a signal gpu that could fail/);
    assert.match(text, /the signal cpu has no rule/);
  });

  it('refuses a load that is nowhere, a series that is not there and a total that is not to be had', async () => {
    const faultsOf = async (request: BacktestRequest): Promise<string> => {
      const outcome = await run(request, null);
      assert.ok(outcome.kind === 'refused', outcome.kind);
      return outcome.faults.join('\n');
    };
    const empty = backtestRequest(LOAD, { fromMs: FROM_MS - 1e9, toMs: FROM_MS - 9e8 });
    assert.match(await faultsOf(empty), /the load \(load\) has no value/);
    const series = { a: [], b: [] };
    const source = { kind: 'points', series, lookbackMs: 1_000 } as const;
    assert.match(
      await faultsOf(backtestRequest(LOAD, { source })),
      /no series for load; there are: a, b/,
    );
    const cpu = backtestPolicy({ metrics: [metric({ name: 'cpu', kind: 'value' })] });
    const untotalled = backtestRequest(LOAD, {
      policies: [{ label: 'cpu', policy: cpu, document: '' }],
      signals: { cpu: { rule: 'busy', full: 1 } },
      load: { kind: 'first_total' },
    });
    assert.match(await faultsOf(untotalled), /no signal of the first policy is a total/);
    assert.match(await faultsOf(fromSource(LOAD)), /no metrics source to read from/);
  });

  it('lets schedules rule in their windows', async () => {
    const policy = backtestPolicy({
      schedules: [
        {
          name: 'rush',
          kind: 'floor',
          cron: '30 22 * * *',
          timeZone: 'UTC',
          durationMs: 600_000,
          replicas: 40,
        },
      ],
    });
    const load = new Array<number>(240).fill(20);
    const policies = [{ label: 'p', policy, document: '' }];
    const outcome = await run(backtestRequest(load, { policies }), null);
    assert.ok(outcome.kind === 'done');
    const desired = outcome.result.runs[0]?.series.desired.max ?? [];
    // The range begins at 22:15:00 and has 15 s steps: step 59 ends at 22:30:00.
    assert.equal(desired[58], 3);
    assert.equal(desired[59], 40);
  });

  it('trains a forecast on what came before the beginning, in the steps of the live one', async () => {
    const policy = backtestPolicy({
      forecast: { metric: 'load', bootMs: 60_000, capacity: 10, historyMs: 3_600_000 },
    });
    const asked: RangeQuery[] = [];
    const policies = [{ label: 'p', policy, document: '' }];
    const source = sourceOf((query, atMs) => (isTime(query) ? atMs / 1_000 : 20), asked);
    const outcome = await run(fromSource(LOAD, { policies }), source);
    assert.ok(outcome.kind === 'done');
    const before = asked.filter(({ stepMs }) => stepMs === FORECAST_STEP_MS);
    const endMs = Math.floor(FROM_MS / 60_000) * 60_000;
    assert.deepEqual(
      before.map((range) => [range.startMs, range.endMs]),
      [[endMs - 59 * 60_000, endMs]],
    );
    assert.deepEqual(outcome.result.warnings, []);
  });
});
