import assert from 'node:assert/strict';
import { proposeFixedValue } from '../../../../../control-plane/deciders/strategies/fixed-value.ts';

describe('fixed-value', () => {
  it('is the number, whatever the metrics say', () => {
    assert.equal(proposeFixedValue(7).replicas, 7);
    assert.equal(proposeFixedValue(0).replicas, 0);
  });
});
