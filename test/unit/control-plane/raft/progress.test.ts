import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Progress } from '../../../../control-plane/raft/progress.ts';

const WINDOW = { inFlightMax: 2, inFlightBytesMax: 100 };

function replicating(matchIndex: number): Progress {
  const progress = new Progress('b', matchIndex + 1);
  progress.acknowledged(matchIndex);
  return progress;
}

describe('Progress', () => {
  it('5.3: sends one message at a time until the place where the logs agree is known', () => {
    const progress = new Progress('b', 8);
    assert.equal(progress.state, 'probe');
    assert.equal(progress.maySend(WINDOW), true);
    progress.sent(9, 20, 0);
    assert.equal(progress.maySend(WINDOW), false);
    assert.equal(progress.nextIndex, 8);
  });

  it('5.3: goes back behind the place that was refused, and then sends again', () => {
    const progress = new Progress('b', 8);
    progress.sent(9, 20, 0);
    progress.refused(7, 3);
    assert.equal(progress.nextIndex, 4);
    assert.equal(progress.maySend(WINDOW), true);
  });

  it('5.3: goes back by one at least, whatever the follower’s hint is', () => {
    const progress = new Progress('b', 8);
    progress.sent(9, 20, 0);
    progress.refused(7, 50);
    assert.equal(progress.nextIndex, 7);
  });

  it('ignores a refusal of another message than the one that is awaited', () => {
    const progress = new Progress('b', 8);
    progress.sent(9, 20, 0);
    progress.refused(5, 1);
    assert.equal(progress.nextIndex, 8);
    assert.equal(progress.maySend(WINDOW), false);
  });

  it('never goes back to or below what was acknowledged', () => {
    const progress = replicating(7);
    progress.refused(7, 2);
    assert.deepEqual([progress.state, progress.nextIndex], ['replicate', 8]);
    progress.sent(9, 20, 0);
    progress.refused(9, 2);
    assert.deepEqual([progress.state, progress.nextIndex], ['probe', 8]);
  });

  it('sends ahead once something was acknowledged, as far as the window allows', () => {
    const progress = replicating(7);
    assert.equal(progress.state, 'replicate');
    progress.sent(8, 10, 0);
    assert.equal(progress.maySend(WINDOW), true);
    progress.sent(9, 10, 0);
    assert.equal(progress.nextIndex, 10);
    assert.equal(progress.maySend(WINDOW), false);
    progress.acknowledged(8);
    assert.equal(progress.maySend(WINDOW), true);
    assert.deepEqual([progress.status().inFlight, progress.status().inFlightBytes], [1, 10]);
  });

  it('counts the bytes in flight too, and lets the message that passes the bound go', () => {
    const progress = replicating(7);
    progress.sent(8, 99, 0);
    assert.equal(progress.maySend(WINDOW), true);
    progress.acknowledged(8);
    progress.sent(9, 100, 0);
    assert.equal(progress.maySend(WINDOW), false);
    progress.acknowledged(9);
    assert.equal(progress.status().inFlightBytes, 0);
  });

  it('takes a late acknowledgement for what it is', () => {
    const progress = replicating(7);
    progress.sent(9, 10, 0);
    progress.acknowledged(5);
    assert.deepEqual([progress.matchIndex, progress.nextIndex], [7, 10]);
    assert.equal(progress.status().inFlight, 1);
  });

  it('takes messages for lost when their answer is overdue, and begins behind what is known', () => {
    const progress = replicating(7);
    progress.sent(9, 10, 100);
    progress.expire(699, 600);
    assert.equal(progress.nextIndex, 10);
    progress.expire(700, 600);
    assert.deepEqual([progress.state, progress.nextIndex], ['probe', 8]);
    assert.equal(progress.status().inFlightBytes, 0);
  });

  it('sends a probe again when its answer is overdue', () => {
    const progress = new Progress('b', 8);
    progress.sent(9, 10, 100);
    progress.expire(699, 600);
    assert.equal(progress.maySend(WINDOW), false);
    progress.expire(700, 600);
    assert.equal(progress.maySend(WINDOW), true);
  });

  it('sends a probe again when a round that began after it was answered, and not for an older one', () => {
    const progress = new Progress('b', 8);
    progress.sent(9, 10, 100);
    progress.ackedSentMs = 100;
    progress.heardAfterProbe();
    assert.equal(progress.maySend(WINDOW), false);
    progress.ackedSentMs = 101;
    progress.heardAfterProbe();
    assert.equal(progress.maySend(WINDOW), true);
  });

  it('begins again at once when the transport has lost what was on the way', () => {
    const progress = replicating(7);
    progress.sent(9, 10, 0);
    progress.lost();
    assert.deepEqual([progress.state, progress.nextIndex], ['probe', 8]);
    assert.equal(progress.maySend(WINDOW), true);
  });

  it('7: sends no entries while a snapshot is on the way, and goes on behind it', () => {
    const progress = new Progress('b', 8);
    progress.startSnapshot(20);
    assert.equal(progress.maySend(WINDOW), false);
    progress.refused(7, 3);
    assert.equal(progress.state, 'snapshot');
    progress.acknowledged(19);
    assert.equal(progress.state, 'snapshot');
    progress.acknowledged(20);
    assert.deepEqual([progress.state, progress.nextIndex], ['replicate', 21]);
    assert.equal(progress.transfer, null);
  });

  it('7: asks for the chunk again at once when the transport has lost what was on the way', () => {
    const progress = new Progress('b', 8);
    const transfer = progress.startSnapshot(20);
    transfer.sinceMs = 500;
    transfer.offset = 30;
    progress.lost();
    assert.deepEqual([transfer.sinceMs, transfer.offset], [-Infinity, 30]);
  });

  it('whatever comes in whatever order: match only grows and stays below next, windows are kept', () => {
    const index = fc.integer({ min: 0, max: 30 });
    const step = fc.oneof(
      fc.record({ kind: fc.constant('send' as const), count: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ kind: fc.constant('ack' as const), index }),
      fc.record({ kind: fc.constant('refuse' as const), index, hint: index }),
      fc.record({ kind: fc.constant('lost' as const) }),
      fc.record({ kind: fc.constant('snapshot' as const), index }),
      fc.record({ kind: fc.constant('expire' as const), ms: fc.integer({ min: 0, max: 900 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), index, (steps, first) => {
        const progress = new Progress('b', first + 1);
        let nowMs = 0;
        let match = 0;
        for (const one of steps) {
          nowMs += 10;
          if (one.kind === 'send' && progress.maySend(WINDOW)) {
            progress.sent(progress.nextIndex - 1 + one.count, 60 * one.count, nowMs);
          } else if (one.kind === 'ack') progress.acknowledged(one.index);
          else if (one.kind === 'refuse') progress.refused(one.index, one.hint);
          else if (one.kind === 'lost') progress.lost();
          else if (one.kind === 'snapshot') progress.startSnapshot(one.index);
          else if (one.kind === 'expire') progress.expire(nowMs + one.ms, 600);
          const { matchIndex, nextIndex, inFlight, inFlightBytes, state } = progress.status();
          assert(matchIndex >= match && matchIndex < nextIndex, `${matchIndex}, next ${nextIndex}`);
          assert(inFlight <= WINDOW.inFlightMax);
          assert(inFlightBytes >= 0 && inFlightBytes <= WINDOW.inFlightBytesMax + 180);
          assert.equal(inFlight === 0, inFlightBytes === 0);
          assert(state === 'replicate' || inFlight === 0);
          assert.equal(state === 'snapshot', progress.transfer !== null);
          match = matchIndex;
        }
      }),
    );
  });
});
