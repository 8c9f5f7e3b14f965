/**
 * A load on a cluster of real processes that keeps account of every acknowledgement. Writers put a
 * workload of their own again and again, over the binary protocol or the API, and repeat a write under
 * the same key until some member acknowledges it: none is ever given up. So the version of a writer's
 * workload must be the number of its write in every answer: lower, and one was lost; higher, and one
 * was applied twice. A prober beside them, with connections of its own, sends small writes all the time,
 * several at once, to whichever member takes them: the first acknowledgement of a later term than the
 * last one says when a new leader has committed something.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { RaftClient } from '../../control-plane/adapters/raft/client.ts';
import type { FencingToken } from '../../control-plane/model/decision.ts';
import { commandText } from '../../control-plane/state/command-text.ts';
import type { ClusterMember } from './cluster-process.ts';
import {
  ask,
  clientOf,
  isPassing,
  proposeTo,
  putCommand,
  putOver,
  versionIn,
} from './cluster-requests.ts';
import type { WorkloadWrite } from './cluster-requests.ts';

/** One try at one member, in ms; the next member is asked after it. */
const WRITE_TRY_MS = 500;
const PROBE_TRY_MS = 150;
/** Longer than a member waits for a leader. */
const HTTP_TRY_MS = 2_500;
/** After all members were asked in vain: seldom enough to leave a busy machine to the members. */
const BETWEEN_ROUNDS_MS = 25;
const BETWEEN_PROBE_ROUNDS_MS = 10;
/**
 * Together some 250 commands a second: a key is remembered for 4096 other commands, and so for longer
 * than any of the faults lasts, which is how long a repeat may come late.
 */
const BETWEEN_WRITES_MS = 20;
const BETWEEN_PROBES_MS = 20;
const PROBES_IN_FLIGHT_MAX = 4;
/** A write that nobody acknowledges for so long is the test's failure, in ms. */
const GIVE_UP_MS = 60_000;

export const PROBE_ID = 'probe';

export interface Acknowledged {
  readonly workloadId: string;
  /** Writes to one workload are numbered from 1. */
  readonly number: number;
  /** The version that the write gave. */
  readonly version: number;
  readonly memberId: string;
  readonly atMs: number;
  /** Of the entry that was answered; null over the API, which does not say. */
  readonly token: FencingToken | null;
  readonly repeated: boolean;
}

export type Placed = Acknowledged & { readonly token: FencingToken };

export interface ClusterLoadOptions {
  readonly members: readonly ClusterMember[];
  readonly secret: Buffer;
  readonly binaryWriters: number;
  readonly httpWriters: number;
  readonly random: () => number;
}

interface OneWriter {
  readonly workloadId: string;
  begun: number;
  acknowledged: number;
}

type Clients = ReadonlyMap<string, RaftClient>;

