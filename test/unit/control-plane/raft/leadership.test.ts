import assert from 'node:assert/strict';
import { entryBytes } from '../../../../control-plane/raft/memory-log.ts';
import { bytesOf } from '../../../../control-plane/raft/text.ts';
import {
  HandDriven,
  command,
  configurationOf,
  entriesOf,
  messageOf,
  ofKind,
} from '../../../support/raft-core.ts';

const PROMOTE_D = { add: [], promote: ['d'], remove: [] };

/** A leader of [a b c] with the learner d, which may lag by so many entries when it is promoted. */
function withLearner(promotionLagMax = 2): HandDriven {
  const a = new HandDriven({
    bootstrap: configurationOf('a b c', '', 'd'),
    options: { promotionLagMax },
  });
  a.lead();
  a.raft.propose(a.nowMs, ['w', 'x', 'y', 'z'].map(bytesOf));
  a.sync();
  a.acknowledge('b', a.status.lastIndex);
  return a;
}

function promoted(a: HandDriven): string {
  const outcome = a.raft.change(a.nowMs, PROMOTE_D);
  return outcome.kind === 'accepted' ? 'accepted' : outcome.reason;
}

/** Time in which b and c are heard, and d is not. */
function pass(a: HandDriven, ms: number): void {
  for (let left = ms; left > 0; left -= 50) {
    a.pass(Math.min(50, left));
    a.answerRounds();
  }
}

function toldBy(a: HandDriven): string | null {
  assert.equal(a.raft.transfer(a.nowMs, null).kind, 'accepted');
  return a.status.transferTo;
}

describe('Leadership', () => {
  it('dissertation 4.2.1: promotes a learner that is near enough, and none that is further off', () => {
    const near = withLearner();
    near.acknowledge('d', near.status.lastIndex - 2);
    assert.equal(promoted(near), 'accepted');
    const far = withLearner();
    far.acknowledge('d', far.status.lastIndex - 3);
    assert.equal(promoted(far), 'learner_lags');
  });

  it('dissertation 4.2.1: promotes no learner that was not heard for the greatest timeout', () => {
    const silent = withLearner();
    assert.equal(promoted(silent), 'learner_lags');
    const heard = withLearner();
    heard.acknowledge('d', heard.status.lastIndex);
    pass(heard, 290);
    assert.equal(promoted(heard), 'accepted');
    const late = withLearner();
    late.acknowledge('d', late.status.lastIndex);
    pass(late, 300);
    assert.equal(promoted(late), 'learner_lags');
  });

  it('dissertation 4.2.1: promotes no learner that waits for a snapshot', () => {
    const a = withLearner(1_000);
    const { appliedIndex } = a.status;
    a.raft.compacted(appliedIndex, appliedIndex + 1);
    a.raft.unreachable('d');
    a.step(messageOf(1, { kind: 'heartbeat_reply', round: 0, lastIndex: 0 }, 'd'));
    const state = a.status.progress.find(({ memberId }) => memberId === 'd')?.state;
    assert.equal(state, 'snapshot');
    assert.equal(promoted(a), 'learner_lags');
  });

  it('dissertation 3.10: of those heard lately, the voter with the fullest log takes over', () => {
    const a = withLearner();
    const { lastIndex } = a.status;
    a.acknowledge('d', lastIndex);
    a.acknowledge('c', lastIndex - 1);
    assert.equal(toldBy(a), 'b');
    const other = withLearner();
    other.raft.propose(other.nowMs, [bytesOf('more')]);
    other.sync();
    other.acknowledge('c', other.status.lastIndex);
    assert.equal(toldBy(other), 'c');
  });

  it('dissertation 3.10: nobody takes over who was not heard within the least timeout', () => {
    const a = withLearner();
    a.raft.propose(a.nowMs, [bytesOf('more')]);
    a.sync();
    a.acknowledge('b', a.status.lastIndex);
    for (let ms = 0; ms < 150; ms += 50) {
      a.pass(50);
      a.answerRounds(['c']);
    }
    assert.equal(toldBy(a), 'c');
    const alone = withLearner();
    alone.pass(150);
    assert.deepEqual(alone.raft.transfer(alone.nowMs, null), {
      kind: 'refused',
      reason: 'member_unknown',
    });
  });

  it('opens the log of a new cluster with its members, and any later term with nothing', () => {
    const first = new HandDriven();
    first.elect();
    const opening = first.changes.flatMap(({ entries }) => entries).at(-1);
    assert.equal(opening?.type, 'configuration');
    assert.equal(first.status.configurationIndex, 1);
    const snapshot = { index: 3, term: 1, configuration: configurationOf('a b c') };
    const later = new HandDriven({ snapshot, entries: entriesOf(4, [1]) });
    later.elect();
    assert.equal(later.changes.flatMap(({ entries }) => entries).at(-1)?.type, 'term_start');
  });

  it('5.3: sends what the bounds of one message and of the window allow, in order', () => {
    const a = new HandDriven({ options: { appendEntriesMax: 2, inFlightMax: 2 } });
    a.lead();
    a.raft.propose(a.nowMs, ['1', '2', '3', '4', '5'].map(bytesOf));
    const sentTo = (): readonly (readonly number[])[] =>
      ofKind(a.sync(), 'append')
        .filter(({ to }) => to === 'b')
        .map(({ entries }) => entries.map(({ index }) => index));
    assert.deepEqual(sentTo(), [
      [2, 3],
      [4, 5],
    ]);
    const bytes = a.status.progress.find(({ memberId }) => memberId === 'b')?.inFlightBytes;
    assert.equal(bytes, 4 * entryBytes(command(1, 1, 'x')));
    a.raft.step(
      a.nowMs,
      messageOf(1, {
        kind: 'append_reply',
        matchIndex: 3,
        previousIndex: 1,
        hintIndex: 0,
        hintTerm: 0,
      }),
    );
    assert.deepEqual(sentTo(), [[6]]);
  });

  it('6: a member that is added gets entries at once', () => {
    const a = withD();
    const [toNew] = ofKind(a.said, 'append').filter(({ to }) => to === 'd');
    assert.deepEqual(
      toNew?.entries.map(({ type }) => type),
      ['configuration'],
    );
  });

  it('dissertation 4.2.2: a member that has left is followed until it knows, or for two timeouts', () => {
    for (const knows of [true, false]) {
      const a = withD();
      a.acknowledge('b', a.status.lastIndex);
      a.raft.change(a.nowMs, { add: [], promote: [], remove: ['d'] });
      a.sync();
      a.acknowledge('b', a.status.lastIndex);
      const follows = (): boolean => a.status.progress.some(({ memberId }) => memberId === 'd');
      assert.equal(follows(), true);
      if (knows) {
        a.acknowledge('d', a.status.lastIndex);
        a.pass(10);
      } else {
        pass(a, 590);
        assert.equal(follows(), true);
        pass(a, 10);
      }
      assert.equal(follows(), false);
    }
  });
});

/** A leader of [a b c] to which the learner d was just added. */
function withD(): HandDriven {
  const a = new HandDriven();
  a.lead();
  const add = [{ memberId: 'd', address: 'd:1' }];
  a.raft.change(a.nowMs, { add, promote: [], remove: [] });
  a.sync();
  return a;
}
