import assert from 'node:assert/strict';
import { proposeReplicas } from '../../../../control-plane/deciders/proposal.ts';
import { decideScale } from '../../../../control-plane/deciders/scale.ts';
import type { ScaleInput } from '../../../../control-plane/model/decision.ts';
import type { Observation } from '../../../../control-plane/model/observation.ts';
import type { MetricSpec, ScalePolicy } from '../../../../control-plane/model/policy.ts';
import {
  NOW_MS,
  failed,
  metric,
  policy,
  sample,
  scaleInput,
} from '../../../support/scale-input.ts';
import { having } from '../../../support/scale-verdicts.ts';

type Given = Readonly<{
  spec?: Partial<MetricSpec>;
  seen: Observation;
  ready?: number;
  wanted?: number;
  policy?: Partial<ScalePolicy>;
}>;

function answer({ spec = {}, seen, ready, wanted = 4, ...rest }: Given): number | string {
  const asked = policy({ toleranceUpRatio: 0, toleranceDownRatio: 0, ...rest.policy });
  const input: ScaleInput = scaleInput({ policy: asked, ...having(wanted) });
  const proposal = proposeReplicas(metric(spec), seen, input, ready ?? wanted);
  if (proposal.kind === 'none') return proposal.reason;
  return proposal.limited === null ? proposal.replicas : `${proposal.replicas} ${proposal.limited}`;
}

const agreement = { query: 'sum(second)', toleranceRatio: 0.1 };
const coverage = { query: 'count(up)', minimumRatio: 0.75 };
const hpa = { compatibility: 'hpa-v2' } as const;
const average = { kind: 'value', target: 0.5 } as const;

