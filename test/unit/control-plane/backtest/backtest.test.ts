import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decisionsOf } from '../../../../control-plane/backtest/backtest.ts';
import { createLivePolicy } from '../../../../control-plane/backtest/live-policy.ts';
import { runPlant } from '../../../../control-plane/backtest/plant.ts';
import { scoreRun } from '../../../../control-plane/backtest/scores.ts';
import type { BacktestRequest, InjectionPlan } from '../../../../control-plane/model/backtest.ts';
import {
  backtestPolicy,
  backtestRequest,
  FROM_MS,
  runRequest,
  STEP_MS,
} from '../../../support/backtest.ts';
import { metric } from '../../../support/scale-input.ts';

const units = fc.array(fc.double({ min: 0, max: 300, noNaN: true }), {
  minLength: 1,
  maxLength: 120,
});

const injections = (overrides: Partial<InjectionPlan>): InjectionPlan => ({
  seed: 1,
  outages: [],
  kills: [],
  compareForgotten: false,
  ...overrides,
});

/** Two hours that rise and fall. */
const WAVE = Array.from({ length: 480 }, (_, at) => 60 + 50 * Math.sin(at / 30));

describe('a backtest', () => {
  it('leaves no policy with less unserved than the oracle', () => {
    fc.assert(
      fc.property(
        units,
        fc.constantFrom(0, 15_000, 60_000, 200_000),
        fc.nat(8),
        fc.constantFrom(0, 300_000),
        (load, bootMs, replicasInitial, stabilizationDownMs) => {
          const plant = {
            ...backtestRequest(load).plant,
            ...{ bootMs, replicasInitial },
          };
          const policy = backtestPolicy({ stabilizationDownMs, replicasMax: 12 });
          const policies = [{ label: 'p', policy, document: '' }];
          const { runs, oracle } = runRequest(backtestRequest(load, { plant, policies }));
          const missed = runs[0]?.measures.unservedRatio ?? 0;
          assert.ok(oracle.measures.unservedRatio <= missed + 1e-12);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('answers the same for the same request, bit for bit, also after a way through JSON', () => {
    const request = backtestRequest(WAVE, {
      injections: injections({
        outages: [
          {
            kind: 'any',
            durationMs: 300_000,
            when: { kind: 'every', periodMs: 1_800_000 },
            metric: null,
          },
        ],
        kills: [{ gapMs: 30_000, when: { kind: 'every', periodMs: 3_600_000 } }],
        compareForgotten: true,
      }),
    });
    const copy = JSON.parse(JSON.stringify(request)) as BacktestRequest;
    const first = runRequest(request);
    assert.deepEqual(runRequest(copy), first);
    assert.deepEqual(JSON.parse(JSON.stringify(first)), first);
    assert.equal(first.runs.length, 2);
    assert.equal(decisionsOf(request), 960);
  });

  it('scores as the plant of the benchmarks does where overload is lost', () => {
    const request = backtestRequest(WAVE);
    const [run] = runRequest(request).runs;
    const plant = {
      ...{ stepMs: STEP_MS, bootMs: 60_000, replicaCapacity: 10 },
      ...{ replicasMin: 1, replicasMax: 100, replicasInitial: 5 },
    };
    const policy = backtestPolicy();
    const live = createLivePolicy({ policy, replicasInitial: plant.replicasInitial });
    const scores = scoreRun(plant, runPlant(plant, WAVE, live));
    assert.ok(run);
    assert.ok(Math.abs(run.measures.unservedRatio - scores.unservedRatio) < 1e-9);
    assert.ok(Math.abs(run.measures.slackRatio - scores.slackRatio) < 1e-9);
    assert.equal(run.measures.replicaHours, scores.replicaHours);
    assert.equal(run.measures.actions, scores.actions);
    assert.equal(run.measures.reversalsPerDay, scores.reversalsPerDay);
  });

  it('never scales in while a metric is gone, and says when it did while one lied', () => {
    const outage = (kind: 'absent' | 'zero') =>
      runRequest(
        backtestRequest(WAVE, {
          injections: injections({
            outages: [
              {
                kind,
                durationMs: 1_200_000,
                when: { kind: 'at', atMs: FROM_MS + 1_500_000 },
                metric: 'load',
              },
            ],
          }),
        }),
      ).runs[0]?.scaleInsDuringOutages ?? NaN;
    assert.equal(outage('absent'), 0);
    assert.ok(outage('zero') > 0);
  });

  it('decides nothing while the leader is dead, and keeps the number', () => {
    const atMs = FROM_MS + 60_000;
    const load = [35, 35, 35, 35, 200, 200, 200, 200];
    const kills = [{ gapMs: 45_000, when: { kind: 'at' as const, atMs } }];
    const request = backtestRequest(load, { injections: injections({ kills }) });
    const desired = runRequest(request).runs[0]?.series.desired.max;
    // The ticks at 60, 75 and 90 s are missing; at 105 s the next leader acts.
    assert.deepEqual(desired, [5, 5, 5, 5, 5, 5, 29, 29]);
  });

  it('keeps the memory over a kill, and shows beside it what a plane that forgets would do', () => {
    const load = WAVE.map((one) => one + 20);
    const kills = [{ gapMs: 30_000, when: { kind: 'every' as const, periodMs: 600_000 } }];
    const policy = backtestPolicy({ stabilizationDownMs: 300_000 });
    const policies = [{ label: 'p', policy, document: '' }];
    const runs = (compareForgotten: boolean) =>
      runRequest(
        backtestRequest(load, { policies, injections: injections({ kills, compareForgotten }) }),
      ).runs;
    const [kept, forgotten] = runs(true);
    assert.deepEqual(runs(false), [kept]);
    assert.equal(forgotten?.label, 'p, memory lost at each kill');
    assert.notDeepEqual(forgotten.series, kept?.series);
  });

  it('recomputes what depends on the number of replicas, and replays what is a total', () => {
    const load = [50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50];
    const policy = backtestPolicy({
      metrics: [metric({ name: 'cpu', kind: 'value', target: 0.5 })],
    });
    const policies = [{ label: 'cpu', policy, document: '' }];
    const signals = { cpu: { rule: 'busy' as const, full: 1 } };
    const [run] = runRequest(backtestRequest(load, { policies, signals })).runs;
    // 5 ready and full: 10 are asked for, and half full they are enough.
    assert.deepEqual(
      run?.changes.map(({ fromReplicas, toReplicas }) => [fromReplicas, toReplicas]),
      [[5, 10]],
    );
  });

  it('tells misses with what had been decided since one boot time before', () => {
    const load = [...Array<number>(10).fill(30), ...Array<number>(10).fill(90)];
    const result = runRequest(backtestRequest(load));
    const miss = result.runs[0]?.misses[0];
    assert.ok(miss);
    assert.equal(miss.fromMs, FROM_MS + 11 * STEP_MS);
    assert.equal(miss.replicasNeeded, 9);
    assert.equal(miss.readyThen, 5);
    assert.equal(miss.shareOfAll, 1);
    assert.ok(
      miss.episodes.some(({ verdict, toReplicas }) => verdict === 'act' && toReplicas === 13),
    );
    assert.match(miss.episodes[0]?.stages.join(' ') ?? '', /combine: 5, at_desired/);
  });

  it('keeps the extremes of every bucket when it shows fewer points than steps', () => {
    const load = Array.from({ length: 400 }, (_, at) => (at === 237 ? 95 : 20));
    const result = runRequest(backtestRequest(load, { pointsMax: 50 }));
    assert.equal(result.bucketsAtMs.length, 50);
    assert.equal(Math.max(...result.loadSeries.max), 95);
    assert.equal(result.loadSeries.min[Math.floor(237 / 8)], 20);
    assert.equal(result.bucketsAtMs[1], FROM_MS + 8 * STEP_MS);
  });

  it('says what to beware of', () => {
    const policy = backtestPolicy({ actionTimeoutMs: 30_000, replicasMax: 4 });
    const policies = [{ label: 'hasty', policy, document: '' }];
    const { warnings } = runRequest(backtestRequest(WAVE, { policies }));
    assert.match(warnings.join('\n'), /hasty: its actionTimeout of 30 s is over before/);
    assert.match(warnings.join('\n'), /peak needs 11 replicas, its maximum is 4/);
    assert.deepEqual(runRequest(backtestRequest(WAVE)).warnings, []);
    const timeoutOf = (actionTimeoutMs: number) => {
      const just = backtestPolicy({ actionTimeoutMs });
      const one = [{ label: 'just', policy: just, document: '' }];
      return runRequest(backtestRequest(WAVE, { policies: one })).warnings.length;
    };
    assert.equal(timeoutOf(75_000), 0);
    assert.equal(timeoutOf(74_999), 1);
  });

  it('begins with what the load of the first boot time needs when nothing else is said', () => {
    const plant = { ...backtestRequest(WAVE).plant, replicasInitial: null };
    const load = [10, 10, 10, 10, 71, 10, 10, 10, 300];
    assert.equal(runRequest(backtestRequest(load, { plant })).plant.replicasInitial, 8);
  });

  it('counts load served too late where overload waits, and what never was', () => {
    const load = [...Array<number>(4).fill(50), ...Array<number>(4).fill(150), 0, 0, 0, 0, 0, 0];
    const overload = { kind: 'queue', lateAfterMs: 15_000, timeoutMs: null } as const;
    const plant = { ...backtestRequest(load).plant, overload };
    const [run] = runRequest(backtestRequest(load, { plant })).runs;
    assert.ok(run);
    assert.equal(run.measures.unservedRatio, 0);
    assert.ok((run.measures.lateRatio ?? 0) > 0.1);
    assert.ok(Math.max(...run.series.waiting) >= 100 * 15);
  });
});
