/** Elections as traces: members that exchange contexts by hand, and the spans at a collector. */

import assert from 'node:assert/strict';
import {
  ANNOUNCED_AFTER_COMMIT_MS,
  LOSSES_SHOWN,
  LOSS_SHOWN_EVERY_MS,
} from '../../../../../control-plane/loops/raft/election-candidacy.ts';
import { ElectionTracer } from '../../../../../control-plane/loops/raft/election-tracer.ts';
import { OPEN_VOTES_MAX } from '../../../../../control-plane/loops/raft/election-votes.ts';
import type { CampaignCause, Election } from '../../../../../control-plane/model/election.ts';
import type { RaftMessage, VoteReason } from '../../../../../control-plane/model/raft-message.ts';
import type { TraceParent } from '../../../../../control-plane/ports/raft-transport.ts';
import type { RaftEvent } from '../../../../../control-plane/raft/ready.ts';
import { renderMetrics } from '../../../../../control-plane/telemetry/exposition.ts';
import { createSeries } from '../../../../../control-plane/telemetry/series.ts';
import type { Series } from '../../../../../control-plane/telemetry/series.ts';
import { inSpan } from '../../../../../control-plane/telemetry/span.ts';
import type { Tracing } from '../../../../../control-plane/telemetry/tracing.ts';
import type { OtlpReceiver, ReceivedSpan } from '../../../../support/otlp-receiver.ts';
import { startReceivedTracing } from '../../../../support/received-tracing.ts';
import type { ReceivedTracing } from '../../../../support/received-tracing.ts';

const WALL_MS = 1_800_000_000_000;
const OTHERS: Readonly<Record<string, readonly string[]>> = {
  a: ['b', 'c'],
  b: ['a', 'c'],
  c: ['a', 'b'],
};

type Phase = 'pre_vote' | 'vote';

class Member {
  readonly id: string;
  readonly tracer: ElectionTracer;
  readonly series = createSeries({ version: '0' });
  readonly elections: Election[] = [];
  previous: { traceId: string; spanId: string } | null = null;

  constructor(id: string, clock: { nowMs(): number; monotonicMs(): number }, tracing: Tracing) {
    this.id = id;
    this.tracer = new ElectionTracer({
      memberId: id,
      clock,
      series: this.series,
      onElection: (election) => void this.elections.push(election),
      previous: () => this.previous,
      flush: () => tracing.flush(),
    });
  }

  suspects(term: number, leaderId: string | null, silentForMs = 200): void {
    this.tracer.onEvent({ kind: 'suspected', term, leaderId, silentForMs, timeoutMs: 190 });
  }

  campaigns(phase: Phase, term: number, cause: CampaignCause = 'leader_silent'): void {
    const asked = OTHERS[this.id] ?? [];
    this.tracer.onEvent({ kind: 'campaign_started', phase, term, cause, asked });
  }

  gets(phase: Phase, voterId: string, term: number, reason: VoteReason): void {
    this.tracer.onEvent({ kind: 'vote_received', phase, voterId, term, reason });
  }

  hears(event: RaftEvent, trace: TraceParent = null): void {
    this.tracer.onEvent(event, trace);
  }
}

