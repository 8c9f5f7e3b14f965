import assert from 'node:assert/strict';

import { SendQueue } from '../../../../../control-plane/adapters/raft/queue.ts';
import type { Frame } from '../../../../../control-plane/adapters/raft/frame.ts';
import { append, heartbeat } from '../../../../support/raft-pair.ts';

const urgent = (round: number): Frame => ({
  kind: 'message',
  message: heartbeat('a', 'b', round),
  trace: null,
});
const bulk = (index: number): Frame => ({
  kind: 'message',
  message: append('a', 'b', index, Buffer.alloc(0)),
  trace: null,
});

function push(queue: SendQueue, frame: Frame, bytes: number): boolean {
  return queue.push({ frame, bytes, servedBytes: null });
}

function taken(queue: SendQueue, bytesMax: number): readonly Frame[] {
  return queue.take(bytesMax).map((waiting) => waiting.frame);
}

describe('raft send queue', () => {
  it('lets heartbeats overtake appends, and keeps the order of each', () => {
    const queue = new SendQueue(10, 1_000);
    const [first, second, third, fourth] = [bulk(1), urgent(1), bulk(2), urgent(2)];
    for (const frame of [first, second, third, fourth]) push(queue, frame, 10);
    assert.deepEqual(taken(queue, 1_000), [second, fourth, first, third]);
  });

  it('takes no more bytes than asked for, but at least one frame', () => {
    const queue = new SendQueue(10, 1_000);
    for (const index of [1, 2, 3]) push(queue, bulk(index), 100);
    assert.equal(taken(queue, 250).length, 2);
    assert.equal(taken(queue, 10).length, 1);
    assert.deepEqual([queue.frames, queue.bytes], [0, 0]);
  });

  it('refuses new frames beyond its bounds, heartbeats not for the appends before them', () => {
    const queue = new SendQueue(2, 1_000);
    assert.ok(push(queue, bulk(1), 10));
    assert.ok(push(queue, bulk(2), 10));
    assert.equal(push(queue, bulk(3), 10), false);
    assert.ok(push(queue, urgent(1), 10));
    const byBytes = new SendQueue(10, 100);
    assert.ok(push(byBytes, bulk(1), 60));
    assert.equal(push(byBytes, bulk(2), 60), false);
    assert.equal(byBytes.bytes, 60);
  });

  it('takes a frame larger than its bytes when it is empty', () => {
    const queue = new SendQueue(10, 100);
    assert.ok(push(queue, bulk(1), 500));
    assert.equal(push(queue, bulk(2), 1), false);
  });

  it('loses and repeats nothing over many turns', () => {
    const queue = new SendQueue(1_000, 100_000);
    let pushed = 0;
    let next = 1;
    for (let turn = 0; turn < 500; turn += 1) {
      for (let some = 0; some < turn % 7; some += 1) {
        pushed += 1;
        assert.ok(push(queue, bulk(pushed), 10));
      }
      for (const frame of taken(queue, 30)) {
        assert(frame.kind === 'message' && frame.message.kind === 'append');
        assert.equal(frame.message.previousIndex, next - 1);
        next += 1;
      }
    }
    assert.equal(queue.frames, pushed - next + 1);
  });
});