describe('proposeReplicas', () => {
  const cases: readonly [string, Given, number | string][] = [
    ['from none any load needs one', { seen: sample(1), wanted: 0 }, 1],
    ['from none a load at the target needs one', { seen: sample(10), wanted: 0 }, 1],
    ['from none a load beyond it needs more', { seen: sample(10.1), wanted: 0 }, 2],
    ['from none no load needs none', { seen: sample(0), wanted: 0 }, 0],
    [
      'from none the tolerance does not count',
      { seen: sample(10), wanted: 0, policy: { toleranceUpRatio: 1, toleranceDownRatio: 1 } },
      1,
    ],
    ['to none without load', { seen: sample(0), wanted: 1 }, 0],
    ['not to none with a little', { seen: sample(0.001), wanted: 1 }, 1],
    [
      'an average has nothing to say of none',
      { spec: average, seen: sample(0.9), wanted: 0 },
      'no_replica_ready',
    ],
    [
      'a load beyond numbers is the largest number there is',
      { seen: sample(1e300) },
      2_147_483_647,
    ],
    [
      'a ratio beyond numbers is none',
      { spec: { target: 1e-9 }, seen: sample(1e308) },
      'signal_out_of_range',
    ],
    ['two that agree', { spec: { agreement }, seen: sample(100, { redundant: 100 }) }, 10],
    ['two that just agree', { spec: { agreement }, seen: sample(90, { redundant: 100 }) }, 9],
    [
      'two that just do not',
      { spec: { agreement }, seen: sample(89.9, { redundant: 100 }) },
      'signal_disagrees',
    ],
    [
      'the share is of the larger, either way',
      { spec: { agreement }, seen: sample(100, { redundant: 90 }) },
      10,
    ],
    [
      'and just not, either way',
      { spec: { agreement }, seen: sample(100, { redundant: 89.9 }) },
      'signal_disagrees',
    ],
    ['two zeros agree', { spec: { agreement }, seen: sample(0, { redundant: 0 }) }, 0],
    [
      'without tolerance the same agrees',
      {
        spec: { agreement: { ...agreement, toleranceRatio: 0 } },
        seen: sample(50, { redundant: 50 }),
      },
      5,
    ],
    [
      'a second that was not read',
      { spec: { agreement }, seen: sample(100, { redundant: null }) },
      'signal_disagrees',
    ],
    ['a second that was not given', { spec: { agreement }, seen: sample(100) }, 'signal_disagrees'],
    [
      'a second without end',
      { spec: { agreement }, seen: sample(100, { redundant: Infinity }) },
      'signal_disagrees',
    ],
    [
      'a second that is no number',
      { spec: { agreement }, seen: sample(100, { redundant: NaN }) },
      'signal_disagrees',
    ],
    ['a second that nobody asked for', { seen: sample(100, { redundant: 1 }) }, 10],
    ['as many report as must', { spec: { coverage }, seen: sample(10, { reporting: 3 }) }, 1],
    ['one too few', { spec: { coverage }, seen: sample(10, { reporting: 2 }) }, '4 signal_partial'],
    [
      'one too few, and more load',
      { spec: { coverage }, seen: sample(90, { reporting: 2 }) },
      '9 signal_partial',
    ],
    ['nobody says how many', { spec: { coverage }, seen: sample(90) }, 'signal_partial'],
    [
      'more report than there are',
      { spec: { coverage: { ...coverage, minimumRatio: 1 } }, seen: sample(10, { reporting: 9 }) },
      1,
    ],
    [
      'none is ready, so none can be missing',
      { spec: { coverage }, seen: sample(10, { reporting: 0 }), ready: 0 },
      1,
    ],
    [
      'the silent count as idle in an average',
      { spec: { ...average, coverage }, seen: sample(1.5, { reporting: 2 }) },
      '6 signal_partial',
    ],
    ['the age that is allowed', { seen: sample(10, { sampledAtMs: NOW_MS - 30_000 }) }, 1],
    ['1 ms more', { seen: sample(10, { sampledAtMs: NOW_MS - 30_001 }) }, 'signal_stale'],
    ['as far in the future', { seen: sample(10, { sampledAtMs: NOW_MS + 30_000 }) }, 1],
    ['1 ms further', { seen: sample(10, { sampledAtMs: NOW_MS + 30_001 }) }, 'signal_stale'],
    ['a failure', { seen: failed('signal_oversized') }, 'signal_oversized'],
    ['an overload does not shrink what boots', { spec: average, seen: sample(0.6), ready: 1 }, 4],
    ['idleness does not raise what drains', { spec: average, seen: sample(0.4), ready: 9 }, 4],
    [
      'as HPA, an overload shrinks what boots',
      { spec: average, seen: sample(0.6), ready: 1, policy: hpa },
      2,
    ],
    [
      'as HPA, an overload of none ready shrinks to none',
      { spec: average, seen: sample(9), ready: 0, policy: hpa },
      0,
    ],
    ['as HPA, a total is shared out', { seen: sample(61), policy: hpa }, 7],
    ['as HPA, a failure is one', { seen: failed('signal_absent'), policy: hpa }, 'signal_absent'],
    [
      'as HPA, an old sample is still no sample',
      { seen: sample(10, { sampledAtMs: NOW_MS - 30_001 }), policy: hpa },
      'signal_stale',
    ],
  ];
  for (const [title, given, expected] of cases) {
    it(title, () => {
      assert.equal(answer(given), expected);
    });
  }

  it('tells the age of what it judged, also where it could not use it', () => {
    const { proposals } = decideScale(
      scaleInput({ observations: [sample(-1, { sampledAtMs: NOW_MS - 7 })] }),
    );
    assert.equal(proposals[0]?.ageMs, 7);
    assert.equal(decideScale(scaleInput()).proposals[0]?.ageMs, 5_000);
    const asHpa = decideScale(scaleInput({ policy: policy(hpa) }));
    assert.equal(asHpa.proposals[0]?.ageMs, 5_000);
  });

  it('never recommends more than a log can hold', () => {
    const { recommendation } = decideScale(scaleInput({ observations: [sample(1e300)] }));
    assert.equal(recommendation, 2_147_483_647);
  });
});
