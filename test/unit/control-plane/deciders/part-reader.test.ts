import assert from 'node:assert/strict';
import { PartReader, Unreadable } from '../../../../control-plane/deciders/part-reader.ts';
import type { PartReading } from '../../../../control-plane/model/observation.ts';
import { NOW_MS, pointsPart, replicasPart, samplePart } from '../../../support/scale-input.ts';

const AGE_MAX_MS = 30_000;
const reader = (parts: Readonly<Record<string, PartReading>>): PartReader =>
  new PartReader({ strategy: 's', parts }, { nowMs: NOW_MS, signalAgeMaxMs: AGE_MAX_MS });

/** What is read, or why nothing is. */
function attempt<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof Unreadable);
    assert.ok(error.proposal.detail.length > 0);
    return error.proposal.reason;
  }
}

const failure: PartReading = { kind: 'failed', reason: 'signal_oversized', detail: '9 MiB' };
const coverage = { query: 'count(up)', minimumRatio: 0.75 };

describe('PartReader: one number', () => {
  it('is read with its time', () => {
    const read = reader({ value: samplePart(7) }).sample('value', null, 4);
    assert.deepEqual(read, { value: 7, sampledAtMs: NOW_MS - 5_000 });
  });

  it('is no number again where null stands for one', () => {
    assert.ok(Number.isNaN(reader({ value: samplePart(null) }).sample('value', null, 4).value));
  });

  const bad: readonly [string, Readonly<Record<string, PartReading>>, string][] = [
    ['nothing was read', {}, 'signal_absent'],
    ['reading failed', { value: failure }, 'signal_oversized'],
    ['points were read', { value: pointsPart([1], 1) }, 'signal_malformed'],
  ];
  for (const [title, parts, reason] of bad) {
    it(`is ${reason} where ${title}`, () => {
      assert.equal(
        attempt(() => reader(parts).sample('value', null, 4)),
        reason,
      );
    });
  }

  it('is absent where there is no reading at all', () => {
    const empty = new PartReader(undefined, { nowMs: NOW_MS, signalAgeMaxMs: AGE_MAX_MS });
    assert.equal(
      attempt(() => empty.sample('value', null, 4)),
      'signal_absent',
    );
    assert.equal(empty.oldestAtMs, null);
  });

  const covered: readonly [reporting: number, ready: number, limited: string | null][] = [
    [4, 4, null],
    [3, 4, null],
    [2, 4, 'signal_partial'],
    [9, 4, null],
    [0, 0, null],
    [0, 1, 'signal_partial'],
  ];
  for (const [reporting, ready, limited] of covered) {
    it(`is ${limited ?? 'whole'} with ${reporting} of ${ready}`, () => {
      const parts = reader({ value: samplePart(7, { reporting }) });
      parts.sample('value', coverage, ready);
      assert.equal(parts.limited, limited);
    });
  }

  it('is partial where nobody says how many report, and whole where nobody asks', () => {
    const parts = reader({ value: samplePart(7) });
    assert.equal(
      attempt(() => parts.sample('value', coverage, 4)),
      'signal_partial',
    );
    parts.sample('value', null, 4);
    assert.equal(parts.limited, null);
  });

  it('has the age of the oldest that was read', () => {
    const parts = reader({
      a: samplePart(1, { sampledAtMs: NOW_MS - 2 }),
      b: samplePart(1, { sampledAtMs: NOW_MS - 9 }),
      c: samplePart(1, { sampledAtMs: null }),
    });
    for (const name of ['b', 'a', 'c']) parts.sample(name, null, 4);
    assert.equal(parts.oldestAtMs, NOW_MS - 9);
  });
});

describe('PartReader: points', () => {
  const window = { windowMs: 60_000, stepMs: 10_000, gapRatioMax: 0.5 };
  const all = (values: readonly (number | null)[], sampledAtMs: number | null = NOW_MS - 1_000) =>
    reader({ points: { kind: 'points', points: pointsAt(values), sampledAtMs } });
  const pointsAt = (values: readonly (number | null)[]) =>
    values.map((value, index) => ({ atMs: NOW_MS - (values.length - 1 - index) * 10_000, value }));
  const count = (parts: PartReader, gapRatioMax = 0.5): number | string => {
    const read = attempt(() => parts.points('points', { ...window, gapRatioMax }));
    return typeof read === 'string' ? read : read.length;
  };

  const cases: readonly [string, PartReader, number, number | string][] = [
    ['whole', all([1, 2, 3, 4, 5, 6]), 0, 6],
    ['one missing and none may', all([2, 3, 4, 5, 6]), 0, 'signal_partial'],
    ['as many missing as may', all([4, 5, 6]), 0.5, 3],
    ['one more missing', all([5, 6]), 0.5, 'signal_partial'],
    ['as many broken as may', all([1, 2, 3, null, null, null]), 0.5, 3],
    ['one more broken', all([1, 2, null, null, null, null]), 0.5, 'signal_not_a_number'],
    ['more than were expected', all([1, 2, 3, 4, 5, 6, 7]), 0, 7],
    [
      'the sample under the newest as old as it may be',
      all([1, 2, 3, 4, 5, 6], NOW_MS - AGE_MAX_MS),
      0,
      6,
    ],
    ['1 ms older', all([1, 2, 3, 4, 5, 6], NOW_MS - AGE_MAX_MS - 1), 0, 'signal_stale'],
    [
      'from further in the future than it may be',
      all([1, 2, 3, 4, 5, 6], NOW_MS + AGE_MAX_MS + 1),
      0,
      'signal_stale',
    ],
    ['of an unknown age', all([1, 2, 3, 4, 5, 6], null), 0, 'signal_stale'],
    ['nothing was read', reader({}), 0, 'signal_absent'],
    ['reading failed', reader({ points: failure }), 0, 'signal_oversized'],
    ['one number was read', reader({ points: samplePart(1) }), 0, 'signal_malformed'],
  ];
  for (const [title, parts, gapRatioMax, expected] of cases) {
    it(`are ${expected}: ${title}`, () => {
      assert.equal(count(parts, gapRatioMax), expected);
    });
  }

  it('of a window shorter than its step one is expected', () => {
    const parts = all([1]);
    const short = { windowMs: 5_000, stepMs: 10_000, gapRatioMax: 0 };
    assert.deepEqual(parts.points('points', short), [{ atMs: NOW_MS, value: 1 }]);
    const none = all([]);
    assert.equal(
      attempt(() => none.points('points', short)),
      'signal_partial',
    );
  });

  it('have the age of the sample under the newest', () => {
    const parts = all([1, 2, 3, 4, 5, 6], NOW_MS - 7);
    parts.points('points', window);
    assert.equal(parts.oldestAtMs, NOW_MS - 7);
  });
});

describe('PartReader: of each replica', () => {
  it('are read by id, and are as old as the oldest', () => {
    const part = replicasPart([1, 2]);
    const parts = reader({ usage: part });
    const read = parts.replicas('usage');
    assert.deepEqual([...read.keys()], ['replica-0', 'replica-1']);
    assert.equal(read.get('replica-1')?.value, 2);
    assert.equal(parts.oldestAtMs, NOW_MS - 5_000);
  });

  it('are malformed where one number was read', () => {
    assert.equal(
      attempt(() => reader({ usage: samplePart(1) }).replicas('usage')),
      'signal_malformed',
    );
  });
});
