import assert from 'node:assert/strict';
import type { MembershipChange } from '../../../../control-plane/model/configuration.ts';
import type { RaftMessage } from '../../../../control-plane/model/raft-message.ts';
import { bytesOf } from '../../../../control-plane/raft/text.ts';
import {
  HandDriven,
  configurationEntry,
  configurationOf,
  entriesOf,
  messageOf,
  ofKind,
} from '../../../support/raft-core.ts';

const ABC = configurationOf('a b c');
/** 150 ms of promise, less the margin of 15 ms. */
const LEASE_MS = 135;

function leader(): HandDriven {
  const a = new HandDriven();
  a.lead();
  return a;
}

function kinds(messages: readonly RaftMessage[]): readonly string[] {
  return [...new Set(messages.map(({ kind }) => kind))];
}

function outcomes(a: HandDriven): readonly string[] {
  return a.happened.map((event) => {
    if (event.kind === 'stepped_down') return `stepped_down ${event.reason}`;
    if (event.kind === 'campaign_lost') return `campaign_lost ${event.loss}`;
    if (event.kind === 'transfer_ended') return `transfer_ended ${event.outcome}`;
    return event.kind;
  });
}

const NOTHING: MembershipChange = { add: [], promote: [], remove: [] };

describe('elections', () => {
  it('5.2: nobody is asked for a vote before the term and the own vote are durable', () => {
    const a = new HandDriven();
    while (a.status.role === 'follower') a.pass(10);
    for (const from of ['b', 'c']) {
      const grant = messageOf(1, { kind: 'pre_vote_reply', reason: 'granted' }, from);
      a.raft.step(a.nowMs, grant);
    }
    assert.deepEqual(kinds(a.take()), []);
    assert.deepEqual(a.changes.at(-1)?.hardState, { term: 1, votedFor: 'a' });
    assert.deepEqual(kinds(a.sync()), ['vote']);
  });

  it('5.2: a member’s own vote counts once it is durable, and not before', () => {
    const a = new HandDriven({ bootstrap: configurationOf('a b') });
    while (a.status.role === 'follower') a.pass(10);
    a.raft.step(a.nowMs, messageOf(1, { kind: 'pre_vote_reply', reason: 'granted' }));
    a.take();
    a.raft.step(a.nowMs, messageOf(1, { kind: 'vote_reply', reason: 'granted' }));
    assert.equal(a.status.role, 'candidate');
    a.sync();
    assert.equal(a.status.role, 'leader');
  });

  it('5.2: an answer that is repeated counts once', () => {
    const a = new HandDriven({ bootstrap: configurationOf('a b c d e') });
    a.elect([]);
    const grant = { kind: 'pre_vote_reply', reason: 'granted' } as const;
    for (const from of ['b', 'b', 'b']) a.step(messageOf(1, grant, from));
    assert.equal(a.status.role, 'pre_candidate');
    assert.equal(a.happened.filter(({ kind }) => kind === 'vote_received').length, 1);
    a.step(messageOf(1, grant, 'c'));
    assert.equal(a.status.role, 'candidate');
  });

  it('5.2: a grant of an earlier campaign does not count for the next', () => {
    const a = new HandDriven();
    a.elect(['b']);
    assert.deepEqual([a.status.role, a.status.term], ['leader', 1]);
    const b = new HandDriven({ term: 4 });
    while (b.status.role === 'follower') b.pass(10);
    b.step(messageOf(5, { kind: 'pre_vote_reply', reason: 'granted' }, 'c'));
    assert.deepEqual([b.status.role, b.status.term], ['candidate', 5]);
    b.step(messageOf(4, { kind: 'vote_reply', reason: 'granted' }, 'c'));
    assert.equal(b.status.role, 'candidate');
  });

  it('5.2: a candidate that a quorum refuses waits for another timeout', () => {
    const a = new HandDriven();
    a.elect([]);
    for (const from of ['b', 'c']) {
      a.step(messageOf(0, { kind: 'pre_vote_reply', reason: 'leader_alive' }, from));
    }
    assert.equal(a.status.role, 'follower');
    assert.deepEqual(outcomes(a).at(-1), 'campaign_lost refused');
    assert.deepEqual(a.pass(140), []);
    assert.deepEqual(kinds(a.pass(20)), ['pre_vote']);
  });

  it('5.2: a candidate gives way to a leader of its term', () => {
    const a = new HandDriven();
    a.elect([]);
    a.step(messageOf(1, { kind: 'pre_vote_reply', reason: 'granted' }));
    assert.equal(a.status.role, 'candidate');
    a.step(messageOf(1, { kind: 'heartbeat', commitIndex: 0, round: 1 }, 'c'));
    assert.deepEqual([a.status.role, a.status.leaderId], ['follower', 'c']);
    assert(outcomes(a).includes('campaign_lost another_leader'));
  });

  it('5.2: a leader follows nobody in its own term', () => {
    const a = leader();
    const { lastIndex } = a.status;
    const said = { kind: 'append', previousIndex: 0, previousTerm: 0, commitIndex: 0 } as const;
    assert.deepEqual(a.step(messageOf(1, { ...said, entries: entriesOf(1, [1, 1, 1, 1]) })), []);
    assert.deepEqual([a.status.role, a.status.lastIndex], ['leader', lastIndex]);
    assert.equal(a.happened.at(-1)?.kind, 'message_ignored');
  });

  it('5.2: a campaign that nobody answers is begun again, at once and anew', () => {
    const a = new HandDriven();
    a.elect([]);
    assert.deepEqual(kinds(a.pass(150)), ['pre_vote']);
    assert(outcomes(a).includes('campaign_lost timed_out'));
    assert.equal(a.status.term, 0);
  });

  it('5.1: whoever leads an older term is told of the newer one', () => {
    const a = new HandDriven({ term: 5 });
    const stale = [
      messageOf(4, { kind: 'heartbeat', commitIndex: 0, round: 3 }),
      messageOf(4, {
        kind: 'append',
        previousIndex: 0,
        previousTerm: 0,
        commitIndex: 0,
        entries: entriesOf(1, [4]),
      }),
    ];
    for (const message of stale) {
      const [reply] = a.step(message);
      assert.deepEqual([reply?.kind, reply?.term, reply?.to], ['heartbeat_reply', 5, 'b']);
    }
    assert.equal(a.status.lastIndex, 0);
    assert.deepEqual(a.step(messageOf(4, { kind: 'timeout_now' })), []);
  });

  it('dissertation 9.6: a pre-vote of an older term is refused in the newer one', () => {
    const a = new HandDriven({ term: 5 });
    const asked = { kind: 'pre_vote', lastIndex: 9, lastTerm: 4, transfer: false } as const;
    const [reply] = ofKind(a.step(messageOf(4, asked)), 'pre_vote_reply');
    assert.deepEqual([reply?.term, reply?.reason], [5, 'term_stale']);
  });

  it('5.1: a pre-candidate that is behind learns the newer term from a refusal', () => {
    const a = new HandDriven({ term: 2 });
    a.elect([]);
    a.step(messageOf(7, { kind: 'pre_vote_reply', reason: 'log_behind' }));
    assert.deepEqual([a.status.role, a.status.term], ['follower', 7]);
    assert(outcomes(a).includes('campaign_lost higher_term'));
  });

  it('dissertation 9.6: a granted pre-vote changes neither term nor vote', () => {
    const a = new HandDriven({ term: 5 });
    a.pass(140);
    a.nowMs += 10;
    const asked = { kind: 'pre_vote', lastIndex: 9, lastTerm: 4, transfer: false } as const;
    const [reply] = ofKind(a.step(messageOf(6, asked)), 'pre_vote_reply');
    assert.deepEqual([reply?.term, reply?.reason], [6, 'granted']);
    assert.deepEqual([a.status.term, a.status.votedFor, a.changes.length], [5, null, 0]);
  });

  it('dissertation 6.4.1: a member that has just started votes for nobody, for it may have promised', () => {
    const a = new HandDriven({ term: 5 });
    const asked = { kind: 'vote', lastIndex: 9, lastTerm: 4, transfer: false } as const;
    a.nowMs += 149;
    const [early] = ofKind(a.step(messageOf(6, asked)), 'vote_reply');
    assert.deepEqual([early?.reason, a.status.term], ['leader_alive', 5]);
    a.nowMs += 1;
    const [late] = ofKind(a.step(messageOf(6, asked)), 'vote_reply');
    assert.deepEqual([late?.reason, a.status.term], ['granted', 6]);
  });

  it('5.4.1: a refused candidate of a newer term raises the term all the same', () => {
    const a = new HandDriven({ term: 5, entries: entriesOf(1, [5]) });
    a.nowMs += 150;
    const asked = { kind: 'vote', lastIndex: 9, lastTerm: 4, transfer: false } as const;
    const [reply] = ofKind(a.step(messageOf(7, asked)), 'vote_reply');
    assert.deepEqual([reply?.reason, reply?.term, a.status.term], ['log_behind', 7, 7]);
    assert.equal(a.status.votedFor, null);
  });

  it('dissertation 4.2.2: a learner, and a member that waits to be added, never campaign', () => {
    for (const bootstrap of [configurationOf('b c', '', 'a'), configurationOf('')]) {
      const a = new HandDriven({ bootstrap });
      assert.deepEqual(a.pass(1_000), []);
      assert.equal(a.status.role, 'follower');
    }
  });

  it('dissertation 4.2.2: who is being removed campaigns until that is committed, and not after', () => {
    const joint = configurationEntry(1, 1, configurationOf('b', 'a b'));
    const last = configurationEntry(2, 1, configurationOf('b'));
    const a = new HandDriven({ entries: [joint, last], bootstrap: configurationOf('a b') });
    const asked = ofKind(a.pass(160), 'pre_vote').map(({ to }) => to);
    assert.deepEqual([a.status.role, asked], ['pre_candidate', ['b']]);
    a.step(messageOf(1, { kind: 'heartbeat', commitIndex: 2, round: 1 }));
    a.pass(1_000);
    assert.equal(a.status.role, 'follower');
  });

  it('dissertation 6.4.1: who becomes the only voter waits out the lease of the leader that made it so', () => {
    const joint = configurationEntry(1, 1, configurationOf('a', 'a b'));
    const last = configurationEntry(2, 1, configurationOf('a'));
    const a = new HandDriven({ bootstrap: configurationOf('a b') });
    const head = { kind: 'append', previousIndex: 0, previousTerm: 0, commitIndex: 0 } as const;
    a.step(messageOf(1, { ...head, entries: [joint, last] }));
    a.pass(140);
    assert.equal(a.status.role, 'follower');
    a.pass(10);
    assert.deepEqual([a.status.role, a.status.term], ['leader', 2]);
  });

  it('9.3: a stall of its own is not taken for a silence of the leader', () => {
    const a = new HandDriven();
    a.step(messageOf(1, { kind: 'heartbeat', commitIndex: 0, round: 1 }));
    a.nowMs += 5_000;
    a.raft.tick(a.nowMs);
    assert.deepEqual([a.status.role, a.status.leaderId], ['follower', 'b']);
    assert.deepEqual(a.pass(140), []);
    assert.deepEqual(kinds(a.pass(10)), ['pre_vote']);
  });
});

