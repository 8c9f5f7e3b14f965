/**
 * This member as a candidate: the attempt that is under way, what it is linked to, what is told of it
 * at its end, and what the messages of the new leader carry. A member that nobody answers campaigns
 * several times a second for as long as it is alone: the first of such attempts in a row are shown, and
 * then one now and then, so that neither a collector nor the replicated record is flooded.
 */

import type { MemberId } from '../../model/configuration.ts';
import type { Election, ElectionOutcome, VotePhase } from '../../model/election.ts';
import type { VoteReason } from '../../model/raft-message.ts';
import type { Clock } from '../../ports/clock.ts';
import type { TraceParent } from '../../ports/raft-transport.ts';
import type { RaftEvent } from '../../raft/ready.ts';
import { parseTraceparent } from '../../telemetry/span.ts';
import { ElectionAttempt } from './election-attempt.ts';
import type { AttemptStart, SpanPlace, Suspicion } from './election-attempt.ts';
import type { ElectionSeries } from './election-series.ts';

export interface CandidacyOptions {
  readonly memberId: MemberId;
  readonly clock: Clock;
  readonly counts: ElectionSeries;
  /** Once for each election of this candidate that is to be remembered; a won one at its commit. */
  readonly onElection: (election: Election) => void;
  /** The newest election of the replicated state: its traceId and rootSpanId; null without one. */
  readonly previous: () => SpanPlace | null;
  /** Has finished spans sent at once; must not wait. */
  readonly flush: () => void;
}

/** How long after its commit a new leader's messages still name the election, for slow followers. */
export const ANNOUNCED_AFTER_COMMIT_MS = 250;

/** Lost pre-votes in a row that are all shown; after these, one per LOSS_SHOWN_EVERY_MS. */
export const LOSSES_SHOWN = 5;
export const LOSS_SHOWN_EVERY_MS = 10_000;

export type CampaignStarted = Extract<RaftEvent, { readonly kind: 'campaign_started' }>;

export class Candidacy {
  readonly #options: CandidacyOptions;
  #suspicion: Suspicion | null = null;
  #attempt: ElectionAttempt | null = null;
  /** The one that this member won, until its first tick. */
  #won: { readonly attempt: ElectionAttempt; readonly committedAtMs: number } | null = null;
  #announced: { readonly trace: string; readonly untilMs: number } | null = null;
  /** The newest election that this member has seen; null where only the replicated state knows. */
  #lastSeen: SpanPlace | null = null;
  #lastEndMs = -Infinity;
  /** Monotonic; null while a leader is known. */
  #leaderlessSinceMs: number | null = null;
  #lastIdMs = 0;
  #losses = 0;
  #lossShownAtMs = -Infinity;
  #untraced = 0;

  constructor(options: CandidacyOptions) {
    this.#options = options;
  }

