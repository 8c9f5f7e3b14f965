import assert from 'node:assert/strict';
import { LiveForecast } from '../../../../control-plane/backtest/live-forecast.ts';
import { replicaFacts } from '../../../../control-plane/backtest/replica-facts.ts';
import { Sensors } from '../../../../control-plane/backtest/sensors.ts';
import { planSignals } from '../../../../control-plane/backtest/signals.ts';
import type { View } from '../../../../control-plane/backtest/simulate.ts';
import type { Outage, SignalMapping } from '../../../../control-plane/model/backtest.ts';
import type { Observation } from '../../../../control-plane/model/observation.ts';
import type { ScalePolicy } from '../../../../control-plane/model/policy.ts';
import type { StrategySpec } from '../../../../control-plane/model/strategy.ts';
import { backtestPolicy, backtestRequest, FROM_MS, stageOf } from '../../../support/backtest.ts';
import { metric } from '../../../support/scale-input.ts';

const { world } = stageOf(backtestRequest([1]), [1]);

function view(at: number, overrides: Partial<View> = {}): View {
  return {
    ...{ at, nowMs: FROM_MS + (at + 1) * world.stepMs, load: 30, ready: 2, booting: 1 },
    ...{ served: 300, waiting: 150 },
    cohorts: () => ({ serving: [], orders: [] }),
    ...overrides,
  };
}

function sensorsOf(
  policy: ScalePolicy,
  mappings: Readonly<Record<string, SignalMapping>> = {},
  recorded: readonly Observation[] = [],
): Sensors {
  const { signals, faults } = planSignals(policy, mappings);
  assert.deepEqual(faults, []);
  return new Sensors(
    world,
    policy,
    signals.map((signal) => ({ signal, recorded })),
  );
}

const VALUE = backtestPolicy({ metrics: [metric({ name: 'cpu', kind: 'value', target: 0.7 })] });

