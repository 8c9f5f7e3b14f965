/** What is shown of forecasts, shadows, budgets and what operators do by hand, and when it is taken back. */

import assert from 'node:assert/strict';
import { FORECAST_STEP_MS } from '../../../../control-plane/forecast/defaults.ts';
import { AutoscalingTelemetry } from '../../../../control-plane/loops/autoscaling-telemetry.ts';
import { Forecasts } from '../../../../control-plane/loops/forecasts.ts';
import type { DecisionRecord } from '../../../../control-plane/model/decision.ts';
import type { ForecastInput } from '../../../../control-plane/model/forecast.ts';
import type { ScalePolicy } from '../../../../control-plane/model/policy.ts';
import type { RangeQuery } from '../../../../control-plane/ports/metrics-source.ts';
import { metric, NOW_MS, policy } from '../../../support/scale-input.ts';
import { createScalePlane, TICK_MS } from '../../../support/scale-plane.ts';
import type { ScaleParts, ScalePlane } from '../../../support/scale-plane.ts';

const HOUR_MS = 3_600_000;
const NO_COVERAGE = { coverageOf: () => [] };

describe('what the scale loop shows beside decisions', () => {
  const planes: ScalePlane[] = [];
  /** In the newest format of the log: without it, none of this can be put. */
  const plane = async (parts: ScaleParts = {}) => {
    const made = createScalePlane(parts);
    planes.push(made);
    await made.propose({ kind: 'raise_format', formatVersion: 4 });
    return made;
  };

  afterEach(() => {
    for (const made of planes.splice(0)) made.stop();
  });

  describe('of what operators do by hand', () => {
    const shown = (p: ScalePlane) => p.metrics('omnimind_intervention_');
    const pause = (p: ScalePlane, untilMs: number | null) =>
      p.propose({
        kind: 'set_pause',
        workloadId: 'w',
        pause: { direction: 'in', sinceMs: p.now.wallMs, untilMs, note: 'a launch' },
      });

    it('is a pause with its beginning and its end, until that end', async () => {
      const p = await plane();
      await p.put('w', {});
      const sinceS = NOW_MS / 1_000;
      await pause(p, NOW_MS + HOUR_MS);
      await p.tick();
      assert.deepEqual(await shown(p), [
        'omnimind_intervention_info{workload="w",kind="pause_in"} 1',
        `omnimind_intervention_start_timestamp_seconds{workload="w",kind="pause_in"} ${sinceS}`,
        `omnimind_intervention_end_timestamp_seconds{workload="w",kind="pause_in"} ${sinceS + 3_600}`,
      ]);
      await p.tick(HOUR_MS - TICK_MS - 1);
      assert.equal((await shown(p)).length, 3);
      await p.tick(1);
      assert.deepEqual(await shown(p), []);
    });

    it('is no end for what has none, and nothing once it was taken back', async () => {
      const p = await plane();
      await p.put('w', {});
      const override = { replicas: 3, sinceMs: NOW_MS, untilMs: null, note: '' };
      await p.propose({ kind: 'set_override', workloadId: 'w', override });
      await pause(p, null);
      await p.tick();
      assert.deepEqual(await p.metrics('omnimind_intervention_info'), [
        'omnimind_intervention_info{workload="w",kind="pause_in"} 1',
        'omnimind_intervention_info{workload="w",kind="override"} 1',
      ]);
      assert.deepEqual(await p.metrics('omnimind_intervention_end'), []);
      await p.propose({ kind: 'set_pause', workloadId: 'w', pause: null });
      await p.propose({ kind: 'set_override', workloadId: 'w', override: null });
      await p.tick();
      assert.deepEqual(await shown(p), []);
    });

    it('is there for a workload that no policy decides for, and goes with it', async () => {
      const p = await plane();
      await p.put('w', {});
      await p.propose({ kind: 'remove_policy', policyId: 'w-load', expectedVersion: null });
      await pause(p, null);
      await p.tick();
      assert.equal((await shown(p)).length, 2);
      await p.propose({ kind: 'remove_workload', workloadId: 'w', expectedVersion: null });
      await p.tick();
      assert.deepEqual(await shown(p), []);
    });
  });

  describe('of turns', () => {
    const reversals = async (p: ScalePlane) =>
      (await p.metrics('omnimind_scale_reversals_total{'))[0];

    it('is how often a decision went the other way than the last one that acted', async () => {
      const p = await plane();
      await p.put('w', {});
      const seen: (string | undefined)[] = [];
      for (const load of [30, 50, 50, 20, 10, 40]) {
        p.source.loads.set('w', load);
        // One tick decides, another one sees that it came true.
        for (let at = 0; at < 3; at += 1) await p.tick();
        seen.push((await reversals(p))?.split(' ')[1]);
      }
      assert.deepEqual(seen, ['0', '0', '0', '1', '1', '2']);
    });

    it('leaves out what an operator set', async () => {
      const p = await plane();
      await p.put('w', {});
      p.source.loads.set('w', 30);
      for (let at = 0; at < 3; at += 1) await p.tick();
      const override = { replicas: 1, sinceMs: p.now.wallMs, untilMs: null, note: '' };
      await p.propose({ kind: 'set_override', workloadId: 'w', override });
      for (let at = 0; at < 3; at += 1) await p.tick();
      assert.equal(p.entry('w').desired, 1);
      assert.equal(await reversals(p), 'omnimind_scale_reversals_total{workload="w"} 0');
    });

    it('knows nothing of a workload of the same name that is gone', async () => {
      const p = await plane();
      await p.put('w', {});
      p.source.loads.set('w', 30);
      for (let at = 0; at < 3; at += 1) await p.tick();
      await p.propose({ kind: 'remove_policy', policyId: 'w-load', expectedVersion: null });
      await p.propose({ kind: 'remove_workload', workloadId: 'w', expectedVersion: null });
      await p.tick();
      await p.put('w', { workload: { replicasInitial: 5 } });
      for (let at = 0; at < 3; at += 1) await p.tick();
      assert.equal(p.entry('w').desired, 3);
      assert.equal(await reversals(p), 'omnimind_scale_reversals_total{workload="w"} 0');
    });
  });

  it('is what a shadow wants and how often it turned, for as long as there is one', async () => {
    const p = await plane();
    await p.put('w', {});
    p.source.loads.set('w', 30);
    const load = metric({ query: 'load{workload="w"}', timestampQuery: 'age{workload="w"}' });
    const half = { ...load, target: 5 };
    const shadow = policy({ id: 'w-load', workloadId: 'w', metrics: [half] });
    await p.propose({ kind: 'put_shadow', policy: shadow });
    for (let at = 0; at < 3; at += 1) await p.tick();
    assert.deepEqual(await p.metrics('omnimind_shadow_'), [
      'omnimind_shadow_replicas{workload="w"} 6',
      'omnimind_shadow_reversals{workload="w"} 0',
    ]);
    assert.equal(p.entry('w').desired, 3);
    p.source.loads.set('w', 10);
    for (let at = 0; at < 3; at += 1) await p.tick();
    assert.deepEqual(await p.metrics('omnimind_shadow_'), [
      'omnimind_shadow_replicas{workload="w"} 2',
      'omnimind_shadow_reversals{workload="w"} 1',
    ]);
    await p.propose({ kind: 'remove_shadow', policyId: 'w-load' });
    await p.tick();
    assert.deepEqual(await p.metrics('omnimind_shadow_'), []);
  });

  it('is what of each budget is used, in its units, also of one that nobody shares', async () => {
    const p = await plane();
    const put = (id: string, limit: number) =>
      p.propose({
        kind: 'put_budget',
        budget: { id, description: '', unit: 'gpu', limit },
        expectedVersion: null,
      });
    await put('gpus', 5);
    await put('spare', 7);
    const budgets = [{ budgetId: 'gpus', unitsPerReplica: 2 }];
    for (const id of ['v', 'w']) await p.put(id, { policy: { budgets } });
    p.source.loads.set('v', 10);
    p.source.loads.set('w', 90);
    await p.tick();
    assert.deepEqual(await p.metrics('omnimind_budget_'), [
      'omnimind_budget_limit{budget="gpus"} 5',
      'omnimind_budget_limit{budget="spare"} 7',
      'omnimind_budget_used{budget="gpus"} 4',
      'omnimind_budget_used{budget="spare"} 0',
    ]);
    await p.propose({ kind: 'remove_budget', budgetId: 'spare', expectedVersion: null });
    await p.tick();
    assert.equal((await p.metrics('omnimind_budget_')).length, 2);
  });

  describe('of a forecast', () => {
    const spec = { metric: 'load', bootMs: 180_000, capacity: 12, historyMs: 12 * HOUR_MS };
    /** As of a decision for `w` that had this forecast; without a forecast where there is none. */
    const record = (p: ScalePlane, forecast: ForecastInput | null): DecisionRecord => {
      const last = p.loop.lastDecision('w');
      assert.ok(last !== null);
      const asked = { ...last.input.policy, forecast: spec };
      return {
        ...last,
        input: { ...last.input, policy: asked, ...(forecast !== null && { forecast }) },
      };
    };
    const reading = {
      kind: 'forecast',
      horizonMs: 240_000,
      model: 'day',
      quantiles: [
        { level: 0.5, load: 40 },
        { level: 0.99, load: 55 },
      ],
      scored: 321,
      skillRatio: 0.25,
    } as const;
    const none = (reason: 'forecast_stale' | 'forecast_unproven') =>
      ({ kind: 'none', horizonMs: 1_200_000, reason }) as const;

    const begin = async () => {
      const p = await plane();
      await p.put('w', {});
      p.source.loads.set('w', 30);
      await p.tick();
      const telemetry = new AutoscalingTelemetry(p.series);
      const show = (forecast: ForecastInput | null) =>
        telemetry.show(p.memory.readState(), [record(p, forecast)], p.now.wallMs, {
          coverageOf: (key) => {
            assert.equal(key, 'w-load');
            return [{ horizonMs: 240_000, shares: [{ level: 0.99, ratio: 0.975 }] }];
          },
        });
      const state = async () =>
        (await p.metrics('omnimind_forecast_state{'))
          .filter((line) => line.endsWith(' 1'))
          .map((line) => /state="(\w+)"/.exec(line)?.[1]);
      return { p, telemetry, show, state };
    };

    it('is its state: warming, unproven, stale, or trusted as soon as one horizon is', async () => {
      const { p, show, state } = await begin();
      const states: (string | undefined)[] = [];
      const rules = [] as const;
      const cases: readonly ForecastInput[] = [
        { kind: 'warming', detail: '' },
        { kind: 'ready', rules, forecasts: [none('forecast_unproven')] },
        { kind: 'ready', rules, forecasts: [none('forecast_stale'), none('forecast_stale')] },
        { kind: 'ready', rules, forecasts: [none('forecast_unproven'), reading] },
      ];
      for (const forecast of cases) {
        show(forecast);
        states.push(...(await state()));
      }
      assert.deepEqual(states, ['warming', 'unproven', 'stale', 'trusted']);
      assert.equal((await p.metrics('omnimind_forecast_state{')).length, 4);
    });

    it('is the load of now, and the quantiles, score and coverage of what is trusted', async () => {
      const { p, show } = await begin();
      show({ kind: 'ready', rules: [], forecasts: [reading, none('forecast_unproven')] });
      const lines = await p.metrics('omnimind_forecast_');
      assert.deepEqual(
        lines.filter((line) => !line.includes('_state{')),
        [
          'omnimind_forecast_load{workload="w",horizon="240",level="0.5"} 40',
          'omnimind_forecast_load{workload="w",horizon="240",level="0.99"} 55',
          'omnimind_forecast_metric_load{workload="w"} 30',
          'omnimind_forecast_coverage_ratio{workload="w",horizon="240",level="0.99"} 0.975',
          'omnimind_forecast_skill_ratio{workload="w",horizon="240"} 0.25',
          'omnimind_forecast_scored{workload="w",horizon="240"} 321',
        ],
      );
    });

    it('is no load where it could not be read', async () => {
      const { p, show } = await begin();
      p.source.loads.delete('w');
      await p.tick();
      show({ kind: 'warming', detail: '' });
      assert.deepEqual(await p.metrics('omnimind_forecast_metric_load'), []);
    });

    it('is nothing of what it said once it is trusted no more, and nothing at all without it', async () => {
      const { p, show } = await begin();
      show({ kind: 'ready', rules: [], forecasts: [reading] });
      show({ kind: 'ready', rules: [], forecasts: [none('forecast_unproven')] });
      assert.deepEqual(await p.metrics('omnimind_forecast_load'), []);
      assert.deepEqual(await p.metrics('omnimind_forecast_skill_ratio'), []);
      show(null);
      assert.deepEqual(await p.metrics('omnimind_forecast_'), []);
    });

    it('is nothing of a policy that was removed, be it the last one', async () => {
      const p = await plane();
      await p.put('w', { policy: { forecast: spec } });
      p.source.loads.set('w', 30);
      await p.tick();
      assert.deepEqual(
        (await p.metrics('omnimind_forecast_state{')).filter((line) => line.endsWith(' 1')),
        ['omnimind_forecast_state{workload="w",state="warming"} 1'],
      );
      await p.propose({ kind: 'remove_policy', policyId: 'w-load', expectedVersion: null });
      await p.tick();
      assert.deepEqual(await p.metrics('omnimind_forecast_'), []);
    });

    it('is taken back by a member that leads no more', async () => {
      const { p, telemetry, show } = await begin();
      show({ kind: 'ready', rules: [], forecasts: [reading] });
      telemetry.rests();
      assert.deepEqual(await p.metrics('omnimind_forecast_'), []);
      telemetry.show(p.memory.readState(), [], p.now.wallMs, NO_COVERAGE);
      assert.deepEqual(await p.metrics('omnimind_forecast_'), []);
    });
  });
});