  suspected({ leaderId, silentForMs, timeoutMs }: Suspicion, atMs: number): void {
    this.#suspicion = { leaderId, silentForMs, timeoutMs };
    const sinceMs = atMs - silentForMs;
    // A leader that was known until now ends what came before, whatever was missed of it.
    this.#leaderlessSinceMs =
      leaderId === null ? Math.min(this.#leaderlessSinceMs ?? sinceMs, sinceMs) : sinceMs;
  }

  /** `transfer` is the context of the leader that hands over; null otherwise. */
  started(event: CampaignStarted, transfer: TraceParent, atMs: number): void {
    const { phase, term, asked, cause } = event;
    if (phase === 'vote' && this.#attempt?.stage === 'pre_vote') {
      this.#attempt.campaign(term, asked, atMs);
      return;
    }
    this.lost('timed_out', atMs);
    const { memberId, clock } = this.#options;
    const suspicion = cause === 'transfer' ? null : this.#suspicion;
    this.#suspicion = null;
    const wallOffsetMs = clock.nowMs() - clock.monotonicMs();
    // After a stall one attempt may end and the next begin within the same millisecond.
    this.#lastIdMs = Math.max(Math.round(atMs + wallOffsetMs), this.#lastIdMs + 1);
    // The leader was there until it handed over.
    if (cause === 'transfer') this.#leaderlessSinceMs = atMs;
    this.#attempt = new ElectionAttempt({
      memberId,
      cause,
      phase,
      term,
      asked,
      suspicion,
      atMs,
      silenceFromMs: this.#lastEndMs,
      wallOffsetMs,
      idMs: this.#lastIdMs,
      ...this.#before(),
      transfer: transfer === null ? null : parseTraceparent(transfer),
      untraced: this.#untraced,
    });
  }

  answered(phase: VotePhase, voterId: MemberId, reason: VoteReason, atMs: number): void {
    this.#attempt?.answered(phase, voterId, reason, atMs);
  }

  lost(loss: Exclude<ElectionOutcome, 'elected'>, atMs: number, detail: string = loss): void {
    const attempt = this.#attempt;
    if (attempt === null) return;
    this.#attempt = null;
    this.#announced = null;
    this.#lastEndMs = atMs;
    const outcome = attempt.stage === 'elected' ? 'deposed' : loss;
    const shown = this.#isShown(attempt, atMs);
    // Where somebody answered, spans of this trace are there already.
    if (!shown && attempt.answers === 0) {
      this.#untraced += 1;
      this.#options.counts.untraced();
      const { cause, durationMs } = attempt.record(outcome, atMs);
      this.#options.counts.ended({ cause, outcome, durationMs, exemplar: null });
    } else {
      this.#tell(attempt, attempt.end(outcome, atMs, detail), shown);
    }
  }

  elected(term: number, termStartIndex: number, atMs: number): void {
    this.#losses = 0;
    this.#attempt?.elected(term, termStartIndex, atMs);
    const trace = this.#attempt?.termStartContext ?? null;
    this.#announced = trace === null ? null : { trace, untilMs: Infinity };
  }

  termStarted(atMs: number): void {
    const attempt = this.#attempt;
    if (attempt === null) return;
    this.#attempt = null;
    this.#lastEndMs = atMs;
    attempt.committed(atMs);
    this.#won = { attempt, committedAtMs: atMs };
    if (this.#announced !== null) {
      const { trace } = this.#announced;
      this.#announced = { trace, untilMs: atMs + ANNOUNCED_AFTER_COMMIT_MS };
    }
    const { cause, root } = attempt;
    const forMs = atMs - (this.#leaderlessSinceMs ?? attempt.startedAtMs);
    this.#leaderlessSinceMs = null;
    this.#options.counts.leaderless(cause, forMs, root.exemplar);
    this.#tell(attempt, attempt.end('elected', atMs), true);
  }

  /** Another member leads; `trace` is the context that its message came with. */
  leaderKnown(leaderId: MemberId, trace: TraceParent, atMs: number): void {
    this.lost('another_leader', atMs, `${leaderId} leads`);
    this.#suspicion = null;
    this.#leaderlessSinceMs = null;
    this.#losses = 0;
    this.#lastSeen = trace === null ? null : parseTraceparent(trace);
  }

  steppedDown(reason: string, atMs: number): void {
    this.#won = null;
    this.#announced = null;
    this.#leaderlessSinceMs ??= atMs;
    if (this.#attempt?.stage === 'elected') this.lost('deposed', atMs, reason);
  }

  /** Another member's election passed by here. */
  saw(trace: string): void {
    this.#lastSeen = parseTraceparent(trace) ?? this.#lastSeen;
  }

  contextFor(phase: VotePhase, term: number): TraceParent {
    return this.#attempt?.contextFor(phase, term) ?? null;
  }

  /** What messages of this leader carry; null but around the start of its term. */
  announcement(): TraceParent {
    if (this.#announced === null) return null;
    const { trace, untilMs } = this.#announced;
    if (this.#options.clock.monotonicMs() <= untilMs) return trace;
    this.#announced = null;
    return null;
  }

  firstTick(term: number, startedAtMs: number, endedAtMs: number): void {
    const won = this.#won;
    if (won?.attempt.term !== term) return;
    this.#won = null;
    const span = won.attempt.followUp('first tick', won.committedAtMs);
    span.event('tick started', startedAtMs);
    span.end(endedAtMs);
    this.#options.flush();
  }

  /** Neither won nor lost: what is open ends, and counts for nothing. */
  stop(atMs: number): void {
    this.#attempt?.abandon(atMs, 'the member stopped');
    this.#attempt = null;
    this.#won = null;
    this.#announced = null;
  }

  #tell(attempt: ElectionAttempt, election: Election, remembered: boolean): void {
    const { cause, outcome, durationMs, traceId, rootSpanId } = election;
    const { exemplar } = attempt.root;
    this.#untraced = 0;
    this.#lastSeen = { traceId, spanId: rootSpanId };
    this.#options.counts.ended({ cause, outcome, durationMs, exemplar });
    if (remembered) this.#options.onElection(election);
    this.#options.flush();
  }

  /** Whether a lost attempt is to be remembered, and traced even if nobody answered. */
  #isShown(attempt: ElectionAttempt, atMs: number): boolean {
    if (attempt.stage !== 'pre_vote') return true;
    this.#losses += 1;
    const shown = this.#losses <= LOSSES_SHOWN || atMs - this.#lossShownAtMs >= LOSS_SHOWN_EVERY_MS;
    if (shown) this.#lossShownAtMs = atMs;
    return shown;
  }

  #before(): Pick<AttemptStart, 'previous' | 'recorded'> {
    const recorded = this.#options.previous();
    const seen = this.#lastSeen;
    // Of the very same trace, the record knows the root, and this member maybe only a part.
    const previous = seen === null || seen.traceId === recorded?.traceId ? recorded : seen;
    return { previous, recorded };
  }
}
