import assert from 'node:assert/strict';
import { NO_CONFIGURATION } from '../../../control-plane/model/configuration.ts';
import type { Configuration } from '../../../control-plane/model/configuration.ts';
import type { LogChange, LogEntry } from '../../../control-plane/model/log-entry.ts';
import type { MessageOf } from '../../../control-plane/model/raft-message.ts';
import { RAFT_DEFAULTS } from '../../../control-plane/raft/options.ts';
import type { RaftStatus } from '../../../control-plane/raft/ready.ts';
import { ListMachine, decodeWrite, encodeWrite } from '../../simulation/machine.ts';
import { Violation, noChecks } from '../../simulation/violation.ts';
import type { InvariantName } from '../../simulation/violation.ts';
import { CommittedLog } from '../../simulation/watch/committed-log.ts';
import { LeaderWatch } from '../../simulation/watch/leader-watch.ts';
import { mayFollow } from '../../simulation/watch/log-watch.ts';
import type { Subject } from '../../simulation/watch/subject.ts';
import { Watch } from '../../simulation/watch/watch.ts';
import { simulatedSubject, statusOf } from './subjects.ts';

function entry(index: number, term: number, value = index): LogEntry {
  return { index, term, type: 'command', payload: encodeWrite({ key: 0, value }, 0) };
}

function appending(...entries: readonly LogEntry[]): LogChange {
  return { sequence: 1, hardState: null, snapshot: null, truncateFrom: null, entries };
}

function vote(from: string, to: string, term: number): MessageOf<'pre_vote_reply' | 'vote_reply'> {
  return { kind: 'vote_reply', from, to, term, reason: 'granted' };
}

function configuration(voters: string, outgoing = '', learners = ''): Configuration {
  return {
    ...NO_CONFIGURATION,
    voters: voters.split(''),
    outgoing: outgoing.split(''),
    learners: learners.split(''),
  };
}

