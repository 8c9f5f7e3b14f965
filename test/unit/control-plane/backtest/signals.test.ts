import assert from 'node:assert/strict';
import { planSignals, signalNames } from '../../../../control-plane/backtest/signals.ts';
import type { StrategySpec } from '../../../../control-plane/model/strategy.ts';
import { policy, metric } from '../../../support/scale-input.ts';

const HEAD = { group: null, fromReplicas: false };

const QUEUE: StrategySpec = {
  ...HEAD,
  ...{ kind: 'queue', name: 'jobs', query: 'q', timestampQuery: 't', coverage: null },
  ...{ target: 5, activation: 0, cooldownMs: 0 },
};

const CAPACITY: StrategySpec = {
  ...HEAD,
  ...{ kind: 'capacity', name: 'cap', concurrency: 4, peakFactor: 1, marginRatio: 0 },
  rate: { query: 'r', timestampQuery: 'rt' },
  latency: { query: 'l', timestampQuery: 'lt' },
  redundantReplicas: 0,
};

describe('the signals of a backtest', () => {
  it('replay totals without being told, and ask for a rule of anything per replica', () => {
    const cpu = metric({ name: 'cpu', kind: 'value', target: 0.7 });
    const { signals, faults } = planSignals(policy({ metrics: [metric(), cpu] }), {});
    assert.deepEqual(
      signals.map(({ name, mapping }) => [name, mapping.rule]),
      [['load', 'total']],
    );
    assert.equal(faults.length, 1);
    assert.match(
      faults[0] ?? '',
      /policy p: the signal cpu has no rule.*cpu=utilization.*cpu=total/,
    );
  });

  it('take the rule that was named over the one that would be assumed', () => {
    const signals = { load: { rule: 'queue', full: 1 } } as const;
    assert.equal(planSignals(policy(), signals).signals[0]?.mapping.rule, 'queue');
  });

  it('know the parts of strategies by their names', () => {
    const one = policy({ metrics: [], strategies: [QUEUE, CAPACITY] });
    const { signals, faults } = planSignals(one, {});
    assert.deepEqual(faults, []);
    assert.deepEqual(
      signals.map(({ name, mapping, query }) => [name, mapping.rule, query]),
      [
        ['jobs', 'queue', 'q'],
        ['cap/rate', 'total', 'r'],
        ['cap/latency', 'total', 'l'],
      ],
    );
    assert.deepEqual([...signalNames([one])], ['jobs', 'cap/rate', 'cap/latency']);
  });
});
