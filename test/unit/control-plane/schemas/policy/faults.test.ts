import assert from 'node:assert/strict';

import { SchemaError } from '../../../../../control-plane/schemas/fault.ts';
import { parsePolicy } from '../../../../../control-plane/schemas/policy.ts';

const METRIC = { name: 'load', query: 'sum(x)', target: { averageValue: 4 } };
const POLICY = { id: 'p', workload: 'w', replicas: { min: 1, max: 8 }, metrics: [METRIC] };
const USAGE = 'sum by (replica) (rate(cpu[1m]))';
const UTILIZATION = {
  query: USAGE,
  requestQuery: 'sum by (replica) (r)',
  percent: 70,
  window: '1m',
};
const THRESHOLD = { query: 'sum(x)', lowerBound: 1, action: { delta: 1 } };
const CONCURRENCY = { query: 'sum(x)', target: 10 };
const STEP = { query: 'sum(x)', side: 'above', bound: 50, adjust: 'change' };
const INFERENCE = { queueQuery: 'sum by (replica) (q)', kvCacheQuery: 'max by (replica) (kv)' };
const FORMULA = { expression: 'a', inputs: [{ name: 'a', query: 'sum(x)' }] };
const SCHEDULE = { name: 'day', cron: '0 8 * * *', duration: '1h' };
const FORECAST = { metric: 'load', boot: '3m', capacity: 5 };

type Case = readonly [what: string, document: object, pointer: string, message: RegExp];

