/**
 * Does the faults of a list to a world, when their time has come, and ends them again. A fault that
 * finds nothing to strike (no leader, nobody to remove) is not counted.
 */

import type { MembershipChange } from '../../control-plane/model/configuration.ts';
import { membersOf } from '../../control-plane/model/configuration.ts';
import type { Configuration } from '../../control-plane/model/configuration.ts';
import type { Agenda } from './agenda.ts';
import { count } from './counters.ts';
import type { RunCounts } from './counters.ts';
import { elementAt } from './draws.ts';
import type { Fault, Target } from './faults.ts';
import type { Happening } from './happening.ts';
import type { Member } from './member.ts';
import type { Network } from './network.ts';
import { memberId } from './watch/subject.ts';

/** An armed crash that meets no such moment strikes after this time. */
const ARMED_MS = 400;
/** Snapshots are installed now and then. */
const ARMED_FOR_INSTALL_MS = 4_000;

export class Trouble {
  readonly #agenda: Agenda<Happening>;
  readonly #network: Network;
  readonly #members: readonly Member[];
  readonly #counts: RunCounts;
  readonly #ends: (() => void)[] = [];
  #healed = false;

  constructor(
    agenda: Agenda<Happening>,
    network: Network,
    members: readonly Member[],
    counts: RunCounts,
  ) {
    this.#agenda = agenda;
    this.#network = network;
    this.#members = members;
    this.#counts = counts;
  }

  /** The member that runs and leads in the newest term. */
  leader(): Member | null {
    let newest: Member | null = null;
    for (const member of this.#members) {
      if (member.status?.role !== 'leader') continue;
      if (newest === null || member.status.term > (newest.status?.term ?? 0)) newest = member;
    }
    return newest;
  }

