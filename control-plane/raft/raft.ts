/**
 * The Raft core of one member (Ongaro and Ousterhout, extended paper; Ongaro's dissertation, here
 * "Diss."): elections with pre-vote and check-quorum, replication, reads, transfers, membership and
 * snapshots. Pure: it is told messages and the time and says what to do in `ready()`; it never waits,
 * never reads a clock and never throws for anything that comes from outside. Times are monotonic ms.
 *
 * This file owns the roles and the passage from one to another; what a role does is in its own file.
 */

import type { Configuration, MemberId, MembershipChange } from '../model/configuration.ts';
import type { CampaignCause, CampaignLoss, VotePhase } from '../model/election.ts';
import type { RaftRole, StepDownReason } from '../model/leadership.ts';
import type { MessageOf, RaftMessage } from '../model/raft-message.ts';
import { Campaign } from './campaign.ts';
import { Core } from './core.ts';
import { ElectionTimer } from './election-timer.ts';
import { takeAppend, takeChunk, takeHeartbeat } from './follower.ts';
import { ForwardedReads } from './forwarded-reads.ts';
import { IncomingSnapshot } from './incoming-snapshot.ts';
import { Leadership } from './leadership.ts';
import type { FollowerMessage } from './leadership.ts';
import type { RaftOptions } from './options.ts';
import type { ChangeProposed, Proposed, RaftStatus, Ready, TransferProposed } from './ready.ts';
import { replicate, wantsToSend } from './replication.ts';
import { sendChunk } from './snapshot-sender.ts';
import type { SnapshotBytes } from './snapshot-sender.ts';
import type { RaftStart } from './start.ts';
import { statusOf } from './status.ts';
import { judgeVote } from './voter.ts';

type RoleState =
  | { readonly kind: 'follower' }
  | { readonly kind: 'campaign'; readonly campaign: Campaign; readonly selfSequence: number }
  | { readonly kind: 'leader'; readonly leadership: Leadership };

export class Raft {
  readonly #core: Core;
  readonly #timer: ElectionTimer;
  readonly #incoming = new IncomingSnapshot();
  readonly #forwarded: ForwardedReads;
  #role: RoleState = { kind: 'follower' };
  #leaderId: MemberId | null = null;
  #nowMs: number;
  #lastTickMs: number;

  /** @param random in [0, 1) */
  constructor(options: RaftOptions, start: RaftStart, random: () => number, nowMs: number) {
    this.#core = new Core(options, start);
    this.#timer = new ElectionTimer(options, random, nowMs);
    this.#forwarded = new ForwardedReads(this.#core);
    this.#nowMs = nowMs;
    this.#lastTickMs = nowMs;
  }

