/**
 * A member that is told anything: messages that no member of its group would send, in any order, with
 * its disk now and then held, its process stopped and started again. It must never throw, must come to
 * rest, and must keep what a single member can keep whatever the others do.
 */

import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Configuration } from '../../../../control-plane/model/configuration.ts';
import { NO_CONFIGURATION } from '../../../../control-plane/model/configuration.ts';
import type {
  HardState,
  LogEntry,
  SnapshotPlace,
} from '../../../../control-plane/model/log-entry.ts';
import { VOTE_REASONS } from '../../../../control-plane/model/raft-message.ts';
import type { RaftMessage } from '../../../../control-plane/model/raft-message.ts';
import { RAFT_DEFAULTS } from '../../../../control-plane/raft/options.ts';
import { Raft } from '../../../../control-plane/raft/raft.ts';
import type { Ready } from '../../../../control-plane/raft/ready.ts';
import { configurationEntry, configurationOf, entriesOf } from '../../../support/raft-core.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

const RUNS = 400;
const STEPS_MAX = 80;
/** Whoever drives a core may ask it so often for what it wants before it wants nothing more. */
const TURNS_MAX = 50;
const OPTIONS = {
  ...RAFT_DEFAULTS,
  memberId: 'a',
  appendEntriesMax: 2,
  inFlightMax: 2,
  uncommittedMax: 6,
  snapshotChunkBytes: 2,
  readsMax: 3,
  diskStallMs: 200,
};
const CONFIGURATIONS = [
  configurationOf('a'),
  configurationOf('a b'),
  configurationOf('a b c'),
  configurationOf('b c', 'a b c'),
  configurationOf('a d', 'a b c', 'e'),
  configurationOf('b c', '', 'a'),
  NO_CONFIGURATION,
];

const small = fc.integer({ min: 0, max: 8 });
const members = fc.constantFrom('b', 'c', 'd', 'x');
const configurations = fc.constantFrom(...CONFIGURATIONS);
const entries = fc
  .record({
    first: small,
    terms: fc.array(small, { maxLength: 4 }),
    configuration: configurations,
    at: small,
  })
  .map(({ first, terms, configuration, at }): readonly LogEntry[] =>
    // Sorted more often than not: successive entries are what gets furthest.
    entriesOf(first, [...terms].sort()).map((entry, position) =>
      position === at ? configurationEntry(entry.index, entry.term, configuration) : entry,
    ),
  );

const said = fc.oneof(
  fc.record({
    kind: fc.constantFrom('pre_vote' as const, 'vote' as const),
    lastIndex: small,
    lastTerm: small,
    transfer: fc.boolean(),
  }),
  fc.record({
    kind: fc.constantFrom('pre_vote_reply' as const, 'vote_reply' as const),
    reason: fc.constantFrom('granted' as const, ...VOTE_REASONS),
  }),
  entries.chain((list) =>
    fc.record({
      kind: fc.constant('append' as const),
      previousIndex: fc.oneof(small, fc.constant((list[0]?.index ?? 1) - 1)),
      previousTerm: small,
      commitIndex: small,
      entries: fc.constant(list),
    }),
  ),
  fc.record({
    kind: fc.constant('append_reply' as const),
    matchIndex: fc.option(small),
    previousIndex: small,
    hintIndex: small,
    hintTerm: small,
  }),
  fc.record({ kind: fc.constant('heartbeat' as const), commitIndex: small, round: small }),
  fc.record({ kind: fc.constant('heartbeat_reply' as const), round: small, lastIndex: small }),
  fc.record({
    kind: fc.constant('snapshot_chunk' as const),
    index: small,
    snapshotTerm: small,
    configuration: configurations,
    offset: fc.constantFrom(0, 0, 2),
    bytes: fc.constant(new Uint8Array(2)),
    totalBytes: fc.constantFrom(2, 4),
  }),
  fc.record({
    kind: fc.constant('snapshot_reply' as const),
    index: small,
    nextOffset: fc.constantFrom(0, 2, 4),
  }),
  fc.record({ kind: fc.constant('timeout_now' as const) }),
  fc.record({ kind: fc.constant('read_index' as const), readId: small }),
  fc.record({
    kind: fc.constant('read_index_reply' as const),
    readId: small,
    index: fc.option(small),
  }),
);

