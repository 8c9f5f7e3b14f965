import assert from 'node:assert/strict';

import { LookedAt } from '../../../../../control-plane/adapters/replicas/looked-at.ts';
import { pollUntil } from '../../../../support/process.ts';

describe('watches that are looked at', () => {
  const watching = (watchesMax: number, idleMs: number) => {
    const closed: string[] = [];
    const close = (watch: { readonly key: string }): Promise<void> => {
      closed.push(watch.key);
      return Promise.resolve();
    };
    const watches = new LookedAt({ watchesMax, idleMs, close });
    return { closed, watches, look: (key: string) => watches.look(key, () => ({ key })) };
  };

  it('are made once, and found again', () => {
    const { watches, look } = watching(2, 60_000);
    const first = look('a');
    assert.deepEqual([first.isKept, first.isNew], [true, true]);
    const second = look('a');
    assert.deepEqual([second.isKept, second.isNew], [true, false]);
    assert.equal(second.watch, first.watch);
    assert.equal(watches.held('a'), first.watch);
  });

  it('are made for one look where there is no room', () => {
    const { watches, look } = watching(1, 60_000);
    look('a');
    assert.deepEqual([look('b').isKept, watches.held('b')], [false, null]);
    assert.equal(look('b').isNew, true);
  });

  it('end when nobody looks at them any more', async () => {
    const { closed, watches, look } = watching(1, 5);
    look('a');
    await pollUntil('room for another', 5_000, () => Promise.resolve(look('b').isKept));
    assert.deepEqual(closed, ['a']);
    assert.equal(watches.held('a'), null);
  });

  it('end all with the last, and none is kept after it', async () => {
    const { closed, watches, look } = watching(4, 60_000);
    for (const key of ['a', 'b']) look(key);
    await watches.close();
    assert.deepEqual(closed, ['a', 'b']);
    assert.equal(look('c').isKept, false);
  });
});
