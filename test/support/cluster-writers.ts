/**
 * Writers against a cluster of real processes, over both of its protocols: each puts a workload of its
 * own again and again, one write after the other, and repeats a write under the same key until a member
 * acknowledges it. So the version of the workload says how often its writes were applied, and the
 * longest time between two acknowledgements is what a user of the cluster would call an outage.
 */

import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import type { RaftClient } from '../../control-plane/adapters/raft/client.ts';
import type { Command } from '../../control-plane/model/command.ts';
import { commandText } from '../../control-plane/state/command-text.ts';
import type { Cluster } from './cluster-process.ts';
import { clientOf, isPassing, proposeTo, putCommand, putOver } from './cluster-requests.ts';
import type { WorkloadWrite } from './cluster-requests.ts';
import { registration } from './log-commands.ts';

/** Of one try, after which another member is asked, in ms. */
const BINARY_TRY_MS = 150;
const HTTP_TRY_MS = 4_000;
const FILLERS = 64;
const FILL_TRY_MS = 2_000;
const BETWEEN_TRIES_MS = 5;
const BETWEEN_WRITES_MS = 2;
/** A write that nobody acknowledges for so long is the test's failure, in ms. */
const GIVE_UP_MS = 30_000;

type Protocol = 'binary' | 'http';

/** At one member, once: whether it was acknowledged. Throws for an answer that no writer expects. */
type Try = (memberId: string, write: WorkloadWrite) => Promise<boolean>;

/** Between two acknowledged writes. */
export interface Gap {
  readonly ms: number;
  readonly during: string;
}

interface Writer {
  readonly workloadId: string;
  readonly protocol: Protocol;
  /** The member that acknowledged last is asked first. */
  at: string;
  /** Its writes are numbered from 1; this is the last acknowledged one. */
  acknowledged: number;
  readonly silence: Silence;
}

class Silence {
  longest: Gap = { ms: 0, during: 'start' };
  #endedAtMs: number | null = null;

  ends(nowMs: number, during: string): void {
    const ms = nowMs - (this.#endedAtMs ?? nowMs);
    if (ms > this.longest.ms) this.longest = { ms, during };
    this.#endedAtMs = nowMs;
  }
}

export class ClusterWriters {
  retries = 0;
  readonly #cluster: Cluster;
  readonly #secret: Buffer;
  readonly #clients = new Map<string, RaftClient>();
  readonly #writers: readonly Writer[];
  /** Of all writers of a protocol together. */
  readonly #silences = { binary: new Silence(), http: new Silence() };
  readonly #failures: unknown[] = [];
  #asked: readonly string[];
  #phase = 'start';
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  /** @param asked ids of the members that writers may turn to */
  constructor(cluster: Cluster, counts: Record<Protocol, number>, asked: readonly string[]) {
    this.#cluster = cluster;
    this.#secret = Buffer.from(readFileSync(cluster.secretFile, 'utf8').trim());
    this.#asked = asked;
    this.#writers = (['binary', 'http'] as const).flatMap((protocol) =>
      Array.from({ length: counts[protocol] }, (_, nth) => ({
        workloadId: `${protocol}-${nth}`,
        protocol,
        at: asked[nth % asked.length] ?? '',
        acknowledged: 0,
        silence: new Silence(),
      })),
    );
  }

  /** What the gaps from now on are put down to, and whom writers ask from now on. */
  phase(name: string, asked: readonly string[] = this.#asked): void {
    this.#phase = name;
    this.#asked = asked;
  }

  start(): void {
    this.#running = Promise.all(this.#writers.map((writer) => this.#write(writer)));
  }

  /** Each writer ends the write that it is at. Throws what one of them failed with. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
    if (this.#failures.length > 0) throw new AggregateError(this.#failures, 'writers failed');
  }

  /** How often each workload was written, as the writers know. */
  get expectedVersions(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#writers.map((one) => [one.workloadId, one.acknowledged]));
  }

