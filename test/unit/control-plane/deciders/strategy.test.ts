/** From what was read to a strategy's proposal, in a whole decision. Their arithmetic has its own tables. */

import assert from 'node:assert/strict';
import { decideScale } from '../../../../control-plane/deciders/scale.ts';
import type {
  Proposal,
  ScaleInput,
  StrategyMemory,
} from '../../../../control-plane/model/decision.ts';
import type { PartReading } from '../../../../control-plane/model/observation.ts';
import { STRATEGY_KINDS } from '../../../../control-plane/model/strategy.ts';
import type { StrategyKind, StrategySpec } from '../../../../control-plane/model/strategy.ts';
import { partsOf } from '../../../../control-plane/model/strategy-parts.ts';
import {
  NOW_MS,
  policy,
  pointsPart,
  reading,
  replicaFacts,
  replicasPart,
  samplePart,
  strategy,
  strategyInput,
} from '../../../support/scale-input.ts';
import { having, remembering } from '../../../support/scale-verdicts.ts';

function proposalOf(input: ScaleInput): Proposal {
  const [proposal] = decideScale(input).proposals;
  assert.ok(proposal !== undefined);
  return proposal;
}

function answer(input: ScaleInput): number | string {
  const proposal = proposalOf(input);
  if (proposal.kind === 'none') return proposal.reason;
  return proposal.limited === null ? proposal.replicas : `${proposal.replicas} ${proposal.limited}`;
}

const parts = (spec: StrategySpec, read: Readonly<Record<string, PartReading>>) => ({
  readings: [{ strategy: spec.name, parts: { ...reading(spec, 1).parts, ...read } }],
});

describe('each strategy in a decision, with 4 wanted', () => {
  const cases: readonly [StrategyKind, value: number, number | string][] = [
    ['utilization', 1, 6],
    ['replica_value', 15, 6],
    ['target_value', 20, 8],
    ['pass_through', 7, 7],
    ['threshold', 80, 5],
    ['threshold', 60, 4],
    ['fixed_value', 0, 3],
    ['concurrency', 70, 7],
    ['target_tracking', 15, 4],
    ['step', 80, 7],
    ['inference', 3, 5],
    ['queue', 70, 7],
    ['capacity', 8, 7],
    ['formula', 30, 6],
  ];
  for (const [kind, value, expected] of cases) {
    it(`${kind} asks for ${expected} at ${value}`, () => {
      assert.equal(answer(strategyInput([strategy(kind)], value)), expected);
    });
  }

  for (const kind of STRATEGY_KINDS) {
    const spec = strategy(kind);
    for (const { name, shape } of partsOf(spec)) {
      it(`${kind} has none without its ${name}`, () => {
        const rest = Object.entries(reading(spec, 1).parts).filter(([part]) => part !== name);
        const readings = [{ strategy: 's', parts: Object.fromEntries(rest) }];
        const input = strategyInput([spec], 1, { readings });
        assert.equal(answer(input), 'signal_absent');
      });

      it(`${kind} has none where reading its ${name} failed`, () => {
        const failed: PartReading = { kind: 'failed', reason: 'signal_rejected', detail: '' };
        const input = strategyInput([spec], 1, parts(spec, { [name]: failed }));
        assert.equal(answer(input), 'signal_rejected');
      });

      it(`${kind} has none where its ${name} is of another shape`, () => {
        const other = shape === 'sample' ? pointsPart([1], 1) : samplePart(1);
        const input = strategyInput([spec], 1, parts(spec, { [name]: other }));
        assert.equal(answer(input), 'signal_malformed');
      });
    }
  }

  for (const kind of [
    'target_value',
    'pass_through',
    'target_tracking',
    'step',
    'queue',
  ] as const) {
    it(`${kind} judges age, number and coverage`, () => {
      const spec = strategy(kind, { coverage: { query: 'c', minimumRatio: 0.75 } });
      const at = (ageMs: number | null, reporting: number | null = 4, value: number | null = 1) => {
        const sampledAtMs = ageMs === null ? null : NOW_MS - ageMs;
        const value1 = samplePart(value, { sampledAtMs, reporting });
        return answer(strategyInput([spec], 1, parts(spec, { value: value1 })));
      };
      assert.equal(typeof at(30_000), 'number');
      assert.equal(at(30_001), 'signal_stale');
      assert.equal(at(null), 'signal_stale');
      assert.equal(at(0, 4, null), 'signal_not_a_number');
      assert.equal(typeof at(0, 3), 'number');
      assert.equal(at(0, 2), '4 signal_partial');
      assert.equal(at(0, null), 'signal_partial');
    });
  }

  for (const kind of ['threshold', 'concurrency'] as const) {
    it(`${kind} judges the age of the sample under its points, which are asked for now`, () => {
      const spec = strategy(kind);
      const at = (ageMs: number | null) => {
        const { points } = reading(spec, 1).parts;
        assert.ok(points?.kind === 'points');
        const sampledAtMs = ageMs === null ? null : NOW_MS - ageMs;
        return answer(
          strategyInput([spec], 1, parts(spec, { points: { ...points, sampledAtMs } })),
        );
      };
      assert.equal(typeof at(30_000), 'number');
      assert.equal(at(30_001), 'signal_stale');
      assert.equal(at(null), 'signal_stale');
    });
  }

  it('tells the age of the oldest sample, and none where nothing has one', () => {
    const age = (spec: StrategySpec) => proposalOf(strategyInput([spec], 1)).ageMs;
    assert.equal(age(strategy('queue')), 5_000);
    assert.equal(age(strategy('fixed_value')), null);
  });
});

