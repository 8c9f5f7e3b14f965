import assert from 'node:assert/strict';

import { counterfactualsOf } from '../../../../control-plane/deciders/counterfactual.ts';
import { explainDecision } from '../../../../control-plane/http/explanation.ts';
import { decision } from '../../../support/http-documents.ts';
import { failed, NOW_MS, policy, sample, scaleInput } from '../../../support/scale-input.ts';

const explain = (input: Parameters<typeof decision>[2]) =>
  explainDecision(
    decision(NOW_MS, 'w', input),
    counterfactualsOf(decision(NOW_MS, 'w', input).input),
  );

describe('the explanation of a decision', () => {
  it('says from where to where it scaled, and which metric asked for it', () => {
    const text = explain(scaleInput({ observations: [sample(70)] }));
    assert.match(text, /^Scaled out from 4 to 7 with 4 ready and 0 starting\./u);
    assert.match(text, /Reason: above_target\./u);
    assert.match(text, /load, 5\.0 s old, is at .* of its target 10 and asks for 7\./u);
  });

  it('says what a hold would have been without the stage that held', () => {
    const input = scaleInput({
      observations: [sample(10)],
      policy: policy({ stabilizationDownMs: 60_000 }),
    });
    const text = explain(input);
    assert.match(text, /^Held at 4 .* Reason: stabilizing_down\./u);
    assert.match(text, /Without the stabilization windows it would be 1\.$/u);
  });

  it('names the signal that could not be used', () => {
    const text = explain(scaleInput({ observations: [failed('signal_absent')] }));
    assert.match(text, /load could not be used \(signal_absent\): made by a test\./u);
  });

  it('says that the replicas are unknown', () => {
    const text = explain(scaleInput({ actual: { kind: 'unknown', detail: 'no answer' } }));
    assert.match(text, /unknown number of replicas \(no answer\)/u);
  });
});
