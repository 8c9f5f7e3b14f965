/**
 * The clients of one cluster as a process of its own: so many of them, each with one command in flight,
 * spread over connections to the leader. Prints one line of JSON. It knows both protocols, so that both
 * clusters get the same loop; it compares nothing.
 *
 *   node raft-load.part.ts '{"side":"omnimind","addresses":["127.0.0.1:7501"], …}'
 */

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connectRaftClient } from '../../control-plane/adapters/raft/client.ts';
import type { Command } from '../../control-plane/model/command.ts';
import { TransportError } from '../../control-plane/ports/raft-transport.ts';
import { commandText } from '../../control-plane/state/command-text.ts';
import { workload } from '../support/log-commands.ts';
import { EtcdClient } from './raft-etcd-client.part.ts';
import { percentile } from './process-cost.part.ts';

export interface LoadOptions {
  readonly side: 'omnimind' | 'etcd';
  /** host:port of the members, the leader first. */
  readonly addresses: readonly string[];
  /** Of our cluster. */
  readonly secretFile: string;
  readonly clients: number;
  readonly seconds: number;
  /** Not counted, before. */
  readonly warmUpSeconds: number;
  /** Ends after so many, if that is sooner. */
  readonly commandsMax: number;
  /** What makes the keys of this process its own. */
  readonly name: string;
}

export interface LoadResult {
  readonly commits: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly clientCpuSeconds: number;
  /** Commands that had to be sent once more, because who led leads no more. */
  readonly retries: number;
}

export const LOAD_PROGRAM = fileURLToPath(import.meta.url);
const COMMAND_BYTES = 256;
/** Workloads, or keys, that the commands are about. */
const SUBJECTS = 1_000;
/** One connection for so many clients. */
const CLIENTS_PER_CONNECTION = 16;
/** Of etcd's keys: the part of a workload's id that differs. */
const KEY_BYTES = 12;
const AT_MS = 1_750_000_000_000;

/** How long a command is tried, and the pause before it is tried at the next member, in ms. */
const PATIENCE_MS = 30_000;
const RETRY_AFTER_MS = 100;
const PATIENT = new AbortController().signal;

/** One connection of either protocol. */
interface Peer {
  /** Null when it is committed; else why another member is to be asked. */
  commit(command: Command): Promise<string | null>;
  close(): void;
}

async function load(options: LoadOptions): Promise<LoadResult> {
  const { clients, seconds, warmUpSeconds, commandsMax, name } = options;
  const connections = Math.ceil(clients / CLIENTS_PER_CONNECTION);
  const sessions = Array.from({ length: connections }, (_, at) => new Session(options, at));
  if (options.side === 'omnimind') await prepareSubjects(options);
  const startMs = performance.now() + warmUpSeconds * 1_000;
  const endMs = startMs + seconds * 1_000;
  const latenciesMs: number[] = [];
  let cpuBefore = process.cpuUsage();
  let sent = 0;
  const client = async (session: Session): Promise<void> => {
    for (let now = performance.now(); now < endMs && sent < commandsMax;) {
      sent += 1;
      await session.commit(command(name, sent));
      const then = now;
      now = performance.now();
      if (then < startMs || now > endMs) continue;
      if (latenciesMs.length === 0) cpuBefore = process.cpuUsage();
      latenciesMs.push(now - then);
    }
  };
  await Promise.all(
    sessions.flatMap((session, at) =>
      Array.from({ length: Math.ceil((clients - at) / connections) }, () => client(session)),
    ),
  );
  const { user, system } = process.cpuUsage(cpuBefore);
  const countedMs = Math.min(performance.now(), endMs) - startMs;
  for (const session of sessions) session.close();
  return {
    commits: latenciesMs.length,
    seconds: countedMs / 1_000,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
    clientCpuSeconds: (user + system) / 1e6,
    retries: sessions.reduce((sum, { retries }) => sum + retries, 0),
  };
}

