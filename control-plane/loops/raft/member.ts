/**
 * A member of the Raft group, as the rest of the plane sees it: it proposes commands, here or at
 * whoever leads, answers reads, changes the members, and serves other members' and clients' requests.
 * The work on log and state is the engine's, every decision the core's. It fails closed: once its disk
 * has failed, or an entry is not understood, it acknowledges nothing, leads nothing and answers stale
 * reads only.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Command, Committed } from '../../model/command.ts';
import type { MemberId, MembershipChange } from '../../model/configuration.ts';
import { ConsensusError, whyUnled } from '../../ports/consensus.ts';
import type { Consensus, ConsensusStatus } from '../../ports/consensus.ts';
import type { Membership, MemberView } from '../../ports/membership.ts';
import type { TraceParent } from '../../ports/raft-transport.ts';
import type { RaftStatus } from '../../raft/ready.ts';
import type { PlaneState } from '../../state/state.ts';
import { Changes } from './changes.ts';
import { encodeCommand } from './command-codec.ts';
import type { EncodedCommand } from './command-codec.ts';
import { tellProposal, tellRead } from './ending.ts';
import { Engine } from './engine.ts';
import { FormatGuard } from './format-guard.ts';
import { Forwarder } from './forwarder.ts';
import { standingOf, viewOf } from './leader-view.ts';
import type { LeaderView } from './leader-view.ts';
import { settle, type RaftMemberOptions, type Settings } from './member-options.ts';
import { viewMembers } from './member-views.ts';
import { Peers } from './peers.ts';
import { Proposals, type Proposal } from './proposals.ts';
import { Reads } from './reads.ts';
import { encodeAnswer, encodeChange, encodeError, encodeTransfer } from './requests.ts';
import { parseChanged, parseCommitted, parseRequest, parseTransferred } from './requests.ts';
import { Watched } from './watched.ts';

export interface RaftMember extends Consensus, Membership {
  /** Why this member takes part in nothing any more; null while all is well. */
  failure(): string | null;
  /** The core as it stands, for series and the API. */
  raftStatus(): RaftStatus;
  /** Where the Raft listener is; null without one. */
  readonly address: { readonly host: string; readonly port: number } | null;
  /** Hands leadership over, finishes the write under way, refuses what waits, gives back everything. */
  stop(): Promise<void>;
  /** Gives back port, files and lock with nothing graceful before it, as a crash would. For tests. */
  abandon(): Promise<void>;
}

/** From the start to the leadership of a cluster of one: its whole log may have to be applied. */
const SOLE_START_MS = 600_000;
/** A change of members or a hand-over, from its acceptance to its end. */
const CHANGE_MAX_MS = 60_000;

const FOREVER = new AbortController().signal;

/**
 * Restores the state, listens, and takes part. The only voter of a cluster has elected itself and
 * applied its log when this resolves; any other member may not know of a leader yet.
 * @throws ConsensusError when disk or log cannot be understood; Error when the listener cannot start.
 * The log is closed then.
 */
export async function startRaftMember(options: RaftMemberOptions): Promise<RaftMember> {
  const member = new Member(settle(options));
  try {
    await member.start();
    return member;
  } catch (error) {
    await member.abandon();
    throw error;
  }
}

class Member implements RaftMember {
  readonly #settings: Settings;
  readonly #engine: Engine;
  readonly #proposals: Proposals;
  readonly #reads: Reads;
  readonly #changes: Changes;
  readonly #forwarder: Forwarder;
  readonly #peers: Peers;
  readonly #formats: FormatGuard;
  readonly #leader = new Watched<LeaderView>({ term: 0, leaderId: null, standing: 'member' });
  readonly #applied = new Watched(0);
  #address: RaftMember['address'] = null;
  /** Set once: why nothing is accepted; a failure stands over a stop. */
  #refusal: ConsensusError | null = null;
  #stopping: Promise<void> | null = null;