  strike(fault: Fault): void {
    if (this.#healed) return;
    if (this.#strike(fault)) count(this.#counts.faults, fault.kind);
  }

  end(number: number): void {
    if (!this.#healed) this.#ends[number]?.();
  }

  /** Everything that still lasts is over; who is down comes up. Clocks keep their speed. */
  heal(): void {
    this.#healed = true;
    this.#network.heal();
    for (const member of this.#members) {
      member.armed = null;
      member.syncFactor = 1;
      member.hangsUntilMs = 0;
    }
  }

  #strike(fault: Fault): boolean {
    switch (fault.kind) {
      case 'crash': {
        const member = this.#target(fault.member);
        if (member?.runs !== true) return false;
        const { moment, tail, downMs } = fault;
        member.armed = { moment, tail, downMs };
        const event = { kind: 'crash', member: member.number, life: member.life } as const;
        if (moment === 'anywhere') count(this.#counts.faults, 'crash anywhere');
        const waitMs = moment === 'while_installing' ? ARMED_FOR_INSTALL_MS : ARMED_MS;
        this.#agenda.after(moment === 'anywhere' ? 0 : waitMs, event);
        return true;
      }
      case 'crash_all':
        for (const member of this.#members) {
          const downMs = fault.downMs + (fault.spreadMs * member.number) / this.#members.length;
          member.crash(fault.tail, downMs);
        }
        return true;
      case 'cut_off':
        return this.#cut(fault.member, fault.forMs, (own) =>
          this.#others(own).flatMap((peer): [number, number][] => [
            [own, peer],
            [peer, own],
          ]),
        );
      case 'split':
        return this.#cut(0, fault.forMs, () => this.#between(fault.sides));
      case 'cut_one_way':
        return this.#cut(fault.member, fault.forMs, (own) => {
          const peers = fault.peer === null ? this.#others(own) : [fault.peer];
          return peers.map((peer) => (fault.direction === 'in' ? [peer, own] : [own, peer]));
        });
      case 'cut_link':
        return this.#cut(fault.member, fault.forMs, (own) => [
          [own, fault.peer],
          [fault.peer, own],
        ]);
      case 'slow_link': {
        const member = this.#target(fault.member);
        if (member === null || member.number === fault.peer) return false;
        const { number } = member;
        const { peer, byMs } = fault;
        this.#network.slow(number, peer, byMs);
        this.#network.slow(peer, number, byMs);
        this.#until(fault.forMs, () => {
          this.#network.slow(number, peer, 0);
          this.#network.slow(peer, number, 0);
        });
        return true;
      }
      case 'slow_disk': {
        const member = this.#target(fault.member);
        if (member === null) return false;
        member.syncFactor = fault.factor;
        this.#until(fault.forMs, () => {
          member.syncFactor = 1;
        });
        return true;
      }
      case 'hanging_disk': {
        const member = this.#target(fault.member);
        if (member === null) return false;
        member.hangsUntilMs = this.#agenda.nowMs + fault.forMs;
        return true;
      }
      case 'clock_skew':
        elementAt(this.#members, fault.member).clock.setRate(this.#agenda.nowMs, fault.rate);
        return true;
      case 'stall':
        return this.#stall(fault.member, fault.forMs);
      case 'snapshot': {
        const member = this.#target(fault.member);
        if (member?.runs !== true || member.stalled) return false;
        member.takeSnapshot();
        return true;
      }
      case 'snapshot_twice': {
        const member = this.#target(fault.member);
        if (member?.runs !== true || member.stalled) return false;
        member.takeSnapshot();
        const { number, life } = member;
        for (const times of [1, 2, 3]) {
          const afterMs = times * fault.gapMs;
          this.#agenda.after(afterMs, { kind: 'take_snapshot', member: number, life });
        }
        return true;
      }
      case 'transfer':
        return this.#transfer(fault);
      case 'lose':
      case 'duplicate':
      case 'reorder':
      case 'delay':
        this.#weather(fault);
        return true;
      case 'add_learner':
      case 'promote':
      case 'remove':
      case 'change_several':
        return this.#change(fault);
    }
  }

  #target(target: Target): Member | null {
    return target === 'leader' ? this.leader() : elementAt(this.#members, target);
  }

  #others(own: number): number[] {
    return this.#members.map(({ number }) => number).filter((number) => number !== own);
  }

  #between(sides: number): [number, number][] {
    const numbers = this.#members.map(({ number }) => number);
    const side = (number: number): number => (sides >> number) & 1;
    return numbers.flatMap((from) =>
      numbers.filter((to) => side(from) !== side(to)).map((to): [number, number] => [from, to]),
    );
  }

  #cut(target: Target, forMs: number, linksOf: (own: number) => [number, number][]): boolean {
    const member = this.#target(target);
    if (member === null) return false;
    const links = linksOf(member.number).filter(([from, to]) => from !== to);
    if (links.length === 0) return false;
    for (const [from, to] of links) this.#network.cut(from, to, 1);
    this.#until(forMs, () => {
      for (const [from, to] of links) this.#network.cut(from, to, -1);
    });
    return true;
  }

  #until(forMs: number, end: () => void): void {
    this.#ends.push(end);
    this.#agenda.after(forMs, { kind: 'fault_ends', end: this.#ends.length - 1 });
  }

  #stall(target: Target, forMs: number): boolean {
    const member = this.#target(target);
    if (member?.runs !== true || member.stalled) return false;
    member.stalled = true;
    const { number, life } = member;
    this.#agenda.after(forMs, { kind: 'wake', member: number, stall: life });
    return true;
  }

  #weather(fault: Extract<Fault, { kind: 'lose' | 'duplicate' | 'reorder' | 'delay' }>): void {
    const { weather } = this.#network;
    switch (fault.kind) {
      case 'lose':
        weather.loseShare = fault.share;
        break;
      case 'duplicate':
        weather.duplicateShare = fault.share;
        break;
      case 'reorder':
        weather.reorderShare = fault.share;
        weather.reorderWithinMs = fault.withinMs;
        break;
      case 'delay':
        weather.delayMeanMs = fault.meanMs;
        break;
    }
    const { kind } = fault;
    this.#until(fault.forMs, () => {
      if (kind === 'lose') weather.loseShare = 0;
      else if (kind === 'duplicate') weather.duplicateShare = 0;
      else if (kind === 'reorder') weather.reorderShare = 0;
      else weather.delayMeanMs = 0;
    });
  }

  #transfer({ to, roll }: Extract<Fault, { kind: 'transfer' }>): boolean {
    const leader = this.leader();
    const status = leader?.status;
    if (leader === null || status === null || status === undefined) return false;
    const { progress, configuration } = status;
    const lagging = [...progress].sort((a, b) => a.matchIndex - b.matchIndex)[0]?.memberId;
    const whom = {
      any_member: memberId(roll % this.#members.length),
      best: null,
      lagging: lagging ?? null,
      learner: configuration.learners[0] ?? null,
      stranger: 'z',
    }[to];
    const outcome = leader.ask((core, nowMs) => core.transfer(nowMs, whom));
    if (outcome?.kind === 'refused')
      count(this.#counts.faults, `transfer refused ${outcome.reason}`);
    if (outcome?.kind === 'accepted') this.#counts.transfersAsked += 1;
    return outcome !== null;
  }

  #change(
    fault: Extract<Fault, { kind: 'add_learner' | 'promote' | 'remove' | 'change_several' }>,
  ): boolean {
    const leader = this.leader();
    const configuration = leader?.status?.configuration;
    if (leader === null || configuration === undefined) return false;
    const change = this.#changeOf(fault, configuration, leader);
    if (change === null) return false;
    const outcome = leader.ask((core, nowMs) => core.change(nowMs, change));
    if (outcome?.kind === 'refused') count(this.#counts.faults, `change refused ${outcome.reason}`);
    if (outcome?.kind !== 'accepted') return outcome !== null;
    this.#counts.membershipChanges += 1;
    if (change.remove.includes(leader.id)) count(this.#counts.faults, 'leader removes itself');
    return true;
  }

  #changeOf(
    fault: Extract<Fault, { kind: 'add_learner' | 'promote' | 'remove' | 'change_several' }>,
    configuration: Configuration,
    leader: Member,
  ): MembershipChange | null {
    const { voters, learners } = configuration;
    const known = membersOf(configuration);
    const strangers = this.#members.map(({ id }) => id).filter((id) => !known.includes(id));
    const nth = (list: readonly string[], roll: number): readonly string[] =>
      list.length === 0 ? [] : [elementAt(list, roll % list.length)];
    const adding = (ids: readonly string[]): MembershipChange['add'] =>
      ids.map((id) => ({ memberId: id, address: `${id}:1` }));
    switch (fault.kind) {
      case 'add_learner':
        return { add: adding(nth(strangers, fault.roll)), promote: [], remove: [] };
      case 'promote':
        return { add: [], promote: nth(learners, fault.roll), remove: [] };
      case 'remove': {
        const id = fault.member === 'leader' ? leader.id : memberId(fault.member);
        if (voters.includes(id) && voters.length <= fault.keep) return null;
        return { add: [], promote: [], remove: [id] };
      }
      case 'change_several': {
        const { roll } = fault;
        const add = (roll & 1) === 0 ? adding(nth(strangers, roll >> 4)) : [];
        const promote = (roll & 2) === 0 ? learners : nth(learners, roll >> 5);
        const remove = [
          ...nth(voters, roll >> 6),
          ...((roll & 4) === 0 ? nth(voters, roll >> 9) : []),
        ];
        const left = voters.length + promote.length - new Set(remove).size;
        return { add, promote, remove: left < fault.keep ? [] : [...new Set(remove)] };
      }
    }
  }
}
