/** A decision replayed from its stored text is the decision that was made, to the last digit. */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  parseRecord,
  recordText,
} from '../../../../control-plane/adapters/postgres/record-text.ts';
import { decideScale } from '../../../../control-plane/deciders/scale.ts';
import { decisionIdOf } from '../../../../control-plane/model/decision.ts';
import type { DecisionRecord, ScaleInput } from '../../../../control-plane/model/decision.ts';
import { arbitraryScaleInput } from '../../../support/policy-arbitraries.ts';
import { arbitraryCase, scaleCase } from '../../../support/scale-arbitraries.ts';

const RECORDS = 10_000;
/** The same records in every run. */
const FIXED_SEED = 20_261_121;

describe('replay', function () {
  this.timeout(120_000);

  it(`gives the outcome of ${RECORDS} random records again, bit for bit`, () => {
    const property = fc.property(arbitraryScaleInput(), replayExactly);
    fc.assert(property, { numRuns: RECORDS });
  });

  for (const seed of [FIXED_SEED, undefined]) {
    const which = seed === undefined ? 'of a seed of its own' : `of seed ${seed}`;
    it(`gives the outcome of ${RECORDS / 2} records ${which} again, with few that only hold`, () => {
      const property = fc.property(arbitraryCase, (drawn) => {
        replayExactly(scaleCase(drawn));
      });
      fc.assert(property, { numRuns: RECORDS / 2, ...(seed !== undefined && { seed }) });
    });
  }

  it('depends on nothing but the input: a second decision on it is the first', () => {
    const property = fc.property(arbitraryScaleInput(), (input) => {
      const before = JSON.stringify(input);
      const first = decideScale(input);
      assert.deepEqual(decideScale(input), first);
      assert.equal(JSON.stringify(input), before);
    });
    fc.assert(property, { numRuns: RECORDS / 10 });
  });
});

function replayExactly(input: ScaleInput): void {
  const record = recordOf(input);
  const { json } = recordText(record);
  const stored = parseRecord(json);
  assert.equal(JSON.stringify(decideScale(stored.input)), JSON.stringify(record.outcome));
  assert.equal(recordText(stored).json, json);
}

function recordOf(input: ScaleInput): DecisionRecord {
  const { nowMs, policy } = input;
  return {
    decisionId: decisionIdOf(nowMs, policy.workloadId),
    kind: 'scale',
    workloadId: policy.workloadId,
    policyId: policy.id,
    policyVersion: 1,
    atMs: nowMs,
    input,
    outcome: decideScale(input),
    traceId: '0af7651916cd43dd8448eb211c80319c',
    token: null,
  };
}