describe('strategies that look at each replica', () => {
  const spec = strategy('replica_value');
  const given = (usage: PartReading, overrides: Partial<ScaleInput> = {}) =>
    strategyInput([spec], 1, { ...parts(spec, { usage }), ...overrides });

  it('goes in on all of them, and not on three of four', () => {
    assert.equal(answer(given(replicasPart([5, 5, 5, 5]))), 2);
    assert.equal(answer(given(replicasPart([5, 5, 5]))), '4 signal_partial');
  });

  it('does not miss one that starts, nor one that stops', () => {
    for (const phase of ['starting', 'stopping'] as const) {
      const replicas = [...replicaFacts(3), ...replicaFacts(4, { phase }).slice(3)];
      assert.equal(answer(given(replicasPart([5, 5, 5]), { replicas })), 2, phase);
    }
  });

  it('misses one that starts as HPA does', () => {
    const replicas = [...replicaFacts(3), ...replicaFacts(4, { phase: 'starting' }).slice(3)];
    const asHpa = policy({ metrics: [], strategies: [spec], compatibility: 'hpa-v2' });
    assert.equal(answer(given(replicasPart([5, 5, 5]), { replicas, policy: asHpa })), 3);
  });

  it('listens to one that starts and reports', () => {
    const replicas = [...replicaFacts(3), ...replicaFacts(4, { phase: 'starting' }).slice(3)];
    assert.equal(answer(given(replicasPart([5, 5, 5, 45]), { replicas })), 6);
  });

  it('does not trust the rest where one is no number', () => {
    assert.equal(answer(given(replicasPart([5, 5, 5, null]))), '4 signal_not_a_number');
  });

  it('needs to know what each asks for', () => {
    const use = strategy('utilization');
    const input = strategyInput([use], 1, parts(use, { request: replicasPart([1, 1, 1]) }));
    assert.equal(answer(input), 'request_unknown');
  });

  it('inference takes seconds for ms, and no answer for no fault', () => {
    const latency = strategy('inference', {
      timeToFirstTokenQuery: 'ttft',
      timeToFirstToken: { targetMs: 500, scaleInRatio: 0.5 },
    });
    const at = (seconds: number | null) =>
      answer(
        strategyInput(
          [latency],
          0,
          parts(latency, {
            queue: replicasPart([0, 0, 0, 0]),
            kv_cache: replicasPart([0, 0, 0, 0]),
            time_to_first_token: replicasPart([seconds, seconds, seconds, seconds]),
          }),
        ),
      );
    assert.equal(at(0.6), 5);
    assert.equal(at(0.4), 4);
    assert.equal(at(0.1), 3);
    assert.equal(at(null), 3);
  });

  it('inference holds while one starts, and while one is silent', () => {
    const use = strategy('inference');
    const starting = { actual: { kind: 'known', ready: 4, starting: 1 }, desired: 5 } as const;
    assert.equal(answer(strategyInput([use], 0, starting)), 5);
    const read = { queue: replicasPart([0, 0, 0]), kv_cache: replicasPart([0, 0, 0]) };
    assert.equal(answer(strategyInput([use], 0, parts(use, read))), '4 signal_partial');
  });
});