describe('the sensors of a backtest', () => {
  it('make what depends on the replicas from the plant, now', () => {
    const read = (rule: SignalMapping['rule'], full: number, overrides: Partial<View> = {}) => {
      const { observations } = sensorsOf(VALUE, { cpu: { rule, full } }).read(
        view(0, overrides),
        [],
        null,
      );
      const [seen] = observations;
      return seen?.kind === 'sample' ? seen.value : seen?.reason;
    };
    assert.equal(read('utilization', 1), 1.5);
    assert.equal(read('utilization', 100), 150);
    assert.equal(read('busy', 1), 1);
    assert.equal(read('busy', 100, { served: 75 }), 25);
    assert.equal(read('queue', 1), 150);
    assert.equal(read('busy', 1, { ready: 0 }), 'signal_absent');
    assert.equal(read('queue', 1, { ready: 0 }), 150);
  });

  it('say that every ready replica reports, where the policy asks', () => {
    const coverage = { query: 'c', minimumRatio: 0.9 };
    const policy = backtestPolicy({ metrics: [metric({ coverage })] });
    const then: Observation = {
      ...{ kind: 'sample', metric: 'load', value: 7, sampledAtMs: 5, reporting: null },
    };
    const [seen] = sensorsOf(policy, {}, [then]).read(view(0), [], null).observations;
    assert.deepEqual(seen, { ...then, reporting: 2 });
  });

  it('go on with the last sample while a signal is stale, and break only what was named', () => {
    const policy = backtestPolicy({ metrics: [metric(), metric({ name: 'other' })] });
    const recorded = [1, 2, 3].map((value, at): Observation => {
      const { nowMs: sampledAtMs } = view(at);
      return { kind: 'sample', metric: 'x', value, sampledAtMs, reporting: null };
    });
    const sensors = sensorsOf(policy, {}, recorded);
    const outage: Outage = { kind: 'stale', fromMs: 0, toMs: 1, metric: 'load' };
    sensors.read(view(0), [], null);
    const { observations } = sensors.read(view(1), [outage], null);
    assert.deepEqual(
      observations.map((seen) => (seen.kind === 'sample' ? [seen.metric, seen.value] : null)),
      [
        ['load', 1],
        ['other', 2],
      ],
    );
    assert.equal(observations[0]?.kind === 'sample' && observations[0].sampledAtMs, view(0).nowMs);
  });

  it('give strategies points of their window, the oldest edge left out', () => {
    const strategy: StrategySpec = {
      ...{ kind: 'threshold', name: 't', group: null, fromReplicas: false, query: 'q' },
      ...{
        timestampQuery: 't',
        stepMs: world.stepMs,
        gapRatioMax: 0,
        windowMs: 2 * world.stepMs,
        upperBound: 1,
      },
      ...{ lowerBound: null, withinBoundsTrigger: 1, action: { kind: 'delta', replicas: 1 } },
    };
    const policy = backtestPolicy({ metrics: [], strategies: [strategy] });
    const sensors = sensorsOf(policy, { t: { rule: 'queue', full: 1 } });
    const pointsAt = (at: number) => {
      const part = sensors.read(view(at, { waiting: at }), [], null).readings?.[0]?.parts['points'];
      return part?.kind === 'points' ? part.points.map(({ value }) => value) : null;
    };
    assert.deepEqual(pointsAt(0), [0]);
    assert.deepEqual(pointsAt(1), [0, 1]);
    assert.deepEqual(pointsAt(2), [1, 2]);
  });

  it('give strategies each ready replica, alike, and none of those that boot', () => {
    const strategy: StrategySpec = {
      ...{ kind: 'utilization', name: 'u', group: null, fromReplicas: false, query: 'q' },
      ...{ timestampQuery: 't', replicaLabel: 'instance', windowMs: 60_000, readiness: 'judged' },
      ...{ initializationMs: 0, initialReadinessDelayMs: 0, missing: 'hold' },
      ...{ requestQuery: 'r', percent: 70 },
    };
    const policy = backtestPolicy({ metrics: [], strategies: [strategy] });
    const facts = replicaFacts(world, {
      serving: [{ readyAt: 0, count: 2 }],
      orders: [{ readyAt: 3, count: 1 }],
    });
    assert.deepEqual(
      facts.map(({ phase }) => phase),
      ['ready', 'ready', 'starting'],
    );
    const parts = sensorsOf(policy).read(view(0, { served: 150 }), [], facts).readings?.[0]?.parts;
    const usage = parts?.['usage'];
    const request = parts?.['request'];
    assert.ok(usage?.kind === 'replicas' && request?.kind === 'replicas');
    assert.deepEqual(
      usage.samples.map(({ value }) => value),
      [0.5, 0.5],
    );
    assert.deepEqual(
      request.samples.map(({ value }) => value),
      [1, 1],
    );
  });
});

describe('the forecast of a backtest', () => {
  it('learns from what is fresh, once a minute, and not from what is too old', () => {
    const spec = { metric: 'load', bootMs: 60_000, capacity: 10, historyMs: 0 };
    const policy = backtestPolicy({ forecast: spec, signalAgeMaxMs: 60_000 });
    const reasonAfter = (ageMs: number) => {
      const forecast = new LiveForecast(policy, spec, []);
      let nowMs = FROM_MS;
      for (let at = 0; at < 30; at += 1, nowMs += 60_000) {
        const sampledAtMs = nowMs - ageMs;
        const seen = { kind: 'sample', metric: 'load', value: 5, sampledAtMs } as const;
        forecast.observe(nowMs, [{ ...seen, reporting: null }]);
      }
      const input = forecast.read(nowMs + 20 * 60_000);
      const first = input.kind === 'ready' ? input.forecasts[0] : undefined;
      return first?.kind === 'none' ? first.reason : null;
    };
    assert.equal(reasonAfter(60_000), 'forecast_stale');
    assert.equal(reasonAfter(60_001), 'forecast_unproven');
  });
});
