/**
 * The end of a simulated run, when all faults are over: within a bounded time there must be a leader
 * that commits something new, every member of its configuration must have the same state, and nothing
 * may be left under way. Then one member is cut off and comes back, and no term may change. It looks
 * every few ms and keeps the deadline of the stage that it is in.
 */

import type { RaftStatus } from '../../control-plane/raft/ready.ts';
import { isJoint, isVoter, membersOf } from '../../control-plane/model/configuration.ts';
import type { Draws } from './draws.ts';
import { elementAt } from './draws.ts';
import type { Member, Surroundings } from './member.ts';
import type { Trouble } from './trouble.ts';
import { Violation } from './violation.ts';
import type { InvariantName } from './violation.ts';
import { memberNumber } from './watch/subject.ts';

const LOOK_MS = 20;
/** Election timeouts from the end of the faults to a commit: generous, for votes may split. */
const ELECTION_TIMEOUTS_MAX = 10;
/** From there until all members are equal; a snapshot in small chunks takes its time. */
const CONVERGE_MS_MAX = 6_000;
const QUIET_MS = 500;
const BACK_MS = 400;
/** Until nothing is in flight when nothing is proposed. */
const SETTLE_MS_MAX = 2_000;

type Stage =
  | { readonly kind: 'committing'; readonly untilMs: number }
  | { readonly kind: 'converging'; readonly untilMs: number; readonly index: number }
  | { readonly kind: 'settling'; readonly untilMs: number; readonly quiet: Quiet | null }
  | { readonly kind: 'cut_off'; readonly untilMs: number; readonly quiet: Quiet }
  | { readonly kind: 'back'; readonly untilMs: number; readonly quiet: Quiet }
  | { readonly kind: 'filling'; readonly untilMs: number; readonly index: number };

/** What must stay as it is. */
interface Quiet {
  readonly leader: Member;
  readonly terms: readonly number[];
  readonly messages: number;
  readonly sinceMs: number;
  /** The member that is cut off, and from whom. */
  readonly links: readonly (readonly [number, number])[];
}

