/**
 * One simulated world: members, clients, network and faults under one clock, all of it determined by
 * the seed. First faults strike while clients work; then everything is healed, and the cluster must
 * come to rest: a leader, a commit, equal members, and nothing left under way. Time is a number here,
 * and nothing waits.
 */

import type { Configuration } from '../../control-plane/model/configuration.ts';
import { Agenda } from './agenda.ts';
import { Clients } from './clients.ts';
import { noCounts } from './counters.ts';
import type { RunCounts } from './counters.ts';
import { Draws, elementAt } from './draws.ts';
import type { Fault } from './faults.ts';
import type { DiskEvent, Happening, MemberEvent } from './happening.ts';
import { History } from './history.ts';
import { ListMachine, decodeWrite, encodeWrite } from './machine.ts';
import type { Machine } from './machine.ts';
import { Member } from './member.ts';
import type { Surroundings } from './member.ts';
import { describeHappening } from './trace.ts';
import type { Trace } from './trace.ts';
import { Network } from './network.ts';
import { PlaneMachine, encodePlaneNoise, encodePlaneWrite, planeWrite } from './plane-machine.ts';
import { Rest } from './rest.ts';
import type { WorldSettings } from './settings.ts';
import { Trouble } from './trouble.ts';
import { Violation } from './violation.ts';
import { CommittedLog } from './watch/committed-log.ts';
import { memberId } from './watch/subject.ts';
import { Watch } from './watch/watch.ts';

export interface RunOutcome {
  readonly counts: RunCounts;
  /** Equal for equal runs: of every event, in order. */
  readonly hash: number;
  readonly violation: Violation | null;
  /** Of the violation, or of the end; ms since the world began. */
  readonly endedMs: number;
}

const STREAMS = { network: 11, clients: 12, payloads: 13, rest: 14, member: 100 } as const;
/** No world may go on for ever, whatever its core does. */
const EVENTS_MAX = 400_000;

/** @param trace gets a line for everything that happens, to be read by a person */
export function runWorld(
  settings: WorldSettings,
  faults: readonly Fault[],
  trace: Trace | null = null,
): RunOutcome {
  return new World(settings, faults, trace).run();
}

class World {
  readonly #agenda = new Agenda<Happening>();
  readonly #counts = noCounts();
  readonly #watch: Watch;
  readonly #network: Network;
  readonly #members: Member[] = [];
  readonly #clients: Clients;
  readonly #trouble: Trouble;
  readonly #rest: Rest;
  readonly #trace: Trace | null;
  #hash = 0;
  #over = false;