  /** To be called about every 10 ms; a longer gap is taken for a stall of this process. */
  tick(nowMs: number): void {
    this.#advance(nowMs);
    this.#lastTickMs = nowMs;
    this.#forwarded.expire(this.#nowMs);
    if (this.#role.kind === 'leader') this.#tickLeader(this.#role.leadership);
    else if (this.#role.kind === 'campaign') this.#tickCampaign(this.#role.campaign);
    else this.#tickFollower();
  }

  step(nowMs: number, message: RaftMessage): void {
    this.#advance(nowMs);
    const isRequest = message.kind === 'pre_vote' || message.kind === 'vote';
    if (message.term < this.#core.term && !isRequest) {
      this.#answerStale(message);
      return;
    }
    // A granted pre-vote names a term that nobody is in yet.
    const isGrant = message.kind === 'pre_vote_reply' && message.reason === 'granted';
    const raises = message.term > this.#core.term && !isRequest && !isGrant;
    if (raises) this.#becomeFollower(message.term);
    this.#dispatch(message);
  }

  /** Proposes entries in a row; they are committed when `committed` hands them out under this term. */
  propose(nowMs: number, payloads: readonly Uint8Array[]): Proposed {
    this.#advance(nowMs);
    if (this.#role.kind !== 'leader') return { kind: 'refused', reason: 'not_leader' };
    return this.#role.leadership.propose(payloads);
  }

  /** Changes the members; joint where voters change. Finished when a configuration that is not joint is committed. */
  change(nowMs: number, change: MembershipChange): ChangeProposed {
    this.#advance(nowMs);
    if (this.#role.kind !== 'leader') return { kind: 'refused', reason: 'not_leader' };
    const { leadership } = this.#role;
    const outcome = leadership.change(change, nowMs);
    if (typeof outcome === 'string') return { kind: 'refused', reason: outcome };
    return { kind: 'accepted', term: this.#core.term, index: outcome.index };
  }

  /** Hands leadership over (Diss. 3.10); null lets the leader choose. Ends with `transfer_ended`. */
  transfer(nowMs: number, to: MemberId | null): TransferProposed {
    this.#advance(nowMs);
    if (this.#role.kind !== 'leader') return { kind: 'refused', reason: 'not_leader' };
    const refusal = this.#role.leadership.startTransfer(to, nowMs);
    return refusal === null ? { kind: 'accepted' } : { kind: 'refused', reason: refusal };
  }

  /** A read that shall see everything committed before now (Diss. 6.4); answered in `ready().reads`. */
  read(nowMs: number, readId: number): void {
    this.#advance(nowMs);
    if (this.#role.kind === 'leader') this.#role.leadership.read(null, readId);
    else this.#forwarded.ask(readId, this.#leaderId, nowMs);
  }

  /** All changes up to this one are durable. */
  persisted(nowMs: number, sequence: number): void {
    this.#advance(nowMs);
    const installed = this.#core.outbox.persisted(sequence);
    if (installed !== null) this.#core.installed(installed);
    if (this.#role.kind === 'leader') this.#afterProgress(this.#role.leadership);
    else if (this.#role.kind === 'campaign' && this.#role.campaign.phase === 'vote') {
      const { campaign, selfSequence } = this.#role;
      if (sequence < selfSequence) return;
      // Its own vote counts once it cannot be forgotten.
      if (campaign.count(this.#core.memberId, true)) this.#tallied(campaign);
    }
  }

  applied(index: number): void {
    this.#core.appliedIndex = Math.max(this.#core.appliedIndex, index);
  }

  /** A snapshot of this member's state at `index` is durable; entries below `keepFrom` may go. */
  compacted(index: number, keepFrom: number): void {
    this.#core.compacted(index, keepFrom);
  }

  configurationAt(index: number): Configuration {
    return this.#core.configurations.at(index);
  }

  /** The answer to `ready().chunksWanted`; `chunk` null when that snapshot is no more. */
  snapshotChunk(
    nowMs: number,
    to: MemberId,
    index: number,
    offset: number,
    chunk: SnapshotBytes | null,
  ): void {
    this.#advance(nowMs);
    if (this.#role.kind !== 'leader') return;
    const progress = this.#role.leadership.progress.get(to);
    if (progress !== undefined) sendChunk(this.#core, progress, { index, offset, chunk }, nowMs);
  }

  /** What was on its way to the member may be lost. */
  unreachable(memberId: MemberId): void {
    if (this.#role.kind === 'leader') this.#role.leadership.progress.get(memberId)?.lost();
  }

  /**
   * Monotonic ms until which nobody else can lead; null for a member that does not lead, or whose
   * first entry of the term is not applied. Infinity for the only voter.
   */
  leaseUntilMs(): number | null {
    return this.#role.kind === 'leader' ? this.#role.leadership.leaseUntilMs() : null;
  }

  hasReady(): boolean {
    if (this.#core.hasReady) return true;
    return (
      this.#role.kind === 'leader' && wantsToSend(this.#core, this.#role.leadership, this.#nowMs)
    );
  }

  ready(): Ready {
    const chunksWanted =
      this.#role.kind === 'leader' ? replicate(this.#core, this.#role.leadership, this.#nowMs) : [];
    return this.#core.takeReady(this.#nowMs, chunksWanted);
  }

  status(): RaftStatus {
    const leadership = this.#role.kind === 'leader' ? this.#role.leadership : null;
    return statusOf(this.#core, this.#roleName(), this.#leaderId, leadership);
  }

  // ---- time

  /** Every entry point comes through here, so that a stall is noticed before anything is acted on. */
  #advance(nowMs: number): void {
    const { options } = this.#core;
    this.#nowMs = Math.max(this.#nowMs, nowMs);
    const gapMs = this.#nowMs - this.#lastTickMs;
    if (gapMs <= options.electionTimeoutMinMs - options.leaseMarginMs) return;
    this.#lastTickMs = this.#nowMs;
    if (this.#role.kind === 'leader') {
      // Others may have elected a leader meanwhile: it learns that before it acts again.
      if (!this.#core.isSoleVoter) this.#stepDown('stalled');
    } else {
      // It was this member that was silent: what the leader said meanwhile is still to be read.
      this.#timer.restart(this.#nowMs);
    }
  }

  #tickFollower(): void {
    // The only voter has nobody to wait for, but a leader that hands over to it.
    if (this.#core.isSoleVoter && this.#nowMs >= this.#timer.stickyUntilMs) {
      this.#campaign('vote', 'start', false);
      return;
    }
    if (this.#nowMs >= this.#timer.deadlineMs) this.#suspect();
  }

  #suspect(): void {
    const core = this.#core;
    if (!core.mayCampaign(this.#nowMs)) {
      this.#leaderId = null;
      this.#timer.restart(this.#nowMs);
      return;
    }
    core.events.push({
      kind: 'suspected',
      term: core.term,
      leaderId: this.#leaderId,
      silentForMs: this.#nowMs - this.#timer.heardMs,
      timeoutMs: this.#timer.timeoutMs,
    });
    this.#campaign('pre_vote', this.#leaderId === null ? 'no_leader' : 'leader_silent', false);
  }

  #tickCampaign(campaign: Campaign): void {
    if (this.#nowMs < campaign.deadlineMs) return;
    this.#lose(campaign, 'timed_out');
    // At once: the time that it waited was drawn at random.
    this.#suspect();
  }

  #tickLeader(leadership: Leadership): void {
    const { options } = this.#core;
    const quorumMs = leadership.quorumContactMs(this.#nowMs);
    if (this.#nowMs - quorumMs > options.electionTimeoutMaxMs) {
      this.#stepDown('quorum_lost');
      return;
    }
    if (this.#core.isDiskStalled(this.#nowMs) && !this.#core.isSoleVoter) {
      this.#resign(leadership, 'disk_stalled');
      return;
    }
    const { transfer } = leadership;
    if (transfer !== null && this.#nowMs >= transfer.deadlineMs) {
      this.#core.events.push({ kind: 'transfer_ended', to: transfer.to, outcome: 'timed_out' });
      leadership.transfer = null;
      // The target may still campaign, past everybody's stickiness: this leader's lease is gone.
      if (transfer.told) this.#stepDown('transferred');
    }
  }

  // ---- roles

  #becomeFollower(term: number): void {
    const core = this.#core;
    if (this.#role.kind === 'campaign') this.#lose(this.#role.campaign, 'higher_term');
    if (this.#role.kind === 'leader') this.#stepDown('higher_term');
    this.#leaderId = null;
    if (term > core.term) core.setTerm(term, null);
  }

  #stepDown(reason: StepDownReason): void {
    if (this.#role.kind !== 'leader') return;
    const core = this.#core;
    const { leadership } = this.#role;
    const { transfer } = leadership;
    if (transfer !== null) {
      const outcome = transfer.told && reason === 'higher_term' ? 'handed_over' : 'given_up';
      core.events.push({ kind: 'transfer_ended', to: transfer.to, outcome });
    }
    leadership.refuseReads();
    core.events.push({ kind: 'stepped_down', term: core.term, reason });
    this.#role = { kind: 'follower' };
    this.#leaderId = null;
    this.#timer.ledUntil(this.#nowMs);
  }

  #lose(campaign: Campaign, loss: CampaignLoss): void {
    this.#core.events.push({ kind: 'campaign_lost', term: campaign.term, loss });
    this.#role = { kind: 'follower' };
    this.#timer.restart(this.#nowMs);
  }

  #campaign(phase: VotePhase, cause: CampaignCause, transfer: boolean): void {
    const core = this.#core;
    const { configuration, memberId, log } = core;
    const term = core.term + 1;
    this.#leaderId = null;
    if (phase === 'vote') core.setTerm(term, memberId);
    this.#timer.restart(this.#nowMs);
    const campaign = new Campaign(phase, cause, term, this.#timer.deadlineMs);
    this.#role = { kind: 'campaign', campaign, selfSequence: core.outbox.sequence };
    const voters = new Set([...configuration.voters, ...configuration.outgoing]);
    const asked = [...voters].filter((id) => id !== memberId).sort();
    core.events.push({ kind: 'campaign_started', phase, term, cause, asked });
    const { lastIndex, lastTerm } = log;
    for (const to of asked) {
      const said = { kind: phase, lastIndex, lastTerm, transfer };
      // What a vote is asked for must survive: the log that is named, and that this term was used.
      if (phase === 'vote') core.sendWhenDurable(to, said, term);
      else core.send(to, said, term);
    }
    if (phase === 'pre_vote' && campaign.count(memberId, true)) this.#tallied(campaign);
  }

  #tallied(campaign: Campaign): void {
    const tally = campaign.tally(this.#core.configuration);
    if (tally === 'lost') this.#lose(campaign, 'refused');
    if (tally !== 'won') return;
    if (campaign.phase === 'pre_vote') this.#campaign('vote', campaign.cause, false);
    else this.#lead();
  }

  #lead(): void {
    const core = this.#core;
    const termStartIndex = core.log.lastIndex + 1;
    core.events.push({ kind: 'elected', term: core.term, termStartIndex });
    const leadership = new Leadership(core, this.#nowMs);
    this.#role = { kind: 'leader', leadership };
    this.#leaderId = core.memberId;
    this.#forwarded.refuseAll();
  }

  #follow(leaderId: MemberId): boolean {
    if (this.#role.kind === 'leader') return false;
    if (this.#role.kind === 'campaign') this.#lose(this.#role.campaign, 'another_leader');
    if (this.#leaderId !== leaderId) {
      this.#leaderId = leaderId;
      this.#core.events.push({ kind: 'leader_known', term: this.#core.term, leaderId });
      this.#forwarded.refuseAll();
    }
    this.#timer.heardLeader(this.#nowMs);
    return true;
  }

  #roleName(): RaftRole {
    if (this.#role.kind !== 'campaign') return this.#role.kind;
    return this.#role.campaign.phase === 'vote' ? 'candidate' : 'pre_candidate';
  }

  // ---- messages

  #answerCandidate(message: MessageOf<'pre_vote' | 'vote'>): void {
    const core = this.#core;
    const { from, term, kind } = message;
    const reason = judgeVote(core, message, {
      stickyUntilMs: this.#timer.stickyUntilMs,
      nowMs: this.#nowMs,
      leads: this.#role.kind === 'leader',
      diskStalled: this.#core.isDiskStalled(this.#nowMs),
    });
    // A live leader is not disturbed; every other newer term is this member's as well.
    const adopts = kind === 'vote' && term > core.term && reason !== 'leader_alive';
    if (adopts) this.#becomeFollower(term);
    core.events.push({ kind: 'vote_cast', phase: kind, candidateId: from, term, reason });
    if (kind === 'pre_vote') {
      // Refused in this member's own term, so that a candidate that is behind learns of it.
      const granted = reason === 'granted';
      if (granted || core.term < term || core.outbox.isHardStateDurable) {
        core.send(from, { kind: 'pre_vote_reply', reason }, granted ? term : core.term);
      }
    } else if (reason === 'granted') {
      core.setTerm(term, from);
      this.#timer.restart(this.#nowMs);
      core.sendWhenDurable(from, { kind: 'vote_reply', reason }, term);
    } else if (reason !== 'term_stale' || core.outbox.isHardStateDurable) {
      core.send(from, { kind: 'vote_reply', reason }, Math.max(term, core.term));
    }
  }

  /**
   * A sender that is behind learns the newer term; silence would leave it where it is. A term that this
   * member may still forget is told to nobody: it could come back later as one that no one is in.
   */
  #answerStale(message: RaftMessage): void {
    const { kind, from } = message;
    const { outbox } = this.#core;
    const isLeaders = kind === 'append' || kind === 'heartbeat' || kind === 'snapshot_chunk';
    if (!isLeaders || !outbox.isHardStateDurable) return;
    const lastIndex = outbox.persistedIndex;
    this.#core.send(from, { kind: 'heartbeat_reply', round: 0, lastIndex });
  }

  #dispatch(message: RaftMessage): void {
    switch (message.kind) {
      case 'pre_vote':
      case 'vote':
        this.#answerCandidate(message);
        break;
      case 'pre_vote_reply':
      case 'vote_reply':
        this.#takeVote(message);
        break;
      case 'append':
      case 'heartbeat':
      case 'snapshot_chunk':
        this.#takeFromLeader(message);
        break;
      case 'timeout_now':
        this.#takeOver(message);
        break;
      case 'read_index_reply':
        this.#forwarded.answered(message.readId, message.from, message.index);
        break;
      case 'append_reply':
      case 'heartbeat_reply':
      case 'snapshot_reply':
      case 'read_index':
        this.#takeFromFollower(message);
        break;
    }
  }

  #takeVote(message: MessageOf<'pre_vote_reply' | 'vote_reply'>): void {
    if (this.#role.kind !== 'campaign') return;
    const { campaign } = this.#role;
    const { from, reason } = message;
    const phase = message.kind === 'vote_reply' ? 'vote' : 'pre_vote';
    const granted = reason === 'granted';
    if (campaign.phase !== phase || (granted && message.term !== campaign.term)) return;
    if (!campaign.count(from, granted)) return;
    const { term } = campaign;
    this.#core.events.push({ kind: 'vote_received', phase, voterId: from, term, reason });
    this.#tallied(campaign);
  }

  #takeFromLeader(message: MessageOf<'append' | 'heartbeat' | 'snapshot_chunk'>): void {
    if (!this.#follow(message.from)) {
      this.#core.ignored(message, `${message.kind} in the term that this member leads`);
    } else if (message.kind === 'append') takeAppend(this.#core, message);
    else if (message.kind === 'heartbeat') takeHeartbeat(this.#core, message);
    else {
      const staged = takeChunk(this.#core, this.#incoming, message);
      if (staged !== null) this.#core.staged.push(staged);
    }
  }

  #takeFromFollower(message: FollowerMessage): void {
    if (this.#role.kind !== 'leader') {
      if (message.kind !== 'read_index') return;
      const { readId } = message;
      this.#core.send(message.from, { kind: 'read_index_reply', readId, index: null });
      return;
    }
    const { leadership } = this.#role;
    leadership.take(message, this.#nowMs);
    if (message.kind === 'append_reply') this.#afterProgress(leadership);
  }

  /** More of the log is durable somewhere: here, or at a follower. */
  #afterProgress(leadership: Leadership): void {
    leadership.advanceCommit();
    leadership.answerReads();
    if (leadership.isRemoved) {
      this.#resign(leadership, 'removed');
    } else leadership.continueTransfer();
  }

  /** Steps down in good health: the one that takes over need not wait for its timeout. */
  #resign(leadership: Leadership, reason: 'removed' | 'disk_stalled'): void {
    const successor = leadership.bestSuccessor(this.#nowMs);
    if (successor !== null) this.#core.send(successor, { kind: 'timeout_now' });
    this.#stepDown(reason);
  }

  #takeOver(message: MessageOf<'timeout_now'>): void {
    const fromLeader = message.from === this.#leaderId && this.#role.kind === 'follower';
    if (!fromLeader || !this.#core.mayCampaign(this.#nowMs)) return;
    this.#campaign('vote', 'transfer', true);
  }
}
