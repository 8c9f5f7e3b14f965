import assert from 'node:assert/strict';
import { groupBySpan, spanKey } from '../../../../../control-plane/adapters/prometheus/ranges.ts';

describe('range queries by their span', () => {
  const span = { startMs: 0, endMs: 60_000, stepMs: 15_000 };
  const steps = (changed: Partial<typeof span>) =>
    [...groupBySpan([{ query: 'a', ...span, ...changed }]).values()][0]?.steps;

  it('are together where start, end and step are the same, each query once', () => {
    const queries = ['a', 'b', 'a'].map((query) => ({ query, ...span }));
    const groups = groupBySpan([...queries, { query: 'a', ...span, stepMs: 5_000 }]);
    assert.deepEqual(
      [...groups].map(([key, { texts }]) => [key, [...texts]]),
      [
        [spanKey(span), ['a', 'b']],
        [spanKey({ ...span, stepMs: 5_000 }), ['a']],
      ],
    );
  });

  it('have the steps that the server will make, the first and the last included', () => {
    assert.equal(steps({}), 5);
    assert.equal(steps({ endMs: 59_999 }), 4);
    assert.equal(steps({ endMs: 0 }), 1);
  });

  it('have one step where the server will refuse them', () => {
    assert.equal(steps({ endMs: -60_000 }), 1);
    assert.equal(steps({ stepMs: 0 }), 1);
  });
});
