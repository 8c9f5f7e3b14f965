/**
 * The clients of a simulated cluster. Each has one operation under way: a write, tried again under its
 * own key until it is acknowledged or given up, a read that the cluster confirms, or a read that a
 * leader answers under its lease. They guess who leads, and are told no more than a client is. Everything
 * they ask and hear goes into the history.
 */

import type { Agenda } from './agenda.ts';
import type { RunCounts } from './counters.ts';
import type { Draws } from './draws.ts';
import { elementAt } from './draws.ts';
import type { Answer, Happening, Request } from './happening.ts';
import type { History, Operation } from './history.ts';
import type { WorldSettings } from './settings.ts';
import { memberNumber } from './watch/subject.ts';

interface Client {
  attempt: number;
  body: Request['body'] | null;
  /** Null for a command that is no write of a key. */
  operation: Operation | null;
  triesLeft: number;
  believedLeader: number;
}

/** Gives the bytes of a write, or of another command when `key` is null. */
export type Encode = (key: number | null, value: number) => Uint8Array;

const TIMEOUTS_MS = [60, 200, 500];
const TRIES_MAX = 8;
/** Answers, and requests, that are lost between a client and a member that runs. */
const LOST_SHARE = 0.01;
/** Keys of the next writes are drawn so that some clients stay on one key. */
const NOISE_SHARE = 0.4;

export class Clients {
  readonly #agenda: Agenda<Happening>;
  readonly #settings: WorldSettings;
  readonly #history: History;
  readonly #counts: RunCounts;
  readonly #draws: Draws;
  readonly #encode: Encode;
  readonly #clients: Client[] = [];
  #values = 0;
  #stopped = false;

  constructor(
    around: {
      readonly agenda: Agenda<Happening>;
      readonly settings: WorldSettings;
      readonly history: History;
      readonly counts: RunCounts;
    },
    draws: Draws,
    encode: Encode,
  ) {
    this.#agenda = around.agenda;
    this.#settings = around.settings;
    this.#history = around.history;
    this.#counts = around.counts;
    this.#draws = draws;
    this.#encode = encode;
  }

  start(): void {
    for (let client = 0; client < this.#settings.clients; client += 1) {
      this.#clients.push({
        attempt: 0,
        body: null,
        operation: null,
        triesLeft: 0,
        believedLeader: 0,
      });
      this.#agenda.after(this.#draws.between(0, 400), { kind: 'client_acts', client });
    }
  }

  /** What is under way ends; nothing new is asked. */
  stop(): void {
    this.#stopped = true;
  }

  /** A value that no write had before. */
  nextValue(): number {
    this.#values += 1;
    return this.#values;
  }

  act(number: number): void {
    const client = elementAt(this.#clients, number);
    if (client.body === null) {
      if (this.#stopped) return;
      this.#begin(client);
    }
    this.#ask(number, client);
  }

  answered(number: number, attempt: number, answer: Answer): void {
    const client = elementAt(this.#clients, number);
    if (client.attempt !== attempt || client.body === null) return;
    if (this.#draws.chance(LOST_SHARE)) return;
    switch (answer.kind) {
      case 'written':
        this.#counts.writesAcknowledged += 1;
        if (answer.repeated) this.#counts.writesRepeated += 1;
        if (client.operation !== null) {
          this.#history.writeTold(client.operation, answer.position);
        }
        this.#finish(number, client);
        return;
      case 'read':
        if (client.operation !== null) {
          const how = client.body.kind === 'lease_read' ? 'by lease' : 'by index';
          this.#history.readTold(client.operation, answer.reading, how);
        }
        this.#finish(number, client);
        return;
      case 'refused':
        if (answer.leaderId !== null) client.believedLeader = memberNumber(answer.leaderId);
        else client.believedLeader = this.#draws.whole(0, this.#settings.members - 1);
        this.#retry(number, client, this.#draws.between(2, 20));
        return;
    }
  }

  waited(number: number, attempt: number): void {
    const client = elementAt(this.#clients, number);
    if (client.attempt !== attempt || client.body === null) return;
    client.believedLeader = this.#draws.whole(0, this.#settings.members - 1);
    this.#retry(number, client, this.#draws.between(0, 5));
  }

  #begin(client: Client): void {
    const draws = this.#draws;
    const { keys } = this.#settings;
    const nowMs = this.#agenda.nowMs;
    const roll = draws.next();
    const key = draws.whole(0, keys - 1);
    client.triesLeft = draws.whole(1, TRIES_MAX);
    if (roll < 0.5) {
      const value = this.nextValue();
      const isNoise = this.#settings.machine === 'plane' && draws.chance(NOISE_SHARE);
      client.operation = isNoise ? null : this.#history.askWrite(key, value, nowMs);
      client.body = { kind: 'write', payload: this.#encode(isNoise ? null : key, value) };
      return;
    }
    client.operation = this.#history.askRead(key, nowMs);
    client.body = { kind: roll < 0.8 ? 'read' : 'lease_read', key };
  }

  #ask(number: number, client: Client): void {
    const draws = this.#draws;
    const { body } = client;
    if (body === null) return;
    client.attempt += 1;
    const { attempt } = client;
    const anywhere = body.kind === 'read' ? 0.5 : 0.1;
    const member = draws.chance(anywhere)
      ? draws.whole(0, this.#settings.members - 1)
      : client.believedLeader;
    if (!draws.chance(LOST_SHARE)) {
      const takesMs = this.#settings.latencyMs + draws.exponential(this.#settings.jitterMs);
      const request = { client: number, attempt, body };
      this.#agenda.after(takesMs, { kind: 'request', member, request });
    }
    const timeoutMs = draws.pick(TIMEOUTS_MS);
    this.#agenda.after(timeoutMs, { kind: 'client_waited', client: number, attempt });
  }

  #retry(number: number, client: Client, afterMs: number): void {
    client.triesLeft -= 1;
    // A late answer to this try would be taken for one to the next operation.
    client.attempt += 1;
    if (client.triesLeft <= 0) {
      if (client.body?.kind === 'write') this.#counts.writesUnknown += 1;
      this.#finish(number, client);
    } else {
      this.#agenda.after(afterMs, { kind: 'client_acts', client: number });
    }
  }

  #finish(number: number, client: Client): void {
    client.body = null;
    client.operation = null;
    client.attempt += 1;
    const thinkMs = this.#draws.exponential(this.#settings.thinkMs);
    this.#agenda.after(thinkMs, { kind: 'client_acts', client: number });
  }
}
