import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Turns } from '../../../../../control-plane/loops/raft/turns.ts';

function steppedTurns() {
  let nowMs = 1_000;
  let timer = (): void => undefined;
  let timers = 0;
  const done: string[] = [];
  const lags: number[] = [];
  const turns = new Turns({
    tickMs: 10,
    monotonicMs: () => nowMs,
    every: (_intervalMs, run) => {
      timer = run;
      timers += 1;
      return () => (timers -= 1);
    },
    onTick: (atMs) => done.push(`tick ${atMs}`),
    onTurn: (atMs) => done.push(`turn ${atMs}`),
    onLoopLag: (seconds) => lags.push(seconds),
  });
  turns.start();
  return {
    turns,
    done,
    lags,
    running: () => timers,
    pass: (ms: number) => (nowMs += ms),
    fire: () => timer(),
  };
}

describe('turns', () => {
  it('are one for all that wakes within a turn of the event loop', async () => {
    const { turns, done } = steppedTurns();
    for (let count = 0; count < 5; count += 1) turns.wake();
    assert.deepEqual(done, []);
    await nextTurn();
    assert.deepEqual(done, ['turn 1000']);
  });

  it('tick first after a pause longer than a tick, and not otherwise', async () => {
    const { turns, done, pass } = steppedTurns();
    turns.wake();
    pass(10);
    await nextTurn();
    turns.wake();
    pass(1);
    await nextTurn();
    assert.deepEqual(done, ['turn 1010', 'tick 1011', 'turn 1011']);
  });

  it('measure how late the timer is', () => {
    const { pass, fire, lags } = steppedTurns();
    pass(10);
    fire();
    pass(260);
    fire();
    assert.deepEqual(lags, [0, 0.25]);
  });

  it('end with stop, whatever was scheduled', async () => {
    const { turns, done, fire, running } = steppedTurns();
    turns.wake();
    turns.stop();
    fire();
    turns.wake();
    await nextTurn();
    assert.deepEqual(done, []);
    assert.equal(running(), 0);
  });
});
