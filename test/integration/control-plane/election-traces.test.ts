/**
 * The traces of real elections: three Raft cores on a stepped clock and a network of one process, each
 * with its tracer, and a collector over HTTP. Every election is to be one whole trace there.
 */

import assert from 'node:assert/strict';
import { ElectionTracer } from '../../../control-plane/loops/raft/election-tracer.ts';
import type { Configuration } from '../../../control-plane/model/configuration.ts';
import type { Election } from '../../../control-plane/model/election.ts';
import type { RaftMessage } from '../../../control-plane/model/raft-message.ts';
import type { TraceParent } from '../../../control-plane/ports/raft-transport.ts';
import { RAFT_DEFAULTS } from '../../../control-plane/raft/options.ts';
import { Raft } from '../../../control-plane/raft/raft.ts';
import { renderMetrics } from '../../../control-plane/telemetry/exposition.ts';
import { createSeries } from '../../../control-plane/telemetry/series.ts';
import type { Tracing } from '../../../control-plane/telemetry/tracing.ts';
import type { OtlpReceiver, ReceivedSpan } from '../../support/otlp-receiver.ts';
import { pollUntil } from '../../support/process.ts';
import { startReceivedTracing } from '../../support/received-tracing.ts';
import type { ReceivedTracing } from '../../support/received-tracing.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const WALL_MS = 1_800_000_000_000;
const IDS = ['m1', 'm2', 'm3'];
const GROUP: Configuration = {
  voters: IDS,
  outgoing: [],
  learners: [],
  addresses: Object.fromEntries(IDS.map((id) => [id, `${id}:1`])),
};
const TICK_MS = 5;
const DISK_MS = 3;
const NETWORK_MS = 1;

interface Mail {
  readonly atMs: number;
  readonly message: RaftMessage;
  readonly trace: TraceParent;
}

class Member {
  readonly id: string;
  readonly core: Raft;
  readonly tracer: ElectionTracer;
  readonly series = createSeries({ version: '0' });
  readonly #group: Group;
  #durable: { readonly atMs: number; readonly sequence: number }[] = [];
  alive = true;

  constructor(id: string, group: Group, flush: () => void) {
    this.id = id;
    this.#group = group;
    this.core = new Raft(
      { ...RAFT_DEFAULTS, memberId: id },
      { hardState: { term: 0, votedFor: null }, snapshot: null, entries: [], bootstrap: GROUP },
      group.random,
      group.nowMs,
    );
    this.tracer = new ElectionTracer({
      memberId: id,
      clock: { nowMs: () => WALL_MS + group.nowMs, monotonicMs: () => group.nowMs },
      series: this.series,
      // All members have the same replicated record of elections.
      onElection: (election) => void group.elections.push(election),
      previous: () => {
        const last = group.elections.at(-1);
        return last === undefined ? null : { traceId: last.traceId, spanId: last.rootSpanId };
      },
      flush,
    });
  }

  run(mail: readonly Mail[]): void {
    const { nowMs } = this.#group;
    if (nowMs % TICK_MS === 0) this.core.tick(nowMs);
    for (const { message, trace } of mail) {
      this.tracer.messageReceived(message, trace);
      this.core.step(nowMs, message);
    }
    const due = this.#durable.filter(({ atMs }) => atMs <= nowMs);
    this.#durable = this.#durable.filter(({ atMs }) => atMs > nowMs);
    for (const { sequence } of due) this.core.persisted(nowMs, sequence);
    while (this.core.hasReady()) {
      const { changes, messages, committed, events } = this.core.ready();
      for (const event of events) this.tracer.onEvent(event, null, nowMs);
      for (const { sequence } of changes) this.#durable.push({ atMs: nowMs + DISK_MS, sequence });
      for (const message of messages) {
        this.#group.send(message, this.tracer.traceFor(message));
        this.tracer.messageSent(message);
      }
      const last = committed.at(-1);
      if (last !== undefined) this.core.applied(last.index);
    }
  }

  get leads(): boolean {
    return this.alive && this.core.leaseUntilMs() !== null;
  }
}

class Group {
  readonly members: readonly Member[];
  readonly elections: Election[] = [];
  readonly random: () => number;
  /** Sender and receiver that do not hear each other. */
  cut: (from: string, to: string) => boolean = () => false;
  nowMs = 1_000;
  #mail: Mail[] = [];

