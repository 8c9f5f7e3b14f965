import assert from 'node:assert/strict';
import { decideScale } from '../../../../control-plane/deciders/scale.ts';
import type { PartReading } from '../../../../control-plane/model/observation.ts';
import type { FormulaStrategy } from '../../../../control-plane/model/strategy.ts';
import {
  NOW_MS,
  policy,
  samplePart,
  strategy,
  strategyInput,
} from '../../../support/scale-input.ts';
import { having } from '../../../support/scale-verdicts.ts';

interface Given {
  readonly spec: Partial<FormulaStrategy>;
  readonly a: PartReading | number;
  readonly b?: number;
  readonly wanted?: number;
  readonly ready?: number;
}

function answer({ spec, a, b = 0, wanted = 4, ready = wanted }: Given): number | string {
  const formula = strategy('formula', spec);
  const parts = {
    'input:a': typeof a === 'number' ? samplePart(a) : a,
    'input:b': samplePart(b),
  };
  const input = strategyInput([formula], 0, {
    policy: policy({ metrics: [], strategies: [formula], replicasMax: 100 }),
    readings: [{ strategy: 's', parts }],
    ...having(wanted),
    actual: { kind: 'known', ready, starting: wanted > ready ? wanted - ready : 0 },
  });
  const [proposal] = decideScale(input).proposals;
  if (proposal === undefined || proposal.kind === 'none') return proposal?.reason ?? 'missing';
  return proposal.withinTolerance ? `${proposal.replicas} within` : proposal.replicas;
}

const total = { result: 'average_value', target: 10 } as const;
const mean = { result: 'value', target: 0.5 } as const;
const number = { result: 'replicas', target: 1 } as const;

describe('a formula, with 4 wanted and ±10 %', () => {
  const cases: readonly [string, Given, number | string][] = [
    ['shares its result out', { spec: total, a: 50, b: 11 }, 7],
    ['rounds up', { spec: total, a: 60.1 }, 7],
    [
      'does not for binary fractions',
      { spec: { ...total, target: 0.1 }, a: 0.1, b: 0.2, wanted: 1 },
      3,
    ],
    ['stays at the upper edge', { spec: total, a: 44 }, '4 within'],
    ['goes out beyond it', { spec: total, a: 44.1 }, 5],
    ['stays at the lower edge', { spec: total, a: 36 }, '4 within'],
    ['goes in below it', { spec: total, a: 29 }, 3],
    ['wakes from none', { spec: total, a: 1, wanted: 0 }, 1],
    ['knows no tolerance from none', { spec: total, a: 10, wanted: 0 }, 1],
    ['goes to none', { spec: total, a: 0 }, 0],
    ['holds a mean against its target', { spec: mean, a: 0.75 }, 6],
    ['a mean stays at the upper edge', { spec: mean, a: 0.55 }, '4 within'],
    ['a mean goes out beyond it', { spec: mean, a: 0.551 }, 5],
    ['a mean goes in', { spec: mean, a: 0.25 }, 2],
    [
      'a mean of those that are ready does not shrink what boots',
      { spec: mean, a: 0.75, ready: 1 },
      4,
    ],
    ['nor raise what drains', { spec: mean, a: 0.4, ready: 9 }, 4],
    ['a mean of none ready says nothing', { spec: mean, a: 0.75, ready: 0 }, 'no_replica_ready'],
    ['is the number itself', { spec: number, a: 6 }, 6],
    ['is the number rounded up', { spec: number, a: 5.2 }, 6],
    ['is the number without tolerance', { spec: number, a: 4.1 }, 5],
    [
      'has no negative result',
      { spec: { ...number, expression: 'a - b' }, a: 1, b: 2 },
      'signal_out_of_range',
    ],
    [
      'has none of 0 ÷ 0',
      { spec: { ...number, expression: 'a / b' }, a: 0, b: 0 },
      'formula_failed',
    ],
    [
      'has none where it cannot be read',
      { spec: { ...number, expression: 'a +' }, a: 1 },
      'formula_failed',
    ],
    [
      'has none where an input is missing',
      { spec: number, a: { kind: 'failed', reason: 'signal_absent', detail: '' } },
      'signal_absent',
    ],
    [
      'has none where an input is no number',
      { spec: number, a: samplePart(null) },
      'signal_not_a_number',
    ],
    ['has none where an input is negative', { spec: number, a: -1, b: 9 }, 'signal_out_of_range'],
    [
      'has one at the age that is allowed',
      { spec: number, a: samplePart(6, { sampledAtMs: NOW_MS - 30_000 }) },
      6,
    ],
    [
      'has none beyond it',
      { spec: number, a: samplePart(6, { sampledAtMs: NOW_MS - 30_001 }) },
      'signal_stale',
    ],
    [
      'has none of an unknown age',
      { spec: number, a: samplePart(6, { sampledAtMs: null }) },
      'signal_stale',
    ],
  ];
  for (const [title, given, expected] of cases) {
    it(title, () => {
      assert.equal(answer(given), expected);
      assert.equal(answer(given), expected, 'and again');
    });
  }
});
