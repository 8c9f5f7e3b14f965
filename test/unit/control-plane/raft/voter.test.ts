import assert from 'node:assert/strict';
import type { MessageOf, VoteReason } from '../../../../control-plane/model/raft-message.ts';
import { judgeVote } from '../../../../control-plane/raft/voter.ts';
import type { VoterView } from '../../../../control-plane/raft/voter.ts';
import { coreOf, entriesOf, messageOf } from '../../../support/raft-core.ts';
import type { Holding } from '../../../support/raft-core.ts';

type Asked = Partial<
  Pick<MessageOf<'pre_vote' | 'vote'>, 'term' | 'lastIndex' | 'lastTerm' | 'transfer' | 'kind'>
>;

/** A member in term 2 whose log ends at 3 of term 2, asked by b for term 3 with an equal log. */
function judged(asked: Asked, view: Partial<VoterView> = {}, holding: Holding = {}): VoteReason {
  const core = coreOf({ entries: entriesOf(1, [1, 1, 2]), ...holding });
  const { kind = 'vote', term = 3, lastIndex = 3, lastTerm = 2, transfer = false } = asked;
  const request = messageOf(term, { kind, lastIndex, lastTerm, transfer });
  return judgeVote(core, request, {
    stickyUntilMs: 0,
    nowMs: 1_000,
    leads: false,
    diskStalled: false,
    ...view,
  });
}

describe('judgeVote', () => {
  it('5.2: a candidate of a newer term with an equal log gets the vote', () => {
    assert.equal(judged({}), 'granted');
  });

  it('5.1: a request of an older term is stale, one of the own term is not', () => {
    assert.equal(judged({ term: 1 }), 'term_stale');
    assert.equal(judged({ term: 2 }), 'granted');
  });

  it('5.2: one vote in a term, and the same answer to the same candidate again', () => {
    assert.equal(judged({ term: 2 }, {}, { votedFor: 'c' }), 'already_voted');
    assert.equal(judged({ term: 2 }, {}, { votedFor: 'b' }), 'granted');
    assert.equal(judged({ term: 3 }, {}, { votedFor: 'c' }), 'granted');
  });

  it('5.4.1: a candidate whose last term is older gets none, though its log is longer', () => {
    assert.equal(judged({ lastIndex: 9, lastTerm: 1 }), 'log_behind');
    assert.equal(judged({ lastIndex: 1, lastTerm: 3 }), 'granted');
  });

  it('5.4.1: a candidate whose log of the same last term is shorter gets none', () => {
    assert.equal(judged({ lastIndex: 2 }), 'log_behind');
    assert.equal(judged({ lastIndex: 4 }), 'granted');
  });

  it('dissertation 4.2.3: a member that hears its leader votes for nobody, until the time is over', () => {
    assert.equal(judged({}, { stickyUntilMs: 1_001 }), 'leader_alive');
    assert.equal(judged({}, { stickyUntilMs: 1_000 }), 'granted');
    assert.equal(judged({ kind: 'pre_vote' }, { stickyUntilMs: 1_001 }), 'leader_alive');
  });

  it('dissertation 4.2.3: a leader is not deposed by a vote, but by the one that it has sent', () => {
    assert.equal(judged({}, { leads: true }), 'leader_alive');
    assert.equal(judged({ transfer: true }, { leads: true }), 'granted');
    assert.equal(judged({ transfer: true, term: 2 }, { leads: true }), 'already_voted');
    assert.equal(judged({ transfer: true }, { stickyUntilMs: 1_001 }), 'granted');
  });

  it('5.4.1: also one that the leader has sent must have the newer log', () => {
    assert.equal(judged({ transfer: true, lastIndex: 2 }, { leads: true }), 'log_behind');
  });

  it('a member whose disk does not keep up gives no vote', () => {
    assert.equal(judged({}, { diskStalled: true }), 'not_able');
  });

  it('names the live leader as the reason, also to a candidate whose log is behind', () => {
    assert.equal(judged({ lastIndex: 0, lastTerm: 0 }, { stickyUntilMs: 1_001 }), 'leader_alive');
  });
});
