/**
 * One election, one trace: what a core says of suspicion, campaigns, votes and leaders becomes spans of
 * every member that took part. The context travels with the messages: requests for votes carry the
 * candidate's, and what a new leader sends carries its term's start until a little after the commit.
 * Consensus depends on nothing here, and outside of elections a message costs a null check.
 */

import type { MemberId } from '../../model/configuration.ts';
import type { RaftMessage } from '../../model/raft-message.ts';
import { unreachable } from '../../model/reasons.ts';
import type { TraceParent } from '../../ports/raft-transport.ts';
import type { RaftEvent } from '../../raft/ready.ts';
import type { Series } from '../../telemetry/series.ts';
import { openSpan } from '../../telemetry/span.ts';
import { Candidacy } from './election-candidacy.ts';
import type { CandidacyOptions } from './election-candidacy.ts';
import { HeardTraces } from './election-heard.ts';
import { ElectionSeries } from './election-series.ts';
import { TransferSpan } from './election-transfer.ts';
import { OpenVotes } from './election-votes.ts';
import type { VoteCast } from './election-votes.ts';

/** The tracer counts for the candidacy too. */
export interface ElectionTracerOptions extends Omit<CandidacyOptions, 'counts'> {
  readonly series: Series;
}

type LeaderKnown = Extract<RaftEvent, { readonly kind: 'leader_known' }>;

export class ElectionTracer {
  readonly #options: ElectionTracerOptions;
  readonly #counts: ElectionSeries;
  readonly #candidacy: Candidacy;
  readonly #votes: OpenVotes;
  readonly #transfer: TransferSpan;
  readonly #heard = new HeardTraces();

  constructor(options: ElectionTracerOptions) {
    this.#options = options;
    this.#counts = new ElectionSeries(options.series);
    this.#candidacy = new Candidacy({ ...options, counts: this.#counts });
    this.#votes = new OpenVotes(options.memberId);
    this.#transfer = new TransferSpan(options.memberId);
  }

  /** Before a message is stepped; `received` of onEvent may then be null. */
  messageReceived(message: RaftMessage, trace: TraceParent): void {
    if (trace !== null) this.#heard.add(message, trace);
  }

  /**
   * In the order of the core. `received` is the context of the message that was stepped, null when
   * there is none; `atMs` is monotonic.
   */
  onEvent(
    event: RaftEvent,
    received: TraceParent = null,
    atMs: number = this.#options.clock.monotonicMs(),
  ): void {
    this.#counts.count(event);
    const candidacy = this.#candidacy;
    switch (event.kind) {
      case 'suspected':
        candidacy.suspected(event, atMs);
        break;
      case 'campaign_started': {
        const handOver = this.#heard.takeHandOver() ?? received;
        candidacy.started(event, event.cause === 'transfer' ? handOver : null, atMs);
        break;
      }
      case 'vote_cast':
        this.#voteCast(event, received, atMs);
        break;
      case 'vote_received':
        candidacy.answered(event.phase, event.voterId, event.reason, atMs);
        break;
      case 'campaign_lost':
        candidacy.lost(event.loss, atMs);
        break;
      case 'elected':
        candidacy.elected(event.term, event.termStartIndex, atMs);
        break;
      case 'term_started':
        candidacy.termStarted(atMs);
        break;
      case 'leader_known':
        this.#leaderKnown(event, received, atMs);
        break;
      case 'stepped_down':
        candidacy.steppedDown(event.reason, atMs);
        break;
      case 'transfer_ended':
        if (this.#transfer.ended(event.outcome, this.#wallMs(atMs))) this.#options.flush();
        break;
      case 'configuration':
      case 'snapshot_installed':
      case 'message_ignored':
        break;
      default:
        unreachable(event);
    }
  }

  /** The context to send with this message. */
  traceFor(message: RaftMessage): TraceParent {
    switch (message.kind) {
      case 'append':
      case 'heartbeat':
      case 'snapshot_chunk':
        return this.#candidacy.announcement();
      case 'pre_vote':
      case 'vote':
        return this.#candidacy.contextFor(message.kind, message.term);
      case 'timeout_now':
        return this.#handingOver(message.to);
      case 'pre_vote_reply':
      case 'vote_reply':
      case 'append_reply':
      case 'heartbeat_reply':
      case 'snapshot_reply':
      case 'read_index':
      case 'read_index_reply':
        return null;
      default:
        return unreachable(message);
    }
  }

  /** A message has left: an answer to a request for a vote ends the span of that vote. */
  messageSent(message: RaftMessage): void {
    if (message.kind !== 'pre_vote_reply' && message.kind !== 'vote_reply') return;
    const phase = message.kind === 'vote_reply' ? 'vote' : 'pre_vote';
    if (this.#votes.sent(phase, message.to, this.#nowMs())) this.#options.flush();
  }

  /** This leader begins to hand over, on behalf of the active span if there is one. */
  transferStarted(to: MemberId | null): void {
    this.#transfer.started(to, this.#wallMs(this.#nowMs()));
  }

  /** The first tick of this leader in that term has ended; times are monotonic ms. */
  firstTick(term: number, startedAtMs: number, endedAtMs: number): void {
    this.#candidacy.firstTick(term, startedAtMs, endedAtMs);
  }

  /** Ends what is open; the spans say so. */
  stop(): void {
    const atMs = this.#nowMs();
    this.#candidacy.stop(atMs);
    this.#votes.stop(atMs);
    this.#transfer.ended('given_up', this.#wallMs(atMs));
    this.#options.flush();
  }

  #handingOver(to: MemberId): TraceParent {
    const { trace, ended } = this.#transfer.context(to, this.#wallMs(this.#nowMs()));
    if (ended) this.#options.flush();
    return trace;
  }

  #voteCast(event: VoteCast, received: TraceParent, atMs: number): void {
    const { phase, candidateId, term } = event;
    const heard = this.#heard.takeRequest(phase, candidateId);
    const trace = received ?? heard;
    if (trace === null || candidateId === this.#options.memberId) return;
    if (phase === 'vote') this.#votes.overtaken(term, atMs);
    this.#candidacy.saw(trace);
    this.#votes.cast(event, trace, atMs, this.#wallMs(0));
  }

  #leaderKnown({ term, leaderId }: LeaderKnown, received: TraceParent, atMs: number): void {
    const { memberId, flush } = this.#options;
    this.#votes.overtaken(term, atMs);
    if (leaderId === memberId) return;
    const trace = received ?? this.#heard.ofLeader(leaderId, term);
    this.#candidacy.leaderKnown(leaderId, trace, atMs);
    if (trace === null) return;
    const wallMs = this.#wallMs(atMs);
    const attributes = {
      'omnimind.member': memberId,
      'omnimind.raft.leader': leaderId,
      'omnimind.raft.term': term,
    };
    openSpan('leader known', attributes, { parent: trace, startMs: wallMs }).end(wallMs);
    flush();
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  /** UNIX ms of a monotonic time. */
  #wallMs(monotonicMs: number): number {
    const { clock } = this.#options;
    return clock.nowMs() - clock.monotonicMs() + monotonicMs;
  }
}