describe('strategies with a memory', () => {
  const memory = (input: ScaleInput): StrategyMemory | undefined =>
    decideScale(input).memory?.strategies['s'];
  const PERIOD_MS = 60_000;
  const END_MS = Math.floor(NOW_MS / PERIOD_MS) * PERIOD_MS;
  const alarm = (kind: 'ok' | 'alarm', beyond: number, ageMs = PERIOD_MS) => ({
    kind,
    beyond,
    lastAtMs: END_MS - ageMs,
  });
  const off = alarm('ok', 0);

  const tracking = (
    value: number,
    high: ReturnType<typeof alarm>,
    low: ReturnType<typeof alarm>,
    brakes: Partial<ScaleInput['brakes']> = {},
  ) =>
    strategyInput([strategy('target_tracking')], value, {
      ...remembering(
        { strategies: { s: { kind: 'target_tracking', high, low, value: 10, fault: null } } },
        brakes,
      ),
    });

  it('target tracking goes out in the third period in a row', () => {
    assert.equal(answer(tracking(15, alarm('ok', 1), off)), 4);
    assert.equal(answer(tracking(15, alarm('ok', 2), off)), 6);
  });

  it('target tracking goes in in the fifteenth', () => {
    assert.equal(answer(tracking(5, off, alarm('ok', 13))), 4);
    assert.equal(answer(tracking(5, off, alarm('ok', 14))), 2);
  });

  it('target tracking lets a period speak once: not again after the number changed', () => {
    const again = (lastOutAtMs: number | null, lastInAtMs: number | null = null) =>
      answer(tracking(15, alarm('ok', 2), off, { lastOutAtMs, lastInAtMs }));
    assert.equal(again(END_MS - 1), 6);
    assert.equal(again(END_MS), 4);
    assert.equal(again(null, END_MS), 4);
    assert.equal(again(null, END_MS - 1), 6);
  });

  it('target tracking takes in one value in a period', () => {
    const known = tracking(15, alarm('ok', 1, 0), alarm('ok', 0, 0));
    assert.equal(memory(known), undefined);
    const next = memory(tracking(15, alarm('ok', 1), off));
    assert.ok(next?.kind === 'target_tracking');
    assert.deepEqual(next.high, { kind: 'ok', beyond: 2, lastAtMs: END_MS });
    assert.equal(next.value, 15);
  });

  it('target tracking begins anew after a value that it cannot use', () => {
    const given = tracking(15, alarm('ok', 2), off);
    const stale = {
      readings: [
        { strategy: 's', parts: { value: samplePart(15, { sampledAtMs: NOW_MS - 30_001 }) } },
      ],
    };
    assert.equal(answer({ ...given, ...stale }), 'signal_stale');
    const next = memory({ ...given, ...stale });
    assert.ok(next?.kind === 'target_tracking');
    assert.equal(next.high.kind, 'insufficient_data');
  });

  it('a step is taken once in a period', () => {
    const given = (brakes: Partial<ScaleInput['brakes']>) =>
      answer(strategyInput([strategy('step')], 80, remembering({}, brakes)));
    assert.equal(given({ lastOutAtMs: END_MS - 1 }), 7);
    assert.equal(given({ lastOutAtMs: END_MS }), 4);
    assert.equal(given({ lastInAtMs: END_MS }), 4);
  });

  it('a step counts what starts', () => {
    const starting = { desired: 5, actual: { kind: 'known', ready: 2, starting: 3 } } as const;
    assert.equal(answer(strategyInput([strategy('step')], 80, starting)), 5);
  });

  it('a queue sleeps only after its cooldown', () => {
    const idle = (ageMs: number) =>
      answer(
        strategyInput([strategy('queue')], 0, {
          ...having(1),
          ...remembering({ strategies: { s: { kind: 'queue', activeAtMs: NOW_MS - ageMs } } }),
        }),
      );
    assert.equal(idle(299_999), 1);
    assert.equal(idle(300_000), 0);
  });

  it('concurrency goes to none only where the minimum is none, and after its grace', () => {
    const idle = (replicasMin: number, ageMs: number) => {
      const spec = strategy('concurrency');
      const state = {
        kind: 'concurrency',
        panicAtMs: null,
        panicReplicasMax: 0,
        delayed: [],
      } as const;
      return answer(
        strategyInput([spec], 0, {
          policy: policy({ metrics: [], strategies: [spec], replicasMin }),
          ...having(1),
          ...remembering({ strategies: { s: { ...state, idleSinceMs: NOW_MS - ageMs } } }),
        }),
      );
    };
    assert.equal(idle(0, 29_999), 1);
    assert.equal(idle(0, 30_000), 0);
    assert.equal(idle(1, 30_000), 1);
  });

  it('concurrency begins in panic with several replicas, so that nothing shrinks at once', () => {
    assert.equal(answer(strategyInput([strategy('concurrency')], 10)), 4);
    const calm = {
      kind: 'concurrency',
      panicAtMs: null,
      panicReplicasMax: 0,
      idleSinceMs: null,
      delayed: [],
    } as const;
    const known = strategyInput(
      [strategy('concurrency')],
      10,
      remembering({ strategies: { s: calm } }),
    );
    assert.equal(answer(known), 2);
  });

  it('what another kind of that name remembered is not taken for its own', () => {
    const queue = remembering({ strategies: { s: { kind: 'queue', activeAtMs: 0 } } });
    const next = memory(strategyInput([strategy('step')], 80, queue));
    assert.equal(next?.kind, 'step');
    const alien = { kind: 'step', alarm: off, value: 1 } as const;
    const idle = strategyInput([strategy('queue')], 0, {
      ...having(1),
      ...remembering({ strategies: { s: alien } }),
    });
    assert.equal(answer(idle), 1);
  });
});

