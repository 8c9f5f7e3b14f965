/**
 * Holds the elections of a cluster against the spans that a collector was sent: one whole trace for
 * each, with spans of every member that took part. What is missing is named, and set apart where the
 * member that would have sent it was killed before it could.
 */

import type { Election } from '../../control-plane/model/election.ts';
import type { MemberLife } from './cluster-decisions-rig.ts';
import type { ReceivedSpan } from './otlp-receiver.ts';

/** A span is sent when it ends; a member that dies within this may take it along. In ms. */
export const SENT_WITHIN_MS = 50;
/** From a commit until every follower has heard of it, and has sent its span. In ms. */
const HEARD_WITHIN_MS = 500;
/** From a commit to the end of the first tick, an interval and a tick. In ms. */
const FIRST_TICK_WITHIN_MS = 2_500;
/** From an election to the moment at which the exemplars have been read. In ms. */
const EXEMPLAR_READ_WITHIN_MS = 1_000;

export interface TracesHeld {
  readonly complete: number;
  /** What is missing although everybody had the time to send it. */
  readonly faults: readonly string[];
  /** What went with a member that was killed, by its kind. */
  readonly excused: Readonly<Record<string, number>>;
  readonly exemplars: number;
}

interface Evidence {
  /** Oldest first. */
  readonly elections: readonly Election[];
  readonly spans: readonly ReceivedSpan[];
  readonly lives: readonly MemberLife[];
  readonly exemplars: ReadonlySet<string>;
  readonly deposed: readonly TermOf[];
}

export function holdTraces(evidence: Evidence): TracesHeld {
  const byTrace = Map.groupBy(evidence.spans, ({ traceId }) => traceId);
  const excused: Record<string, number> = {};
  const faults: string[] = [];
  let complete = 0;
  let exemplars = 0;
  for (const [at, election] of evidence.elections.entries()) {
    const held = new HeldElection(election, byTrace.get(election.traceId) ?? [], evidence);
    held.hold(evidence.elections.slice(0, at));
    if (held.missing.length === 0) complete += 1;
    for (const { what, excuse } of held.missing) {
      if (excuse === null) faults.push(`${election.electionId} (${election.outcome}): ${what}`);
      else excused[excuse] = (excused[excuse] ?? 0) + 1;
    }
    if (election.outcome === 'elected' && evidence.exemplars.has(election.traceId)) exemplars += 1;
  }
  return { complete, faults, excused, exemplars };
}

interface Missing {
  readonly what: string;
  /** Null when nothing explains it. */
  readonly excuse: string | null;
}

class HeldElection {
  readonly missing: Missing[] = [];
  readonly #election: Election;
  readonly #spans: readonly ReceivedSpan[];
  readonly #evidence: Evidence;

  constructor(election: Election, spans: readonly ReceivedSpan[], evidence: Evidence) {
    this.#election = election;
    this.#spans = spans;
    this.#evidence = evidence;
  }

