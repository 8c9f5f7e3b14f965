import assert from 'node:assert/strict';
import { observationsOf, queriesOf } from '../../../../control-plane/loops/observe.ts';
import type { ScalePolicy } from '../../../../control-plane/model/policy.ts';
import type { InstantReading } from '../../../../control-plane/ports/metrics-source.ts';
import { metric, policy, strategy } from '../../../support/scale-input.ts';

const vector = (...values: readonly number[]): InstantReading => ({
  kind: 'vector',
  samples: values.map((value, index) => ({
    labels: { replica: String(index) },
    value,
    evaluatedAtMs: 0,
  })),
});
const down: InstantReading = { kind: 'failed', reason: 'signal_unavailable', detail: 'refused' };
const covered = policy({ metrics: [metric({ coverage: { query: 'count(x)', minimumRatio: 1 } })] });
const plain = policy();
const seenBy = (of: ScalePolicy, instants: readonly InstantReading[]) =>
  observationsOf(of, { instants, ranges: [] }).observations;
const only = (readings: readonly InstantReading[], of = plain) => seenBy(of, readings)[0];

describe('observe', () => {
  it('asks for value and timestamp of each metric, and for coverage where one is named', () => {
    const two = policy({ metrics: [...covered.metrics, metric({ name: 'b', query: 'b' })] });
    assert.deepEqual(queriesOf(two, 0).instants, [
      two.metrics[0]?.query,
      two.metrics[0]?.timestampQuery,
      'count(x)',
      'b',
      two.metrics[1]?.timestampQuery,
    ]);
  });

  it('takes the readings in the order of the queries', () => {
    const two = policy({ metrics: [...covered.metrics, metric({ name: 'b' })] });
    const readings = [vector(1), vector(10), vector(3), vector(2), vector(20)];
    assert.deepEqual(seenBy(two, readings), [
      { kind: 'sample', metric: 'load', value: 1, sampledAtMs: 10_000, reporting: 3 },
      { kind: 'sample', metric: 'b', value: 2, sampledAtMs: 20_000, reporting: null },
    ]);
  });

  it('says unavailable when the value, its time or its coverage could not be had', () => {
    for (const readings of [
      [down, vector(1), vector(1)],
      [vector(1), down, vector(1)],
      [vector(1), vector(1), down],
    ]) {
      const seen = only(readings, covered);
      assert.equal(seen?.kind === 'failed' ? seen.reason : null, 'signal_unavailable');
    }
  });

  it('takes the times of a server whose clock is ahead for as much older', () => {
    const ahead = { ...vector(100), clockAheadMs: 90_000 };
    const seen = only([vector(1), ahead]);
    assert.equal(seen?.kind === 'sample' ? seen.sampledAtMs : null, 10_000);
    const points = policy({ metrics: [], strategies: [strategy('threshold'), strategy('queue')] });
    const range = { kind: 'matrix', series: [{ labels: {}, points: [] }] } as const;
    const { readings } = observationsOf(points, {
      instants: [ahead, vector(1), ahead],
      ranges: [range],
    });
    assert.deepEqual(
      readings
        .flatMap(({ parts }) => Object.values(parts))
        .map((part) => 'sampledAtMs' in part && part.sampledAtMs),
      [10_000, 10_000],
    );
  });

  it('tells no series, two series and no number apart', () => {
    const reasonOf = (reading: InstantReading) => {
      const seen = only([reading, vector(1)]);
      return seen?.kind === 'failed' ? seen.reason : null;
    };
    assert.equal(reasonOf(vector()), 'signal_absent');
    assert.equal(reasonOf(vector(1, 2)), 'signal_ambiguous');
    assert.equal(reasonOf(vector(Number.NaN)), 'signal_not_a_number');
    assert.equal(reasonOf(vector(Infinity)), 'signal_not_a_number');
  });

  it('leaves the age unknown when there is no timestamp', () => {
    const seen = only([vector(1), vector()]);
    assert.equal(seen?.kind === 'sample' ? seen.sampledAtMs : 0, null);
  });

  it('counts no reporting replica when the coverage has no series', () => {
    const seen = only([vector(1), vector(1), vector()], covered);
    assert.equal(seen?.kind === 'sample' ? seen.reporting : null, 0);
  });

  it('says absent when an answer is missing', () => {
    const seen = only([]);
    assert.equal(seen?.kind === 'failed' ? seen.reason : null, 'signal_absent');
  });
});
