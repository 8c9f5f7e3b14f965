/**
 * One attempt of this member to become leader: its spans and its moments, from the last message of the
 * leader that is missed to the end. Times are monotonic ms; spans carry the wall clock of the start, so
 * that a clock that steps meanwhile bends nothing. Decides nothing, and is told everything.
 */

import type { MemberId } from '../../model/configuration.ts';
import type {
  CampaignCause,
  Election,
  ElectionOutcome,
  ElectionVote,
  VotePhase,
} from '../../model/election.ts';
import type { VoteReason } from '../../model/raft-message.ts';
import { openSpan } from '../../telemetry/span.ts';
import type { OpenSpan, SpanLink } from '../../telemetry/span.ts';
import { ElectionRound } from './election-round.ts';

/** The election timeout ran out. */
export interface Suspicion {
  /** Null when no leader was known. */
  readonly leaderId: MemberId | null;
  readonly silentForMs: number;
  /** The timeout that was drawn. */
  readonly timeoutMs: number;
}

export interface SpanPlace {
  readonly traceId: string;
  readonly spanId: string;
}

export interface AttemptStart {
  readonly memberId: MemberId;
  readonly cause: CampaignCause;
  readonly phase: VotePhase;
  /** The term that is campaigned for. */
  readonly term: number;
  readonly asked: readonly MemberId[];
  readonly suspicion: Suspicion | null;
  /** Monotonic: when the campaign began, and before when no silence is shown. */
  readonly atMs: number;
  readonly silenceFromMs: number;
  /** Wall clock minus monotonic clock, in ms. */
  readonly wallOffsetMs: number;
  /** UNIX ms of the start, moved on where it would name an attempt before this one. */
  readonly idMs: number;
  /** The newest election that this member has seen or, without one, the recorded one. */
  readonly previous: SpanPlace | null;
  /** The newest one of the replicated state. */
  readonly recorded: SpanPlace | null;
  /** What had this member campaign at once. */
  readonly transfer: SpanPlace | null;
  /** Attempts before this one that were not traced. */
  readonly untraced: number;
}

/** Answers that are remembered; a group has fewer members. */
const VOTES_MAX = 64;

export class ElectionAttempt {
  readonly cause: CampaignCause;
  readonly startedAtMs: number;
  readonly root: OpenSpan;
  readonly #start: AttemptStart;
  readonly #silence: OpenSpan | null;
  readonly #votes: ElectionVote[] = [];
  #preVote: ElectionRound | null = null;
  #campaign: ElectionRound | null = null;
  #termStart: OpenSpan | null = null;
  #term: number;
  #preVoteMs: number | null = null;
  #electedMs: number | null = null;
  #committedMs: number | null = null;