describe('commits', () => {
  it('5.3: an entry is committed when a majority has it durably, the leader included or not', () => {
    const a = leader();
    a.raft.propose(a.nowMs, [bytesOf('x')]);
    a.take();
    const { lastIndex } = a.status;
    // Both others have it; the leader's own disk is still at work.
    for (const from of ['b', 'c']) {
      const said = { kind: 'append_reply', matchIndex: lastIndex, previousIndex: 0 } as const;
      a.raft.step(a.nowMs, messageOf(1, { ...said, hintIndex: 0, hintTerm: 0 }, from));
    }
    assert.equal(a.status.commitIndex, lastIndex);
    a.take();
    assert.notEqual(a.applied.at(-1)?.index, lastIndex);
    a.sync();
    assert.equal(a.applied.at(-1)?.index, lastIndex);
  });

  it('figure 2: a leader counts its own entries when they are durable', () => {
    const a = new HandDriven({ bootstrap: configurationOf('a') });
    a.pass(160);
    assert.equal(a.status.role, 'leader');
    a.raft.propose(a.nowMs, [bytesOf('x')]);
    a.take();
    const { lastIndex } = a.status;
    assert.equal(a.status.commitIndex, lastIndex - 1);
    a.sync();
    assert.equal(a.status.commitIndex, lastIndex);
  });

  it('5.1: an acknowledgement of an older term does not count', () => {
    const a = new HandDriven({ term: 5, entries: entriesOf(1, [4, 4]) });
    a.elect();
    const { term, lastIndex } = a.status;
    a.acknowledge('b', lastIndex, term - 1);
    assert.equal(a.status.commitIndex, 0);
    a.acknowledge('b', lastIndex);
    assert.equal(a.status.commitIndex, lastIndex);
  });

  it('an acknowledgement of entries that there are not is ignored', () => {
    const a = new HandDriven();
    a.elect();
    a.acknowledge('b', 99);
    assert.deepEqual([a.status.commitIndex, a.happened.at(-1)?.kind], [0, 'message_ignored']);
  });

  it('tells a follower of no commit beyond what it has acknowledged', () => {
    const a = leader();
    a.raft.propose(a.nowMs, [bytesOf('x')]);
    const { lastIndex } = a.status;
    const said = [...a.acknowledge('b', lastIndex), ...a.pass(5)];
    assert.equal(a.status.commitIndex, lastIndex);
    const told = (to: string): readonly number[] =>
      ofKind(said, 'heartbeat')
        .filter((one) => one.to === to)
        .map(({ commitIndex }) => commitIndex);
    assert.deepEqual([told('b'), told('c')], [[lastIndex], []]);
  });

  it('tells of a commit with the next entries, and in a message of its own when none follow', () => {
    const a = leader();
    a.raft.propose(a.nowMs, [bytesOf('x')]);
    const first = a.status.lastIndex;
    assert.deepEqual(ofKind(a.acknowledge('b', first), 'heartbeat'), []);
    a.raft.propose(a.nowMs, [bytesOf('y')]);
    const [append] = ofKind(a.sync(), 'append').filter(({ to }) => to === 'b');
    assert.equal(append?.commitIndex, first);
    const second = a.status.lastIndex;
    assert.deepEqual(ofKind(a.acknowledge('b', second), 'heartbeat'), []);
    assert.deepEqual(ofKind(a.pass(4, 4), 'heartbeat'), []);
    const told = ofKind(a.pass(1), 'heartbeat').map(({ to, commitIndex }) => [to, commitIndex]);
    assert.deepEqual(told, [['b', second]]);
  });

  it('refuses more than may be uncommitted, in entries and in bytes, and takes it once there is room', () => {
    const a = new HandDriven({ options: { uncommittedMax: 3, uncommittedBytesMax: 200 } });
    a.lead();
    const propose = (...texts: readonly string[]): string =>
      a.raft.propose(a.nowMs, texts.map(bytesOf)).kind;
    assert.equal(propose('1', '2', '3', '4'), 'refused');
    assert.equal(propose('1', '2', '3'), 'accepted');
    assert.equal(propose('4'), 'refused');
    a.sync();
    a.acknowledge('b', a.status.lastIndex);
    assert.equal(propose('x'.repeat(201)), 'refused');
    assert.equal(propose('x'.repeat(200)), 'accepted');
    assert.equal(propose('y'), 'refused');
    a.sync();
    a.acknowledge('b', a.status.lastIndex);
    assert.equal(propose('x'.repeat(200)), 'accepted');
  });

  it('7: who needs what is compacted gets the snapshot in chunks, one at a time', () => {
    const a = leader();
    a.raft.propose(a.nowMs, ['x', 'y', 'z'].map(bytesOf));
    a.sync();
    a.acknowledge('b', a.status.lastIndex);
    const index = a.status.appliedIndex;
    a.raft.compacted(index, index + 1);
    a.raft.unreachable('c');
    const [wanted] = a.raft.ready().chunksWanted;
    assert.deepEqual([wanted?.to, wanted?.index, wanted?.offset], ['c', index, 0]);
    assert.deepEqual(a.raft.ready().chunksWanted, []);
    a.raft.snapshotChunk(a.nowMs, 'c', index, 0, { bytes: bytesOf('half'), totalBytes: 8 });
    const [chunk] = ofKind(a.take(), 'snapshot_chunk');
    assert.deepEqual([chunk?.offset, chunk?.totalBytes, chunk?.index], [0, 8, index]);
    const reply = { kind: 'snapshot_reply', index, nextOffset: 4 } as const;
    a.raft.step(a.nowMs, messageOf(1, reply, 'c'));
    assert.deepEqual(
      a.raft.ready().chunksWanted.map(({ offset }) => offset),
      [4],
    );
    a.acknowledge('c', index);
    assert.equal(a.status.progress.find(({ memberId }) => memberId === 'c')?.state, 'replicate');
  });

  it('7: what arrives of a snapshot is to be staged before the change that installs it', () => {
    const a = new HandDriven();
    const place = { index: 9, snapshotTerm: 1, configuration: ABC, totalBytes: 4 };
    const part = { kind: 'snapshot_chunk', ...place, offset: 0, bytes: bytesOf('part') } as const;
    a.raft.step(a.nowMs, messageOf(1, part));
    const { staged, changes } = a.raft.ready();
    assert.deepEqual(
      staged.map(({ index, offset, bytes }) => [index, offset, bytes.length]),
      [[9, 0, 4]],
    );
    assert.equal(changes[0]?.snapshot?.index, 9);
  });

  it('7: a chunk that cannot be read is asked for again, not before its time', () => {
    const a = leader();
    const index = a.status.appliedIndex;
    a.raft.compacted(index, index + 1);
    a.raft.unreachable('c');
    a.raft.propose(a.nowMs, [bytesOf('x')]);
    const b = new HandDriven({ snapshot: { index: 5, term: 1, configuration: ABC } });
    b.elect();
    const refusal = { kind: 'append_reply', matchIndex: null, previousIndex: 5 } as const;
    b.raft.step(b.nowMs, messageOf(2, { ...refusal, hintIndex: 2, hintTerm: 1 }, 'c'));
    const [wanted] = b.raft.ready().chunksWanted;
    assert.deepEqual([wanted?.to, wanted?.index], ['c', 5]);
    b.raft.snapshotChunk(b.nowMs, 'c', 5, 0, null);
    assert.equal(b.raft.ready().chunksWanted.length, 0);
    const asked: number[] = [];
    for (let ms = 0; ms < 650; ms += 10) {
      b.nowMs += 10;
      b.raft.step(b.nowMs, messageOf(2, { kind: 'heartbeat_reply', round: 0, lastIndex: 0 }));
      b.raft.tick(b.nowMs);
      if (b.raft.ready().chunksWanted.length > 0) asked.push(ms + 10);
    }
    assert.deepEqual(asked, [600]);
  });
});

