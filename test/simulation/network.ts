/**
 * The network between simulated members. Each link keeps the order of its messages and takes a short,
 * uneven time, until faults say otherwise: links are cut one way or both, messages are lost, doubled,
 * late, or overtake each other. Contents are never changed; the transport's own tests do that.
 */

import type { RaftMessage } from '../../control-plane/model/raft-message.ts';
import type { Agenda } from './agenda.ts';
import { count } from './counters.ts';
import type { RunCounts } from './counters.ts';
import type { Draws } from './draws.ts';
import type { Happening } from './happening.ts';
import type { WorldSettings } from './settings.ts';
import { memberNumber } from './watch/subject.ts';

/** Faults of the whole network; several of one kind do not add up, the last one holds. */
export interface Weather {
  loseShare: number;
  duplicateShare: number;
  reorderShare: number;
  reorderWithinMs: number;
  delayMeanMs: number;
}

const HELD_MS_MAX = 1_500;
/** A message may come again after several elections. */
const LATE_MS_MAX = 1_500;
/** How often a sender hears that a message was lost, as by a connection that breaks. */
const NOTICED_SHARE = 0.3;

export class Network {
  readonly weather: Weather = {
    loseShare: 0,
    duplicateShare: 0,
    reorderShare: 0,
    reorderWithinMs: 0,
    delayMeanMs: 0,
  };
  readonly #agenda: Agenda<Happening>;
  readonly #draws: Draws;
  readonly #settings: WorldSettings;
  readonly #counts: RunCounts;
  /** Cuts in force, by sender and receiver. */
  readonly #cuts: number[];
  /** By link, in ms. */
  readonly #slowMs: number[] = [];
  /** When the last message of a link arrives. */
  readonly #lastMs: number[];

  constructor(agenda: Agenda<Happening>, draws: Draws, settings: WorldSettings, counts: RunCounts) {
    this.#agenda = agenda;
    this.#draws = draws;
    this.#settings = settings;
    this.#counts = counts;
    this.#cuts = Array<number>(settings.members ** 2).fill(0);
    this.#lastMs = Array<number>(settings.members ** 2).fill(0);
  }

  /** @param by 1 to cut the link, -1 to undo one cut of it */
  cut(from: number, to: number, by: 1 | -1): void {
    const link = this.#link(from, to);
    this.#cuts[link] = (this.#cuts[link] ?? 0) + by;
  }

  /** Everything from the one to the other arrives later by so much, until told 0. */
  slow(from: number, to: number, byMs: number): void {
    this.#slowMs[this.#link(from, to)] = byMs;
  }

  isCut(from: number, to: number): boolean {
    return (this.#cuts[this.#link(from, to)] ?? 0) > 0;
  }

  heal(): void {
    this.#cuts.fill(0);
    this.#slowMs.fill(0);
    const { weather } = this;
    weather.loseShare = weather.duplicateShare = weather.reorderShare = weather.delayMeanMs = 0;
  }

  /** @param life of the sender's process, to be told of a loss */
  send(message: RaftMessage, life: number): void {
    const draws = this.#draws;
    const { weather } = this;
    const from = memberNumber(message.from);
    const to = memberNumber(message.to);
    this.#counts.messages += 1;
    if (to < 0 || to >= this.#settings.members) {
      count(this.#counts.faults, 'message to a stranger');
      return;
    }
    if (this.isCut(from, to)) {
      this.#intoCut(message, from, to, life);
      return;
    }
    if (weather.loseShare > 0 && draws.chance(weather.loseShare)) {
      count(this.#counts.faults, 'message lost');
      this.#notice(from, life, message.to);
      return;
    }
    this.#deliver(message, from, to);
    if (weather.duplicateShare > 0 && draws.chance(weather.duplicateShare)) {
      count(this.#counts.faults, 'message doubled');
      const lateMs = draws.chance(0.2) ? draws.between(0, LATE_MS_MAX) : draws.exponential(30);
      this.#agenda.after(lateMs, { kind: 'message', member: to, message });
    }
  }

  #deliver(message: RaftMessage, from: number, to: number): void {
    const draws = this.#draws;
    const { weather } = this;
    const link = this.#link(from, to);
    let atMs =
      this.#agenda.nowMs + this.#settings.latencyMs + draws.exponential(this.#settings.jitterMs);
    atMs += this.#slowMs[link] ?? 0;
    if (weather.delayMeanMs > 0) {
      count(this.#counts.faults, 'message delayed');
      atMs += draws.exponential(weather.delayMeanMs);
    }
    if (weather.reorderShare > 0 && draws.chance(weather.reorderShare)) {
      count(this.#counts.faults, 'message reordered');
      atMs += draws.between(0, weather.reorderWithinMs);
    } else {
      atMs = Math.max(atMs, this.#lastMs[link] ?? 0);
      this.#lastMs[link] = atMs;
    }
    this.#agenda.at(atMs, { kind: 'message', member: to, message });
  }

  #intoCut(message: RaftMessage, from: number, to: number, life: number): void {
    const draws = this.#draws;
    if (this.#settings.heldShare > 0 && draws.chance(this.#settings.heldShare)) {
      count(this.#counts.faults, 'message held back');
      this.#agenda.after(draws.between(50, HELD_MS_MAX), { kind: 'message', member: to, message });
      return;
    }
    count(this.#counts.faults, 'message cut off');
    this.#notice(from, life, message.to);
  }

  #notice(member: number, life: number, peer: string): void {
    if (!this.#draws.chance(NOTICED_SHARE)) return;
    const afterMs = this.#draws.exponential(10);
    this.#agenda.after(afterMs, { kind: 'unreachable', member, life, peer });
  }

  #link(from: number, to: number): number {
    return from * this.#settings.members + to;
  }
}