export class Rest {
  readonly #around: Surroundings & {
    readonly members: readonly Member[];
    readonly trouble: Trouble;
  };
  readonly #draws: Draws;
  readonly #write: () => Uint8Array;
  #stage: Stage = { kind: 'committing', untilMs: Infinity };
  /** Index and term of writes that were proposed to find out whether anything commits. */
  #probes: { readonly index: number; readonly term: number }[] = [];

  /** @param write the bytes of a write that nobody waits for */
  constructor(
    around: Surroundings & { readonly members: readonly Member[]; readonly trouble: Trouble },
    draws: Draws,
    write: () => Uint8Array,
  ) {
    this.#around = around;
    this.#draws = draws;
    this.#write = write;
  }

  begin(): void {
    const { agenda, settings } = this.#around;
    const boundMs = ELECTION_TIMEOUTS_MAX * settings.options.electionTimeoutMaxMs;
    this.#stage = { kind: 'committing', untilMs: agenda.nowMs + boundMs };
    agenda.after(LOOK_MS, { kind: 'look' });
  }

  /** True when the run is over, and well. */
  look(): boolean {
    const { agenda } = this.#around;
    if (this.#look()) return true;
    agenda.after(LOOK_MS, { kind: 'look' });
    return false;
  }

  #look(): boolean {
    const stage = this.#stage;
    switch (stage.kind) {
      case 'committing':
        this.#lookForCommit(stage.untilMs);
        return false;
      case 'converging':
        this.#lookForEquality(stage.index, stage.untilMs);
        return false;
      case 'settling':
        this.#lookForRest(stage.untilMs);
        return false;
      case 'cut_off':
        this.#lookForQuiet(stage.quiet);
        if (this.#isOver(stage.untilMs)) this.#letBack(stage.quiet);
        return false;
      case 'back':
        this.#lookForQuiet(stage.quiet);
        if (this.#mayFill(stage.quiet, stage.untilMs)) this.#fill(stage.quiet);
        return false;
      case 'filling':
        return this.#lookForRoom(stage.index, stage.untilMs);
    }
  }

  #isOver(untilMs: number): boolean {
    return this.#around.agenda.nowMs >= untilMs;
  }

  #deadline(untilMs: number, invariant: InvariantName, what: string): void {
    if (!this.#isOver(untilMs)) return;
    const { members } = this.#around;
    const roles = members.map((member) => describe(member)).join('; ');
    throw new Violation(invariant, `${what}: ${roles}`);
  }

  #lookForCommit(untilMs: number): void {
    const { agenda, watch, counts } = this.#around;
    counts.checks.liveness += 1;
    const done = this.#probes.find(
      ({ index, term }) => watch.committed.entryAt(index)?.term === term,
    );
    if (done !== undefined) {
      const stageUntilMs = agenda.nowMs + CONVERGE_MS_MAX;
      this.#stage = { kind: 'converging', untilMs: stageUntilMs, index: done.index };
      return;
    }
    this.#deadline(untilMs, 'liveness', 'no commit after the faults');
    const leader = this.#around.trouble.leader();
    const outcome = leader?.ask((core, nowMs) => core.propose(nowMs, [this.#write()])) ?? null;
    if (outcome?.kind === 'accepted') {
      this.#probes.push({ index: outcome.firstIndex, term: outcome.term });
    }
  }

  #lookForEquality(index: number, untilMs: number): void {
    const { agenda, watch, counts } = this.#around;
    counts.checks.liveness += 1;
    const leader = this.#around.trouble.leader();
    const status = leader?.status;
    if (
      leader !== null &&
      status !== null &&
      status !== undefined &&
      this.#isWhole(status, index)
    ) {
      for (const member of this.#membersOf(status)) {
        counts.checks.snapshot_equivalence += 1;
        if (member.machine.text() === watch.committed.text()) continue;
        throw new Violation('snapshot_equivalence', `${member.id} ends in a state of its own`);
      }
      this.#stage = { kind: 'settling', untilMs: agenda.nowMs + SETTLE_MS_MAX, quiet: null };
      return;
    }
    this.#deadline(untilMs, 'liveness', `members do not become equal at ${index}`);
  }

  /** Whether everybody has everything, and no change of members is half done. */
  #isWhole(status: RaftStatus, index: number): boolean {
    const { configuration, commitIndex, lastIndex } = status;
    if (isJoint(configuration) || commitIndex < index || commitIndex !== lastIndex) return false;
    return this.#membersOf(status).every((member) => member.appliedIndex === commitIndex);
  }

  #membersOf(status: RaftStatus): readonly Member[] {
    const { members } = this.#around;
    return membersOf(status.configuration).map((id) => elementAt(members, memberNumber(id)));
  }

  #lookForRest(untilMs: number): void {
    const { agenda, counts } = this.#around;
    counts.checks.nothing_left += 1;
    const leader = this.#around.trouble.leader();
    const status = leader?.status;
    const left = status?.progress.filter(
      ({ inFlight, inFlightBytes, state, matchIndex }) =>
        inFlight > 0 ||
        inFlightBytes > 0 ||
        state === 'snapshot' ||
        matchIndex !== status.lastIndex,
    );
    const idle = left?.length === 0 && status?.commitIndex === status?.lastIndex;
    if (leader !== null && status !== null && status !== undefined && idle) {
      const quiet = this.#cutOne(leader, status);
      this.#stage = { kind: 'cut_off', untilMs: agenda.nowMs + QUIET_MS, quiet };
      return;
    }
    this.#deadline(untilMs, 'nothing_left', `something stays under way: ${JSON.stringify(left)}`);
  }

  /** Cuts a member off, all round or from the leader alone, where a quorum is left without it. */
  #cutOne(leader: Member, { configuration }: RaftStatus): Quiet {
    const { agenda, members, network, counts } = this.#around;
    const spare = membersOf(configuration).filter(
      (id) => id !== leader.id && (!isVoter(configuration, id) || configuration.voters.length > 2),
    );
    const links: [number, number][] = [];
    if (spare.length > 0) {
      const own = memberNumber(this.#draws.pick(spare));
      const allRound = this.#draws.chance(0.5);
      const peers = allRound ? members.map(({ number }) => number) : [leader.number];
      for (const peer of peers) if (peer !== own) links.push([own, peer], [peer, own]);
    }
    for (const [from, to] of links) network.cut(from, to, 1);
    return {
      leader,
      terms: members.map(({ status }) => status?.term ?? 0),
      messages: counts.messages,
      sinceMs: agenda.nowMs,
      links,
    };
  }

  #lookForQuiet({ leader, terms }: Quiet): void {
    const { members, counts } = this.#around;
    counts.checks.quiescence += 1;
    const leads = leader.status?.role === 'leader';
    const now = members.map(({ status }) => status?.term ?? 0);
    const leading = leader.status?.term ?? 0;
    // Who is no member any more may still learn of a term, but of none above the leader's.
    const calm = now.every((term, at) => term === terms[at] || term <= leading);
    if (leads && calm && leading === terms[leader.number]) return;
    throw new Violation(
      'quiescence',
      `with ${leader.id} leading, terms [${terms.join(' ')}] became [${now.join(' ')}]: ${members.map((member) => describe(member)).join('; ')}`,
    );
  }

  #letBack(quiet: Quiet): void {
    const { agenda, network } = this.#around;
    for (const [from, to] of quiet.links) network.cut(from, to, -1);
    this.#stage = { kind: 'back', untilMs: agenda.nowMs + BACK_MS, quiet };
  }

  /** A client may have asked again for what it never heard of: that is committed first, in time. */
  #mayFill({ leader }: Quiet, fromMs: number): boolean {
    if (!this.#isOver(fromMs)) return false;
    const { status } = leader;
    const isIdle = status !== null && status.lastIndex === status.commitIndex;
    return isIdle || this.#isOver(fromMs + CONVERGE_MS_MAX);
  }

  /** Proposes as much as may be uncommitted: all of it must be free when nothing is under way. */
  #fill(quiet: Quiet): void {
    this.#checkMessages(quiet);
    const { agenda, settings, counts } = this.#around;
    const { uncommittedMax, uncommittedBytesMax } = settings.options;
    const write = this.#write();
    // What an entry costs beside its payload is not more than this.
    const most = Math.floor((uncommittedBytesMax * 0.9) / (write.length + 64));
    const entries = Math.max(1, Math.min(uncommittedMax, most, 200));
    // The same write again and again: it has one effect, and all entries are of one size.
    const payloads = Array<Uint8Array>(entries).fill(write);
    counts.checks.nothing_left += 1;
    const outcome = quiet.leader.ask((core, nowMs) => core.propose(nowMs, payloads));
    if (outcome?.kind !== 'accepted') {
      throw new Violation(
        'nothing_left',
        `${quiet.leader.id} refuses ${payloads.length} of ${uncommittedMax} entries while nothing is under way: ${outcome?.reason ?? 'down'}`,
      );
    }
    const index = outcome.firstIndex + payloads.length - 1;
    this.#stage = { kind: 'filling', untilMs: agenda.nowMs + CONVERGE_MS_MAX, index };
  }

  #checkMessages({ sinceMs, messages }: Quiet): void {
    const { agenda, members, settings, counts } = this.#around;
    counts.checks.message_bound += 1;
    const rounds = (agenda.nowMs - sinceMs) / settings.options.heartbeatIntervalMs + 2;
    // A heartbeat and its answer for each, as much again for a rejoin, and what the removed ask.
    const most = 4 * members.length * rounds + 200;
    const sent = counts.messages - messages;
    if (sent <= most) return;
    throw new Violation(
      'message_bound',
      `${sent} messages in ${agenda.nowMs - sinceMs} ms in which nothing was asked`,
    );
  }

  #lookForRoom(index: number, untilMs: number): boolean {
    this.#around.counts.checks.liveness += 1;
    const status = this.#around.trouble.leader()?.status;
    if (status !== null && status !== undefined && this.#isWhole(status, index)) return true;
    this.#deadline(untilMs, 'liveness', `a full window of writes up to ${index} does not commit`);
    return false;
  }
}

function describe({ id, status }: Member): string {
  if (status === null) return `${id} is down`;
  const { role, term, commitIndex, lastIndex, configuration } = status;
  const voters = `${configuration.voters.join('')}${configuration.outgoing.length > 0 ? `/${configuration.outgoing.join('')}` : ''}`;
  return `${id} ${role} term ${term} commit ${commitIndex} last ${lastIndex} of ${voters}+${configuration.learners.join('')}`;
}