describe('leases and quorums', () => {
  it('dissertation 6.4.1: a lease ends a margin before the promise of those who answered', () => {
    const a = leader();
    const round = a.newestRound();
    assert(round > 0);
    const sentMs = a.nowMs;
    a.pass(40);
    const before = a.raft.leaseUntilMs();
    assert.equal(before, sentMs + LEASE_MS);
    // An answer that comes late extends nothing.
    a.answerRounds();
    assert.equal(a.raft.leaseUntilMs(), before);
    a.pass(10);
    a.answerRounds(['b']);
    assert.equal(a.raft.leaseUntilMs(), sentMs + 50 + LEASE_MS);
  });

  it('dissertation 6.4: there is no lease before the first entry of the term is applied', () => {
    const a = new HandDriven();
    a.elect();
    a.answerRounds();
    assert.equal(a.raft.leaseUntilMs(), null);
    const said = { kind: 'append_reply', matchIndex: 1, previousIndex: 0 } as const;
    a.raft.step(a.nowMs, messageOf(1, { ...said, hintIndex: 0, hintTerm: 0 }));
    assert.equal(a.status.commitIndex, 1);
    assert.equal(a.raft.leaseUntilMs(), null);
    a.take();
    assert.notEqual(a.raft.leaseUntilMs(), null);
  });

  it('has no lease while it hands over, and none as a follower', () => {
    const a = leader();
    a.raft.propose(a.nowMs, [bytesOf('x')]);
    assert.equal(a.raft.transfer(a.nowMs, 'b').kind, 'accepted');
    assert.equal(a.raft.leaseUntilMs(), null);
    assert.equal(new HandDriven().raft.leaseUntilMs(), null);
  });

  it('dissertation 6.2: a leader that hears no quorum for the greatest timeout steps down', () => {
    const a = leader();
    a.pass(300);
    assert.equal(a.status.role, 'leader');
    a.pass(10);
    assert.equal(a.status.role, 'follower');
    assert.equal(outcomes(a).at(-1), 'stepped_down quorum_lost');
  });

  it('dissertation 6.2: one of two others is enough to lead on', () => {
    const a = leader();
    for (let ms = 0; ms < 1_000; ms += 50) {
      a.pass(50);
      a.answerRounds(['c']);
    }
    assert.equal(a.status.role, 'leader');
  });

  for (const [title, gapMs, role] of [
    ['leads on when its process stood still for the length of its lease', LEASE_MS, 'leader'],
    ['leads no more when its process stood still for longer', LEASE_MS + 1, 'follower'],
  ] as const) {
    it(title, () => {
      const a = leader();
      const since = a.nowMs;
      a.nowMs = since + gapMs;
      a.raft.step(a.nowMs, messageOf(1, { kind: 'heartbeat_reply', round: 0, lastIndex: 0 }));
      assert.equal(a.status.role, role);
    });
  }

  it('the only voter leads on whatever its process did', () => {
    const a = new HandDriven({ bootstrap: configurationOf('a') });
    a.pass(160);
    a.nowMs += 5_000;
    a.raft.tick(a.nowMs);
    assert.equal(a.status.role, 'leader');
    assert.equal(a.raft.leaseUntilMs(), Infinity);
  });

  it('a leader whose disk hangs resigns in favour of one that it heard', () => {
    const a = new HandDriven({ options: { diskStallMs: 100 } });
    a.lead();
    a.raft.propose(a.nowMs, [bytesOf('x')]);
    a.take();
    const said: RaftMessage[] = [];
    for (let ms = 0; ms < 120; ms += 10) {
      a.nowMs += 10;
      const alive = messageOf(1, { kind: 'heartbeat_reply', round: 0, lastIndex: 0 }, 'c');
      a.raft.step(a.nowMs, alive);
      a.raft.tick(a.nowMs);
      said.push(...a.take());
    }
    assert.equal(a.status.role, 'follower');
    assert.equal(outcomes(a).at(-1), 'stepped_down disk_stalled');
    assert.equal(ofKind(said, 'timeout_now').length, 1);
    assert.equal(ofKind(said, 'heartbeat').filter(({ round }) => round > 0).length >= 2, true);
  });
});