  hold(before: readonly Election[]): void {
    const { candidateId, outcome, preVoteMs, electedMs, cause } = this.#election;
    const endedAtMs = this.#at(this.#election.durationMs);
    const root = this.#root(endedAtMs);
    const parts = [
      ...(cause === 'leader_silent' ? ['silence'] : []),
      ...(preVoteMs === null || cause === 'transfer' ? [] : ['pre-vote', 'campaign']),
      ...(electedMs === null ? [] : ['term start']),
    ];
    for (const name of parts) this.#expect(name, candidateId, endedAtMs);
    if (outcome === 'elected') {
      this.#firstTick(endedAtMs);
      this.#leaderKnown(endedAtMs);
    }
    this.#votes();
    if (outcome === 'elected') this.#exemplar(endedAtMs);
    if (root === null) return;
    if (root.failed !== (outcome !== 'elected')) {
      this.#miss(`its status does not say that it was ${outcome}`);
    }
    this.#links(root, before);
    const ids = new Set(this.#spans.map(({ spanId }) => spanId));
    for (const { name, parentSpanId, attributes } of this.#spans) {
      if (parentSpanId === null || ids.has(parentSpanId)) continue;
      const member = String(attributes['omnimind.member']);
      this.#miss(`the parent of ${name} of ${member}`, candidateId, endedAtMs);
    }
  }

  #root(endedAtMs: number): ReceivedSpan | null {
    const { electionId, candidateId, traceId, rootSpanId } = this.#election;
    const roots = this.#spans.filter(({ parentSpanId }) => parentSpanId === null);
    const [root] = roots;
    if (root === undefined) {
      this.#miss('the root', candidateId, endedAtMs);
      return null;
    }
    if (roots.length > 1) this.#miss(`a single root, ${roots.length} were sent`);
    if (root.name !== 'raft election' || root.spanId !== rootSpanId) this.#miss('its own root');
    const elsewhere = this.#evidence.spans.filter(
      (span) =>
        span.attributes['omnimind.raft.election'] === electionId && span.traceId !== traceId,
    );
    if (elsewhere.length > 0) this.#miss(`one trace alone, not ${elsewhere[0]?.traceId ?? ''}`);
    return root;
  }

  /** A `vote` span of every member whose answer has arrived. */
  #votes(): void {
    const { candidateId, votes } = this.#election;
    const answers = new Map(
      votes
        .filter(({ voterId }) => voterId !== candidateId)
        .map((vote) => [`${vote.phase} ${vote.voterId}`, vote]),
    );
    for (const { phase, voterId, afterMs } of answers.values()) {
      const found = this.#spans.some(
        ({ name, attributes }) =>
          name === 'vote' &&
          attributes['omnimind.member'] === voterId &&
          attributes['omnimind.raft.phase'] === phase,
      );
      if (found) continue;
      const what = `the ${phase} of ${voterId}`;
      if (this.#isOvertaken())
        this.missing.push({ what, excuse: 'a vote: the next attempt was heard' });
      else this.#miss(what, voterId, this.#at(afterMs));
    }
  }

  /** A voter that hears two lost attempts of a candidate at once shows what the later one came with. */
  #isOvertaken(): boolean {
    const { candidateId, startedAtMs, outcome } = this.#election;
    if (outcome === 'elected') return false;
    return this.#evidence.spans.some((span) => {
      const { name, attributes, traceId } = span;
      const isOther = traceId !== this.#election.traceId && name === 'pre-vote';
      const sinceMs = span.startedAtMs - startedAtMs;
      return isOther && attributes['omnimind.member'] === candidateId && Math.abs(sinceMs) < 2_000;
    });
  }

  /** Unless the leader was deposed before: then there was none. */
  #firstTick(endedAtMs: number): void {
    const { candidateId, term } = this.#election;
    const { deposed } = this.#evidence;
    const endMs = deposed.find((one) => one.memberId === candidateId && one.term === term)?.atMs;
    if (endMs !== undefined && endMs - endedAtMs < FIRST_TICK_WITHIN_MS) return;
    this.#expect('first tick', candidateId, endedAtMs + FIRST_TICK_WITHIN_MS);
  }

  /** Read from the winner's metrics before a later election took its place. */
  #exemplar(endedAtMs: number): void {
    const { candidateId, traceId } = this.#election;
    const { exemplars, elections } = this.#evidence;
    if (exemplars.has(traceId)) return;
    const replaced = elections.some((one) => {
      const sinceMs = one.startedAtMs + one.durationMs - endedAtMs;
      return one.candidateId === candidateId && sinceMs > 0 && sinceMs < EXEMPLAR_READ_WITHIN_MS;
    });
    const byMs = endedAtMs + EXEMPLAR_READ_WITHIN_MS;
    if (replaced) this.missing.push({ what: 'exemplar', excuse: 'exemplar: replaced before read' });
    else this.#miss('exemplar', candidateId, byMs);
  }

  /** Of every follower that was there before and is there afterwards. */
  #leaderKnown(endedAtMs: number): void {
    const { candidateId, startedAtMs } = this.#election;
    for (const { memberId, followedAtMs, endedAtMs: diedAtMs } of this.#evidence.lives) {
      if (memberId === candidateId || followedAtMs === null) continue;
      if (followedAtMs > startedAtMs || (diedAtMs ?? Infinity) < startedAtMs) continue;
      this.#expect('leader known', memberId, endedAtMs + HEARD_WITHIN_MS);
    }
  }

  /**
   * An election links to the newest one that its candidate knew of: one that was won before, or since.
   * A member that had just come back when the leader before was killed may not have heard of that one;
   * then its record says which it knew. Who loses may have known none.
   */
  #links({ links }: ReceivedSpan, before: readonly Election[]): void {
    const { startedAtMs, outcome } = this.#election;
    const over = before.filter((one) => one.startedAtMs + one.durationMs <= startedAtMs);
    const won = over.findLastIndex((one) => one.outcome === 'elected');
    if (won < 0) return;
    const linked = new Set(links.map(({ traceId }) => traceId));
    const { previousTraceId } = this.#election;
    const isKnown = previousTraceId !== null && linked.has(previousTraceId);
    const isThere =
      outcome === 'elected'
        ? isKnown || before.slice(won).some(({ traceId }) => linked.has(traceId))
        : previousTraceId === null || isKnown;
    if (isThere) return;
    this.#miss(`a link to ${over[won]?.electionId ?? ''}`);
  }

  #spanOf(name: string, memberId: string): ReceivedSpan | undefined {
    return this.#spans.find(
      (span) => span.name === name && span.attributes['omnimind.member'] === memberId,
    );
  }

  #expect(name: string, memberId: string, byMs: number): void {
    if (this.#spanOf(name, memberId) === undefined) {
      this.#miss(`${name} of ${memberId}`, memberId, byMs);
    }
  }

  /** @param byMs when the member should have ended the span, UNIX ms */
  #miss(what: string, memberId?: string, byMs = 0): void {
    const { lives } = this.#evidence;
    const died = lives.some(
      (life) =>
        life.memberId === memberId &&
        life.endedAtMs !== null &&
        life.endedAtMs >= this.#election.startedAtMs &&
        life.endedAtMs <= byMs + SENT_WITHIN_MS,
    );
    const kind = what.split(' of ')[0] ?? what;
    this.missing.push({ what, excuse: died ? `${kind}: killed before it was sent` : null });
  }

  #at(afterMs: number): number {
    return this.#election.startedAtMs + afterMs;
  }
}

/** A moment of a member's leadership. UNIX ms. */
export interface TermOf {
  readonly memberId: string;
  readonly term: number;
  readonly atMs: number;
}

/** What the members themselves wrote of the elections that they won. */
export function wonTerms(lives: readonly MemberLife[]): readonly TermOf[] {
  return written(lives, 'raft: elected');
}

/** And of the terms that they led no more. */
export function deposedTerms(lives: readonly MemberLife[]): readonly TermOf[] {
  return written(lives, 'raft: stepped down');
}

function written(lives: readonly MemberLife[], message: string): readonly TermOf[] {
  return lives.flatMap(({ memberId, running }) =>
    running
      .output()
      .split('\n')
      .filter((line) => line.includes(`"msg":"${message}"`))
      .map((line) => JSON.parse(line) as { term: number; time: string | number })
      .map(({ term, time }) => ({ memberId, term, atMs: new Date(time).getTime() })),
  );
}
