import assert from 'node:assert/strict';

import { HPA_RATES } from '../../../../../control-plane/deciders/behavior.ts';
import { CONCURRENCY_DEFAULTS } from '../../../../../control-plane/deciders/strategies/concurrency.ts';
import { FORMULA_LENGTH_MAX } from '../../../../../control-plane/deciders/formula/formula.ts';
import { INFERENCE_DEFAULTS } from '../../../../../control-plane/deciders/strategies/inference.ts';
import { PER_REPLICA_DEFAULTS } from '../../../../../control-plane/deciders/strategies/per-replica.ts';
import { TARGET_VALUE_THRESHOLD_RATIO } from '../../../../../control-plane/deciders/strategies/target-value.ts';
import { TRACKING_DEFAULTS } from '../../../../../control-plane/deciders/strategies/target-tracking.ts';
import { WITHIN_BOUNDS_TRIGGER } from '../../../../../control-plane/deciders/strategies/threshold.ts';
import type { StrategySpec } from '../../../../../control-plane/model/strategy.ts';
import { SchemaError } from '../../../../../control-plane/schemas/fault.ts';
import { parsePolicy } from '../../../../../control-plane/schemas/policy.ts';
import { strategy } from '../../../../support/scale-input.ts';

const POLICY = { id: 'p', workload: 'w', replicas: { min: 1, max: 8 } };

/** A strategy of which the document says no more than it must. */
function least(kind: object): StrategySpec {
  const { strategies = [] } = parsePolicy({ ...POLICY, strategies: [{ name: 's', ...kind }] });
  assert.ok(strategies[0] !== undefined);
  return strategies[0];
}

/** Of the numbers, those that the strategy has too must be equal. */
function assertAgrees(spec: StrategySpec, numbers: object): void {
  const shared = Object.entries(numbers).filter(([key]) => Object.hasOwn(spec, key));
  assert.ok(shared.length >= 2);
  for (const [key, number] of shared) assert.equal(Reflect.get(spec, key), number, key);
}

describe('the defaults of a strategy’s document', () => {
  const query = 'sum by (replica) (rate(cpu[1m]))';
  const utilization = {
    utilization: { query, requestQuery: 'sum by (replica) (requests)', percent: 70, window: '1m' },
  };

  it('are those of the deciders, for what each replica reports', () => {
    assert.deepEqual(least(utilization), strategy('utilization'));
    assertAgrees(least(utilization), PER_REPLICA_DEFAULTS);
    const value = least({ replicaValue: { query, target: 10, window: '1m' } });
    assert.deepEqual(value, strategy('replica_value'));
  });

  it('are those of nomad-autoscaler', () => {
    const value = least({ targetValue: { query: 'sum(x)', target: 10 } });
    assert.deepEqual(value, strategy('target_value'));
    assert.equal(Reflect.get(value, 'thresholdRatio'), TARGET_VALUE_THRESHOLD_RATIO);
    const threshold = least({
      threshold: { query: 'sum(x)', lowerBound: 70, action: { delta: 1 } },
    });
    assert.deepEqual(threshold, strategy('threshold'));
    assert.equal(Reflect.get(threshold, 'withinBoundsTrigger'), WITHIN_BOUNDS_TRIGGER);
  });

  it('are those of Knative', () => {
    const spec = least({ concurrency: { query: 'sum(x)', target: 10 } });
    assert.deepEqual(spec, strategy('concurrency'));
    assertAgrees(spec, CONCURRENCY_DEFAULTS);
  });

  it('give a tenth of the stable window for panic, and a second at least', () => {
    const panicOf = (stableWindow: string, step: string): unknown =>
      Reflect.get(
        least({ concurrency: { query: 'sum(x)', target: 10, stableWindow, step } }),
        'panicWindowMs',
      );
    assert.equal(panicOf('2m', '2s'), 12_000);
    assert.equal(panicOf('6s', '1s'), 1_000);
  });

  it('are those of target tracking, inference, queues, capacity and formulas', () => {
    const tracking = least({ targetTracking: { query: 'sum(x)', target: 10 } });
    assert.deepEqual(tracking, strategy('target_tracking'));
    assertAgrees(tracking, TRACKING_DEFAULTS);
    const inference = least({
      inference: {
        queueQuery: 'sum by (replica) (waiting)',
        kvCacheQuery: 'max by (replica) (kv_cache)',
        timestampQuery: 'min by (replica) (timestamp(waiting))',
      },
    });
    assert.deepEqual(inference, strategy('inference'));
    assertAgrees(inference, { ...INFERENCE_DEFAULTS });
    assert.deepEqual(least({ queue: { query: 'sum(x)', target: 10 } }), strategy('queue'));
    const read = { query: 'sum(x)' };
    assert.deepEqual(
      least({ capacity: { rate: read, latency: read, concurrency: 10 } }),
      strategy('capacity'),
    );
    assert.deepEqual(least({ fixedValue: { replicas: 3 } }), strategy('fixed_value'));
    assert.deepEqual(least({ passThrough: read }), strategy('pass_through'));
    const inputs = ['a', 'b'].map((name) => ({ name, ...read }));
    assert.deepEqual(
      least({ formula: { expression: 'a + b', inputs, target: { averageValue: 10 } } }),
      strategy('formula'),
    );
    const steps = [
      { lower: 0, upper: 20, adjustment: 1 },
      { lower: 20, adjustment: 3 },
    ];
    assert.deepEqual(
      least({ step: { ...read, side: 'above', bound: 50, adjust: 'change', steps } }),
      strategy('step'),
    );
  });

  it('take an expression as long as the grammar does', () => {
    const inputs = [{ name: 'a', query: 'sum(x)' }];
    const lengthen = (length: number) => 'a'.padEnd(length, ' ');
    least({ formula: { expression: lengthen(FORMULA_LENGTH_MAX), inputs } });
    assert.throws(
      () => least({ formula: { expression: lengthen(FORMULA_LENGTH_MAX + 1), inputs } }),
      SchemaError,
    );
  });

  it('let the rates of autoscaling/v2 be written', () => {
    const { rates } = parsePolicy({
      ...POLICY,
      strategies: [{ name: 's', fixedValue: { replicas: 1 } }],
      rates: {
        out: {
          policies: [
            { replicas: 4, per: '15s' },
            { percent: 100, per: '15s' },
          ],
        },
        in: { policies: [{ percent: 100, per: '15s' }] },
      },
    });
    assert.deepEqual(rates, HPA_RATES);
  });

  it('derive the age of each replica’s values from both signals of inference', () => {
    const spec = least({
      inference: {
        queueQuery: 'sum by (replica) (waiting)',
        kvCacheQuery: 'max by (replica) (kv_cache)',
      },
    });
    assert.equal(
      Reflect.get(spec, 'timestampQuery'),
      'min by (replica) (label_replace(min by (replica) (timestamp(waiting)), "omnimind_selector", "0", "", "") or ' +
        'label_replace(min by (replica) (timestamp(kv_cache)), "omnimind_selector", "1", "", ""))' +
        ' and min by (replica) (timestamp(waiting)) and min by (replica) (timestamp(kv_cache))',
    );
  });
});