  constructor(start: AttemptStart) {
    const { memberId, cause, suspicion, atMs } = start;
    this.#start = start;
    this.cause = cause;
    this.startedAtMs = atMs;
    this.#term = start.term;
    const silentFromMs =
      suspicion === null ? atMs : Math.max(start.silenceFromMs, atMs - suspicion.silentForMs);
    this.root = openSpan(
      'raft election',
      {
        'omnimind.member': memberId,
        'omnimind.raft.candidate': memberId,
        'omnimind.raft.cause': cause,
        'omnimind.raft.election': this.electionId,
        ...(start.untraced === 0 ? {} : { 'omnimind.raft.untraced_before': start.untraced }),
      },
      { root: true, startMs: this.#wall(silentFromMs), links: linksOf(start) },
    );
    this.#silence =
      suspicion === null ? null : this.#child('silence', silence(suspicion), silentFromMs);
    if (start.phase === 'vote') this.campaign(start.term, start.asked, atMs);
    else this.#preVote = this.#round('pre-vote', 'pre_vote', start.asked, atMs);
  }

  get electionId(): string {
    const { memberId, term, idMs } = this.#start;
    return `${memberId}-${term}-${idMs}`;
  }

  get term(): number {
    return this.#term;
  }

  get stage(): VotePhase | 'elected' {
    if (this.#electedMs !== null) return 'elected';
    return this.#campaign === null ? 'pre_vote' : 'vote';
  }

  get answers(): number {
    return this.#votes.length;
  }

  /** W3C traceparent for a request of that phase and term; null when it is of another attempt. */
  contextFor(phase: VotePhase, term: number): string | null {
    if (term !== this.#term) return null;
    const round = phase === 'pre_vote' ? this.#preVote : this.#campaign;
    return round?.span.traceparent ?? null;
  }

  /** For what the new leader sends. */
  get termStartContext(): string | null {
    return this.#termStart?.traceparent ?? null;
  }

  /** The pre-vote was won, or is not needed: votes are asked for. */
  campaign(term: number, asked: readonly MemberId[], atMs: number): void {
    this.#endSilence();
    this.#preVote?.end(this.#wall(atMs), 'won');
    this.#preVoteMs = this.#since(atMs);
    this.#term = term;
    this.#campaign = this.#round('campaign', 'vote', asked, atMs);
  }

  answered(phase: VotePhase, voterId: MemberId, reason: VoteReason, atMs: number): void {
    if (this.#votes.length >= VOTES_MAX) return;
    const afterMs = this.#since(atMs);
    this.#votes.push({ phase, voterId, reason, afterMs });
    const attributes = {
      'omnimind.raft.voter': voterId,
      'omnimind.raft.phase': phase,
      'omnimind.raft.granted': reason === 'granted',
      'omnimind.raft.reason': reason,
      'omnimind.raft.after_ms': afterMs,
    };
    const round = phase === 'pre_vote' ? this.#preVote : this.#campaign;
    round?.answered(voterId, reason);
    // One that came too late for its round is no part of it any more.
    const span = round?.open === true ? round.span : this.root;
    span.event('vote received', attributes, this.#wall(atMs));
  }

  elected(term: number, termStartIndex: number, atMs: number): void {
    this.#term = term;
    this.#campaign?.end(this.#wall(atMs), 'won');
    this.#electedMs = this.#since(atMs);
    const attributes = { 'omnimind.raft.term': term, 'omnimind.raft.index': termStartIndex };
    this.#termStart = this.#child('term start', attributes, atMs);
  }

  committed(atMs: number): void {
    this.#committedMs = this.#since(atMs);
    this.#termStart?.end(this.#wall(atMs));
  }

  /** What is remembered of it, should it end so and now. */
  record(outcome: ElectionOutcome, atMs: number): Election {
    const { memberId, cause, suspicion, previous } = this.#start;
    const suspectedLeaderId = suspicion?.leaderId ?? null;
    return {
      electionId: this.electionId,
      candidateId: memberId,
      term: this.#term,
      cause,
      outcome,
      suspectedLeaderId,
      silentForMs:
        suspectedLeaderId === null || suspicion === null ? null : rounded(suspicion.silentForMs),
      startedAtMs: Math.round(this.#wall(this.startedAtMs)),
      preVoteMs: this.#preVoteMs,
      electedMs: this.#electedMs,
      committedMs: this.#committedMs,
      durationMs: this.#since(atMs),
      votes: [...this.#votes],
      traceId: this.root.traceId,
      rootSpanId: this.root.spanId,
      previousTraceId: previous?.traceId ?? null,
    };
  }

  /** Ends the spans; `detail` says more of a loss than its outcome. */
  end(outcome: ElectionOutcome, atMs: number, detail: string = outcome): Election {
    const election = this.record(outcome, atMs);
    this.root.setAttributes({
      'omnimind.raft.outcome': outcome,
      'omnimind.raft.duration_ms': election.durationMs,
    });
    this.abandon(atMs, detail);
    return election;
  }

  /** Ends the spans of an election that has no outcome, or was given one. */
  abandon(atMs: number, detail: string): void {
    const wallMs = this.#wall(atMs);
    const lost = this.#committedMs === null;
    this.#endSilence();
    this.#preVote?.end(wallMs, detail);
    this.#campaign?.end(wallMs, detail);
    if (lost) this.#termStart?.failed(detail);
    this.#termStart?.end(wallMs);
    this.root.setAttributes({ 'omnimind.raft.term': this.#term });
    if (lost) this.root.failed(detail);
    this.root.end(wallMs);
  }

  /** A span after the commit, in the same trace. */
  followUp(name: string, fromMs: number) {
    const span = this.#child(name, { 'omnimind.raft.term': this.#term }, fromMs);
    return {
      event: (event: string, atMs: number) => span.event(event, {}, this.#wall(atMs)),
      end: (atMs: number) => span.end(this.#wall(atMs)),
    };
  }

  #round(name: string, phase: VotePhase, asked: readonly MemberId[], atMs: number): ElectionRound {
    const attributes = {
      'omnimind.raft.phase': phase,
      'omnimind.raft.term': this.#term,
      'omnimind.raft.asked': [...asked],
    };
    return new ElectionRound(this.#child(name, attributes, atMs, 'client'), asked);
  }

  #child(
    name: string,
    attributes: Parameters<typeof openSpan>[1],
    fromMs: number,
    kind: 'internal' | 'client' = 'internal',
  ): OpenSpan {
    const own = { 'omnimind.member': this.#start.memberId, ...attributes };
    return this.root.run(() => openSpan(name, own, { startMs: this.#wall(fromMs), kind }));
  }

  /** Not earlier: an attempt that is not to be traced must not leave a child behind. */
  #endSilence(): void {
    this.#silence?.end(this.#wall(this.startedAtMs));
  }

  #wall(monotonicMs: number): number {
    return monotonicMs + this.#start.wallOffsetMs;
  }

  #since(atMs: number): number {
    return rounded(Math.max(0, atMs - this.startedAtMs));
  }
}

/** To the microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

function silence({ leaderId, silentForMs, timeoutMs }: Suspicion) {
  return {
    ...(leaderId === null ? {} : { 'omnimind.raft.leader': leaderId }),
    'omnimind.raft.silent_ms': silentForMs,
    'omnimind.raft.timeout_ms': timeoutMs,
  };
}

function linksOf({ previous, recorded, transfer }: AttemptStart): readonly SpanLink[] {
  const link = (place: SpanPlace | null, to: string): readonly SpanLink[] =>
    place === null ? [] : [{ ...place, attributes: { 'omnimind.raft.link': to } }];
  return [
    ...link(previous, 'previous_election'),
    // A lost or concurrent election was seen since: both are of interest.
    ...link(recorded?.traceId === previous?.traceId ? null : recorded, 'recorded_election'),
    ...link(transfer, 'transfer'),
  ];
}
