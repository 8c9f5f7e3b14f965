import assert from 'node:assert/strict';
import { ElectionTimer } from '../../../../control-plane/raft/election-timer.ts';
import { RAFT_DEFAULTS } from '../../../../control-plane/raft/options.ts';

const OPTIONS = { ...RAFT_DEFAULTS, memberId: 'a' };

describe('ElectionTimer', () => {
  it('5.2: draws a timeout from the range, anew each time', () => {
    const draws = [0, 0.5, 0.999];
    const timer = new ElectionTimer(OPTIONS, () => draws.shift() ?? 0, 1_000);
    assert.deepEqual([timer.timeoutMs, timer.deadlineMs], [150, 1_150]);
    timer.restart(2_000);
    assert.deepEqual([timer.timeoutMs, timer.deadlineMs], [225, 2_225]);
    timer.heardLeader(3_000);
    assert(timer.timeoutMs > 299 && timer.timeoutMs < 300);
    assert.equal(timer.heardMs, 3_000);
  });

  it('dissertation 6.4.1: votes are withheld for the least timeout after a start and after a leader', () => {
    const timer = new ElectionTimer(OPTIONS, () => 0.9, 1_000);
    assert.equal(timer.stickyUntilMs, 1_150);
    timer.heardLeader(2_000);
    assert.equal(timer.stickyUntilMs, 2_150);
    timer.restart(2_050);
    timer.ledUntil(2_100);
    assert.equal(timer.stickyUntilMs, 2_150);
    assert.equal(timer.heardMs, 2_100);
    assert.equal(timer.deadlineMs, 2_100 + 150 + 0.9 * 150);
  });
});