const subset = fc.subarray(['a', 'b', 'c', 'd']);
const step = fc.oneof(
  // Relative to the member's term, so that most are for now.
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('message' as const),
      from: members,
      above: fc.constantFrom(-1, 0, 0, 0, 0, 1, 1, 3),
      said,
    }),
  },
  // What it takes to win: without it hardly any run would see a leader.
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('votes' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('acknowledged' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('time' as const),
      ms: fc.constantFrom(10, 10, 60, 130, 160, 700),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('propose' as const),
      count: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('read' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('transfer' as const), to: fc.option(members) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      add: subset,
      promote: subset,
      remove: subset,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('compact' as const),
      kept: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('unreachable' as const), member: members }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold' as const), held: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
);
const steps = fc.array(step, { minLength: 10, maxLength: STEPS_MAX, size: 'max' });
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** What a run has met: a test that meets nothing shows nothing. */
interface Met {
  led: number;
  committed: number;
  installed: number;
  changed: number;
}

class Told {
  readonly #bootstrap: Configuration;
  readonly #random: () => number;
  readonly #votes = new Map<number, string>();
  #nowMs = 0;
  #raft: Raft;
  #held = false;
  #readId = 0;
  #hardState: HardState = { term: 0, votedFor: null };
  #snapshot: SnapshotPlace | null = null;
  #entries: LogEntry[] = [];
  #waiting: Ready['changes'][number][] = [];
  #before = { term: 0, commitIndex: 0, appliedIndex: 0 };
  #applied = 0;
  #installing = false;

  readonly #met: Met;

  constructor(bootstrap: Configuration, seed: number, met: Met) {
    this.#bootstrap = bootstrap;
    this.#met = met;
    this.#random = seededRandom(seed);
    this.#raft = this.#start();
  }

  tell(one: Step): void {
    const raft = this.#raft;
    const { term, lastIndex } = raft.status();
    switch (one.kind) {
      case 'message':
        this.#step({ ...one.said, from: one.from, to: 'a', term: Math.max(0, term + one.above) });
        break;
      case 'votes':
        for (const kind of ['pre_vote_reply', 'vote_reply'] as const) {
          for (const from of ['b', 'c', 'd']) {
            if (!this.#isCampaigning) continue;
            const answerTerm = raft.status().term + (kind === 'vote_reply' ? 0 : 1);
            this.#step({ kind, reason: 'granted', from, to: 'a', term: answerTerm });
          }
        }
        break;
      case 'acknowledged':
        for (const from of ['b', 'c']) {
          const reply = { kind: 'append_reply', matchIndex: lastIndex, previousIndex: 0 } as const;
          this.#step({ ...reply, hintIndex: 0, hintTerm: 0, from, to: 'a', term });
        }
        break;
      case 'time':
        this.#nowMs += one.ms;
        raft.tick(this.#nowMs);
        break;
      case 'propose':
        raft.propose(this.#nowMs, Array<Uint8Array>(one.count).fill(new Uint8Array(3)));
        break;
      case 'read':
        this.#readId += 1;
        raft.read(this.#nowMs, this.#readId);
        break;
      case 'transfer':
        raft.transfer(this.#nowMs, one.to);
        break;
      case 'change': {
        const add = one.add.map((memberId) => ({ memberId, address: `${memberId}:1` }));
        raft.change(this.#nowMs, { add, promote: one.promote, remove: one.remove });
        break;
      }
      case 'compact':
        this.#compact(one.kept);
        break;
      case 'unreachable':
        raft.unreachable(one.member);
        break;
      case 'hold':
        this.#held = one.held;
        break;
      case 'restart':
        this.#raft = this.#start();
        break;
    }
    this.#work();
    this.#check();
  }

  get #isCampaigning(): boolean {
    const { role } = this.#raft.status();
    return role === 'pre_candidate' || role === 'candidate';
  }

  #start(): Raft {
    this.#waiting = [];
    this.#installing = false;
    this.#applied = this.#snapshot?.index ?? 0;
    this.#before = { term: this.#hardState.term, commitIndex: 0, appliedIndex: 0 };
    const start = {
      hardState: this.#hardState,
      snapshot: this.#snapshot,
      entries: this.#entries,
      bootstrap: this.#bootstrap,
    };
    return new Raft(OPTIONS, start, this.#random, this.#nowMs);
  }

  #step(message: RaftMessage): void {
    this.#raft.step(this.#nowMs, message);
    this.#work();
  }

  #work(): void {
    for (let turn = 0; turn < TURNS_MAX; turn += 1) {
      if (!this.#raft.hasReady()) {
        if (this.#held || this.#waiting.length === 0) return;
        this.#persist();
        continue;
      }
      this.#take(this.#raft.ready());
    }
    assert.fail('it never comes to rest');
  }

  #take(ready: Ready): void {
    for (const change of ready.changes) this.#waiting.push(change);
    if (ready.changes.some(({ snapshot }) => snapshot !== null)) this.#installing = true;
    for (const message of ready.messages) this.#heard(message);
    for (const { kind } of ready.events) {
      if (kind === 'elected') this.#met.led += 1;
      if (kind === 'configuration') this.#met.changed += 1;
    }
    this.#met.committed += ready.committed.length;
    if (ready.restore !== null) {
      this.#met.installed += 1;
      this.#installing = false;
      this.#applied = ready.restore.index;
    }
    for (const entry of ready.committed) {
      assert.equal(entry.index, this.#applied + 1);
      assert(this.#entries.includes(entry), `entry ${entry.index} is not durable`);
      this.#applied = entry.index;
    }
    this.#raft.applied(this.#applied);
    for (const { to, index, offset, lengthMax } of ready.chunksWanted) {
      const isThere = this.#snapshot?.index === index;
      const bytes = new Uint8Array(Math.min(lengthMax, 4 - offset));
      const chunk = isThere ? { bytes, totalBytes: 4 } : null;
      this.#raft.snapshotChunk(this.#nowMs, to, index, offset, chunk);
    }
  }

  #heard(message: RaftMessage): void {
    assert.equal(message.from, 'a');
    if (message.kind !== 'vote_reply' || message.reason !== 'granted') return;
    this.#vote(message.term, message.to);
    const { term, votedFor } = this.#hardState;
    assert(term > message.term || votedFor === message.to, 'a vote is told before it is durable');
  }

  #vote(term: number, candidate: string): void {
    assert.equal(this.#votes.get(term) ?? candidate, candidate, `two votes in term ${term}`);
    this.#votes.set(term, candidate);
  }

  #persist(): void {
    const change = this.#waiting.shift();
    if (change === undefined) return;
    const { hardState, snapshot, truncateFrom } = change;
    if (hardState !== null) {
      assert(hardState.term >= this.#hardState.term);
      if (hardState.votedFor !== null) this.#vote(hardState.term, hardState.votedFor);
      this.#hardState = hardState;
    }
    if (snapshot !== null) {
      assert(snapshot.index > (this.#snapshot?.index ?? 0));
      this.#snapshot = snapshot;
      this.#entries = [];
    }
    if (truncateFrom !== null) {
      assert(truncateFrom > this.#applied);
      this.#entries = this.#entries.filter(({ index }) => index < truncateFrom);
    }
    for (const entry of change.entries) {
      assert.equal(entry.index, (this.#entries.at(-1)?.index ?? this.#snapshot?.index ?? 0) + 1);
      this.#entries = [...this.#entries, entry];
    }
    this.#raft.persisted(this.#nowMs, change.sequence);
  }

  #compact(kept: number): void {
    const index = this.#applied;
    const term = this.#entries.find((entry) => entry.index === index)?.term;
    if (term === undefined || this.#installing || index <= (this.#snapshot?.index ?? 0)) return;
    this.#snapshot = { index, term, configuration: this.#raft.configurationAt(index) };
    const keepFrom = Math.max(1, index + 1 - kept);
    this.#entries = this.#entries.filter((entry) => entry.index >= keepFrom);
    this.#raft.compacted(index, keepFrom);
  }

  #check(): void {
    const status = this.#raft.status();
    const { term, commitIndex, appliedIndex, lastIndex, snapshotIndex, firstIndex } = status;
    assert(term >= this.#before.term, 'the term goes back');
    assert(commitIndex >= this.#before.commitIndex, 'the commit index goes back');
    assert(appliedIndex >= this.#before.appliedIndex, 'the applied index goes back');
    assert(commitIndex <= lastIndex, 'more is committed than there is');
    assert(snapshotIndex <= commitIndex && firstIndex <= snapshotIndex + 1);
    assert(this.#installing || appliedIndex <= commitIndex);
    assert.equal(appliedIndex, this.#applied);
    for (const { matchIndex, nextIndex, inFlight } of status.progress) {
      assert(matchIndex < nextIndex && inFlight <= OPTIONS.inFlightMax);
    }
    if (status.role === 'leader') assert.equal(status.votedFor, 'a');
    this.#before = { term, commitIndex, appliedIndex };
  }
}

describe('a Raft core that is told anything', () => {
  it('never throws, comes to rest, votes once in a term and takes nothing back', () => {
    const met: Met = { led: 0, committed: 0, installed: 0, changed: 0 };
    fc.assert(
      fc.property(configurations, fc.integer(), steps, (bootstrap, seed, all) => {
        const told = new Told(bootstrap, seed, met);
        for (const one of all) told.tell(one);
      }),
      { numRuns: RUNS },
    );
    for (const [what, count] of Object.entries(met)) assert(count > RUNS / 10, `${what}: ${count}`);
  });
});