  get acknowledged(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.acknowledged, 0);
  }

  /** The longest time in which no writer of the protocol was acknowledged anything. */
  longestGap(protocol: Protocol): Gap {
    return this.#silences[protocol].longest;
  }

  /** The longest time in which some writer of the protocol was not. */
  longestWait(protocol: Protocol): Gap {
    const own = this.#writers.filter((writer) => writer.protocol === protocol);
    const gaps = own.map((writer) => writer.silence.longest).toSorted((a, b) => b.ms - a.ms);
    return gaps[0] ?? { ms: 0, during: 'nothing' };
  }

  /** Proposes one command at one member, once. @throws TransportError | ConsensusError */
  async propose(memberId: string, command: Command, withinMs: number): Promise<void> {
    await proposeTo(this.#client(memberId), Buffer.from(commandText(command)), withinMs);
  }

  /** Puts so many entries into the log of whoever leads, and long keys into its state. */
  async fill(entries: number): Promise<void> {
    let number = 0;
    const worker = async (): Promise<void> => {
      while (number < entries) {
        number += 1;
        await this.#fillOne(filling(number));
      }
    };
    await Promise.all(Array.from({ length: FILLERS }, worker));
  }

  async #fillOne(command: Command): Promise<void> {
    const deadlineMs = performance.now() + GIVE_UP_MS;
    for (let at = 0; performance.now() < deadlineMs; at += 1) {
      try {
        await this.propose(this.#asked[at % this.#asked.length] ?? '', command, FILL_TRY_MS);
        return;
      } catch (error) {
        if (!isPassing(error)) throw error;
        await delay(BETWEEN_TRIES_MS);
      }
    }
    throw new Error(`nobody takes ${command.key}`);
  }

  async #write(writer: Writer): Promise<void> {
    const attempt: Try = writer.protocol === 'binary' ? this.#tryBinary : this.#tryHttp;
    try {
      while (!this.#isStopping && this.#failures.length === 0) {
        await this.#writeOne(writer, attempt);
        await delay(BETWEEN_WRITES_MS);
      }
    } catch (error) {
      this.#failures.push(error);
    }
  }

  async #writeOne(writer: Writer, attempt: Try): Promise<void> {
    const { workloadId } = writer;
    const number = writer.acknowledged + 1;
    const write = { workloadId, number, mode: 'observe', description: `write ${number}` } as const;
    const deadlineMs = performance.now() + GIVE_UP_MS;
    while (!(await attempt(writer.at, write))) {
      if (performance.now() > deadlineMs) throw new Error(`nobody takes ${workloadId} ${number}`);
      this.retries += 1;
      writer.at = this.#asked[(this.#asked.indexOf(writer.at) + 1) % this.#asked.length] ?? '';
      await delay(BETWEEN_TRIES_MS);
    }
    const nowMs = performance.now();
    writer.silence.ends(nowMs, this.#phase);
    this.#silences[writer.protocol].ends(nowMs, this.#phase);
    writer.acknowledged = number;
  }

  #client(memberId: string): RaftClient {
    const known = this.#clients.get(memberId);
    if (known !== undefined) return known;
    const client = clientOf(this.#cluster.member(memberId), this.#secret, 'writers');
    this.#clients.set(memberId, client);
    return client;
  }

  readonly #tryBinary: Try = async (memberId, write) => {
    try {
      await this.propose(memberId, putCommand(write), BINARY_TRY_MS);
      return true;
    } catch (error) {
      if (isPassing(error)) return false;
      throw error;
    }
  };

  readonly #tryHttp: Try = async (memberId, write) => {
    const answer = await putOver(this.#cluster.member(memberId), write, HTTP_TRY_MS);
    if (answer === null || answer.status === 503) return false;
    if (answer.ok) return true;
    throw new Error(`${memberId} answers ${answer.status} to a write: ${answer.text}`);
  };
}

function filling(number: number): Command {
  const key = `filling-${number}-`.padEnd(128, '.');
  const node = registration(`node-${number % 200}`, `host-${number}`);
  return { kind: 'register_node', key, atMs: Date.now(), registration: node };
}
