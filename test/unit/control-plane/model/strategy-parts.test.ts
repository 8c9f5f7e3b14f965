import assert from 'node:assert/strict';

import { STRATEGY_PARTS } from '../../../../control-plane/model/observation.ts';
import { STRATEGY_KINDS } from '../../../../control-plane/model/strategy.ts';
import { partsOf } from '../../../../control-plane/model/strategy-parts.ts';
import { strategy } from '../../../support/scale-input.ts';

describe('the parts that a strategy reads', () => {
  const SHAPES: Readonly<Record<(typeof STRATEGY_KINDS)[number], readonly string[]>> = {
    utilization: ['usage replicas', 'request replicas'],
    replica_value: ['usage replicas'],
    target_value: ['value sample'],
    pass_through: ['value sample'],
    threshold: ['points points'],
    fixed_value: [],
    concurrency: ['points points'],
    target_tracking: ['value sample'],
    step: ['value sample'],
    inference: ['queue replicas', 'kv_cache replicas'],
    queue: ['value sample'],
    capacity: ['rate sample', 'latency sample'],
    formula: ['input:a sample', 'input:b sample'],
  };
  for (const kind of STRATEGY_KINDS) {
    it(`are ${SHAPES[kind].join(', ') || 'none'}, of the kind ${kind}`, () => {
      const parts = partsOf(strategy(kind));
      assert.deepEqual(
        parts.map(({ name, shape }) => `${name} ${shape}`),
        SHAPES[kind],
      );
      const known: readonly string[] = STRATEGY_PARTS;
      for (const { name, shape, windowMs, stepMs } of parts) {
        assert.ok(known.includes(name) || name.startsWith('input:'));
        assert.equal(windowMs > 0 && stepMs > 0, shape === 'points');
      }
    });
  }

  it('have the age of their own query, and requests have none', () => {
    const [usage, request] = partsOf(strategy('utilization'));
    assert.deepEqual(
      [usage?.query, usage?.timestampQuery],
      ['sum by (replica) (rate(cpu[1m]))', 'min by (replica) (timestamp(cpu))'],
    );
    assert.deepEqual(
      [request?.query, request?.timestampQuery],
      ['sum by (replica) (requests)', null],
    );
  });

  it('have the coverage and the window of the strategy', () => {
    const coverage = { query: 'count(up)', minimumRatio: 0.9 };
    assert.deepEqual(partsOf(strategy('queue', { coverage }))[0]?.coverage, coverage);
    assert.deepEqual(partsOf(strategy('capacity'))[0]?.coverage, null);
    const [points] = partsOf(strategy('concurrency', { stableWindowMs: 90_000, stepMs: 3_000 }));
    assert.deepEqual([points?.windowMs, points?.stepMs], [90_000, 3_000]);
    assert.equal(partsOf(strategy('threshold', { windowMs: 70_000 }))[0]?.windowMs, 70_000);
  });

  it('of inference have the latency only when there is a query for it', () => {
    const spec = strategy('inference', {
      timeToFirstTokenQuery: 'avg by (replica) (ttft)',
      timeToFirstToken: { targetMs: 500, scaleInRatio: 0.8 },
    });
    assert.deepEqual(
      partsOf(spec).map(({ name, timestampQuery }) => [name, timestampQuery]),
      ['queue', 'kv_cache', 'time_to_first_token'].map((name) => [name, spec.timestampQuery]),
    );
  });
});