const CASES: readonly Case[] = [
  // Members of the policy.
  [
    'behavior of autoscaling/v2',
    { behavior: {} },
    '/behavior',
    /write .*rates: \{ out: .*per: 15s/,
  ],
  ['minReplicas', { minReplicas: 1 }, '/minReplicas', /write replicas: \{ min, max \}/],
  [
    'an unknown combination',
    { combination: 'all' },
    '/combination',
    /one of max, winner, out_if_any/,
  ],
  [
    'an unknown compatibility',
    { compatibility: 'hpa' },
    '/compatibility',
    /default, hpa-v2, nomad/,
  ],
  ['an unknown whileBooting', { whileBooting: 'go' }, '/whileBooting', /one of wait, raise/],
  ['nothing that proposes', { metrics: [] }, '/metrics', /1 to 16 metrics and strategies together/],
  [
    '9 metrics and 8 strategies',
    { metrics: named(9, METRIC), strategies: named(8, { fixedValue: { replicas: 1 } }, 's') },
    '/strategies',
    /1 to 16 .* got 9 and 8/,
  ],
  [
    'a strategy called as a metric',
    of({ fixedValue: { replicas: 1 } }, { name: 'load' }),
    '/strategies/0/name',
    /also the name of \/metrics\/0/,
  ],

  // Metrics.
  [
    'an agreement without tolerance',
    metric({ agreement: { query: 'y' } }),
    '/metrics/0/agreement/tolerance',
    /required/,
  ],
  [
    'an agreement with itself',
    metric({ agreement: { query: 'sum(x)', tolerance: 0.1 } }),
    '/metrics/0/agreement/query',
    /give another way/,
  ],
  [
    'a word as fromReplicas',
    metric({ fromReplicas: 'yes' }),
    '/metrics/0/fromReplicas',
    /true or false/,
  ],

  // A strategy's kind.
  ['a strategy without a kind', of({}), '/strategies/0', /exactly one of utilization.*; got none/],
  [
    'a strategy of two kinds',
    of({ fixedValue: { replicas: 1 }, passThrough: { query: 'sum(x)' } }),
    '/strategies/0',
    /got passThrough and fixedValue/,
  ],
  [
    'an unknown kind',
    of({ magic: {}, fixedValue: { replicas: 1 } }),
    '/strategies/0/magic',
    /unknown field/,
  ],
  [
    'a group without the winner rule',
    of({ fixedValue: { replicas: 1 } }, { group: 'g' }),
    '/strategies/0/group',
    /only with combination: winner/,
  ],

  // Per replica.
  [
    'usage without its replicas',
    of({ utilization: { ...UTILIZATION, query: 'sum(x)' } }),
    '/strategies/0/utilization/query',
    /by \(replica\)/,
  ],
  [
    'usage by another label',
    of({ utilization: { ...UTILIZATION, query: 'sum by (pod) (x)' } }),
    '/strategies/0/utilization/query',
    /aggregates the label replica away/,
  ],
  [
    'usage without the label',
    of({ utilization: { ...UTILIZATION, query: 'sum without (replica) (x)' } }),
    '/strategies/0/utilization/query',
    /away/,
  ],
  [
    'a scalar per replica',
    of({ utilization: { ...UTILIZATION, requestQuery: 'scalar(x)' } }),
    '/strategies/0/utilization/requestQuery',
    /one number/,
  ],
  [
    'a label that the query makes',
    of({
      utilization: { ...UTILIZATION, query: 'label_replace(x, "replica", "$1", "pod", "(.*)")' },
    }),
    '/strategies/0/utilization/timestampQuery',
    /label_replace/,
  ],
  [
    'a recorded usage',
    of({ utilization: { ...UTILIZATION, query: 'replica:cpu:rate' } }),
    '/strategies/0/utilization/timestampQuery',
    /required: .*recorded/,
  ],
  [
    'judged readiness without a window',
    of({ utilization: { ...UTILIZATION, window: '0s' } }),
    '/strategies/0/utilization/window',
    /1m for rate\(x\[1m\]\).*readiness: ignored/,
  ],
  [
    'a percent of 0',
    of({ utilization: { ...UTILIZATION, percent: 0 } }),
    '/strategies/0/utilization/percent',
    /greater than 0/,
  ],
  [
    'a label with a dash',
    of({ replicaValue: { query: USAGE, target: 1, replicaLabel: 'a-b' } }),
    '/strategies/0/replicaValue/replicaLabel',
    /name of a label/,
  ],
  [
    'a target of 0 per replica',
    of({ replicaValue: { query: USAGE, target: 0 } }),
    '/strategies/0/replicaValue/target',
    /greater than 0/,
  ],

  // nomad.
  [
    'a recorded value',
    of({ targetValue: { query: 'a:b', target: 1 } }),
    '/strategies/0/targetValue/timestampQuery',
    /required/,
  ],
  [
    'a negative target',
    of({ targetValue: { query: 'sum(x)', target: -1 } }),
    '/strategies/0/targetValue/target',
    /from 0/,
  ],
  [
    'a step limit of 0',
    of({ passThrough: { query: 'sum(x)', maxScaleUp: 0 } }),
    '/strategies/0/passThrough/maxScaleUp',
    /from 1/,
  ],
  [
    'a threshold without bounds',
    of({ threshold: { query: 'sum(x)', action: { delta: 1 } } }),
    '/strategies/0/threshold/lowerBound',
    /lowerBound, upperBound or both/,
  ],
  [
    'equal bounds',
    of({ threshold: { ...THRESHOLD, upperBound: 1 } }),
    '/strategies/0/threshold/lowerBound',
    /1 is not below upperBound 1/,
  ],
  [
    'a trigger of 7 in 6 points',
    of({ threshold: { ...THRESHOLD, withinBoundsTrigger: 7 } }),
    '/strategies/0/threshold/withinBoundsTrigger',
    /window 1m holds 6/,
  ],
  [
    '1,001 points',
    of({ threshold: { ...THRESHOLD, window: '1001s', step: '1s' } }),
    '/strategies/0/threshold/window',
    /holds 1001 points .* at most 1000/,
  ],
  [
    'a window of 25 hours',
    of({ threshold: { ...THRESHOLD, window: '25h' } }),
    '/strategies/0/threshold/window',
    /to 24h/,
  ],
  [
    'a window below its step',
    of({ threshold: { ...THRESHOLD, window: '5s' } }),
    '/strategies/0/threshold/window',
    /shorter than the step 10s/,
  ],
  [
    'two actions',
    of({ threshold: { ...THRESHOLD, action: { delta: 1, value: 2 } } }),
    '/strategies/0/threshold/action',
    /got delta and value/,
  ],
  [
    'no action',
    of({ threshold: { ...THRESHOLD, action: {} } }),
    '/strategies/0/threshold/action',
    /got none/,
  ],
  [
    'half a replica more',
    of({ threshold: { ...THRESHOLD, action: { delta: 0.5 } } }),
    '/strategies/0/threshold/action/delta',
    /whole number/,
  ],
  [
    'a fixed value below 0',
    of({ fixedValue: { replicas: -1 } }),
    '/strategies/0/fixedValue/replicas',
    /from 0/,
  ],

  // Knative.
  [
    'a panic window as long as the stable one',
    of({ concurrency: { ...CONCURRENCY, panicWindow: '60s' } }),
    '/strategies/0/concurrency/panicWindow',
    /not shorter than the stable window 60s/,
  ],
  [
    'a panic window without a point',
    of({ concurrency: { ...CONCURRENCY, step: '10s' } }),
    '/strategies/0/concurrency/panicWindow',
    /6s is shorter than the step 10s/,
  ],
  [
    'a stable window of too many points',
    of({ concurrency: { ...CONCURRENCY, stableWindow: '1h' } }),
    '/strategies/0/concurrency/stableWindow',
    /1800 points/,
  ],
  [
    'a rate of 1 out',
    of({ concurrency: { ...CONCURRENCY, maxScaleUpRate: 1 } }),
    '/strategies/0/concurrency/maxScaleUpRate',
    /above 1/,
  ],
  [
    'a rate of 1 in',
    of({ concurrency: { ...CONCURRENCY, maxScaleDownRate: 1 } }),
    '/strategies/0/concurrency/maxScaleDownRate',
    /above 1/,
  ],
  [
    'a panic at 1',
    of({ concurrency: { ...CONCURRENCY, panicThreshold: 1 } }),
    '/strategies/0/concurrency/panicThreshold',
    /above 1/,
  ],
  [
    'a capacity below the target',
    of({ concurrency: { ...CONCURRENCY, capacity: 9 } }),
    '/strategies/0/concurrency/capacity',
    /9 is below the target 10/,
  ],

  // AWS.
  [
    'no periods',
    of({ targetTracking: { query: 'sum(x)', target: 1, outPeriods: 0 } }),
    '/strategies/0/targetTracking/outPeriods',
    /from 1/,
  ],
  ['no steps', of({ step: { ...STEP, steps: [] } }), '/strategies/0/step/steps', /1 to 20 steps/],
  [
    'a gap between steps',
    steps({ lower: 0, upper: 10 }, { lower: 11 }),
    '/strategies/0/step/steps/1/lower',
    /11 leaves a gap after .* write 10/,
  ],
  [
    'overlapping steps',
    steps({ lower: 0, upper: 10 }, { lower: 9 }),
    '/strategies/0/step/steps/1/lower',
    /9 overlaps/,
  ],
  [
    'an open end within',
    steps({ lower: 0 }, { lower: 9 }),
    '/strategies/0/step/steps/0/upper',
    /only the last/,
  ],
  [
    'an open beginning within',
    steps({ lower: 0, upper: 9 }, {}),
    '/strategies/0/step/steps/1/lower',
    /only the first/,
  ],
  [
    'an empty step',
    steps({ lower: 5, upper: 5 }),
    '/strategies/0/step/steps/0',
    /lower 5 is not below upper 5/,
  ],
  [
    'half a replica in a step',
    of({ step: { ...STEP, steps: [{ lower: 0, adjustment: 0.5 }] } }),
    '/strategies/0/step/steps/0/adjustment',
    /whole number/,
  ],
  [
    'an exact number below 0',
    of({ step: { ...STEP, adjust: 'exact', steps: [{ adjustment: -1 }] } }),
    '/strategies/0/step/steps/0/adjustment',
    /0 or more/,
  ],
  [
    'a smallest change without percent',
    of({ step: { ...STEP, minAdjustment: 1, steps: [{ adjustment: 1 }] } }),
    '/strategies/0/step/minAdjustment',
    /only with adjust: percent/,
  ],

  // Inference, queue, capacity.
  [
    'a queue of no replica',
    of({ inference: { ...INFERENCE, queueQuery: 'sum(q)' } }),
    '/strategies/0/inference/queueQuery',
    /by \(replica\)/,
  ],
  [
    'a latency of no replica',
    of({ inference: { ...INFERENCE, timeToFirstToken: { query: 'avg(t)', target: '1s' } } }),
    '/strategies/0/inference/timeToFirstToken/query',
    /by \(replica\)/,
  ],
  [
    'a spare as large as saturation',
    of({ inference: { ...INFERENCE, spareQueueMin: 5 } }),
    '/strategies/0/inference/spareQueueMin',
    /5 is not below the saturation 5/,
  ],
  [
    'a spare cache as large as saturation',
    of({ inference: { ...INFERENCE, spareKvCacheMin: 0.8 } }),
    '/strategies/0/inference/spareKvCacheMin',
    /not below/,
  ],
  [
    'a queue target of 0',
    of({ queue: { query: 'sum(x)', target: 0 } }),
    '/strategies/0/queue/target',
    /greater than 0/,
  ],
  [
    'a capacity without latency',
    of({ capacity: { rate: { query: 'sum(x)' }, concurrency: 1 } }),
    '/strategies/0/capacity/latency',
    /required/,
  ],
  [
    'a recorded rate',
    of({ capacity: { rate: { query: 'a:b' }, latency: { query: 'sum(x)' }, concurrency: 1 } }),
    '/strategies/0/capacity/rate/timestampQuery',
    /required/,
  ],
  [
    'a peak below the mean',
    of({
      capacity: { rate: { query: 'x' }, latency: { query: 'x' }, concurrency: 1, peakFactor: 0.9 },
    }),
    '/strategies/0/capacity/peakFactor',
    /from 1/,
  ],

  // Formulas.
  [
    'an expression cut short',
    of({ formula: { ...FORMULA, expression: 'a +' } }),
    '/strategies/0/formula/expression',
    /./,
  ],
  [
    'a name without an input',
    of({ formula: { ...FORMULA, expression: 'a + b' } }),
    '/strategies/0/formula/expression',
    /b/,
  ],
  [
    'an input without use',
    of({ formula: { ...FORMULA, expression: '1' } }),
    '/strategies/0/formula/inputs/0/name',
    /does not use "a"/,
  ],
  [
    'an input twice',
    of({ formula: { ...FORMULA, inputs: [...FORMULA.inputs, ...FORMULA.inputs] } }),
    '/strategies/0/formula/inputs/1/name',
    /also the name of input 0/,
  ],
  [
    'an input like a number',
    of({ formula: { expression: '5', inputs: [{ name: '5', query: 'x' }] } }),
    '/strategies/0/formula/inputs/0/name',
    /choose another/,
  ],
  [
    'a recorded input',
    of({ formula: { ...FORMULA, inputs: [{ name: 'a', query: 'a:b' }] } }),
    '/strategies/0/formula/inputs/0/timestampQuery',
    /required/,
  ],
  [
    'two targets of a formula',
    of({ formula: { ...FORMULA, target: { value: 1, averageValue: 1 } } }),
    '/strategies/0/formula/target',
    /got value and averageValue/,
  ],
  [
    'a formula without inputs',
    of({ formula: { ...FORMULA, inputs: [] } }),
    '/strategies/0/formula/inputs',
    /1 to 16 inputs/,
  ],

  // What may stand together.
  [
    'hpa-v2 with the winner rule',
    { compatibility: 'hpa-v2', combination: 'winner' },
    '/combination',
    /hpa-v2 combines by max/,
  ],
  [
    'hpa-v2 with a queue',
    { ...of({ queue: { query: 'sum(x)', target: 1 } }), compatibility: 'hpa-v2' },
    '/strategies/0/queue',
    /only utilization, replicaValue/,
  ],
  [
    'nomad without the winner rule',
    { metrics: [], ...of({ fixedValue: { replicas: 1 } }), compatibility: 'nomad' },
    '/combination',
    /nomad combines by winner/,
  ],
  [
    'nomad with a metric',
    { compatibility: 'nomad', combination: 'winner' },
    '/metrics',
    /strategies only/,
  ],
  [
    'nomad with a formula',
    { ...of({ formula: FORMULA }), metrics: [], compatibility: 'nomad', combination: 'winner' },
    '/strategies/0/formula',
    /no formula/,
  ],

  // From zero.
  [
    'zero with a value',
    { ...metric({ target: { value: 1 } }), replicas: { min: 0, max: 8 } },
    '/replicas/min',
    /sees demand without a replica.*write at least 1/,
  ],
  [
    'zero with series of the replicas',
    { ...metric({ fromReplicas: true }), replicas: { min: 0, max: 8 } },
    '/replicas/min',
    /not fromReplicas/,
  ],
  ...asleep(
    ['a constant', { fixedValue: { replicas: 1 } }],
    ['utilization', { utilization: UTILIZATION }],
    ['a mean per replica', { targetTracking: { query: 'sum(x)', target: 1 } }],
    ['a change of 0', { threshold: { ...THRESHOLD, action: { delta: 0 } } }],
    ['a percentage of none', { threshold: { ...THRESHOLD, action: { percentage: 50 } } }],
    ['steps that only take', { step: { ...STEP, steps: [{ adjustment: -1 }] } }],
    ['a percent of none', { step: { ...STEP, adjust: 'percent', steps: [{ adjustment: 10 }] } }],
    ['a ratio of a formula', { formula: { ...FORMULA, target: { value: 1 } } }],
  ),

  // Rates, loss, flapping.
  [
    'a rate of both units',
    { rates: { out: { policies: [{ replicas: 1, percent: 1, per: '1m' }] } } },
    '/rates/out/policies/0',
    /got replicas and percent/,
  ],
  [
    'a rate of no unit',
    { rates: { in: { policies: [{ per: '1m' }] } } },
    '/rates/in/policies/0',
    /got none/,
  ],
  [
    'a rate without a period',
    { rates: { in: { policies: [{ replicas: 1 }] } } },
    '/rates/in/policies/0/per',
    /required/,
  ],
  [
    'an unknown selection',
    { rates: { out: { select: 'Max' } } },
    '/rates/out/select',
    /max, min, disabled/,
  ],
  [
    'loss without a number',
    { onLost: { use: 'static' } },
    '/onLost/replicas',
    /required: .*static/,
  ],
  [
    'a number for current',
    { onLost: { use: 'current', replicas: 3 } },
    '/onLost/replicas',
    /remove it/,
  ],
  [
    'a number above max',
    { onLost: { use: 'static', replicas: 9 } },
    '/onLost/replicas',
    /9 is above max 8/,
  ],
  [
    'a number below min',
    { onLost: { use: 'current_if_higher', replicas: 0 } },
    '/onLost/replicas',
    /0 is below min 1/,
  ],
  [
    'a flap budget without a window',
    { flapBudget: { reversals: 2 }, stabilization: { down: '0s' } },
    '/flapBudget',
    /stabilization.down is 0s/,
  ],
  [
    'a flap budget that widens nothing',
    { flapBudget: { reversals: 2, windowMax: '5m' } },
    '/flapBudget/windowMax',
    /not longer than stabilization.down 5m/,
  ],
  ['no reversal at all', { flapBudget: { reversals: 0 } }, '/flapBudget/reversals', /from 1/],

  // Schedules, forecasts, budgets, vertical.
  [
    'a floor above max',
    { schedules: [{ ...SCHEDULE, min: 9 }] },
    '/schedules/0/min',
    /9 is above the policy's max 8/,
  ],
  [
    'a cap above max',
    { schedules: [{ ...SCHEDULE, max: 9 }] },
    '/schedules/0/max',
    /above the policy's max/,
  ],
  [
    'a cap below min',
    { schedules: [{ ...SCHEDULE, max: 0 }] },
    '/schedules/0/max',
    /0 is below the policy's min 1/,
  ],
  [
    'a schedule twice',
    {
      schedules: [
        { ...SCHEDULE, min: 2 },
        { ...SCHEDULE, min: 3 },
      ],
    },
    '/schedules/1/name',
    /also the name/,
  ],
  [
    'a schedule without a number',
    { schedules: [SCHEDULE] },
    '/schedules/0',
    /min \(a floor\) and max \(a cap\)/,
  ],
  [
    'a forecast of no metric',
    { forecast: { ...FORECAST, metric: 'other' } },
    '/forecast/metric',
    /no metric "other"/,
  ],
  [
    'a forecast of a value',
    { ...metric({ target: { value: 1 } }), forecast: FORECAST },
    '/forecast/metric',
    /no averageValue/,
  ],
  [
    'a capacity below the target',
    { forecast: { ...FORECAST, capacity: 3 } },
    '/forecast/capacity',
    /3 is below the averageValue 4/,
  ],
  [
    'days of history',
    { forecast: { ...FORECAST, history: '14d' } },
    '/forecast/history',
    /days are written in hours/,
  ],
  [
    'a budget twice',
    { budgets: [{ id: 'gpu' }, { id: 'gpu' }] },
    '/budgets/1/id',
    /also the id of \/budgets\/0/,
  ],
  [
    'no units',
    { budgets: [{ id: 'gpu', unitsPerReplica: 0 }] },
    '/budgets/0/unitsPerReplica',
    /greater than 0/,
  ],
  [
    'vertical recommendations of nothing',
    { vertical: { resources: [] } },
    '/vertical/resources',
    /1 to 3 resources/,
  ],
];

describe('the faults of a policy document', () => {
  for (const [what, change, pointer, message] of CASES) {
    it(`refuses ${what}, at ${pointer}`, () => {
      const faults = faultsOf({ ...POLICY, ...change });
      const found = faults.filter((fault) => fault.pointer === pointer);
      assert.equal(found.length, 1, JSON.stringify(faults));
      assert.match(found[0]?.message ?? '', message);
      assert.equal(faults.length, 1, JSON.stringify(faults));
    });
  }

  const awake: readonly (readonly [string, object])[] = [
    ['a queue', { queue: { query: 'sum(x)', target: 1 } }],
    ['a number that is passed through', { passThrough: { query: 'sum(x)' } }],
    ['a target value', { targetValue: { query: 'sum(x)', target: 1 } }],
    ['a concurrency', { concurrency: CONCURRENCY }],
    ['a capacity', { capacity: { rate: { query: 'x' }, latency: { query: 'x' }, concurrency: 1 } }],
    ['a threshold that adds', { threshold: THRESHOLD }],
    ['steps that add', { step: { ...STEP, steps: [{ adjustment: 1 }] } }],
    [
      'a percent with a smallest change',
      { step: { ...STEP, adjust: 'percent', minAdjustment: 1, steps: [{ adjustment: 10 }] } },
    ],
    ['a formula that shares a total out', { formula: { ...FORMULA, target: { averageValue: 1 } } }],
    ['a formula for the number itself', { formula: FORMULA }],
  ];
  for (const [what, kind] of awake) {
    it(`allows zero with ${what}, unless its series come from the replicas`, () => {
      const base = { ...POLICY, metrics: [], replicas: { min: 0, max: 8 } };
      assert.deepEqual(faultsOf({ ...base, ...of(kind) }), []);
      const pointers = faultsOf({ ...base, ...of(kind, { fromReplicas: true }) });
      assert.deepEqual(
        pointers.map(({ pointer }) => pointer),
        ['/replicas/min'],
      );
    });
  }

  it('takes both sides of each boundary', () => {
    const right: readonly object[] = [
      of({ threshold: { ...THRESHOLD, withinBoundsTrigger: 6 } }),
      of({ threshold: { ...THRESHOLD, upperBound: 1.01 } }),
      of({ threshold: { ...THRESHOLD, window: '1000s', step: '1s' } }),
      of({ threshold: { ...THRESHOLD, window: '10s', withinBoundsTrigger: 1 } }),
      of({ concurrency: { ...CONCURRENCY, panicWindow: '59s', capacity: 10 } }),
      of({ concurrency: { ...CONCURRENCY, maxScaleUpRate: 1.01, maxScaleDownRate: 1.01 } }),
      of({ inference: { ...INFERENCE, spareQueueMin: 4.9, spareKvCacheMin: 0.79 } }),
      steps({ upper: 0 }, { lower: 0, upper: 10 }, { lower: 10 }),
      { onLost: { use: 'static', replicas: 1 } },
      { onLost: { use: 'static', replicas: 8 } },
      { flapBudget: { reversals: 1, windowMax: '301s' } },
      {
        schedules: [
          { ...SCHEDULE, min: 8 },
          { ...SCHEDULE, name: 'night', max: 1 },
        ],
      },
      { forecast: { ...FORECAST, capacity: 4 } },
      {
        metrics: named(8, METRIC),
        strategies: named(8, { fixedValue: { replicas: 1 } }, 's'),
      },
      { compatibility: 'default', combination: 'max', whileBooting: 'wait' },
    ];
    for (const change of right) assert.deepEqual(faultsOf({ ...POLICY, ...change }), []);
  });

  it('reports the faults of several strategies and of the policy at once', () => {
    const pointers = faultsOf({
      ...POLICY,
      replicas: { min: 9, max: 8 },
      strategies: [{ name: 'a' }, { name: 'a', queue: { query: 'sum(', target: 0 } }],
      onLost: { use: 'static' },
      behavior: {},
    }).map(({ pointer }) => pointer);
    assert.deepEqual([...pointers].sort(), [
      '/behavior',
      '/onLost/replicas',
      '/replicas/min',
      '/strategies/0',
      '/strategies/1/name',
      '/strategies/1/queue/query',
      '/strategies/1/queue/target',
    ]);
  });
});

function metric(change: object): object {
  return { metrics: [{ ...METRIC, ...change }] };
}

function of(kind: object, head: object = {}): object {
  return { strategies: [{ name: 's', ...head, ...kind }] };
}

function steps(...list: readonly object[]): object {
  return of({ step: { ...STEP, steps: list.map((one) => ({ adjustment: 1, ...one })) } });
}

function named(count: number, body: object, prefix = 'm'): readonly object[] {
  return Array.from({ length: count }, (_, n) => ({ ...body, name: `${prefix}${n}` }));
}

function asleep(...kinds: readonly (readonly [string, object])[]): readonly Case[] {
  return kinds.map(([what, kind]) => [
    `zero with ${what} alone`,
    { ...of(kind), metrics: [], replicas: { min: 0, max: 8 } },
    '/replicas/min',
    /write at least 1/,
  ]);
}

function faultsOf(document: unknown) {
  try {
    parsePolicy(document);
    return [];
  } catch (error) {
    if (error instanceof SchemaError) return error.faults;
    throw error;
  }
}
