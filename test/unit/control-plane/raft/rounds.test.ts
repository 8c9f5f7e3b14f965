import assert from 'node:assert/strict';
import { Progress } from '../../../../control-plane/raft/progress.ts';
import { Rounds } from '../../../../control-plane/raft/rounds.ts';
import { configurationOf } from '../../../support/raft-core.ts';

const ABC = configurationOf('a b c');
const ALONE = configurationOf('a');

function followers(...ids: readonly string[]): Map<string, Progress> {
  return new Map(ids.map((id) => [id, new Progress(id, 1)] as const));
}

function answer(
  rounds: Rounds,
  all: ReadonlyMap<string, Progress>,
  id: string,
  round: number,
): void {
  const progress = all.get(id);
  assert(progress !== undefined);
  rounds.answered(progress, round);
}

describe('Rounds', () => {
  it('are due after the interval, and not before', () => {
    const rounds = new Rounds('a');
    assert.equal(rounds.isDue(0, 50), true);
    assert.equal(rounds.begin(0), 1);
    assert.equal(rounds.isDue(49, 50), false);
    assert.equal(rounds.isDue(50, 50), true);
    assert.equal(rounds.begin(50), 2);
  });

  it('dissertation 6.4: a read is confirmed by a quorum’s answers to a round that began after it', () => {
    const rounds = new Rounds('a');
    const all = followers('b', 'c');
    rounds.begin(0);
    rounds.addRead(null, 1, 9);
    answer(rounds, all, 'b', 1);
    answer(rounds, all, 'c', 1);
    assert.deepEqual(rounds.takeConfirmed(ABC, all), []);
    const round = rounds.begin(10);
    answer(rounds, all, 'b', round);
    assert.deepEqual(rounds.takeConfirmed(ABC, all), [
      { from: null, readId: 1, index: 9, round: 2 },
    ]);
    assert.deepEqual(rounds.takeConfirmed(ABC, all), []);
    assert.equal(rounds.pendingReads, 0);
  });

  it('dissertation 6.4: in a joint configuration both halves must answer', () => {
    const joint = configurationOf('a d e', 'a b c');
    const rounds = new Rounds('a');
    const all = followers('b', 'c', 'd', 'e');
    rounds.addRead(null, 1, 9);
    const round = rounds.begin(0);
    answer(rounds, all, 'b', round);
    answer(rounds, all, 'c', round);
    assert.deepEqual(rounds.takeConfirmed(joint, all), []);
    answer(rounds, all, 'e', round);
    assert.equal(rounds.takeConfirmed(joint, all).length, 1);
  });

  it('a later round confirms the reads of earlier ones, in their order', () => {
    const rounds = new Rounds('a');
    const all = followers('b', 'c');
    rounds.addRead(null, 1, 5);
    rounds.begin(0);
    rounds.addRead('b', 2, 6);
    rounds.begin(10);
    rounds.addRead(null, 3, 7);
    answer(rounds, all, 'c', 2);
    const confirmed = rounds.takeConfirmed(ABC, all);
    assert.deepEqual(
      confirmed.map(({ readId }) => readId),
      [1, 2],
    );
    assert.deepEqual(
      rounds.takeAll().map(({ readId }) => readId),
      [3],
    );
  });

  it('reads ask for a round at once, and wait for one that is on its way', () => {
    const rounds = new Rounds('a');
    const all = followers('b', 'c');
    rounds.begin(0);
    rounds.addRead(null, 1, 5);
    assert.equal(rounds.isDue(1, 50), true);
    rounds.begin(1);
    rounds.addRead(null, 2, 5);
    assert.equal(rounds.isDue(2, 50), false);
    answer(rounds, all, 'b', 2);
    rounds.takeConfirmed(ABC, all);
    assert.equal(rounds.isDue(3, 50), true);
  });

  it('alone, a member confirms its reads itself, and is sure for ever', () => {
    const rounds = new Rounds('a');
    rounds.addRead(null, 1, 5);
    assert.equal(rounds.takeConfirmed(ALONE, new Map()).length, 1);
    assert.equal(rounds.quorumSentMs(ALONE, new Map()), Infinity);
  });

  it('dissertation 6.4.1: a lease counts from the sending of the newest round that a quorum answered', () => {
    const rounds = new Rounds('a');
    const all = followers('b', 'c');
    assert.equal(rounds.quorumSentMs(ABC, all), -Infinity);
    rounds.begin(100);
    rounds.begin(150);
    answer(rounds, all, 'b', 1);
    assert.equal(rounds.quorumSentMs(ABC, all), 100);
    answer(rounds, all, 'c', 2);
    assert.equal(rounds.quorumSentMs(ABC, all), 150);
    // A late answer to an older round takes nothing back.
    answer(rounds, all, 'c', 1);
    assert.equal(rounds.quorumSentMs(ABC, all), 150);
  });

  it('an answer to a round that is not remembered, or was never begun, says nothing', () => {
    const rounds = new Rounds('a');
    const all = followers('b', 'c');
    for (let round = 1; round <= 257; round += 1) rounds.begin(round);
    answer(rounds, all, 'b', 1);
    answer(rounds, all, 'c', 999);
    assert.equal(rounds.quorumSentMs(ABC, all), -Infinity);
    answer(rounds, all, 'b', 2);
    assert.equal(rounds.quorumSentMs(ABC, all), 2);
  });
});