describe('reads', () => {
  it('dissertation 6.4: a follower’s read has the index that its leader tells', () => {
    const a = new HandDriven();
    a.step(messageOf(1, { kind: 'heartbeat', commitIndex: 0, round: 1 }));
    a.raft.read(a.nowMs, 7);
    const [asked] = ofKind(a.sync(), 'read_index');
    assert.deepEqual([asked?.to, asked?.readId], ['b', 7]);
    const answer = { kind: 'read_index_reply', readId: 7, index: 42 } as const;
    a.step(messageOf(1, answer, 'c'));
    assert.deepEqual(a.reads, []);
    a.step(messageOf(1, answer));
    a.step(messageOf(1, answer));
    assert.deepEqual(a.reads, [{ readId: 7, index: 42 }]);
  });

  it('dissertation 6.4: reads are void when another leader appears, or nobody answers', () => {
    const a = new HandDriven();
    a.raft.read(a.nowMs, 1);
    a.sync();
    assert.deepEqual(a.reads.splice(0), [{ readId: 1, index: null }]);
    a.step(messageOf(1, { kind: 'heartbeat', commitIndex: 0, round: 1 }));
    a.raft.read(a.nowMs, 2);
    a.step(messageOf(2, { kind: 'heartbeat', commitIndex: 0, round: 1 }, 'c'));
    assert.deepEqual(a.reads.splice(0), [{ readId: 2, index: null }]);
    a.raft.read(a.nowMs, 3);
    for (let ms = 0; ms < 300; ms += 50) {
      assert.deepEqual(a.reads, []);
      a.step(messageOf(2, { kind: 'heartbeat', commitIndex: 0, round: 1 }, 'c'));
      a.pass(50);
    }
    assert.deepEqual(a.reads, [{ readId: 3, index: null }]);
  });

  it('a leader refuses more reads than may wait, and all that wait when it steps down', () => {
    const a = new HandDriven({ options: { readsMax: 2 } });
    a.lead();
    a.pass(10);
    for (const readId of [1, 2, 3]) a.raft.read(a.nowMs, readId);
    a.sync();
    assert.deepEqual(a.reads.splice(0), [{ readId: 3, index: null }]);
    a.step(messageOf(9, { kind: 'heartbeat_reply', round: 0, lastIndex: 0 }));
    assert.deepEqual(a.reads, [
      { readId: 1, index: null },
      { readId: 2, index: null },
    ]);
  });

  it('a follower passes on no more reads than may wait', () => {
    const a = new HandDriven({ options: { readsMax: 2 } });
    a.step(messageOf(1, { kind: 'heartbeat', commitIndex: 0, round: 1 }));
    for (const readId of [1, 2, 3]) a.raft.read(a.nowMs, readId);
    assert.equal(ofKind(a.sync(), 'read_index').length, 2);
    assert.deepEqual(a.reads, [{ readId: 3, index: null }]);
  });

  it('tells who asks a member that does not lead so', () => {
    const [reply] = ofKind(
      new HandDriven().step(messageOf(0, { kind: 'read_index', readId: 4 })),
      'read_index_reply',
    );
    assert.deepEqual([reply?.readId, reply?.index], [4, null]);
  });
});

