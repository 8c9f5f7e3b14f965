import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LivePlane } from '../../../../control-plane/backtest/live-plane.ts';
import { simulate } from '../../../../control-plane/backtest/simulate.ts';
import type { View } from '../../../../control-plane/backtest/simulate.ts';
import { decideAll, entryOf } from '../../../../control-plane/loops/tick-decisions.ts';
import { verifyAction } from '../../../../control-plane/loops/verification.ts';
import type { Command } from '../../../../control-plane/model/command.ts';
import type { ScaleOutcome } from '../../../../control-plane/model/decision.ts';
import type { Observation } from '../../../../control-plane/model/observation.ts';
import type { ScalePolicy } from '../../../../control-plane/model/policy.ts';
import type { Replica } from '../../../../control-plane/model/workload.ts';
import { applyCommand } from '../../../../control-plane/state/apply.ts';
import { FORMAT_MAX } from '../../../../control-plane/state/format.ts';
import { INITIAL_STATE } from '../../../../control-plane/state/state.ts';
import type { PlaneState } from '../../../../control-plane/state/state.ts';
import { backtestPolicy, FROM_MS, STEP_MS } from '../../../support/backtest.ts';
import { workload } from '../../../support/log-commands.ts';

const WORLD = {
  fromMs: FROM_MS,
  stepMs: STEP_MS,
  bootMs: 60_000,
  replicaCapacity: 10,
  replicasInitial: 3,
  overload: { kind: 'lost' },
} as const;

/** What the metrics say of a step: a number, nothing, or a number that is too old. */
function seen({ nowMs, load, at }: View): Observation {
  const metric = 'load';
  if (at % 17 === 5) return { kind: 'failed', metric, reason: 'signal_absent', detail: 'gone' };
  const sampledAtMs = at % 19 === 7 ? nowMs - 3_600_000 : nowMs - 5_000;
  return { kind: 'sample', metric, value: load, sampledAtMs, reporting: null };
}

/** The plane of a backtest. */
function backtestRun(policy: ScalePolicy, load: readonly number[]): readonly unknown[] {
  const plane = new LivePlane(policy, WORLD.replicasInitial);
  const run: unknown[] = [];
  const decide = (view: View): number => {
    const { nowMs, ready, booting: starting } = view;
    const sensed = { observations: [seen(view)] };
    const beside = { replicas: null, schedules: [], forecast: null };
    const { outcome } = plane.tick({ nowMs, ready, starting, sensed, ...beside });
    run.push({ at: view.at, desired: plane.desired, outcome });
    return plane.desired;
  };
  simulate(WORLD, load, decide, () => undefined);
  return run;
}

/** The scale loop by hand: verify, decide, commit, as loops/scale-loop.ts does it. */
function liveRun(policy: ScalePolicy, load: readonly number[]): readonly unknown[] {
  let index = 0;
  let state: PlaneState = { ...INITIAL_STATE, formatVersion: FORMAT_MAX };
  const commit = (command: Command): void => {
    index += 1;
    const { state: next, result } = applyCommand(state, { term: 1, index }, command);
    assert.equal(result.kind, 'applied');
    state = next;
  };
  const head = { atMs: 0, expectedVersion: null };
  const own = workload(policy.workloadId, { mode: 'act', replicasInitial: 3 });
  commit({ ...head, kind: 'put_workload', key: 'w', workload: own, source: 'api' });
  commit({ ...head, kind: 'put_policy', key: 'p', policy });
  const run: unknown[] = [];
  const decide = (view: View): number => {
    const { nowMs } = view;
    const replicas = { kind: 'seen', replicas: replicasOf(view, policy.workloadId) } as const;
    const entry = () => state.workloads[policy.workloadId];
    const { inFlight = null } = entry() ?? {};
    if (inFlight !== null) {
      const verdict = verifyAction(inFlight, replicas, nowMs);
      if (verdict.kind === 'ended') {
        const { outcome, readyReplicas } = verdict;
        const { workloadId, decisionId } = inFlight;
        const about = { workloadId, decisionId, outcome, readyReplicas };
        commit({ kind: 'finish_action', key: `f${nowMs}`, atMs: nowMs, ...about });
      }
    }
    const stored = state.policies[policy.id];
    assert.ok(stored);
    const signals = { stored, observations: [seen(view)], readings: [], shadow: null };
    const sight = {
      atMs: nowMs,
      queries: 2,
      signals: new Map([[policy.id, signals]]),
      replicas: new Map([[policy.workloadId, replicas]]),
    };
    const records = decideAll(state, sight, 'trace');
    const entries = records.map(entryOf);
    commit({ kind: 'record_decisions', key: `t${nowMs}`, atMs: nowMs, entries, decidedInTerm: 1 });
    const desired = entry()?.desired ?? NaN;
    run.push({ at: view.at, desired, outcome: records[0]?.outcome });
    return desired;
  };
  simulate(WORLD, load, decide, () => undefined);
  return run;
}

