import assert from 'node:assert/strict';
import { StopStack } from '../../../../control-plane/composition/stop-stack.ts';
import { never } from '../../../support/scale-plane.ts';

describe('the stack of stops', () => {
  const trouble: string[] = [];
  const stack = () =>
    new StopStack((name, error) => {
      trouble.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    });
  beforeEach(() => trouble.splice(0));

  it('stops layer by layer, newest first, and a layer all at once', async () => {
    const order: string[] = [];
    const stops = stack();
    const slow = Promise.withResolvers<undefined>();
    const part = (name: string) => () => void order.push(name);
    stops.push('first', part('first'));
    stops.layer();
    stops.push('slow', async () => {
      await slow.promise;
      order.push('slow');
    });
    stops.push('beside', () => {
      order.push('beside');
      slow.resolve(undefined);
    });
    stops.layer();
    stops.push('last', part('last'));
    await stops.unwind();
    assert.deepEqual(order, ['last', 'beside', 'slow', 'first']);
    assert.deepEqual(trouble, []);
  });

  it('stops the rest when one fails, throws or hangs, and says so', async () => {
    let stopped = 0;
    const stops = stack();
    stops.push('well', () => void (stopped += 1));
    stops.layer();
    stops.push('rejects', () => Promise.reject(new Error('no')));
    stops.push('throws', () => {
      throw new Error('never');
    });
    stops.push('hangs', () => never(), 10);
    await stops.unwind();
    assert.equal(stopped, 1);
    assert.deepEqual(trouble.sort(), [
      'hangs: it did not stop in time',
      'rejects: no',
      'throws: never',
    ]);
  });

  it('stops nothing twice, and lets the second caller wait for the first', async () => {
    let stopped = 0;
    const stops = stack();
    const held = Promise.withResolvers<undefined>();
    stops.push('one', async () => {
      stopped += 1;
      await held.promise;
    });
    const first = stops.unwind();
    const second = stops.unwind();
    let ended = false;
    void second.then(() => (ended = true));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(ended, false);
    held.resolve(undefined);
    await Promise.all([first, second]);
    assert.equal(stopped, 1);
  });
});
