import assert from 'node:assert/strict';

import { parseScaleInput } from '../../../../control-plane/schemas/evaluate.ts';
import { SchemaError } from '../../../../control-plane/schemas/fault.ts';
import { parsePolicy } from '../../../../control-plane/schemas/policy.ts';
import { policyDocument } from '../../../support/http-documents.ts';
import { failed, NOW_MS, sample, scaleInput } from '../../../support/scale-input.ts';

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

  for (const value of [null, [], 'x', 1]) {
    it(`refuses ${JSON.stringify(value)}`, () => {
      assert.ok(faultsOf(value).length > 0);
    });
  }
});