  constructor(settings: Settings) {
    const { memberId, transport, limits, monotonicMs, raft } = settings;
    this.#settings = settings;
    this.#proposals = new Proposals(limits);
    this.#reads = new Reads({
      readsMax: limits.readsMax,
      patienceMs: limits.leaderWaitMs,
      askAgainMs: raft.electionTimeoutMaxMs,
      monotonicMs,
      random: settings.random,
    });
    this.#engine = new Engine(settings, this.#proposals, {
      onTick: (nowMs) => this.#reads.tick(nowMs),
      onTurn: (nowMs) => this.#onTurn(nowMs),
      onEvent: (event) => {
        // Before the first message leaves for whoever is new.
        if (event.kind === 'configuration') {
          this.#peers.follow(event.configuration, monotonicMs());
        }
        this.#changes.onEvent(event);
      },
      onRead: (answer) => this.#reads.answered(answer, this.#engine.applier.appliedIndex),
      onApplied: (index) => {
        this.#applied.set(index);
        this.#reads.applied(index);
      },
      onStatus: (status, nowMs) => this.#onStatus(status, nowMs),
      onFailed: (error) => this.#refuse(error),
    });
    this.#changes = new Changes({
      core: this.#engine.core,
      memberId,
      changesMax: limits.changesMax,
      changeMaxMs: CHANGE_MAX_MS,
      now: () => this.#engine.now(),
      touch: () => this.#engine.touch(),
      onTransferStarted: (to) => settings.observer.onTransferStarted?.(to),
    });
    this.#forwarder = new Forwarder({
      memberId,
      transport,
      leader: this.#leader,
      monotonicMs,
      leaderWaitMs: limits.leaderWaitMs,
      askAgainMs: raft.electionTimeoutMaxMs,
    });
    this.#formats = new FormatGuard(this.#engine, memberId, transport);
    this.#peers = new Peers(memberId, limits.farewellMs, (peers) => transport?.connect(peers));
  }

  get address(): RaftMember['address'] {
    return this.#address;
  }

  async start(): Promise<void> {
    const { log, transport, monotonicMs } = this.#settings;
    await this.#engine.restore();
    this.#applied.set(this.#engine.applier.appliedIndex);
    const status = this.#engine.core.status();
    if (transport !== null) {
      this.#address = await transport.start({
        onMessage: (message, trace) => this.#engine.receive(message, trace),
        onUnreachable: (memberId) => this.#engine.unreachable(memberId),
        onRequest: (payload, trace, signal) => this.#onRequest(payload, trace, signal),
      });
      this.#peers.follow(status.configuration, monotonicMs());
    }
    this.#engine.start();
    const { voters, outgoing } = status.configuration;
    const isAlone = voters.length === 1 && outgoing.length === 0;
    if (!isAlone || voters[0] !== status.memberId) return;
    const lastIndex = log.recovered.entries.at(-1)?.index ?? status.snapshotIndex;
    const leads = (index: number): boolean => index > lastIndex && this.leaseTerm() !== null;
    const led = await this.#applied.until(leads, SOLE_START_MS, FOREVER);
    if (led === null) throw new Error(`the log was not applied within ${SOLE_START_MS} ms`);
  }

  propose(command: Command, signal: AbortSignal): Promise<Committed> {
    return tellProposal(this.#settings, async () => {
      if (this.#refusal !== null) throw this.#refusal;
      const trace = this.#settings.observer.currentTrace?.() ?? null;
      return this.#add(encodeCommand(command), 'here', trace, signal);
    });
  }

  readState(): PlaneState {
    return this.#engine.applier.state;
  }

  readBarrier(signal: AbortSignal): Promise<void> {
    return tellRead(this.#settings, async () => {
      if (this.#refusal !== null) throw this.#refusal;
      const why = whyUnled(this.#leader.value.standing, this.#leader.value.leaderId);
      if (why !== null) throw new ConsensusError('no_leader', why);
      const answered = this.#reads.barrier(signal);
      this.#engine.wake();
      return answered;
    });
  }

  leaseTerm(): number | null {
    if (this.#engine.isHalted) return null;
    const { core } = this.#engine;
    const nowMs = this.#engine.now();
    const untilMs = core.leaseUntilMs();
    return untilMs !== null && untilMs > nowMs ? core.status().term : null;
  }

  status(): ConsensusStatus {
    const { memberId, log } = this.#settings;
    const { role, term, leaderId, commitIndex, lastIndex, snapshotIndex, configuration } =
      this.#engine.core.status();
    const halted = this.#engine.isHalted;
    return {
      memberId,
      leadership: {
        kind: role === 'leader' && !halted ? 'leader' : 'follower',
        term,
        leaderId: halted ? null : leaderId,
      },
      standing: standingOf(configuration, memberId),
      commitIndex,
      appliedIndex: this.#engine.applier.appliedIndex,
      lastIndex,
      logBytes: log.bytes,
      snapshotIndex,
    };
  }

  raftStatus(): RaftStatus {
    const status = this.#engine.core.status();
    if (!this.#engine.isHalted) return status;
    return { ...status, role: 'follower', leaderId: null, progress: [] };
  }

  failure(): string | null {
    return this.#refusal?.failure === 'storage_failed' ? this.#refusal.message : null;
  }

  members(): readonly MemberView[] {
    const { transport, monotonicMs } = this.#settings;
    return viewMembers(this.raftStatus(), monotonicMs(), {
      apiUrl: (id) => transport?.apiUrl(id) ?? null,
      formatMax: (id) => this.#formats.formatMax(id),
    });
  }

  async change(change: MembershipChange, signal: AbortSignal): Promise<void> {
    const payload = encodeChange(change);
    return this.#atLeader({
      payload,
      signal,
      parse: parseChanged,
      here: () => this.#changes.change(change, signal),
    });
  }

  async transfer(
    to: MemberId | null,
    signal: AbortSignal,
  ): Promise<{ readonly leaderId: MemberId }> {
    const payload = encodeTransfer(to);
    return this.#atLeader({
      payload,
      signal,
      parse: parseTransferred,
      settledBy: (leaderId) => (to === null || to === leaderId ? { leaderId } : null),
      here: () => this.#changes.transfer(to, signal),
    });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  abandon(): Promise<void> {
    this.#stopping ??= this.#close();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    if (!this.#engine.isHalted) {
      const refusal = new ConsensusError('aborted', 'the member stops');
      this.#refusal ??= refusal;
      this.#proposals.rejectWaiting(refusal);
      await this.#handOver(AbortSignal.timeout(this.#settings.limits.handOverMs));
      this.#engine.halt();
    }
    await this.#engine.idle();
    await this.#close();
  }

  /** To another voter, and what is in the log already is seen through to its answer. */
  async #handOver(signal: AbortSignal): Promise<void> {
    const { core } = this.#engine;
    const { role, configuration, memberId } = core.status();
    try {
      const others = [...configuration.voters, ...configuration.outgoing];
      const isSole = others.every((id) => id === memberId);
      if (role === 'leader' && !isSole) await this.#changes.transfer(null, signal);
      const { handOverMs } = this.#settings.limits;
      await this.#applied.until(() => this.#proposals.placedCount === 0, handOverMs, signal);
    } catch {
      // Nobody took over in time, or the disk failed meanwhile: the others will notice the silence.
    }
  }

  async #close(): Promise<void> {
    this.#engine.halt();
    this.#refuse(new ConsensusError('aborted', 'the member stops'));
    // What was just refused is sent to whoever asked.
    await nextTurn();
    await this.#settings.transport?.stop();
    await this.#settings.log.close();
  }

  /** The first failure stands: neither a stop nor a later failure covers it up. */
  #refuse(error: ConsensusError): void {
    const refusal = this.#refusal?.failure === 'storage_failed' ? this.#refusal : error;
    this.#refusal = refusal;
    this.#proposals.rejectAll(refusal);
    this.#reads.rejectAll(refusal);
    this.#changes.rejectAll(refusal);
    this.#leader.fail(refusal);
    this.#applied.fail(refusal);
  }

  #add(
    encoded: EncodedCommand,
    origin: Proposal['origin'],
    trace: TraceParent,
    signal: AbortSignal,
  ): Promise<Committed> {
    if (signal.aborted) {
      const message = `${encoded.command.kind} was given up before it was proposed`;
      throw new ConsensusError('aborted', message, { cause: signal.reason });
    }
    const proposedAtMs = this.#settings.monotonicMs();
    const added = this.#proposals.add({ ...encoded, origin, trace, signal, proposedAtMs });
    this.#engine.wake();
    return added;
  }

  #onTurn(nowMs: number): void {
    const { core } = this.#engine;
    while (this.#proposals.hasWaiting) {
      const batch = this.#formats.admit(this.#proposals.takeBatch());
      if (batch.length === 0) continue;
      const proposed = core.propose(
        nowMs,
        batch.map(({ payload }) => payload),
      );
      if (proposed.kind === 'accepted') {
        this.#proposals.place(batch, proposed.term, proposed.firstIndex);
      } else if (proposed.reason === 'overloaded') {
        const error = new ConsensusError('overloaded', 'too much waits for a quorum already');
        for (const proposal of batch) proposal.reject(error);
      } else {
        for (const proposal of batch) this.#proposeElsewhere(proposal);
      }
    }
    const readId = this.#reads.ask();
    if (readId !== null) core.read(nowMs, readId);
  }

  #onStatus(status: RaftStatus, nowMs: number): void {
    this.#changes.update(status);
    this.#peers.follow(status.configuration, nowMs);
    const view = viewOf(status, this.#leader.value);
    if (view === this.#leader.value) return;
    this.#forwarder.leaderChanged(view);
    this.#leader.set(view);
    const why = whyUnled(view.standing, view.leaderId);
    if (why !== null) this.#unled(status, why);
  }

  /** No leader will make itself known: nobody need wait for what only a leader could tell. */
  #unled({ commitIndex }: RaftStatus, why: string): void {
    this.#proposals.rejectPlacedBeyond(commitIndex);
    this.#reads.rejectAll(new ConsensusError('no_leader', why));
  }

  /** This member does not lead. */
  #proposeElsewhere(proposal: Proposal): void {
    const { leaderId } = this.#leader.value;
    const { memberId } = this.#settings;
    if (proposal.origin === 'request') {
      const whoLeads = leaderId === null || leaderId === memberId ? 'nobody known does' : leaderId;
      const message = `${memberId} does not lead (${whoLeads})`;
      proposal.reject(new ConsensusError('not_leader', message));
      return;
    }
    this.#forward(proposal).catch((error: unknown) => {
      proposal.reject(error instanceof Error ? error : new Error(String(error)));
    });
  }

  async #forward(proposal: Proposal): Promise<void> {
    const { payload, signal, proposedAtMs } = proposal;
    const { leaderWaitMs, catchUpMs } = this.#settings.limits;
    const deadlineMs = proposedAtMs + leaderWaitMs;
    const carried = await this.#forwarder.carry({
      payload,
      signal,
      deadlineMs,
      parse: parseCommitted,
    });
    if (carried.kind === 'here') {
      this.#proposals.putBack(proposal);
      this.#engine.wake();
      return;
    }
    const committed = carried.answer;
    // The asker shall find what it did; if this member lags, the answer does not wait for it.
    const isApplied = (index: number): boolean => index >= committed.token.index;
    await this.#applied.until(isApplied, catchUpMs, signal).catch(() => null);
    proposal.resolve(committed);
  }

  /** Here when this member leads, else at the member that does. */
  async #atLeader<T>(errand: {
    readonly payload: Uint8Array;
    readonly signal: AbortSignal;
    readonly parse: (answer: Uint8Array) => T;
    readonly settledBy?: (leaderId: MemberId) => T | null;
    readonly here: () => Promise<T>;
  }): Promise<T> {
    const deadlineMs = this.#forwarder.deadlineMs();
    for (;;) {
      if (this.#refusal !== null) throw this.#refusal;
      const carried = await this.#forwarder.carry({ ...errand, deadlineMs });
      if (carried.kind === 'answered') return carried.answer;
      if (this.#engine.core.status().role === 'leader') return errand.here();
      // It led when the turn ended, and does no more: the next turn knows better.
      await nextTurn();
    }
  }

  async #onRequest(
    payload: Uint8Array,
    trace: TraceParent,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const request = parseRequest(payload);
    try {
      if (this.#refusal !== null) throw this.#refusal;
      switch (request.type) {
        case 'command':
          return encodeAnswer(await this.#add(request.encoded, 'request', trace, signal));
        case 'change':
          await this.#changes.change(request.change, signal);
          return encodeAnswer(null);
        case 'transfer':
          return encodeAnswer(await this.#changes.transfer(request.to, signal));
      }
    } catch (error) {
      const answer = encodeError(signal.aborted ? error : this.#asRequestFailure(error));
      if (answer === null) throw error;
      return answer;
    }
  }

  /** Who gave up is this member, which stops; whoever asked shall look for another that leads. */
  #asRequestFailure(error: unknown): unknown {
    if (!(error instanceof ConsensusError) || error.failure !== 'aborted') return error;
    return new ConsensusError(
      'not_leader',
      `${this.#settings.memberId} stops; what was asked for may or may not have come to pass`,
    );
  }
}