describe('compatibility in a decision', () => {
  it('nomad cuts what it passes through', () => {
    const spec = strategy('pass_through');
    const at = (change: object) =>
      answer(
        strategyInput([spec], 7.2, {
          policy: policy({ metrics: [], strategies: [spec], ...change }),
        }),
      );
    assert.equal(at({}), 8);
    assert.equal(at({ compatibility: 'nomad', combination: 'winner' }), 7);
  });

  it('hpa-v2 shrinks an overload with replicas missing, and the default does not', () => {
    const spec = strategy('replica_value');
    const replicas = replicaFacts(1);
    const at = (change: object) =>
      answer(
        strategyInput([spec], 20, {
          replicas,
          policy: policy({ metrics: [], strategies: [spec], ...change }),
        }),
      );
    assert.equal(at({ compatibility: 'hpa-v2' }), 2);
    assert.equal(at({}), 4);
  });

  it('hpa-v2 goes in though a sample is missing, and the default does not', () => {
    const spec = strategy('replica_value');
    const at = (change: object) =>
      answer(
        strategyInput([spec], 1, {
          ...parts(spec, { usage: replicasPart([1, 1, 1]) }),
          policy: policy({ metrics: [], strategies: [spec], ...change }),
        }),
      );
    assert.equal(at({ compatibility: 'hpa-v2' }), 2);
    assert.equal(at({}), '4 signal_partial');
  });

  it('the tolerance of the policy is that of its strategies', () => {
    const spec = strategy('queue');
    const at = (value: number, toleranceUpRatio: number) =>
      answer(
        strategyInput([spec], value, {
          policy: policy({
            metrics: [],
            strategies: [spec],
            toleranceUpRatio,
            toleranceDownRatio: 0,
          }),
        }),
      );
    assert.equal(at(48, 0.2), 4);
    assert.equal(at(48.1, 0.2), 5);
    assert.equal(at(48, 0.1), 5);
  });
});
