import assert from 'node:assert/strict';

import {
  counted,
  duration,
  figure,
  instant,
  isoInstant,
  percent,
} from '../../../../control-plane/http/figures.ts';

describe('figures for people', () => {
  it('says durations in the two largest units that follow each other', () => {
    const said = [0, 999, 1_000, 12_500, 59_999, 60_000, 125_000, 3_600_000, 3_605_000, 90_061_000];
    assert.deepEqual(said.map(duration), [
      ...['0 ms', '999 ms', '1 s', '12.5 s', '60 s', '1 min', '2 min 5 s', '1 h', '1 h', '1 d 1 h'],
    ]);
    assert.equal(duration(-5_000), '−5 s');
  });

  it('says instants in UTC, and numbers beyond every date as they are', () => {
    assert.equal(instant(1_700_000_000_999), '2023-11-14 22:13:20 UTC');
    assert.equal(isoInstant(1_700_000_000_000), '2023-11-14T22:13:20.000Z');
    assert.equal(instant(9e15), '9000000000000000 ms');
    assert.equal(isoInstant(Number.NaN), '');
  });

  it('rounds numbers to the digits that count', () => {
    assert.equal(figure(12.3456), '12.35');
    assert.equal(figure(0.125), '0.125');
    assert.equal(percent(0.525), '52.5 %');
    assert.equal(counted(1, 'replica'), '1 replica');
    assert.equal(counted(0, 'replica'), '0 replicas');
  });
});
