import assert from 'node:assert/strict';

import { jsonDifferences } from '../../../../control-plane/http/replay.ts';

describe('differences of a replay', () => {
  it('are none for equal JSON, whatever the order of members', () => {
    assert.deepEqual(jsonDifferences({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 }), []);
  });
  it('are named by pointer, in depth', () => {
    assert.deepEqual(
      jsonDifferences({ a: { b: [1, 2] }, c: 1 }, { a: { b: [1, 3] }, c: 1, d: 0 }),
      ['/a/b/1', '/d'],
    );
  });
  it('name the whole where the kinds differ', () => {
    assert.deepEqual(jsonDifferences({ a: [1] }, { a: { 0: 1 } }), ['/a']);
    assert.deepEqual(jsonDifferences(1, 2), ['']);
  });
  it('are at most 50', () => {
    const numbers = Array.from({ length: 80 }, (_, index) => index);
    assert.equal(
      jsonDifferences(
        numbers,
        numbers.map((n) => n + 1),
      ).length,
      50,
    );
  });
});