  constructor(seed: number, flush: () => void) {
    this.random = seededRandom(seed);
    this.members = IDS.map((id) => new Member(id, this, flush));
  }

  send(message: RaftMessage, trace: TraceParent): void {
    if (this.cut(message.from, message.to)) return;
    this.#mail.push({ atMs: this.nowMs + NETWORK_MS, message, trace });
  }

  /** Steps the clock until the condition holds. */
  until(what: string, holds: () => boolean, limitMs = 5_000): void {
    const endMs = this.nowMs + limitMs;
    while (!holds()) {
      assert.ok(this.nowMs < endMs, `not within ${limitMs} ms: ${what}`);
      this.nowMs += 1;
      const due = this.#mail.filter(({ atMs }) => atMs <= this.nowMs);
      this.#mail = this.#mail.filter(({ atMs }) => atMs > this.nowMs);
      for (const member of this.members.filter(({ alive }) => alive)) {
        member.run(due.filter(({ message }) => message.to === member.id));
      }
    }
  }

  passes(ms: number): void {
    const endMs = this.nowMs + ms;
    this.until('time passes', () => this.nowMs >= endMs, ms + 1);
  }

  /** The one that leads and is heard by all who are alive. */
  leader(): Member {
    const follows = (leader: Member) =>
      this.members.every(({ alive, core }) => !alive || core.status().leaderId === leader.id);
    this.until('a leader', () => this.members.some((one) => one.leads && follows(one)));
    const found = this.members.find(({ leads }) => leads);
    assert.ok(found !== undefined);
    return found;
  }
}