describe('election tracer', () => {
  let traced: ReceivedTracing;
  let receiver: OtlpReceiver;
  let tracing: Tracing;
  let nowMs: number;
  let members: Member[];
  let a: Member;
  let b: Member;
  let c: Member;
  const clock = { nowMs: () => WALL_MS + Math.floor(nowMs), monotonicMs: () => nowMs };

  beforeEach(async () => {
    traced = await startReceivedTracing();
    ({ receiver, tracing } = traced);
    nowMs = 10_000;
    a = new Member('a', clock, tracing);
    b = new Member('b', clock, tracing);
    c = new Member('c', clock, tracing);
    members = [a, b, c];
  });
  afterEach(async () => {
    await traced.stop();
    for (const { series } of members) series.stop();
  });

  /** All spans that have ended; the collector is at rest then. */
  const collected = async (): Promise<readonly ReceivedSpan[]> => {
    await tracing.stop();
    return receiver.spans;
  };
  const one = (spans: readonly ReceivedSpan[], name: string, member?: string): ReceivedSpan => {
    const found = spans.filter(
      (span) =>
        span.name === name &&
        (member === undefined || span.attributes['omnimind.member'] === member),
    );
    const [span] = found;
    assert.ok(span !== undefined, `no span ${name} of ${member ?? 'anybody'}`);
    assert.equal(found.length, 1, `${found.length} spans ${name} of ${member ?? 'anybody'}`);
    return span;
  };

  const later = (ms: number): void => {
    nowMs += ms;
  };

  /** `from` asks `to`, whose answer leaves 2 ms later and arrives at once. */
  const asks = (from: Member, to: Member, phase: Phase, term: number, reason: VoteReason) => {
    const request = requestOf(from, to, phase, term);
    later(1);
    const trace = from.tracer.traceFor(request);
    to.hears({ kind: 'vote_cast', phase, candidateId: from.id, term, reason }, trace);
    later(2);
    to.tracer.messageSent(replyOf(request, reason));
    from.gets(phase, to.id, term, reason);
  };

  /** `leader` is elected by the member that voted, and known to the others. */
  const wins = (leader: Member, term: number, followers: readonly Member[]) => {
    leader.hears({ kind: 'elected', term, termStartIndex: 7 });
    later(1);
    for (const follower of followers) {
      const trace = leader.tracer.traceFor(appendOf(leader, follower, term));
      follower.hears({ kind: 'leader_known', term, leaderId: leader.id }, trace);
    }
    later(4);
    leader.hears({ kind: 'term_started', term, index: 7 });
  };

  const elect = (leader: Member, term: number, old: string | null) => {
    leader.suspects(term - 1, old);
    leader.campaigns('pre_vote', term);
    const others = members.filter((member) => member !== leader);
    for (const other of others) asks(leader, other, 'pre_vote', term, 'granted');
    leader.campaigns('vote', term);
    for (const other of others) asks(leader, other, 'vote', term, 'granted');
    wins(leader, term, others);
  };

  it('is one trace over all members, from the silence to the first tick', async () => {
    a.suspects(4, 'c', 210);
    a.campaigns('pre_vote', 5);
    asks(a, b, 'pre_vote', 5, 'granted');
    a.campaigns('vote', 5);
    asks(a, c, 'vote', 5, 'already_voted');
    asks(a, b, 'vote', 5, 'granted');
    wins(a, 5, [b, c]);
    later(30);
    a.tracer.firstTick(5, nowMs - 20, nowMs);

    const spans = await collected();
    assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
    const root = one(spans, 'raft election', 'a');
    assert.equal(root.parentSpanId, null);
    assert.equal(root.failed, false);
    const parents: readonly (readonly [string, string, ReceivedSpan])[] = [
      ['silence', 'a', root],
      ['pre-vote', 'a', root],
      ['campaign', 'a', root],
      ['term start', 'a', root],
      ['first tick', 'a', root],
      ['leader known', 'b', one(spans, 'term start')],
      ['leader known', 'c', one(spans, 'term start')],
      ['vote', 'c', one(spans, 'campaign')],
    ];
    for (const [name, member, parent] of parents) {
      assert.equal(one(spans, name, member).parentSpanId, parent.spanId, name);
    }
    const votes = spans.filter(
      ({ name, attributes }) => name === 'vote' && attributes['omnimind.member'] === 'b',
    );
    assert.deepEqual(
      votes.map(({ parentSpanId }) => parentSpanId),
      [one(spans, 'pre-vote').spanId, one(spans, 'campaign').spanId],
    );
    assert.equal(spans.length, 11);
  });

  it('shows when each part began and ended', async () => {
    a.suspects(4, 'c', 210);
    a.campaigns('pre_vote', 5);
    asks(a, b, 'pre_vote', 5, 'granted');
    a.campaigns('vote', 5);
    asks(a, b, 'vote', 5, 'granted');
    wins(a, 5, [b]);
    a.tracer.firstTick(5, nowMs + 1, nowMs + 9);
    const spans = await collected();
    const at = (name: string) => {
      const { startedAtMs, endedAtMs } = one(spans, name);
      return [startedAtMs - WALL_MS - 10_000, endedAtMs - WALL_MS - 10_000];
    };
    assert.deepEqual(at('raft election'), [-210, 11]);
    assert.deepEqual(at('silence'), [-210, 0]);
    assert.deepEqual(at('pre-vote'), [0, 3]);
    assert.deepEqual(at('campaign'), [3, 6]);
    assert.deepEqual(at('term start'), [6, 11]);
    assert.deepEqual(at('first tick'), [11, 20]);
    assert.deepEqual(at('leader known'), [7, 7]);
    const vote = spans.find(
      ({ name, attributes }) => name === 'vote' && attributes['omnimind.raft.phase'] === 'vote',
    );
    assert.deepEqual(
      [vote?.startedAtMs, vote?.endedAtMs].map((ms) => (ms ?? 0) - WALL_MS - 10_000),
      [4, 6],
    );
  });

  it('says who was silent, who was asked, and how each answered and why', async () => {
    a.suspects(4, 'c', 210);
    a.campaigns('pre_vote', 5);
    asks(a, b, 'pre_vote', 5, 'granted');
    a.campaigns('vote', 5);
    asks(a, b, 'vote', 5, 'granted');
    wins(a, 5, [b]);
    const spans = await collected();
    const silence = one(spans, 'silence').attributes;
    assert.equal(silence['omnimind.raft.leader'], 'c');
    assert.equal(silence['omnimind.raft.silent_ms'], 210);
    assert.equal(silence['omnimind.raft.timeout_ms'], 190);
    const campaign = one(spans, 'campaign');
    assert.deepEqual(campaign.attributes['omnimind.raft.asked'], ['b', 'c']);
    assert.deepEqual(campaign.attributes['omnimind.raft.granted_by'], ['b']);
    assert.deepEqual(campaign.attributes['omnimind.raft.unanswered'], ['c']);
    assert.deepEqual(
      campaign.happened.map(({ name, attributes }) => [name, attributes['omnimind.raft.voter']]),
      [['vote received', 'b']],
    );
    const votes = spans.filter(({ name }) => name === 'vote');
    assert.deepEqual(
      votes.map(({ attributes, kind }) => [
        attributes['omnimind.raft.candidate'],
        attributes['omnimind.raft.term'],
        attributes['omnimind.raft.phase'],
        attributes['omnimind.raft.granted'],
        attributes['omnimind.raft.reason'],
        kind,
      ]),
      [
        ['a', 5, 'pre_vote', true, 'granted', 2],
        ['a', 5, 'vote', true, 'granted', 2],
      ],
    );
  });

  it('is remembered with its moments, its votes and the place of its root', async () => {
    elect(a, 5, 'c');
    const [election] = a.elections;
    assert.ok(election !== undefined);
    const root = one(await collected(), 'raft election');
    assert.deepEqual(election, {
      electionId: `a-5-${WALL_MS + 10_000}`,
      candidateId: 'a',
      term: 5,
      cause: 'leader_silent',
      outcome: 'elected',
      suspectedLeaderId: 'c',
      silentForMs: 200,
      startedAtMs: WALL_MS + 10_000,
      preVoteMs: 6,
      electedMs: 12,
      committedMs: 17,
      durationMs: 17,
      votes: [
        { phase: 'pre_vote', voterId: 'b', reason: 'granted', afterMs: 3 },
        { phase: 'pre_vote', voterId: 'c', reason: 'granted', afterMs: 6 },
        { phase: 'vote', voterId: 'b', reason: 'granted', afterMs: 9 },
        { phase: 'vote', voterId: 'c', reason: 'granted', afterMs: 12 },
      ],
      traceId: root.traceId,
      rootSpanId: root.spanId,
      previousTraceId: null,
    });
    assert.match(election.electionId, /^[a-z0-9-]{1,128}$/);
    assert.equal(root.attributes['omnimind.raft.election'], election.electionId);
  });

  it('links to the election before, whoever was its candidate', async () => {
    elect(a, 5, 'c');
    later(1_000);
    elect(b, 6, 'a');
    const spans = await collected();
    const roots = spans.filter(({ name }) => name === 'raft election');
    const [before, after] = roots;
    assert.ok(before !== undefined && after !== undefined);
    assert.notEqual(before.traceId, after.traceId);
    assert.deepEqual(before.links, []);
    const [link] = after.links;
    assert.equal(link?.traceId, before.traceId);
    assert.equal(link.attributes['omnimind.raft.link'], 'previous_election');
    // All that this member saw of it is what the leader's messages carried.
    const seen = spans.find(({ spanId }) => spanId === link.spanId);
    assert.deepEqual([seen?.name, seen?.traceId], ['term start', before.traceId]);
    assert.equal(b.elections[0]?.previousTraceId, before.traceId);
  });

  it('links to the root of the election before where the state has it', async () => {
    elect(a, 5, 'c');
    const [first] = a.elections;
    assert.ok(first !== undefined);
    b.previous = { traceId: first.traceId, spanId: first.rootSpanId };
    elect(b, 6, 'a');
    const [root] = (await collected()).filter(
      ({ name, attributes }) => name === 'raft election' && attributes['omnimind.member'] === 'b',
    );
    assert.deepEqual(
      root?.links.map(({ spanId }) => spanId),
      [first.rootSpanId],
    );
  });

  it('links to the recorded one as well where it has seen another since', async () => {
    a.previous = { traceId: '1'.repeat(32), spanId: '2'.repeat(16) };
    a.suspects(4, 'c');
    a.campaigns('pre_vote', 5);
    a.hears({ kind: 'campaign_lost', term: 5, loss: 'timed_out' });
    elect(a, 5, null);
    const [lost, won] = (await collected()).filter(({ name }) => name === 'raft election');
    assert.deepEqual(
      won?.links.map(({ spanId, attributes }) => [spanId, attributes['omnimind.raft.link']]),
      [
        [lost?.spanId, 'previous_election'],
        ['2'.repeat(16), 'recorded_election'],
      ],
    );
    assert.equal(a.elections[1]?.previousTraceId, lost?.traceId);
  });

  it('links to what the state has after elections that passed this member by', () => {
    elect(a, 5, 'c');
    b.hears({ kind: 'leader_known', term: 9, leaderId: 'c' });
    b.previous = { traceId: '1'.repeat(32), spanId: '2'.repeat(16) };
    elect(b, 10, 'c');
    assert.equal(b.elections[0]?.previousTraceId, '1'.repeat(32));
  });

  it('has an id of its own where the attempt before it began in the same millisecond', () => {
    a.suspects(4, 'c');
    for (let attempt = 0; attempt < 3; attempt += 1) {
      a.campaigns('pre_vote', 5);
      a.hears({ kind: 'campaign_lost', term: 5, loss: 'timed_out' });
    }
    const ids = a.elections.map(({ electionId }) => electionId);
    assert.equal(ids.length, 3);
    assert.equal(new Set(ids).size, 3);
  });

  it('is a failed trace when the vote is split, and the next attempt links to it', async () => {
    a.suspects(4, 'c');
    b.suspects(4, 'c');
    for (const member of [a, b]) {
      member.campaigns('pre_vote', 5);
      asks(member, c, 'pre_vote', 5, 'granted');
      member.campaigns('vote', 5);
    }
    asks(a, b, 'vote', 5, 'already_voted');
    asks(b, a, 'vote', 5, 'already_voted');
    later(250);
    a.hears({ kind: 'campaign_lost', term: 5, loss: 'timed_out' });
    a.suspects(5, null, 460);
    a.campaigns('pre_vote', 6, 'no_leader');
    later(10);
    b.hears({ kind: 'campaign_lost', term: 5, loss: 'refused' });

    const [election] = a.elections;
    assert.ok(election !== undefined);
    assert.deepEqual(
      [election.outcome, election.committedMs, election.votes.length],
      ['timed_out', null, 2],
    );
    a.hears({ kind: 'campaign_lost', term: 6, loss: 'higher_term' });
    const spans = await collected();
    const roots = spans.filter(({ name }) => name === 'raft election');
    const of = (member: string) =>
      roots.filter(({ attributes }) => attributes['omnimind.member'] === member);
    assert.equal(new Set(roots.map(({ traceId }) => traceId)).size, 3);
    for (const root of roots) assert.ok(root.failed);
    assert.equal(of('b')[0]?.message, 'refused');
    const [split, again] = of('a');
    assert.equal(split?.message, 'timed_out');
    assert.equal(split.attributes['omnimind.raft.outcome'], 'timed_out');
    const campaign = spans.find(
      ({ name, traceId }) => name === 'campaign' && traceId === split.traceId,
    );
    assert.ok(campaign?.failed);
    assert.deepEqual(campaign.attributes['omnimind.raft.refused_by'], ['b']);
    assert.equal(again?.links[0]?.spanId, split.spanId);
    // Its silence begins where the attempt before ended, and still says how long it was in all.
    assert.equal(again.startedAtMs, split.endedAtMs);
    const silences = spans.filter(({ name, traceId }) => {
      return name === 'silence' && traceId === again.traceId;
    });
    assert.equal(silences[0]?.attributes['omnimind.raft.silent_ms'], 460);
  });

  it('is lost to another leader, or deposed before its first entry is committed', async () => {
    a.suspects(4, 'c');
    a.campaigns('pre_vote', 5);
    asks(a, b, 'pre_vote', 5, 'leader_alive');
    a.hears({ kind: 'leader_known', term: 4, leaderId: 'c' });
    assert.equal(a.elections[0]?.outcome, 'another_leader');
    assert.equal(a.elections[0].preVoteMs, null);

    b.suspects(5, 'c');
    b.campaigns('pre_vote', 6);
    asks(b, a, 'pre_vote', 6, 'granted');
    b.campaigns('vote', 6);
    asks(b, a, 'vote', 6, 'granted');
    b.hears({ kind: 'elected', term: 6, termStartIndex: 8 });
    later(300);
    b.hears({ kind: 'stepped_down', term: 6, reason: 'quorum_lost' });
    assert.equal(b.elections[0]?.outcome, 'deposed');
    assert.equal(b.elections[0].electedMs, 6);
    assert.equal(b.elections[0].committedMs, null);
    assert.equal(b.tracer.traceFor(appendOf(b, a, 6)), null);
    const spans = await collected();
    assert.equal(one(spans, 'raft election', 'b').message, 'quorum_lost');
    assert.ok(one(spans, 'term start').failed);
    assert.equal(one(spans, 'raft election', 'a').message, 'c leads');
  });

  it('names its trace on the histograms, and counts causes, outcomes, votes and leaders', async () => {
    elect(a, 5, 'c');
    const { body } = await renderMetrics(a.series.registry, 'application/openmetrics-text');
    const [election] = a.elections;
    for (const name of ['election', 'leaderless']) {
      const lines = body
        .split('\n')
        .filter((line) => line.startsWith(`omnimind_raft_${name}_duration_seconds_bucket`))
        .filter((line) => line.includes(`trace_id="${election?.traceId ?? ''}"`));
      assert.equal(lines.length, 1, name);
    }
    assert.match(body, /raft_leaderless_duration_seconds_sum\{cause="leader_silent"\} 0\.217\n/);
    assert.match(body, /elections_total\{cause="leader_silent",outcome="elected"\} 1\n/);
    assert.match(body, /omnimind_raft_leader_changes_total 1\n/);
    const voter = await textOf(b.series);
    assert.match(voter, /votes_total\{phase="pre_vote",reason="granted"\} 1\n/);
    assert.match(voter, /votes_total\{phase="vote",reason="granted"\} 1\n/);
    assert.match(voter, /omnimind_raft_leader_changes_total 1\n/);
    assert.match(voter, /elections_total\{cause="leader_silent",outcome="elected"\} 0\n/);
  });

  it('counts the time without a leader from the last one, over all attempts', async () => {
    a.suspects(4, 'c', 200);
    a.campaigns('pre_vote', 5);
    later(300);
    a.hears({ kind: 'campaign_lost', term: 5, loss: 'timed_out' });
    a.suspects(4, null, 500);
    a.campaigns('pre_vote', 5, 'no_leader');
    a.campaigns('vote', 5, 'no_leader');
    wins(a, 5, []);
    const body = await textOf(a.series);
    assert.match(body, /leaderless_duration_seconds_sum\{cause="no_leader"\} 0\.505\n/);
  });

  it('counts the time without a leader from this one’s own step-down', async () => {
    a.hears({ kind: 'stepped_down', term: 4, reason: 'quorum_lost' });
    later(400);
    a.suspects(4, null, 150);
    a.campaigns('vote', 5, 'no_leader');
    wins(a, 5, []);
    const body = await textOf(a.series);
    assert.match(body, /leaderless_duration_seconds_sum\{cause="no_leader"\} 0\.405\n/);
  });

  it('begins with a link to the transfer that led to it', async () => {
    const asked = await inSpan('request', {}, (span) => {
      a.tracer.transferStarted('b');
      return span.spanId;
    });
    later(5);
    const timeoutNow: RaftMessage = { kind: 'timeout_now', from: 'a', to: 'b', term: 5 };
    b.tracer.messageReceived(timeoutNow, a.tracer.traceFor(timeoutNow));
    b.campaigns('vote', 6, 'transfer');
    asks(b, c, 'vote', 6, 'granted');
    wins(b, 6, [a, c]);
    a.hears({ kind: 'transfer_ended', to: 'b', outcome: 'handed_over' });
    const spans = await collected();
    const transfer = one(spans, 'leadership transfer', 'a');
    assert.equal(transfer.parentSpanId, asked);
    assert.equal(transfer.failed, false);
    const root = one(spans, 'raft election', 'b');
    assert.equal(root.parentSpanId, null);
    assert.equal(root.attributes['omnimind.raft.cause'], 'transfer');
    assert.deepEqual(
      root.links.map(({ spanId, attributes }) => [spanId, attributes['omnimind.raft.link']]),
      [[transfer.spanId, 'transfer']],
    );
    assert.ok(!spans.some(({ name }) => name === 'silence' || name === 'pre-vote'));
    assert.equal(b.elections[0]?.cause, 'transfer');
    assert.equal(b.elections[0].preVoteMs, 0);
    assert.match(await textOf(a.series), /transfers_total\{outcome="handed_over"\} 1\n/);
  });

  it('is linked to a removed leader that names its successor unasked', async () => {
    const timeoutNow: RaftMessage = { kind: 'timeout_now', from: 'a', to: 'b', term: 5 };
    const trace = a.tracer.traceFor(timeoutNow);
    b.tracer.messageReceived(timeoutNow, trace);
    b.campaigns('vote', 6, 'transfer');
    wins(b, 6, []);
    const spans = await collected();
    const link = one(spans, 'raft election', 'b').links[0];
    assert.equal(link?.spanId, one(spans, 'leadership transfer', 'a').spanId);
  });

  it('ends a vote when its answer has left, and not before', async () => {
    a.suspects(4, 'c');
    a.campaigns('vote', 5, 'transfer');
    const request = requestOf(a, b, 'vote', 5);
    const trace = a.tracer.traceFor(request);
    b.tracer.messageReceived(request, trace);
    b.hears({ kind: 'vote_cast', phase: 'vote', candidateId: 'a', term: 5, reason: 'granted' });
    // Asked again while the disk is at work: the same answer.
    b.tracer.messageReceived(request, trace);
    b.hears({ kind: 'vote_cast', phase: 'vote', candidateId: 'a', term: 5, reason: 'granted' });
    later(40);
    b.tracer.messageSent(replyOf(requestOf(a, b, 'pre_vote', 5), 'granted'));
    b.tracer.messageSent(replyOf(request, 'granted'));
    const vote = one(await collected(), 'vote', 'b');
    assert.equal(vote.endedAtMs - vote.startedAtMs, 40);
  });

  it('gives up votes whose answer cannot leave any more, and keeps few', async () => {
    const cast = (candidateId: string, term: number, trace: string) =>
      b.hears({ kind: 'vote_cast', phase: 'vote', candidateId, term, reason: 'granted' }, trace);
    const trace = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    cast('a', 5, trace);
    cast('c', 6, trace);
    b.hears({ kind: 'leader_known', term: 6, leaderId: 'a' });
    later(50);
    b.hears({ kind: 'leader_known', term: 7, leaderId: 'a' });
    later(50);
    for (let index = 0; index < OPEN_VOTES_MAX + 3; index += 1) cast(`m-${index}`, 8, trace);
    cast('garbage', 8, 'no traceparent');
    b.tracer.stop();
    const votes = (await collected()).filter(({ name }) => name === 'vote');
    assert.equal(votes.length, 2 + OPEN_VOTES_MAX + 3);
    assert.deepEqual(
      votes.slice(0, 3).map(({ startedAtMs, endedAtMs }) => endedAtMs - startedAtMs),
      [0, 50, 0],
    );
    for (const { attributes, traceId } of votes) {
      assert.equal(attributes['omnimind.raft.answered'], false);
      assert.equal(traceId, '1'.repeat(32));
    }
  });

  it('carries its context from the election until a little after the commit, and then none', () => {
    const append = appendOf(a, b, 5);
    const heartbeat: RaftMessage = {
      kind: 'heartbeat',
      from: 'a',
      to: 'b',
      term: 5,
      commitIndex: 0,
      round: 1,
    };
    assert.equal(a.tracer.traceFor(append), null);
    a.suspects(4, 'c');
    a.campaigns('pre_vote', 5);
    assert.equal(a.tracer.traceFor(append), null);
    assert.match(a.tracer.traceFor(requestOf(a, b, 'pre_vote', 5)) ?? '', /^00-.{32}-.{16}-01$/);
    // One of an attempt before this one.
    assert.equal(a.tracer.traceFor(requestOf(a, b, 'pre_vote', 4)), null);
    assert.equal(a.tracer.traceFor(requestOf(a, b, 'vote', 5)), null);
    a.campaigns('vote', 5);
    wins(a, 5, []);
    later(ANNOUNCED_AFTER_COMMIT_MS);
    assert.equal(a.tracer.traceFor(append), a.tracer.traceFor(heartbeat));
    assert.notEqual(a.tracer.traceFor(append), null);
    later(1);
    assert.equal(a.tracer.traceFor(append), null);
    assert.equal(a.tracer.traceFor(replyOf(requestOf(b, a, 'vote', 5), 'granted')), null);
  });

  it('shows a member that is alone a few times, then now and then, and counts all', async () => {
    const alone = (times: number) => {
      for (let index = 0; index < times; index += 1) {
        a.suspects(4, null);
        a.campaigns('pre_vote', 5, 'no_leader');
        later(200);
        a.hears({ kind: 'campaign_lost', term: 5, loss: 'timed_out' });
      }
    };
    alone(LOSSES_SHOWN);
    assert.equal(a.elections.length, LOSSES_SHOWN);
    alone(LOSS_SHOWN_EVERY_MS / 200 - 1);
    assert.equal(a.elections.length, LOSSES_SHOWN);
    alone(1);
    assert.equal(a.elections.length, LOSSES_SHOWN + 1);
    // The first that is not in vain is there again, whole.
    alone(3);
    elect(a, 5, null);
    const spans = await collected();
    const roots = spans.filter(({ name }) => name === 'raft election');
    assert.equal(roots.length, LOSSES_SHOWN + 2);
    assert.equal(spans.filter(({ name }) => name === 'silence').length, LOSSES_SHOWN + 2);
    assert.deepEqual(
      roots.slice(-2).map(({ attributes }) => attributes['omnimind.raft.untraced_before']),
      [LOSS_SHOWN_EVERY_MS / 200 - 1, 3],
    );
    const body = await textOf(a.series);
    const lost = LOSSES_SHOWN + LOSS_SHOWN_EVERY_MS / 200 + 3;
    assert.match(body, new RegExp(`\\{cause="no_leader",outcome="timed_out"\\} ${lost}\n`));
    assert.match(body, new RegExp(`elections_untraced_total ${lost - LOSSES_SHOWN - 1}\n`));
  });

  it('does not flood the record with pre-votes that are refused, though their traces are there', async () => {
    for (let index = 0; index < LOSSES_SHOWN + 4; index += 1) {
      a.suspects(4, null);
      a.campaigns('pre_vote', 5, 'no_leader');
      asks(a, b, 'pre_vote', 5, 'leader_alive');
      a.hears({ kind: 'campaign_lost', term: 5, loss: 'refused' });
    }
    assert.equal(a.elections.length, LOSSES_SHOWN);
    const spans = await collected();
    const roots = new Set(
      spans.filter(({ name }) => name === 'raft election').map(({ traceId }) => traceId),
    );
    assert.equal(roots.size, LOSSES_SHOWN + 4);
    for (const { traceId } of spans) assert.ok(roots.has(traceId));
  });

  it('ends what is open when its member stops', async () => {
    a.suspects(4, 'c');
    a.campaigns('pre_vote', 5);
    a.tracer.stop();
    a.tracer.stop();
    assert.deepEqual(a.elections, []);
    const root = one(await collected(), 'raft election');
    assert.ok(root.failed);
    assert.equal(root.message, 'the member stopped');
    assert.equal(root.attributes['omnimind.raft.outcome'], undefined);
  });

  it('is at the collector without anybody waiting for it', async () => {
    elect(a, 5, 'c');
    const deadline = performance.now() + 900;
    while (receiver.spans.length < 10 && performance.now() < deadline) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Far less than the delay of a batch, which is one second.
    assert.ok(receiver.spans.some(({ name }) => name === 'raft election'));
  });

  it('counts what the core says besides', async () => {
    a.hears({ kind: 'stepped_down', term: 5, reason: 'stalled' });
    a.hears({ kind: 'snapshot_installed', index: 9 });
    a.hears({ kind: 'message_ignored', from: 'b', detail: 'odd' });
    a.hears({ kind: 'leader_known', term: 6, leaderId: 'b' });
    a.hears({ kind: 'leader_known', term: 6, leaderId: 'b' });
    const body = await textOf(a.series);
    assert.match(body, /step_downs_total\{reason="stalled"\} 1\n/);
    assert.match(body, /snapshots_total\{origin="installed"\} 1\n/);
    assert.match(body, /messages_ignored_total 1\n/);
    assert.match(body, /leader_changes_total 1\n/);
  });
});

function requestOf(from: Member, to: Member, kind: Phase, term: number): RaftMessage {
  return { kind, from: from.id, to: to.id, term, lastIndex: 6, lastTerm: 4, transfer: false };
}

function replyOf({ kind, from, to, term }: RaftMessage, reason: VoteReason): RaftMessage {
  const reply = kind === 'vote' ? 'vote_reply' : 'pre_vote_reply';
  return { kind: reply, from: to, to: from, term, reason };
}

function appendOf(from: Member, to: Member, term: number): RaftMessage {
  const place = { previousIndex: 6, previousTerm: 4, commitIndex: 6, entries: [] };
  return { kind: 'append', from: from.id, to: to.id, term, ...place };
}

async function textOf(series: Series): Promise<string> {
  return (await renderMetrics(series.registry, undefined)).body;
}
