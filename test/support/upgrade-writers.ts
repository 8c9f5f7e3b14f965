/**
 * Clients that write while members are moved from build to build: each puts a workload of its own again
 * and again, over the binary protocol or the API, and repeats a write under the same key, at one member
 * after the other, until it is acknowledged. The version that comes back must be the number of the write:
 * lower, and one was lost; higher, and one was applied twice. They are patient, so that what they find is
 * the members' doing and not a busy machine's; how long each waited is told, and judged elsewhere.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { RaftClient } from '../../control-plane/adapters/raft/client.ts';
import { commandText } from '../../control-plane/state/command-text.ts';
import type { ClusterMember } from './cluster-process.ts';
import {
  clientOf,
  isPassing,
  proposeTo,
  putCommand,
  putOver,
  versionIn,
} from './cluster-requests.ts';
import type { WorkloadWrite } from './cluster-requests.ts';

/** One try at one member, in ms; the next member is asked after it. */
const BINARY_TRY_MS = 2_000;
const HTTP_TRY_MS = 6_000;
const BETWEEN_TRIES_MS = 10;
const BETWEEN_WRITES_MS = 20;
/** A write that nobody acknowledges for so long is the test's failure, in ms. */
const GIVE_UP_MS = 90_000;

/** From one acknowledgement to the next. */
export interface Wait {
  readonly ms: number;
  readonly during: string;
}

interface Writer {
  readonly workloadId: string;
  readonly attempt: (member: ClusterMember, write: WorkloadWrite) => Promise<number | null>;
  acknowledged: number;
  lastAtMs: number;
}

export class UpgradeWriters {
  /** What waits are put down to. */
  phase = 'the start';
  retries = 0;
  /** In which no writer was acknowledged anything. */
  longestGap: Wait = { ms: 0, during: 'the start' };
  /** Of one writer. */
  longestWait: Wait = { ms: 0, during: 'the start' };
  readonly #members: readonly ClusterMember[];
  readonly #clients: ReadonlyMap<string, RaftClient>;
  readonly #writers: readonly Writer[];
  readonly #failures: unknown[] = [];
  #at = 0;
  #lastAtMs = performance.now();
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  constructor(members: readonly ClusterMember[], secret: Buffer, ofEach: number) {
    this.#members = members;
    const clients = members.map((one) => [one.id, clientOf(one, secret, `w-${one.id}`)] as const);
    this.#clients = new Map(clients);
    const make = (name: string, attempt: Writer['attempt']): Writer[] =>
      Array.from({ length: ofEach }, (_, nth) => ({
        workloadId: `${name}-${nth}`,
        attempt,
        acknowledged: 0,
        lastAtMs: performance.now(),
      }));
    const binary = make('binary', (member, write) => this.#tryBinary(member, write));
    this.#writers = [...binary, ...make('http', tryHttp)];
  }

  start(): void {
    this.#running = Promise.all(this.#writers.map((writer) => this.#write(writer)));
  }

  /** Each ends the write that it is at. Throws what one of them failed with. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    for (const client of this.#clients.values()) client.close();
    this.check();
  }

  /** @throws what a writer has failed with */
  check(): void {
    if (this.#failures.length > 0) throw new AggregateError(this.#failures, 'writers failed');
  }

  /** How often each workload was written. */
  written(): ReadonlyMap<string, number> {
    return new Map(this.#writers.map((one) => [one.workloadId, one.acknowledged]));
  }

  async #write(writer: Writer): Promise<void> {
    try {
      while (!this.#isStopping && this.#failures.length === 0) {
        await this.#writeOne(writer);
        await delay(BETWEEN_WRITES_MS);
      }
    } catch (error) {
      this.#failures.push(error);
    }
  }

  async #writeOne(writer: Writer): Promise<void> {
    const { workloadId } = writer;
    const number = writer.acknowledged + 1;
    const write = { workloadId, number, mode: 'stopped', description: `write ${number}` } as const;
    const deadlineMs = performance.now() + GIVE_UP_MS;
    for (;;) {
      const member = this.#members[this.#at % this.#members.length];
      const version = member === undefined ? null : await writer.attempt(member, write);
      if (version !== null) {
        if (version !== number) {
          throw new Error(`write ${number} of ${workloadId} gave version ${version}`);
        }
        break;
      }
      if (performance.now() > deadlineMs) throw new Error(`nobody takes ${workloadId} ${number}`);
      this.retries += 1;
      this.#at += 1;
      await delay(BETWEEN_TRIES_MS);
    }
    writer.acknowledged = number;
    this.#note(writer);
  }

  #note(writer: Writer): void {
    const nowMs = performance.now();
    const during = this.phase;
    const [gapMs, waitMs] = [nowMs - this.#lastAtMs, nowMs - writer.lastAtMs].map(Math.round);
    if ((gapMs ?? 0) > this.longestGap.ms) this.longestGap = { ms: gapMs ?? 0, during };
    if ((waitMs ?? 0) > this.longestWait.ms) this.longestWait = { ms: waitMs ?? 0, during };
    this.#lastAtMs = nowMs;
    writer.lastAtMs = nowMs;
  }

  async #tryBinary(member: ClusterMember, write: WorkloadWrite): Promise<number | null> {
    const client = this.#clients.get(member.id);
    if (client === undefined || client.memberId === null) return null;
    try {
      const payload = Buffer.from(commandText(putCommand(write)));
      return (await proposeTo(client, payload, BINARY_TRY_MS)).version;
    } catch (error) {
      if (isPassing(error)) return null;
      throw error;
    }
  }
}

/** 503 and 504: ask again; anything else that is no success is a fault. */
async function tryHttp(member: ClusterMember, write: WorkloadWrite): Promise<number | null> {
  const answer = await putOver(member, write, HTTP_TRY_MS);
  if (answer === null || answer.status === 503 || answer.status === 504) return null;
  if (!answer.ok) throw new Error(`${member.id} answers ${answer.status}: ${answer.text}`);
  return versionIn(answer);
}