describe('the traces of elections', function () {
  this.timeout(30_000);
  let traced: ReceivedTracing;
  let receiver: OtlpReceiver;
  let tracing: Tracing;
  let group: Group;

  beforeEach(async () => {
    traced = await startReceivedTracing();
    ({ receiver, tracing } = traced);
    group = new Group(7, () => tracing.flush());
  });
  afterEach(async () => {
    await traced.stop();
    for (const { series } of group.members) series.stop();
  });

  const spansOf = ({ traceId }: Election): readonly ReceivedSpan[] =>
    receiver.spans.filter((span) => span.traceId === traceId);
  const rootOf = (election: Election): ReceivedSpan => {
    const roots = spansOf(election).filter(({ parentSpanId }) => parentSpanId === null);
    const [root] = roots;
    assert.ok(root !== undefined && roots.length === 1, `${roots.length} roots`);
    assert.equal(root.spanId, election.rootSpanId);
    return root;
  };

  /** One root, no parent that is not there, and spans of these members. */
  const assertWhole = (election: Election, members: readonly string[]): void => {
    const spans = spansOf(election);
    rootOf(election);
    const ids = new Set(spans.map(({ spanId }) => spanId));
    for (const { name, parentSpanId } of spans) {
      assert.ok(parentSpanId === null || ids.has(parentSpanId), `${name} has lost its parent`);
    }
    const seen = new Set(spans.map(({ attributes }) => String(attributes['omnimind.member'])));
    assert.deepEqual([...seen].sort(), [...members].sort());
  };

  it('are whole for each leader that is killed, with an exemplar that names them', async () => {
    group.leader();
    group.passes(200);
    for (let round = 0; round < 6; round += 1) {
      const killed = group.leader();
      killed.alive = false;
      const before = group.elections.length;
      const leader = group.leader();
      const election = group.elections.at(-1);
      assert.ok(election !== undefined && group.elections.length > before);
      assert.deepEqual([election.candidateId, election.outcome], [leader.id, 'elected']);
      // Where the first attempt was refused, nobody is suspected any more.
      if (group.elections.length === before + 1) {
        assert.equal(election.suspectedLeaderId, killed.id);
        assert.ok((election.silentForMs ?? 0) >= RAFT_DEFAULTS.electionTimeoutMinMs);
      }
      const { body } = await renderMetrics(leader.series.registry, 'application/openmetrics-text');
      const exemplars = body
        .split('\n')
        .filter((line) => line.startsWith('omnimind_raft_election_duration_seconds_bucket{'))
        .filter((line) => line.includes(`trace_id="${election.traceId}"`));
      assert.equal(exemplars.length, 1);
      // It comes back from its disk, which is all that it had.
      group.passes(50);
      killed.alive = true;
      group.passes(400);
    }
    await tracing.stop();
    for (const [at, election] of group.elections.entries()) {
      const asked = IDS.filter((id) =>
        spansOf(election).some(({ attributes }) => attributes['omnimind.member'] === id),
      );
      assert.ok(asked.length >= 2, `election ${at} has spans of ${asked.join()}`);
      assertWhole(election, asked);
      const { links } = rootOf(election);
      // The newest one that had ended by then, whatever else was seen meanwhile.
      const before = group.elections
        .slice(0, at)
        .findLast((one) => one.startedAtMs + one.durationMs <= election.startedAtMs);
      const linked = links.map(({ spanId }) => spanId);
      if (before !== undefined) assert.ok(linked.includes(before.rootSpanId), `election ${at}`);
      assert.equal(links[0]?.traceId ?? null, election.previousTraceId);
    }
  });

  it('have all parts in order, the wait for the disk of each voter included', async () => {
    const first = group.leader();
    first.alive = false;
    const leader = group.leader();
    group.passes(20);
    leader.tracer.firstTick(leader.core.status().term, group.nowMs - 5, group.nowMs);
    await tracing.stop();
    const election = group.elections.at(-1);
    assert.ok(election !== undefined);
    const spans = spansOf(election);
    const names = spans
      .map(({ name, attributes }) => `${name} ${String(attributes['omnimind.member'])}`)
      .sort();
    const voter = IDS.find((id) => id !== first.id && id !== leader.id);
    assert.deepEqual(
      names,
      [
        ...['raft election', 'silence', 'pre-vote', 'campaign', 'term start', 'first tick'].map(
          (name) => `${name} ${leader.id}`,
        ),
        ...['vote', 'vote', 'leader known'].map((name) => `${name} ${voter}`),
      ].sort(),
    );
    const lasted = spans
      .filter(({ name }) => name === 'vote')
      .map((span) => [
        span.attributes['omnimind.raft.phase'],
        Math.round(span.endedAtMs - span.startedAtMs),
      ]);
    assert.deepEqual(lasted, [
      ['pre_vote', 0],
      ['vote', DISK_MS],
    ]);
    const root = rootOf(election);
    const silence = spans.find(({ name }) => name === 'silence');
    assert.equal(silence?.startedAtMs, root.startedAtMs);
    assert.equal(silence.attributes['omnimind.raft.leader'], first.id);
  });

  it('show a member that is cut off, and the leader that it takes part with afterwards', async () => {
    const leader = group.leader();
    group.passes(200);
    const alone = group.members.find(({ id }) => id !== leader.id);
    assert.ok(alone !== undefined);
    const before = group.elections.length;
    group.cut = (from, to) => from === alone.id || to === alone.id;
    group.passes(1_000);
    group.cut = () => false;
    group.passes(500);
    await tracing.stop();
    const lost = group.elections.slice(before);
    assert.ok(lost.length >= 2);
    for (const election of lost) {
      assert.equal(election.candidateId, alone.id);
      assert.ok(['timed_out', 'another_leader'].includes(election.outcome), election.outcome);
      assert.ok(rootOf(election).failed);
      assert.ok(spansOf(election).some(({ name, failed }) => name === 'pre-vote' && failed));
    }
    assert.equal(group.leader(), leader);
  });

  it('lead from a transfer to the leader that it made', async () => {
    const leader = group.leader();
    group.passes(200);
    const to = IDS.find((id) => id !== leader.id) ?? '';
    leader.tracer.transferStarted(to);
    assert.equal(leader.core.transfer(group.nowMs, to).kind, 'accepted');
    group.until('the transfer', () => group.leader().id === to);
    await tracing.stop();
    const election = group.elections.at(-1);
    assert.ok(election !== undefined);
    assert.deepEqual([election.cause, election.outcome], ['transfer', 'elected']);
    assertWhole(election, IDS);
    const transfer = receiver.spans.find(({ name }) => name === 'leadership transfer');
    assert.equal(transfer?.attributes['omnimind.member'], leader.id);
    assert.equal(transfer.attributes['omnimind.raft.outcome'], 'handed_over');
    assert.ok(rootOf(election).links.some(({ spanId }) => spanId === transfer.spanId));
  });

  it('are there soon, for members that are killed after their vote', async () => {
    group.leader();
    const election = group.elections.at(-1);
    assert.ok(election !== undefined);
    await pollUntil('the whole election is at the collector', 900, () =>
      spansOf(election).some(({ name }) => name === 'leader known'),
    );
    assertWhole(election, IDS);
  });
});