describe('the coverage of a forecast', () => {
  const asked: ScalePolicy = policy({
    forecast: { metric: 'load', bootMs: 180_000, capacity: 12, historyMs: 24 * HOUR_MS },
  });

  /** A load that rises and falls twice a day, with a minute's noise on it. */
  const loadAt = (atMs: number): number => {
    const swing = Math.sin((atMs / (12 * HOUR_MS)) * 2 * Math.PI);
    return 100 + 60 * swing + 5 * Math.sin(atMs / 777_777) * Math.sin(atMs / 123_457);
  };

  const read = () => {
    const now = { ms: NOW_MS };
    const readRange = (queries: readonly RangeQuery[]) =>
      Promise.resolve(
        queries.map(({ startMs, endMs, stepMs }) => {
          const points: [number, number][] = [];
          for (let atMs = startMs; atMs <= endMs; atMs += stepMs) {
            points.push([atMs, loadAt(atMs)]);
          }
          return { kind: 'matrix', series: [{ labels: {}, points }] } as const;
        }),
      );
    const forecasts = new Forecasts({
      source: { readRange, readInstant: () => Promise.resolve([]) },
      clock: { nowMs: () => now.ms, monotonicMs: () => now.ms },
      logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
      refillTimeoutMs: 5_000,
    });
    return { forecasts, now };
  };
  const ignore = () => undefined;

  it('is nothing before the history was read, and of a policy that forecasts nothing', () => {
    const { forecasts, now } = read();
    assert.deepEqual(forecasts.coverageOf('p'), []);
    forecasts.forecastOf('p', asked, now.ms);
    assert.deepEqual(forecasts.coverageOf('p'), []);
    forecasts.forecastOf('q', policy(), now.ms);
    assert.deepEqual(forecasts.coverageOf('q'), []);
  });

  it('is a share near each level of the trusted model, at each horizon that has one', async () => {
    const { forecasts, now } = read();
    forecasts.forecastOf('p', asked, now.ms);
    await forecasts.refill(new AbortController().signal);
    const said = forecasts.forecastOf('p', asked, now.ms);
    assert.ok(said?.kind === 'ready');
    const trusted = said.forecasts.filter(({ kind }) => kind === 'forecast');
    const found = forecasts.coverageOf('p');
    assert.ok(found.length > 0);
    assert.deepEqual(
      found.map(({ horizonMs }) => horizonMs),
      trusted.map(({ horizonMs }) => horizonMs),
    );
    for (const { shares } of found) {
      assert.deepEqual(
        shares.map(({ level }) => level),
        [0.5, 0.75, 0.9, 0.95, 0.99],
      );
      for (const { level, ratio } of shares) {
        assert.ok(Math.abs(ratio - level) < 0.1, `${ratio} within ${level}`);
      }
    }
  });

  it('is nothing once the forecast is stale', async () => {
    const { forecasts, now } = read();
    forecasts.forecastOf('p', asked, now.ms);
    await forecasts.refill(new AbortController().signal);
    forecasts.forecastOf('p', asked, now.ms + 60 * FORECAST_STEP_MS);
    assert.deepEqual(forecasts.coverageOf('p'), []);
  });
});