/** Goes on to the next member when the one that it is connected to cannot commit. */
class Session {
  readonly #options: LoadOptions;
  readonly #at: number;
  #peer: Peer;
  #tried = 0;
  retries = 0;

  constructor(options: LoadOptions, at: number) {
    this.#options = options;
    this.#at = at;
    this.#peer = this.#connect();
  }

  async commit(made: Command): Promise<void> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    for (;;) {
      const peer = this.#peer;
      const trouble = await peer.commit(made);
      if (trouble === null) return;
      if (performance.now() > deadlineMs) throw new Error(`not committed: ${trouble}`);
      this.retries += 1;
      await delay(RETRY_AFTER_MS);
      if (peer === this.#peer) this.#goOn();
    }
  }

  close(): void {
    this.#peer.close();
  }

  #goOn(): void {
    this.#peer.close();
    this.#tried += 1;
    this.#peer = this.#connect();
  }

  #connect(): Peer {
    const { addresses, side } = this.#options;
    const address = addresses[this.#tried % addresses.length] ?? '';
    return side === 'etcd' ? etcdPeer(address) : ourPeer(this.#options, this.#at, address);
  }
}

function etcdPeer(address: string): Peer {
  const client = new EtcdClient(address);
  const value = Buffer.alloc(COMMAND_BYTES, 'a value of 256 bytes; ');
  return {
    commit: (made) => {
      const key = made.kind === 'set_workload_mode' ? made.workloadId.slice(0, KEY_BYTES) : '';
      return client.put(Buffer.from(key), value).then(
        () => null,
        (error: unknown) => String(error),
      );
    },
    close: () => client.close(),
  };
}

function ourPeer({ name, secretFile }: LoadOptions, at: number, address: string): Peer {
  const client = connectRaftClient({
    clusterName: 'omnimind',
    clientId: `${name}-${at}`,
    addresses: [address],
    secret: Buffer.from(readFileSync(secretFile, 'utf8').trim()),
  });
  return {
    commit: (made) =>
      client.request(Buffer.from(commandText(made)), PATIENT).then(troubleOf, (error: unknown) => {
        if (error instanceof TransportError) return error.message;
        throw error;
      }),
    close: () => client.close(),
  };
}

/** @throws Error when the plane refused what it should not */
function troubleOf(answer: Uint8Array): string | null {
  const text = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength).toString();
  const said = JSON.parse(text) as {
    readonly failure?: string;
    readonly result?: { readonly kind: string };
  };
  if (said.failure === 'not_leader') return text;
  if (said.result?.kind !== 'applied') throw new Error(`the plane answered ${text}`);
  return null;
}

/** Changes the mode of a workload; exactly COMMAND_BYTES on the wire. */
function command(name: string, count: number): Command {
  const made: Command = {
    kind: 'set_workload_mode',
    key: `${name}-${count}-`,
    atMs: AT_MS,
    workloadId: subject(count % SUBJECTS),
    mode: Math.floor(count / SUBJECTS) % 2 === 0 ? 'advise' : 'stopped',
  };
  const missing = COMMAND_BYTES - commandText(made).length;
  return { ...made, key: made.key.padEnd(made.key.length + missing, '.') };
}

function subject(at: number): string {
  return `bench-${String(at).padStart(6, '0')}-`.padEnd(63, 'x');
}

async function prepareSubjects(options: LoadOptions): Promise<void> {
  const session = new Session(options, CLIENTS_PER_CONNECTION);
  const puts = Array.from({ length: SUBJECTS }, (_, at) =>
    session.commit({
      kind: 'put_workload',
      key: `${options.name}-put-${at}`,
      atMs: AT_MS,
      workload: workload(subject(at), { mode: 'advise' }),
      source: 'api',
      expectedVersion: null,
    }),
  );
  await Promise.all(puts);
  session.close();
}

// At the end: what it runs is all there.
if (process.argv[1] === LOAD_PROGRAM) {
  const options = JSON.parse(process.argv[2] ?? '{}') as LoadOptions;
  console.log(JSON.stringify(await load(options)));
}
