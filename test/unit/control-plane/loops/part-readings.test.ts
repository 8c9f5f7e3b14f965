import assert from 'node:assert/strict';
import {
  POINTS_MAX,
  factsOf,
  pointsReading,
  replicasReading,
  underReplicaIds,
} from '../../../../control-plane/loops/part-readings.ts';
import type { PartReading } from '../../../../control-plane/model/observation.ts';
import type {
  InstantReading,
  RangeReading,
} from '../../../../control-plane/ports/metrics-source.ts';
import { replicaFacts } from '../../../support/scale-input.ts';

const vector = (
  byReplica: Readonly<Record<string, number>>,
  label = 'replica',
): InstantReading => ({
  kind: 'vector',
  samples: Object.entries(byReplica).map(([name, value]) => ({
    labels: { [label]: name },
    value,
    evaluatedAtMs: 0,
  })),
});
const matrix = (...series: (readonly (readonly [number, number])[])[]): RangeReading => ({
  kind: 'matrix',
  series: series.map((points, index) => ({ labels: { series: String(index) }, points })),
});
const at: InstantReading = {
  kind: 'vector',
  samples: [{ labels: {}, value: 12.5, evaluatedAtMs: 0 }],
};
const down = { kind: 'failed', reason: 'signal_unavailable', detail: 'refused' } as const;
const reasonOf = (part: PartReading) => (part.kind === 'failed' ? part.reason : null);

describe('points of a window', () => {
  it('are told with null for what is not finite, and with the age of the newest', () => {
    const reading = pointsReading(
      matrix([
        [1, 2],
        [3, NaN],
        [5, Infinity],
      ]),
      at,
    );
    assert.deepEqual(reading, {
      kind: 'points',
      points: [
        { atMs: 1, value: 2 },
        { atMs: 3, value: null },
        { atMs: 5, value: null },
      ],
      sampledAtMs: 12_500,
    });
  });

  it('of no series are absent, of two ambiguous, of too many points oversized', () => {
    assert.equal(reasonOf(pointsReading(matrix(), at)), 'signal_absent');
    assert.equal(reasonOf(pointsReading(matrix([], []), at)), 'signal_ambiguous');
    const long = (length: number) => Array.from({ length }, (_, n) => [n, n] as const);
    assert.equal(reasonOf(pointsReading(matrix(long(POINTS_MAX)), at)), null);
    assert.equal(reasonOf(pointsReading(matrix(long(POINTS_MAX + 1)), at)), 'signal_oversized');
  });

  it('fail as their answer or their timestamp did; a timestamp without a series leaves the age unknown', () => {
    assert.equal(reasonOf(pointsReading(down, at)), 'signal_unavailable');
    assert.equal(reasonOf(pointsReading(matrix([[1, 1]]), down)), 'signal_unavailable');
    const ageless = pointsReading(matrix([[1, 1]]), vector({}));
    assert.equal(ageless.kind === 'points' ? ageless.sampledAtMs : 0, null);
  });
});

describe('one number per replica', () => {
  it('is read by its label, each with a time of its own', () => {
    const reading = replicasReading('replica', vector({ a: 1, b: NaN }), vector({ a: 7 }));
    assert.deepEqual(reading, {
      kind: 'replicas',
      samples: [
        { replicaId: 'a', value: 1, sampledAtMs: 7_000 },
        { replicaId: 'b', value: null, sampledAtMs: null },
      ],
    });
  });

  it('is ambiguous where a series lacks the label, or two have the same', () => {
    assert.equal(reasonOf(replicasReading('pod', vector({ a: 1 }), null)), 'signal_ambiguous');
    const twice: InstantReading = {
      kind: 'vector',
      samples: [1, 2].map((value) => ({ labels: { replica: 'a' }, value, evaluatedAtMs: 0 })),
    };
    assert.equal(reasonOf(replicasReading('replica', twice, null)), 'signal_ambiguous');
    assert.equal(reasonOf(replicasReading('replica', vector({}), null)), 'signal_absent');
    assert.equal(
      reasonOf(replicasReading('replica', vector({ a: 1 }), down)),
      'signal_unavailable',
    );
  });

  it('takes the older of two times for one replica', () => {
    const times: InstantReading = {
      kind: 'vector',
      samples: [9, 4].map((value) => ({ labels: { replica: 'a' }, value, evaluatedAtMs: 0 })),
    };
    const reading = replicasReading('replica', vector({ a: 1 }), times);
    assert.equal(reading.kind === 'replicas' ? reading.samples[0]?.sampledAtMs : null, 4_000);
  });

  it('finds its replica by id or by address, and leaves out whose nobody knows', () => {
    const [one, two] = replicaFacts(2);
    assert.ok(one !== undefined && two !== undefined);
    const named = (names: readonly string[]): PartReading => ({
      kind: 'replicas',
      samples: names.map((replicaId) => ({ replicaId, value: 1, sampledAtMs: 0 })),
    });
    const read = (names: readonly string[]) =>
      underReplicaIds([{ strategy: 's', parts: { usage: named(names) } }], [one, two])[0]?.parts[
        'usage'
      ];
    const known = read([one.address, two.replicaId, 'gone:1']);
    assert.deepEqual(
      known?.kind === 'replicas' ? known.samples.map(({ replicaId }) => replicaId) : null,
      [one.replicaId, two.replicaId],
    );
    const both = read([one.address, one.replicaId]);
    assert.equal(both === undefined ? null : reasonOf(both), 'signal_ambiguous');
  });
});

describe('replicas as the decider sees them', () => {
  it('say when they last changed, or that it is not known', () => {
    const replica = {
      replicaId: 'r',
      workloadId: 'w',
      address: 'a:1',
      metricsPath: '/metrics',
      phase: 'ready',
      startedAtMs: 5,
    } as const;
    assert.equal(factsOf([replica])[0]?.readyChangedAtMs, null);
    assert.equal(factsOf([{ ...replica, readyChangedAtMs: 9 }])[0]?.readyChangedAtMs, 9);
  });
});