function replicasOf({ ready, booting }: View, workloadId: string): readonly Replica[] {
  return Array.from({ length: ready + booting }, (_, at): Replica => {
    const phase = at < ready ? 'ready' : 'starting';
    const about = { workloadId, address: `h:${at}`, metricsPath: '/metrics', startedAtMs: 0 };
    return { replicaId: `r${at}`, phase, ...about };
  });
}

const load = fc.array(fc.double({ min: 0, max: 400, noNaN: true }), {
  minLength: 1,
  maxLength: 90,
});

const policies = fc.record({
  stabilizationDownMs: fc.constantFrom(0, 60_000, 300_000),
  stabilizationUpMs: fc.constantFrom(0, 30_000),
  cooldownDownMs: fc.constantFrom(0, 120_000),
  cooldownUpMs: fc.constantFrom(0, 45_000),
  actionTimeoutMs: fc.constantFrom(30_000, 75_000, 600_000),
  replicasMax: fc.constantFrom(4, 100),
});

describe('the plane of a backtest', () => {
  it('decides and remembers step by step what the scale loop and the state machine do', () => {
    fc.assert(
      fc.property(load, policies, fc.boolean(), (units, overrides, newer) => {
        const extras: Partial<ScalePolicy> = newer
          ? {
              whileBooting: 'raise',
              flapBudget: { reversalsMax: 2, periodMs: 600_000, windowMaxMs: 900_000 },
              rates: {
                out: {
                  select: 'max',
                  policies: [{ kind: 'replicas', value: 4, periodMs: 60_000 }],
                },
                in: { select: 'max', policies: [{ kind: 'percent', value: 50, periodMs: 60_000 }] },
              },
              onLost: { kind: 'static', replicas: 6, afterMs: 30_000 },
            }
          : {};
        const one = backtestPolicy({ ...overrides, ...extras });
        assert.deepEqual(backtestRun(one, units), liveRun(one, units));
      }),
      { numRuns: 120 },
    );
  });

  it('gives up an action whose replicas boot longer than it may take', () => {
    const policy = backtestPolicy({ actionTimeoutMs: 30_000 });
    const run = backtestRun(policy, [100, 100, 100]) as readonly { readonly desired: number }[];
    assert.deepEqual(
      run.map(({ desired }) => desired),
      [15, 15, 15],
    );
    const outcomes = backtestRun(policy, [100, 100, 100, 100]) as readonly {
      readonly outcome: ScaleOutcome;
    }[];
    // Taken back to the 3 that are ready, and asked for anew in the same tick.
    assert.equal(outcomes[2]?.outcome.stages[0]?.before, 3);
  });

  it('forgets everything but the number of replicas when it is told to', () => {
    const plane = new LivePlane(backtestPolicy({ stabilizationDownMs: 300_000 }), 3);
    const sensed = { observations: [] };
    const beside = { replicas: null, schedules: [], forecast: null };
    plane.tick({ nowMs: FROM_MS, ready: 3, starting: 0, sensed, ...beside });
    const before = plane.tick({ nowMs: FROM_MS + 1, ready: 3, starting: 0, sensed, ...beside });
    assert.equal(before.input.brakes.recommendations.length, 1);
    plane.forget(2, 2);
    const after = plane.tick({ nowMs: FROM_MS + 2, ready: 2, starting: 2, sensed, ...beside });
    assert.equal(after.input.desired, 4);
    assert.deepEqual(after.input.brakes.recommendations, []);
  });
});
