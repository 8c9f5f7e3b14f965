import assert from 'node:assert/strict';
import { inTurns } from '../../../../control-plane/loops/in-turns.ts';

describe('a list gone through in turns', () => {
  it('is gone through in order, each item once', async () => {
    const items = Array.from({ length: 1_001 }, (_, at) => at);
    assert.deepEqual(
      await inTurns(items, (item) => item * 2, 10),
      items.map((item) => item * 2),
    );
  });

  it('lets the event loop turn between its parts, and not within them', async () => {
    let turns = 0;
    const seen: number[] = [];
    const count = (): void => {
      turns += 1;
      if (seen.length < 5) setImmediate(count);
    };
    setImmediate(count);
    await inTurns([0, 1, 2, 3, 4], () => seen.push(turns), 2);
    assert.equal(seen[0], seen[1]);
    assert.equal(seen[2], seen[3]);
    assert.ok((seen[1] ?? 0) < (seen[2] ?? 0));
    assert.ok((seen[3] ?? 0) < (seen[4] ?? 0));
  });

  it('has called every item of a short list before it is awaited', () => {
    const seen: string[] = [];
    void inTurns(['a', 'b'], (item) => seen.push(item), 2);
    assert.deepEqual(seen, ['a', 'b']);
  });

  it('does not wait for what an item began', async () => {
    const never = new Promise<never>(() => undefined);
    assert.equal((await inTurns([1, 2, 3], () => never, 1)).length, 3);
  });

  it('rejects with what the work throws, and leaves the rest alone', async () => {
    const seen: number[] = [];
    const work = (item: number): void => {
      seen.push(item);
      if (item === 2) throw new Error('no');
    };
    await assert.rejects(inTurns([1, 2, 3], work, 1), /no/);
    assert.deepEqual(seen, [1, 2]);
  });
});
