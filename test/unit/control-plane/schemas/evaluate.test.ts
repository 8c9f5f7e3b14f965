import assert from 'node:assert/strict';

import fc from 'fast-check';

import { parseScaleInput } from '../../../../control-plane/schemas/evaluate.ts';
import { SchemaError } from '../../../../control-plane/schemas/fault.ts';
import { parsePolicy } from '../../../../control-plane/schemas/policy.ts';
import { policyDocument } from '../../../support/http-documents.ts';
import { arbitraryScaleInput } from '../../../support/policy-arbitraries.ts';
import {
  failed,
  metric,
  NOW_MS,
  policy,
  pointsPart,
  reading,
  replicaFacts,
  sample,
  samplePart,
  scaleInput,
  strategy,
  strategyInput,
} from '../../../support/scale-input.ts';

const faultsOf = (value: unknown): readonly string[] => {
  try {
    parseScaleInput(value);
    return [];
  } catch (error) {
    assert.ok(error instanceof SchemaError);
    return error.faults.map((fault) => fault.pointer);
  }
};

describe('the input of a decision as JSON', () => {
  const inFlight = {
    decisionId: '018bcfe56800-w',
    workloadId: 'w',
    fromReplicas: 4,
    toReplicas: 6,
    startedAtMs: NOW_MS - 1_000.5,
    deadlineMs: NOW_MS + 1_000,
    token: { term: 1, index: 9 },
  };

  for (const [title, input] of [
    ['as it is', scaleInput()],
    ['with an action in flight', scaleInput({ inFlight })],
    ['with a failed reading', scaleInput({ observations: [failed('signal_absent')] })],
    ['with unknown replicas', scaleInput({ actual: { kind: 'unknown', detail: 'away' } })],
    [
      'with a negative value and an unknown age',
      scaleInput({ observations: [sample(-1, { sampledAtMs: null })] }),
    ],
  ] as const) {
    it(`reads a recorded input ${title}`, () => {
      assert.deepEqual(parseScaleInput(JSON.parse(JSON.stringify(input))), input);
    });
  }

  it('reads a policy document, and fills in what a person leaves out', () => {
    const { nowMs, desired, actual, observations } = scaleInput();
    const input = parseScaleInput({
      nowMs,
      desired,
      actual,
      observations,
      policy: policyDocument(),
    });
    assert.deepEqual(input.policy, parsePolicy(policyDocument()));
    assert.equal(input.mode, 'act');
    assert.equal(input.inFlight, null);
    assert.deepEqual(input.brakes, { recommendations: [], lastOutAtMs: null, lastInAtMs: null });
  });

  it('refuses fewer, more and other observations than the policy has metrics', () => {
    assert.deepEqual(faultsOf(scaleInput({ observations: [] })), ['/observations']);
    assert.deepEqual(faultsOf(scaleInput({ observations: [sample(1), sample(1)] })), [
      '/observations/1/metric',
    ]);
    assert.deepEqual(faultsOf(scaleInput({ observations: [sample(1, { metric: 'other' })] })), [
      '/observations/0/metric',
    ]);
  });

  it('refuses a reading that failed for a reason that only the decider gives', () => {
    const observations = [{ ...failed('signal_absent'), reason: 'signal_stale' }];
    assert.deepEqual(faultsOf({ ...scaleInput(), observations }), ['/observations/0/reason']);
  });

  it('names faults of the policy below /policy, together with the others', () => {
    const broken = { ...scaleInput(), policy: policyDocument({ id: 'A' }), desired: 1.5, extra: 1 };
    assert.deepEqual([...faultsOf(broken)].sort(), ['/desired', '/extra', '/policy/id']);
  });

  it('reads any recorded input back as itself', () => {
    fc.assert(
      fc.property(arbitraryScaleInput(), (input) => {
        assert.deepEqual(parseScaleInput(JSON.parse(JSON.stringify(input))), input);
      }),
    );
  });

  it('takes null for a value that is not finite, and no text for it', () => {
    const queue = strategy('queue');
    const input = strategyInput([queue], null);
    assert.deepEqual(parseScaleInput(input).readings?.[0]?.parts['value'], samplePart(null));
    const parts = { value: { ...samplePart(1), value: 'NaN' } };
    assert.deepEqual(faultsOf({ ...input, readings: [{ strategy: 's', parts }] }), [
      '/readings/0/parts/value/value',
    ]);
  });

  const queue = strategy('queue');
  const formula = strategy('formula');
  const wrong: readonly (readonly [string, object, readonly string[]])[] = [
    ['no readings', { readings: undefined }, ['/readings']],
    ['fewer readings', { readings: [] }, ['/readings']],
    [
      'a further reading',
      { readings: [reading(queue, 1), reading(queue, 1)] },
      ['/readings/1/strategy'],
    ],
    [
      'the reading of another strategy',
      { readings: [{ ...reading(queue, 1), strategy: 'other' }] },
      ['/readings/0/strategy'],
    ],
    ['a missing part', { readings: [{ strategy: 's', parts: {} }] }, ['/readings/0/parts/value']],
    [
      'a part of another shape',
      { readings: [{ strategy: 's', parts: { value: pointsPart([1], 1_000) } }] },
      ['/readings/0/parts/value'],
    ],
    [
      'a part that the kind does not read',
      { readings: [{ strategy: 's', parts: { value: samplePart(1), usage: samplePart(1) } }] },
      ['/readings/0/parts/usage'],
    ],
    [
      'a budget that the policy does not share',
      { budgets: [{ budgetId: 'gpu', unitsPerReplica: 1, limit: 1, usedByOthers: 0 }] },
      ['/budgets/0/budgetId'],
    ],
    [
      'a forecast without one in the policy',
      { forecast: { kind: 'warming', detail: '' } },
      ['/forecast'],
    ],
    [
      'a window of no schedule',
      { schedules: [{ name: 'day', kind: 'cap', replicas: 1, fromMs: 1, untilMs: 2 }] },
      ['/schedules/0/name'],
    ],
    [
      'a replica twice',
      { replicas: [...replicaFacts(1), ...replicaFacts(1)] },
      ['/replicas/1/replicaId'],
    ],
    [
      'an unknown direction of a pause',
      { pause: { direction: 'up', sinceMs: 0, untilMs: null, note: '' } },
      ['/pause/direction'],
    ],
    [
      'half a replica by hand',
      { override: { replicas: 0.5, sinceMs: 0, untilMs: null, note: '' } },
      ['/override/replicas'],
    ],
    [
      'a memory of no kind',
      {
        brakes: {
          ...scaleInput().brakes,
          memory: {
            events: [],
            reversalsAtMs: [],
            lastDirection: null,
            lostSinceMs: {},
            strategies: { s: {} },
          },
        },
      },
      ['/brakes/memory/strategies/s/kind'],
    ],
  ];
  for (const [what, change, pointers] of wrong) {
    it(`refuses ${what}`, () => {
      const input: unknown = JSON.parse(
        JSON.stringify({ ...strategyInput([queue], 5), ...change }),
      );
      assert.deepEqual(faultsOf(input), pointers);
    });
  }

  it('takes a failed part in the place of any shape', () => {
    const parts = { value: { kind: 'failed', reason: 'signal_absent', detail: '' } };
    const input = { ...strategyInput([queue], 5), readings: [{ strategy: 's', parts }] };
    assert.deepEqual(faultsOf(input), []);
  });

  it('wants a second expression’s value exactly where the metric has an agreement', () => {
    const agreeing = policy({
      metrics: [metric({ agreement: { query: 'y', toleranceRatio: 0.1 } })],
    });
    const input = (redundant: object) =>
      scaleInput({ policy: agreeing, observations: [sample(1, redundant)] });
    assert.deepEqual(faultsOf(input({})), ['/observations/0/redundant']);
    assert.deepEqual(faultsOf(input({ redundant: null })), []);
    assert.deepEqual(faultsOf(scaleInput({ observations: [sample(1, { redundant: 1 })] })), [
      '/observations/0/redundant',
    ]);
  });

  it('refuses a window that ends before it begins', () => {
    const schedule = { name: 'day', kind: 'cap', cron: '0 8 * * *', timeZone: 'UTC' } as const;
    const withWindow = (untilMs: number) =>
      scaleInput({
        policy: policy({ schedules: [{ ...schedule, durationMs: 60_000, replicas: 1 }] }),
        schedules: [{ name: 'day', kind: 'cap', replicas: 1, fromMs: 5, untilMs }],
      });
    assert.deepEqual(faultsOf(withWindow(5)), ['/schedules/0/untilMs']);
    assert.deepEqual(faultsOf(withWindow(6)), []);
  });

  it('refuses a recorded strategy whose arithmetic could not be done', () => {
    const withStrategy = (spec: object) => ({
      ...strategyInput([formula], 1),
      policy: { ...policy({ metrics: [] }), strategies: [{ ...formula, ...spec }] },
    });
    assert.deepEqual(faultsOf(withStrategy({})), []);
    assert.deepEqual(faultsOf(withStrategy({ expression: 'a + c' })), [
      '/policy/strategies/0/expression',
    ]);
    assert.deepEqual(faultsOf(withStrategy({ target: 0 })), ['/policy/strategies/0/target']);
    assert.deepEqual(faultsOf(withStrategy({ kind: 'magic' })), ['/policy/strategies/0/kind']);
  });

  for (const value of [null, [], 'x', 1]) {
    it(`refuses ${JSON.stringify(value)}`, () => {
      assert.ok(faultsOf(value).length > 0);
    });
  }
});
