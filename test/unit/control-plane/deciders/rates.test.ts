/** The rate policies as a stage of a decision; their arithmetic has its own table, behavior.test.ts. */

import assert from 'node:assert/strict';
import { decideScale } from '../../../../control-plane/deciders/scale.ts';
import type { ScaleEvent } from '../../../../control-plane/model/decision.ts';
import type {
  RatePolicySpec,
  RateRulesSpec,
  ScalePolicy,
} from '../../../../control-plane/model/policy.ts';
import { NOW_MS, policy, sample, scaleInput } from '../../../support/scale-input.ts';
import { having, remembering, told } from '../../../support/scale-verdicts.ts';

const PERIOD_MS = 60_000;
const open: RateRulesSpec = { select: 'max', policies: [] };
const replicas = (value: number, periodMs = PERIOD_MS): RatePolicySpec => ({
  kind: 'replicas',
  value,
  periodMs,
});
const percent = (value: number): RatePolicySpec => ({
  kind: 'percent',
  value,
  periodMs: PERIOD_MS,
});
const limit = (select: RateRulesSpec['select'], ...policies: RatePolicySpec[]): RateRulesSpec => ({
  select,
  policies,
});
const changed = (change: number, ageMs: number): ScaleEvent => ({ atMs: NOW_MS - ageMs, change });

interface Given {
  readonly out?: RateRulesSpec;
  readonly into?: RateRulesSpec;
  readonly load: number;
  readonly events?: readonly ScaleEvent[];
  readonly wanted?: number;
  readonly policy?: Partial<ScalePolicy>;
}

function decided({
  out = open,
  into = open,
  load,
  events = [],
  wanted = 4,
  ...rest
}: Given): string {
  return told({
    policy: policy({ replicasMin: 0, replicasMax: 100, rates: { out, in: into }, ...rest.policy }),
    observations: [sample(load)],
    ...having(wanted),
    ...remembering({ events }),
  });
}

describe('rate policies, with 4 wanted', () => {
  const two = limit('max', replicas(2));
  const cases: readonly [string, Given, string][] = [
    ['no policy limits nothing', { load: 500 }, 'out 50 above_target'],
    ['let out as many as they say', { out: two, load: 60 }, 'out 6 above_target'],
    ['cut one more', { out: two, load: 70 }, 'out 6 above_target'],
    [
      'hold where all of them is used',
      { out: two, load: 70, events: [changed(2, 1_000)] },
      'hold 4 rate_limited_up',
    ],
    [
      'let out what is left of them',
      { out: two, load: 70, events: [changed(1, 1_000)] },
      'out 5 above_target',
    ],
    [
      'forget a change a period ago',
      { out: two, load: 70, events: [changed(2, PERIOD_MS)] },
      'out 6 above_target',
    ],
    [
      'forget it a jitter early going out',
      { out: two, load: 70, events: [changed(2, PERIOD_MS - 1_000)] },
      'out 6 above_target',
    ],
    [
      'and no earlier',
      { out: two, load: 70, events: [changed(2, PERIOD_MS - 1_001)] },
      'hold 4 rate_limited_up',
    ],
    [
      'the jitter is a tenth of a short period',
      { out: limit('max', replicas(2, 5_000)), load: 70, events: [changed(2, 4_500)] },
      'out 6 above_target',
    ],
    [
      'and no more than that',
      { out: limit('max', replicas(2, 5_000)), load: 70, events: [changed(2, 4_499)] },
      'hold 4 rate_limited_up',
    ],
    [
      'of the shortest period of both directions',
      {
        out: two,
        into: limit('max', replicas(2, 5_000)),
        load: 70,
        events: [changed(2, PERIOD_MS - 501)],
      },
      'hold 4 rate_limited_up',
    ],
    [
      'take the most',
      { out: limit('max', replicas(1), percent(100)), load: 500 },
      'out 8 above_target',
    ],
    [
      'take the least',
      { out: limit('min', replicas(1), percent(100)), load: 500 },
      'out 5 above_target',
    ],
    [
      'disabled let nothing out',
      { out: limit('disabled', replicas(9)), load: 500 },
      'hold 4 rate_limited_up',
    ],
    ['disabled out let in', { out: limit('disabled'), load: 10 }, 'in 1 below_target'],
    ['let in as many as they say', { into: two, load: 20 }, 'in 2 below_target'],
    ['cut one more going in', { into: two, load: 10 }, 'in 2 below_target'],
    [
      'hold where all of them is used going in',
      { into: two, load: 10, events: [changed(-2, 1_000)] },
      'hold 4 rate_limited_down',
    ],
    [
      'have no jitter going in',
      { into: two, load: 10, events: [changed(-2, PERIOD_MS - 1)] },
      'hold 4 rate_limited_down',
    ],
    [
      'forget a change a period ago going in',
      { into: two, load: 10, events: [changed(-2, PERIOD_MS)] },
      'in 2 below_target',
    ],
    [
      'take percent of the start of the period',
      { into: limit('max', percent(50)), load: 0, events: [changed(-4, 1_000)] },
      'hold 4 rate_limited_down',
    ],
    [
      'take the most going in',
      { into: limit('max', replicas(1), percent(50)), load: 0 },
      'in 2 below_target',
    ],
    [
      'take the least going in',
      { into: limit('min', replicas(1), percent(50)), load: 0 },
      'in 3 below_target',
    ],
    ['disabled let nothing in', { into: limit('disabled'), load: 0 }, 'hold 4 rate_limited_down'],
    [
      'what went in may come out again at once',
      { out: two, load: 80, events: [changed(-4, 1_000)] },
      'out 8 above_target',
    ],
    [
      'percent let at least one from none',
      { out: limit('max', percent(100)), load: 50, wanted: 0 },
      'out 1 above_target',
    ],
    [
      'percent let none from none as HPA',
      { out: limit('max', percent(100)), load: 50, wanted: 0, policy: { compatibility: 'hpa-v2' } },
      'hold 0 rate_limited_up',
    ],
    [
      'have no jitter as HPA',
      {
        out: two,
        load: 70,
        events: [changed(2, PERIOD_MS - 1)],
        policy: { compatibility: 'hpa-v2' },
      },
      'hold 4 rate_limited_up',
    ],
    [
      'do not slow the minimum',
      { out: limit('disabled'), load: 40, policy: { replicasMin: 9 } },
      'out 9 below_minimum',
    ],
    [
      'do not slow the maximum',
      { into: limit('disabled'), load: 40, policy: { replicasMax: 2 } },
      'in 2 above_maximum',
    ],
  ];
  for (const [title, given, expected] of cases) {
    it(title, () => {
      assert.equal(decided(given), expected);
    });
  }

  it('count what a decision did before the next one', () => {
    const input = scaleInput({
      policy: policy({ rates: { out: two, in: open } }),
      observations: [sample(90)],
    });
    const first = decideScale(input);
    assert.equal(first.verdict.replicas, 6);
    const { brakes } = remembering(first.memory ?? {});
    const second = decideScale({ ...input, ...having(6), brakes, nowMs: NOW_MS + 15_000 });
    assert.deepEqual(second.verdict, { kind: 'hold', replicas: 6, reason: 'rate_limited_up' });
  });
});