describe('membership and transfers', () => {
  it('dissertation 4.1: members change only after the first entry of the term is committed', () => {
    const a = new HandDriven();
    a.elect();
    const add = [{ memberId: 'd', address: 'd:1' }];
    const refused = { kind: 'refused', reason: 'change_under_way' } as const;
    assert.deepEqual(a.raft.change(a.nowMs, { ...NOTHING, add }), refused);
    a.acknowledge('b', 1);
    assert.equal(a.raft.change(a.nowMs, { ...NOTHING, add }).kind, 'accepted');
    assert.deepEqual(a.raft.change(a.nowMs, { ...NOTHING, remove: ['d'] }), refused);
  });

  it('6: a joint configuration is left when both halves have it, and not before', () => {
    const a = leader();
    a.raft.change(a.nowMs, { ...NOTHING, remove: ['b', 'c'] });
    a.sync();
    assert.deepEqual(a.status.configuration, configurationOf('a', 'a b c'));
    a.acknowledge('b', a.status.lastIndex);
    assert.deepEqual(a.status.configuration, configurationOf('a'));
    assert.equal(a.status.commitIndex, a.status.lastIndex);
  });

  it('dissertation 4.2.3: those who are removed are told so before they are let go', () => {
    const a = leader();
    a.raft.change(a.nowMs, { ...NOTHING, remove: ['b', 'c'] });
    a.sync();
    a.acknowledge('b', a.status.lastIndex);
    const { configurationIndex } = a.status;
    a.acknowledge('b', configurationIndex);
    a.sync();
    assert.deepEqual(
      a.status.progress.map((one) => one.memberId),
      ['c'],
    );
    // c does not answer any more.
    a.pass(700);
    a.sync();
    assert.deepEqual(a.status.progress, []);
  });

  it('6: a leader that is not in the new configuration leads until that is committed, then tells another', () => {
    const a = leader();
    a.raft.change(a.nowMs, { ...NOTHING, remove: ['a'] });
    a.sync();
    const { lastIndex } = a.status;
    a.acknowledge('b', lastIndex);
    assert.deepEqual(a.status.configuration, configurationOf('b c', 'a b c'));
    a.acknowledge('c', lastIndex);
    assert.deepEqual(a.status.configuration, configurationOf('b c'));
    a.acknowledge('b', a.status.lastIndex);
    assert.equal(a.status.role, 'leader');
    const said = a.acknowledge('c', a.status.lastIndex);
    assert.equal(a.status.role, 'follower');
    assert.equal(ofKind(said, 'timeout_now').length, 1);
    assert(outcomes(a).includes('stepped_down removed'));
  });

  it('6: a truncated configuration is not in force any more', () => {
    const a = new HandDriven();
    const head = { kind: 'append', previousIndex: 0, previousTerm: 0, commitIndex: 0 } as const;
    const joint = configurationEntry(1, 1, configurationOf('a b c d', 'a b c'));
    a.step(messageOf(1, { ...head, entries: [joint] }));
    assert.deepEqual(a.status.configuration, configurationOf('a b c d', 'a b c'));
    a.step(messageOf(2, { ...head, entries: entriesOf(1, [2]) }, 'c'));
    assert.deepEqual(a.status.configuration, ABC);
    assert.equal(a.status.configurationIndex, 0);
  });

  it('dissertation 3.10: the target is told to campaign when it has the whole log, and not before', () => {
    const a = leader();
    a.raft.propose(a.nowMs, [bytesOf('x')]);
    assert.equal(a.raft.transfer(a.nowMs, 'b').kind, 'accepted');
    assert.deepEqual(ofKind(a.sync(), 'timeout_now'), []);
    assert.deepEqual(a.raft.propose(a.nowMs, [bytesOf('y')]), {
      kind: 'refused',
      reason: 'transferring',
    });
    assert.equal(ofKind(a.acknowledge('c', a.status.lastIndex), 'timeout_now').length, 0);
    const [told] = ofKind(a.acknowledge('b', a.status.lastIndex), 'timeout_now');
    assert.equal(told?.to, 'b');
  });

  it('dissertation 3.10: a target that never catches up is given up, and proposals are taken again', () => {
    const a = leader();
    a.raft.propose(a.nowMs, [bytesOf('x')]);
    a.raft.transfer(a.nowMs, 'b');
    for (let ms = 0; ms < 300; ms += 50) {
      a.pass(50);
      a.answerRounds();
    }
    assert(outcomes(a).includes('transfer_ended timed_out'));
    assert.equal(a.raft.propose(a.nowMs, [bytesOf('y')]).kind, 'accepted');
    assert.notEqual(a.raft.leaseUntilMs(), null);
  });

  it('dissertation 3.10: it is over when the target has the newer term, and given up when the leader goes', () => {
    const vote = { kind: 'vote', lastIndex: 9, lastTerm: 1, transfer: true } as const;
    const done = leader();
    done.raft.transfer(done.nowMs, 'b');
    done.step(messageOf(2, vote));
    assert(outcomes(done).includes('transfer_ended handed_over'));
    const overtaken = leader();
    overtaken.raft.propose(overtaken.nowMs, [bytesOf('x')]);
    overtaken.raft.transfer(overtaken.nowMs, 'b');
    overtaken.step(messageOf(2, { kind: 'heartbeat_reply', round: 0, lastIndex: 0 }, 'c'));
    assert(outcomes(overtaken).includes('transfer_ended given_up'));
    const stalled = leader();
    stalled.raft.transfer(stalled.nowMs, 'b');
    stalled.nowMs += 500;
    stalled.raft.tick(stalled.nowMs);
    stalled.take();
    assert(outcomes(stalled).includes('transfer_ended given_up'));
  });

  it('dissertation 3.10: a leader that has told its target does not lead on when that fails', () => {
    const a = leader();
    a.raft.transfer(a.nowMs, 'b');
    for (let ms = 0; ms < 300; ms += 50) {
      a.pass(50);
      a.answerRounds();
    }
    assert.deepEqual([a.status.role, outcomes(a).at(-1)], ['follower', 'stepped_down transferred']);
  });

  const refusals = [
    ['a stranger', 'x', 'member_unknown'],
    ['itself', 'a', 'already_leader'],
    ['a learner', 'd', 'not_a_voter'],
  ] as const;
  for (const [title, to, reason] of refusals) {
    it(`dissertation 3.10: does not hand over to ${title}`, () => {
      const a = new HandDriven({ bootstrap: configurationOf('a b c', '', 'd') });
      a.lead();
      assert.deepEqual(a.raft.transfer(a.nowMs, to), { kind: 'refused', reason });
    });
  }

  it('dissertation 3.10: only the leader that is known can make a follower campaign', () => {
    const a = new HandDriven();
    a.step(messageOf(1, { kind: 'timeout_now' }));
    assert.equal(a.status.role, 'follower');
    a.step(messageOf(1, { kind: 'heartbeat', commitIndex: 0, round: 1 }));
    a.step(messageOf(1, { kind: 'timeout_now' }, 'c'));
    assert.equal(a.status.role, 'follower');
    const said = ofKind(a.step(messageOf(1, { kind: 'timeout_now' })), 'vote');
    assert.deepEqual([a.status.role, a.status.term], ['candidate', 2]);
    assert(said.every(({ transfer }) => transfer) && said.length === 2);
  });
});