  constructor(settings: WorldSettings, faults: readonly Fault[], trace: Trace | null) {
    this.#trace = trace;
    const { seed } = settings;
    const agenda = this.#agenda;
    const counts = this.#counts;
    const isPlane = settings.machine === 'plane';
    const machine = (): Machine => (isPlane ? new PlaneMachine() : new ListMachine());
    const writeOf = isPlane
      ? (entry: { readonly payload: Uint8Array }) => planeWrite(entry.payload)
      : (entry: { readonly payload: Uint8Array }) => decodeWrite(entry.payload);
    const committed = new CommittedLog(machine(), writeOf, counts.checks);
    const history = new History(committed, counts.checks);
    this.#watch = new Watch(committed, settings.options, settings.tickMs, counts.checks);
    this.#network = new Network(agenda, new Draws(seed, STREAMS.network), settings, counts);
    const watch = this.#watch;
    const network = this.#network;
    const around: Surroundings = { agenda, network, settings, counts, watch, machine, trace };
    const bootstrap = bootstrapOf(settings.voters);
    for (let number = 0; number < settings.members; number += 1) {
      const member = new Member(
        number,
        bootstrap,
        around,
        new Draws(seed, STREAMS.member + number),
      );
      this.#members.push(member);
      watch.add(member);
    }
    const payloads = new Draws(seed, STREAMS.payloads);
    const encode = (key: number | null, value: number): Uint8Array => {
      if (key === null) return encodePlaneNoise(value, payloads);
      if (isPlane) return encodePlaneWrite({ key, value });
      return encodeWrite({ key, value }, payloads.whole(0, settings.paddingMax));
    };
    const clientDraws = new Draws(seed, STREAMS.clients);
    this.#clients = new Clients({ agenda, settings, history, counts }, clientDraws, encode);
    this.#trouble = new Trouble(agenda, network, this.#members, counts);
    this.#rest = new Rest(
      { ...around, members: this.#members, trouble: this.#trouble },
      new Draws(seed, STREAMS.rest),
      () => encode(0, this.#clients.nextValue()),
    );
    counts.planeRuns = isPlane ? 1 : 0;
    for (const fault of faults) agenda.at(fault.atMs, { kind: 'fault', fault });
    agenda.at(settings.faultsEndMs, { kind: 'heal' });
  }

  run(): RunOutcome {
    let violation: Violation | null = null;
    try {
      for (const member of this.#members) member.start();
      this.#clients.start();
      while (!this.#over) this.#next();
    } catch (error) {
      violation = asViolation(error);
    }
    const counts = this.#counts;
    counts.events = this.#agenda.planned;
    counts.simulatedMs = this.#agenda.nowMs;
    counts.commits = this.#watch.committed.index;
    return { counts, hash: this.#hash, violation, endedMs: this.#agenda.nowMs };
  }

  #next(): void {
    const event = this.#agenda.take();
    if (event === null || this.#agenda.planned > EVENTS_MAX) {
      throw new Violation('liveness', `the world does not end: ${this.#agenda.planned} events`);
    }
    this.#note(event);
    this.#trace?.(this.#agenda.nowMs, describeHappening(event));
    this.#happen(event);
    this.#watch.instant();
  }

  #happen(event: Happening): void {
    switch (event.kind) {
      case 'message':
      case 'request':
        this.#arrive(event);
        break;
      case 'tick':
      case 'sync_told':
      case 'apply':
      case 'chunk_read':
      case 'snapshot_told':
      case 'unreachable':
      case 'take_snapshot':
        this.#toProcess(event);
        break;
      case 'sync_ended':
      case 'snapshot_renamed':
        this.#toDisk(event);
        break;
      case 'answer':
        this.#clients.answered(event.client, event.attempt, event.answer);
        break;
      case 'client_acts':
        this.#clients.act(event.client);
        break;
      case 'client_waited':
        this.#clients.waited(event.client, event.attempt);
        break;
      case 'fault':
        this.#trouble.strike(event.fault);
        break;
      case 'fault_ends':
        this.#trouble.end(event.end);
        break;
      case 'crash': {
        const member = elementAt(this.#members, event.member);
        const { armed } = member;
        if (member.life === event.life && armed !== null) member.crash(armed.tail, armed.downMs);
        break;
      }
      case 'restart': {
        const member = elementAt(this.#members, event.member);
        if (!member.runs) member.start();
        break;
      }
      case 'wake':
        this.#wake(elementAt(this.#members, event.member), event.stall);
        break;
      case 'heal':
        this.#heal();
        break;
      case 'look':
        this.#over = this.#rest.look();
        break;
    }
  }

  #arrive(event: Extract<Happening, { kind: 'message' | 'request' }>): void {
    const member = elementAt(this.#members, event.member);
    if (member.stalled) member.backlog.push(event);
    else if (event.kind === 'message') member.receive(event.message);
    else member.request(event.request);
  }

  #toProcess(event: MemberEvent): void {
    const member = elementAt(this.#members, event.member);
    if (member.life !== event.life) return;
    if (member.stalled) member.backlog.push(event);
    else member.handle(event);
  }

  #toDisk(event: DiskEvent): void {
    const member = elementAt(this.#members, event.member);
    if (member.life !== event.life || !member.runs) return;
    if (event.kind === 'sync_ended') member.syncEnded();
    else member.snapshotRenamed(event.saved);
  }

  /** Its clock has gone on; what reached it meanwhile is handled now, the tick first or last. */
  #wake(member: Member, stall: number): void {
    if (!member.stalled || member.life !== stall) return;
    member.stalled = false;
    const { backlog } = member;
    member.backlog = [];
    const ticks = backlog.filter(({ kind }) => kind === 'tick');
    const rest = backlog.filter(({ kind }) => kind !== 'tick');
    const ticksFirst = (member.number + Math.floor(this.#agenda.nowMs)) % 2 === 0;
    for (const event of ticksFirst ? [...ticks, ...rest] : [...rest, ...ticks]) {
      this.#happen(event);
    }
  }

  #heal(): void {
    this.#trouble.heal();
    this.#clients.stop();
    for (const member of this.#members) {
      this.#wake(member, member.life);
      if (!member.runs) member.start();
    }
    this.#rest.begin();
  }

  /** Everything that tells one run from another. */
  #note(event: Happening): void {
    let number = this.#agenda.nowMs * 1e4;
    number += 'member' in event ? event.member : 31;
    if (event.kind === 'message') {
      number += event.message.term * 7 + event.message.kind.length * 13;
      number += event.message.from.charCodeAt(0);
    }
    const mixed = Math.imul(this.#hash ^ (number | 0), 0x9e3779b1) + event.kind.length;
    this.#hash = (mixed ^ (mixed >>> 15)) >>> 0;
  }
}

function bootstrapOf(voters: number): Configuration {
  const ids = Array.from({ length: voters }, (_, number) => memberId(number));
  const addresses = Object.fromEntries(ids.map((id) => [id, `${id}:1`] as const));
  return { voters: ids, outgoing: [], learners: [], addresses };
}

/** What the core or a machine throws is a violation as well. */
function asViolation(error: unknown): Violation {
  if (error instanceof Violation) return error;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new Violation('core_contract', `thrown: ${stack}`, { cause: error });
}