describe('the watch over a simulated cluster', () => {
  let watch: Watch;
  let a: Subject;
  let b: Subject;
  let c: Subject;

  beforeEach(() => {
    const checks = noChecks();
    const committed = new CommittedLog(
      new ListMachine(),
      ({ payload }) => decodeWrite(payload),
      checks,
    );
    watch = new Watch(committed, RAFT_DEFAULTS, 10, checks);
    [a, b, c] = [simulatedSubject('a'), simulatedSubject('b'), simulatedSubject('c')];
    for (const subject of [a, b, c]) {
      watch.add(subject);
      watch.logs.restarted(subject);
    }
  });

  function violates(invariant: InvariantName, action: () => void): void {
    assert.throws(action, (error) => error instanceof Violation && error.invariant === invariant);
  }

  function durable(subject: Subject, ...entries: readonly LogEntry[]): void {
    subject.disk.enqueue([appending(...entries)]);
    subject.disk.write();
    subject.disk.synced();
  }

  function vowed(subject: Subject, term: number, votedFor: string): void {
    subject.disk.hardState = { term, votedFor };
  }

  function leading(id: string, term: number, more: Partial<RaftStatus> = {}): RaftStatus {
    return { ...statusOf(id), role: 'leader', term, ...more };
  }

  function elect(subject: Subject, term: number): void {
    vowed(subject, term, subject.id);
    watch.elections.arrived(vote('b', subject.id, term));
    watch.elections.leads(subject, leading(subject.id, term));
  }

  it('sees two leaders in one term', () => {
    elect(a, 2);
    violates('election_safety', () => {
      watch.elections.leads(c, leading('c', 2));
    });
  });

  it('sees a leader without a quorum of votes, also where a learner voted', () => {
    vowed(a, 2, 'a');
    watch.elections.arrived(vote('d', 'a', 2));
    violates('quorum_of_voters', () => {
      watch.elections.leads(a, leading('a', 2));
    });
  });

  it('sees a leader that misses an entry that is committed', () => {
    durable(a, entry(1, 1));
    durable(b, entry(1, 1));
    watch.changed(a, [appending(entry(1, 1))], leading('a', 1));
    watch.committed.observe(a, leading('a', 1, { commitIndex: 1, lastIndex: 1 }), 1);
    violates('leader_completeness', () => {
      elect(c, 2);
    });
    watch.changed(b, [appending(entry(1, 1))], statusOf('b'));
    vowed(b, 3, 'b');
    watch.elections.arrived(vote('a', 'b', 3));
    watch.elections.leads(b, leading('b', 3, { lastIndex: 1 }));
  });

  it('sees a vote that is told before it is durable, and a second one in a term', () => {
    violates('persist_before_tell', () => {
      watch.sending(b, vote('b', 'a', 5));
    });
    vowed(b, 5, 'a');
    watch.sending(b, vote('b', 'a', 5));
    vowed(b, 5, 'c');
    violates('vote_once', () => {
      watch.sending(b, vote('b', 'c', 5));
    });
  });

  it('sees an acknowledgement of what is not durable, or of another entry than the leader has', () => {
    const told = (matchIndex: number): void => {
      const fields = { previousIndex: 0, hintIndex: 0, hintTerm: 0 };
      watch.sending(b, {
        kind: 'append_reply',
        from: 'b',
        to: 'a',
        term: 2,
        matchIndex,
        ...fields,
      });
    };
    vowed(b, 2, 'a');
    violates('persist_before_tell', () => {
      told(1);
    });
    durable(b, entry(1, 1));
    told(1);
    elect(a, 2);
    a = Object.assign(a, { status: leading('a', 2) });
    watch.changed(a, [appending(entry(1, 2))], leading('a', 2));
    violates('persist_before_tell', () => {
      told(1);
    });
  });

  it('sees a commit that no quorum holds, and one of an older term', () => {
    watch.changed(a, [appending(entry(1, 1))], leading('a', 1));
    durable(a, entry(1, 1));
    const before = { ...leading('a', 1), lastIndex: 1 };
    violates('quorum_durability', () => {
      watch.committed.checkQuorum(a, { ...before, commitIndex: 1 }, [a, b, c]);
    });
    durable(c, entry(1, 1));
    watch.committed.checkQuorum(a, { ...before, commitIndex: 1 }, [a, b, c]);
    violates('commit_of_own_term', () => {
      watch.committed.checkQuorum(a, { ...before, term: 2, commitIndex: 1 }, [a, b, c]);
    });
  });

  it('takes half of the voters for no quorum', () => {
    watch.changed(a, [appending(entry(1, 1))], leading('a', 1));
    durable(a, entry(1, 1));
    durable(b, entry(1, 1));
    const four = leading('a', 1, { commitIndex: 1, configuration: configuration('abcd') });
    violates('quorum_durability', () => {
      watch.committed.checkQuorum(a, four, [a, b, c]);
    });
  });

  it('needs a quorum of both halves of a joint configuration', () => {
    watch.changed(a, [appending(entry(1, 1))], leading('a', 1));
    durable(a, entry(1, 1));
    durable(b, entry(1, 1));
    const joint = leading('a', 1, { commitIndex: 1, configuration: configuration('ab', 'acd') });
    violates('quorum_durability', () => {
      watch.committed.checkQuorum(a, joint, [a, b, c]);
    });
    durable(c, entry(1, 1));
    watch.committed.checkQuorum(a, joint, [a, b, c]);
  });

  it('sees a committed entry that is taken off a disk', () => {
    durable(a, entry(1, 1));
    watch.changed(a, [appending(entry(1, 1))], leading('a', 1));
    watch.committed.observe(a, leading('a', 1, { commitIndex: 1 }), 1);
    violates('quorum_durability', () => {
      watch.truncating(a, 1);
    });
    watch.truncating(a, 2);
  });

  it('sees different entries of one index and term, and equal ones behind different ones', () => {
    watch.changed(a, [appending(entry(1, 1, 10))], leading('a', 1));
    violates('log_matching', () => {
      watch.changed(b, [appending(entry(1, 1, 11))], statusOf('b'));
    });
    watch.changed(a, [appending(entry(2, 2))], leading('a', 2));
    watch.changed(c, [appending(entry(1, 2))], leading('c', 2));
    violates('log_matching', () => {
      watch.changed(c, [appending(entry(2, 2))], leading('c', 2));
    });
  });

  it('sees a leader that truncates, terms that decrease, and entries of a term to come', () => {
    watch.changed(a, [appending(entry(1, 2))], leading('a', 2));
    violates('leader_append_only', () => {
      watch.changed(a, [{ ...appending(), truncateFrom: 1 }], leading('a', 2));
    });
    violates('term_order', () => {
      watch.changed(a, [appending(entry(2, 1))], leading('a', 2));
    });
    violates('term_order', () => {
      watch.changed(b, [appending(entry(1, 2))], statusOf('b'));
    });
  });

  it('sees another entry applied than is committed', () => {
    watch.changed(a, [appending(entry(1, 1, 10))], leading('a', 1));
    watch.committed.observe(a, leading('a', 1, { commitIndex: 1 }), 1);
    watch.committed.checkApplied(b, entry(1, 1, 10));
    violates('state_machine_safety', () => {
      watch.committed.checkApplied(b, entry(1, 1, 11));
    });
  });

  it('sees a member that goes back', () => {
    const status = { ...statusOf('a'), term: 4 };
    violates('monotone_state', () => {
      watch.observe(a, { ...status, term: 3 }, status);
    });
  });

  it('sees a read whose index is below what was committed when it was asked for', () => {
    watch.readAnswered(a, 7, 7);
    violates('read_index', () => {
      watch.readAnswered(a, 6, 7);
    });
  });

  it('sees two leases at one instant, and a commit of a later term under one', () => {
    const leaders = new LeaderWatch(RAFT_DEFAULTS, 10, noChecks());
    const holder = simulatedSubject('a', undefined, 1_001);
    const expired = simulatedSubject('b', undefined, 1_000);
    leaders.checkLeases([holder, expired], null);
    violates('lease', () => {
      leaders.checkLeases([holder, simulatedSubject('b', undefined, 1_001)], null);
    });
    violates('lease', () => {
      leaders.checkLeases([holder], 2);
    });
  });

  it('sees what a leader believes of a follower and is not so', () => {
    elect(a, 2);
    const follower = {
      memberId: 'b',
      state: 'replicate',
      matchIndex: 1,
      nextIndex: 2,
      inFlight: 0,
      inFlightBytes: 0,
      contactMs: 1_000,
    } as const;
    const leaders = new LeaderWatch(RAFT_DEFAULTS, 10, noChecks());
    leaders.elected(a);
    watch.changed(a, [appending(entry(1, 2))], leading('a', 2));
    const look = (progress: RaftStatus['progress']): void => {
      leaders.checkTick(a, leading('a', 2, { lastIndex: 1, progress }), [a, b, c]);
    };
    violates('progress_sanity', () => {
      look([follower]);
    });
    durable(b, entry(1, 2));
    // It has it, and has not said so in this term.
    violates('progress_sanity', () => {
      look([follower]);
    });
    const said = { kind: 'append_reply', matchIndex: 1, previousIndex: 0 } as const;
    const reply = { ...said, hintIndex: 0, hintTerm: 0, from: 'b', to: 'a' };
    leaders.acknowledging({ ...reply, term: 1 }, 1);
    violates('progress_sanity', () => {
      look([follower]);
    });
    leaders.acknowledging({ ...reply, term: 2 }, 1);
    look([follower]);
    violates('progress_sanity', () => {
      look([{ ...follower, nextIndex: 1 }]);
    });
    violates('progress_sanity', () => {
      look([{ ...follower, inFlight: 65 }]);
    });
    violates('progress_sanity', () => {
      look([{ ...follower, inFlightBytes: 1 }]);
    });
  });

  it('lets configurations follow through joint ones only', () => {
    const may: readonly (readonly [Configuration, Configuration, boolean])[] = [
      [NO_CONFIGURATION, configuration('abc'), true],
      [configuration('abc'), configuration('abc', '', 'd'), true],
      [configuration('abc'), configuration('abcd'), false],
      [configuration('abc', '', 'd'), configuration('abcd', 'abc'), true],
      [configuration('abc'), configuration('bcd', 'abd'), false],
      [configuration('abcd', 'abc'), configuration('abcd'), true],
      [configuration('abcd', 'abc'), configuration('abc'), false],
      [configuration('abcd', 'abc'), configuration('ab', 'abcd'), false],
    ];
    for (const [before, after, expected] of may) {
      assert.equal(mayFollow(before, after), expected, JSON.stringify([before, after]));
    }
  });
});