export class ClusterLoad {
  readonly acknowledged: Acknowledged[] = [];
  /** Of a term that no other came after. */
  latest: Placed | null = null;
  retries = 0;
  /** Linearizable reads that were answered, each no older than what was acknowledged before it. */
  reads = 0;
  /** Those that no member could answer in time. */
  readsRefused = 0;
  readonly #options: ClusterLoadOptions;
  readonly #writeClients: Clients;
  readonly #probeClients: Clients;
  readonly #binary: readonly OneWriter[];
  readonly #http: readonly OneWriter[];
  readonly #probe: OneWriter = { workloadId: PROBE_ID, begun: 0, acknowledged: 0 };
  readonly #ending = new AbortController();
  #isClosed = false;
  readonly #failures: unknown[] = [];
  readonly #probeVersions = new Set<number>();
  readonly #waiting = new Set<(seen: Placed) => void>();
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ClusterLoadOptions) {
    this.#options = options;
    this.#writeClients = clientsOf(options, 'writers');
    this.#probeClients = clientsOf(options, 'prober');
    const make = (name: string, count: number): OneWriter[] =>
      Array.from({ length: count }, (_, nth) => ({
        workloadId: `${name}-${nth}`,
        begun: 0,
        acknowledged: 0,
      }));
    this.#binary = make('binary', options.binaryWriters);
    this.#http = make('http', options.httpWriters);
  }

  start(): void {
    const runs = [
      ...this.#binary.map((one) => this.#until(() => this.#writeBinary(one))),
      ...this.#http.map((one) => this.#until(() => this.#writeHttp(one))),
      this.#probeOn(),
    ];
    this.#running = Promise.all(runs);
  }

  /** Every write that was begun is acknowledged. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
    this.check();
  }

  close(): void {
    this.#isClosed = true;
    this.#ending.abort();
    for (const clients of [this.#writeClients, this.#probeClients]) {
      for (const client of clients.values()) client.close();
    }
  }

  /** @throws what one of the writers found to be wrong */
  check(): void {
    if (this.#failures.length > 0) throw new AggregateError(this.#failures, textOf(this.#failures));
  }

  /** How many writes each workload has had. */
  written(): ReadonlyMap<string, number> {
    const all = [...this.#binary, ...this.#http, this.#probe];
    return new Map(all.map(({ workloadId, begun }) => [workloadId, begun]));
  }

  /** The first acknowledgement of a later term than this. */
  async beyond(term: number, withinMs: number): Promise<Placed> {
    let found = (_: Placed): void => undefined;
    const seen = new Promise<Placed>((resolve) => (found = resolve));
    const look = (one: Placed): void => {
      if (one.token.term > term) found(one);
    };
    this.#waiting.add(look);
    if (this.latest !== null) look(this.latest);
    const bound = new AbortController();
    const late = delay(withinMs, null, { signal: bound.signal }).catch(() => null);
    const first = await Promise.race([seen, late]);
    bound.abort();
    this.#waiting.delete(look);
    this.check();
    if (first === null) throw new Error(`nothing was committed after term ${term}`);
    return first;
  }

  /**
   * Asks one member for what was written over the API; it may fail to answer, and must not be behind:
   * `check` says so.
   */
  async readAt(memberId: string): Promise<void> {
    const reads = this.#http.map((writer) => this.#read(memberId, writer));
    for (const read of await Promise.allSettled(reads)) {
      if (read.status === 'rejected') this.#failures.push(read.reason);
    }
  }

  async #until(write: () => Promise<void>): Promise<void> {
    try {
      while (!this.#ending.signal.aborted && this.#failures.length === 0) {
        await write();
        await delay(BETWEEN_WRITES_MS * (0.5 + this.#options.random()));
      }
    } catch (error) {
      this.#failures.push(error);
    }
  }

  async #probeOn(): Promise<void> {
    const underWay = new Set<Promise<void>>();
    while (!this.#ending.signal.aborted && this.#failures.length === 0) {
      if (underWay.size < PROBES_IN_FLIGHT_MAX) {
        const probe = this.#writeProbe()
          .catch((error: unknown) => void this.#failures.push(error))
          .finally(() => underWay.delete(probe));
        underWay.add(probe);
      }
      await delay(BETWEEN_PROBES_MS);
    }
    await Promise.all(underWay);
  }

  async #writeProbe(): Promise<void> {
    const number = (this.#probe.begun += 1);
    const one = await this.#propose(this.#probeClients, PROBE_ID, number, PROBE_TRY_MS);
    if (this.#probeVersions.has(one.version)) throw new Error(`two writes gave ${place(one)}`);
    this.#probeVersions.add(one.version);
  }

  async #writeBinary(writer: OneWriter): Promise<void> {
    const number = (writer.begun += 1);
    const { workloadId } = writer;
    const one = await this.#propose(this.#writeClients, workloadId, number, WRITE_TRY_MS);
    writer.acknowledged = number;
    if (one.version !== number) throw new Error(`write ${number} gave ${place(one)}`);
  }

  /** At one member after the other, until it is acknowledged. */
  async #propose(
    clients: Clients,
    workloadId: string,
    number: number,
    tryMs: number,
  ): Promise<Placed> {
    const payload = Buffer.from(commandText(putCommand(writeOf(workloadId, number))));
    const ids = [...clients.keys()];
    const pauseMs = workloadId === PROBE_ID ? BETWEEN_PROBE_ROUNDS_MS : BETWEEN_ROUNDS_MS;
    const beganMs = performance.now();
    let at = Math.max(0, ids.indexOf(this.latest?.memberId ?? ''));
    for (let asked = 1; this.#isWorthWhile(beganMs); asked += 1) {
      const memberId = ids[at % ids.length] ?? '';
      const one = await this.#tryOnce(clients, memberId, { workloadId, number, payload, tryMs });
      if (one !== null) return one;
      this.retries += 1;
      at += 1;
      if (asked % ids.length === 0) await delay(pauseMs);
    }
    throw new Error(`write ${number} of ${workloadId} was not acknowledged in ${GIVE_UP_MS} ms`);
  }

  async #tryOnce(
    clients: Clients,
    memberId: string,
    write: {
      readonly workloadId: string;
      readonly number: number;
      readonly payload: Buffer;
      readonly tryMs: number;
    },
  ): Promise<Placed | null> {
    const client = clients.get(memberId);
    if (client === undefined || client.memberId === null) return null;
    try {
      const applied = await proposeTo(client, write.payload, write.tryMs);
      const { workloadId, number } = write;
      const one = { workloadId, number, memberId, atMs: performance.now(), ...applied };
      this.#acknowledge(one);
      return one;
    } catch (error) {
      if (isPassing(error)) return null;
      throw error;
    }
  }

  #acknowledge(one: Placed): void {
    this.acknowledged.push(one);
    if (one.token.term >= (this.latest?.token.term ?? 0)) this.latest = one;
    for (const look of this.#waiting) look(one);
  }

  async #writeHttp(writer: OneWriter): Promise<void> {
    const number = (writer.begun += 1);
    const { workloadId } = writer;
    const beganMs = performance.now();
    for (;;) {
      const member = this.#anyMember();
      const version = await versionOver(member, writeOf(workloadId, number));
      if (version !== null) {
        writer.acknowledged = number;
        const atMs = performance.now();
        const { id: memberId } = member;
        const head = { workloadId, number, version, memberId, atMs };
        const one: Acknowledged = { ...head, token: null, repeated: false };
        this.acknowledged.push(one);
        if (version !== number) throw new Error(`write ${number} gave ${place(one)}`);
        break;
      }
      this.retries += 1;
      if (!this.#isWorthWhile(beganMs)) {
        throw new Error(`write ${number} of ${workloadId} was not acknowledged over the API`);
      }
      await delay(BETWEEN_ROUNDS_MS);
    }
    await this.#read(this.#anyMember().id, writer);
  }

  /** A linearizable read: no older than what was acknowledged before it was asked for. */
  async #read(memberId: string, writer: OneWriter): Promise<void> {
    const member = this.#options.members.find(({ id }) => id === memberId);
    const { acknowledged: atLeast, workloadId } = writer;
    if (member === undefined || atLeast === 0) return;
    const path = `/v1/workloads/${workloadId}?consistency=linearizable`;
    const answer = await ask(member, path, HTTP_TRY_MS);
    if (answer === null || answer.status >= 500) {
      this.readsRefused += 1;
      return;
    }
    this.reads += 1;
    const version = versionIn(answer);
    const said = answer.headers.get('omnimind-consistency');
    if (answer.status !== 200 || said !== 'linearizable' || version < atLeast) {
      const seen = `status ${answer.status}, version ${version}, ${said ?? 'no consistency'}`;
      throw new Error(`${memberId} showed ${workloadId} older than write ${atLeast}: ${seen}`);
    }
  }

  #isWorthWhile(sinceMs: number): boolean {
    return !this.#isClosed && performance.now() - sinceMs < GIVE_UP_MS;
  }

  #anyMember(): ClusterMember {
    const { members, random } = this.#options;
    const member = members[Math.floor(random() * members.length)];
    if (member === undefined) throw new Error('there is no member');
    return member;
  }
}

function clientsOf({ members, secret }: ClusterLoadOptions, name: string): Clients {
  return new Map(
    members.map((member) => [member.id, clientOf(member, secret, `${name}-${member.id}`)]),
  );
}

function writeOf(workloadId: string, number: number): WorkloadWrite {
  return { workloadId, number, mode: 'stopped', description: String(number) };
}

/** Over the API: the version that the write gave; null when it is to be repeated. */
async function versionOver(member: ClusterMember, write: WorkloadWrite): Promise<number | null> {
  const answer = await putOver(member, write, HTTP_TRY_MS);
  if (answer === null || answer.status === 503 || answer.status === 504) return null;
  if (!answer.ok) {
    throw new Error(`${member.id} answered ${answer.status} to a write: ${answer.text}`);
  }
  return versionIn(answer);
}

function place({ workloadId, version, memberId, token }: Acknowledged): string {
  const where = token === null ? '' : ` at ${token.term}/${token.index}`;
  return `version ${version} of ${workloadId}${where}, says ${memberId}`;
}

function textOf(failures: readonly unknown[]): string {
  return failures.map((one) => (one instanceof Error ? one.message : String(one))).join('\n');
}
