import assert from 'node:assert/strict';
import { parseBacktest } from '../../../../control-plane/schemas/backtest.ts';
import { SchemaError } from '../../../../control-plane/schemas/fault.ts';
import { policyDocument } from '../../../support/http-documents.ts';

function document(overrides: object = {}) {
  return {
    policies: ['p', { label: 'other', policy: policyDocument({ id: 'q' }) }],
    from: '2026-11-01T00:00Z',
    to: '2026-11-02T00:00Z',
    plant: { boot: '180s', capacity: 10 },
    ...overrides,
  };
}

function pointersOf(value: unknown): readonly string[] {
  try {
    parseBacktest(value);
  } catch (error) {
    assert.ok(error instanceof SchemaError);
    return error.faults.map(({ pointer, message }) => `${pointer} ${message}`);
  }
  return assert.fail('nothing was wrong');
}

describe('the document of a backtest', () => {
  it('needs policies, a range and a plant, and has defaults for the rest', () => {
    const { policies, rest } = parseBacktest(document());
    assert.deepEqual(policies[0], { label: null, asked: { kind: 'id', id: 'p' } });
    assert.equal(policies[1]?.label, 'other');
    assert.equal(policies[1].asked.kind, 'document');
    assert.deepEqual(rest, {
      fromMs: Date.UTC(2026, 10, 1),
      toMs: Date.UTC(2026, 10, 2),
      stepMs: 15_000,
      source: { kind: 'prometheus' },
      load: { kind: 'first_total' },
      signals: {},
      plant: {
        bootMs: 180_000,
        replicaCapacity: 10,
        replicasInitial: null,
        overload: { kind: 'lost' },
      },
      injections: { seed: 1, outages: [], kills: [], compareForgotten: false },
      pointsMax: 1_000,
    });
  });

  it('takes points as pairs and as values from a start on', () => {
    const series = {
      load: {
        points: [
          [1_700_000_000, 5],
          [1_700_000_015_000, null],
        ],
      },
      other: { start: '2026-11-01T00:00Z', step: '15s', values: [1, null, 3] },
    };
    const { rest } = parseBacktest(document({ source: { kind: 'points', series } }));
    assert.ok(rest.source.kind === 'points');
    const at = Date.UTC(2026, 10, 1);
    assert.deepEqual(rest.source.series, {
      load: [
        [1_700_000_000_000, 5],
        [1_700_000_015_000, NaN],
      ],
      other: [
        [at, 1],
        [at + 30_000, 3],
      ],
    });
    assert.deepEqual(rest.load, { kind: 'series', name: 'load' });
  });

  it('takes a queue, rules, outages and kills', () => {
    const { rest } = parseBacktest(
      document({
        plant: { boot: '0s', capacity: 1, overload: { kind: 'queue', giveUpAfter: '1m' } },
        signals: { cpu: 'busy:100' },
        injections: { seed: 3, outages: ['10m@daily'], kills: ['30s@6h'], forgotten: true },
      }),
    );
    assert.deepEqual(rest.plant.overload, { kind: 'queue', lateAfterMs: 5_000, timeoutMs: 60_000 });
    assert.deepEqual(rest.signals, { cpu: { rule: 'busy', full: 100 } });
    assert.equal(rest.injections.outages.length, 1);
    assert.equal(rest.injections.compareForgotten, true);
  });

  it('is refused with every fault at once, those of the policies too', () => {
    const faults = pointersOf({
      policies: ['P!', { policy: policyDocument({ replicas: { min: 9, max: 2 } }) }],
      from: 'monday',
      to: '2026-11-02T00:00Z',
      step: '15',
      plant: { boot: '180s' },
      signals: { cpu: 'cpu' },
      injections: { outages: ['10m'] },
      extra: 1,
    }).join('\n');
    for (const expected of [
      /^\/policies\/0 expected 1 to 63 characters/m,
      /^\/policies\/1\/policy\/replicas\/min min 9 is above max 2/m,
      /^\/from expected an instant/m,
      /^\/step expected a duration/m,
      /^\/plant\/capacity required/m,
      /^\/signals\/cpu expected one of total/m,
      /^\/injections\/outages\/0 expected .*10m@daily/m,
      /^\/extra unknown field/m,
    ]) {
      assert.match(faults, expected);
    }
  });

  it('takes so many points that reading them holds nobody up, and says where more may come from', () => {
    const of = (count: number) => {
      const values = new Array<number>(count).fill(1);
      const load = { start: '2026-11-01T00:00Z', step: '15s', values };
      return document({ source: { kind: 'points', series: { load } } });
    };
    assert.equal(parseBacktest(of(10_000)).policies.length, 2);
    assert.match(
      pointersOf(of(10_001)).join(),
      /10001 points are more than 10000; .*metrics source/,
    );
  });

  it('is refused where its parts do not go together', () => {
    const wrong = document({
      from: '2026-11-03T00:00Z',
      load: { query: 'x', series: 'y' },
      source: {
        kind: 'points',
        series: {
          a: {
            points: [
              [2, 1],
              [1, 1],
            ],
          },
          b: { start: '2026-11-01', values: [1] },
        },
      },
    });
    const faults = pointersOf(wrong).join('\n');
    assert.match(faults, /^\/from is not before `to`/m);
    assert.match(faults, /^\/load expected exactly one of query and series/m);
    assert.match(faults, /^\/load\/series there is no series "y"/m);
    assert.match(faults, /^\/source\/series\/a\/points point 1: its time is not after/m);
    assert.match(faults, /^\/source\/series\/b expected points, or start with step and values/m);
  });
});
