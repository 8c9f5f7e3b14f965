/**
 * Three members of the plane on this machine, with real syncs, under 256-byte commands from a separate
 * client process over the binary protocol; beside them etcd of three members over its own, on the same
 * disk in the same run. One cluster runs at a time, in turns; ratios are of the medians of the rounds.
 * Then memory and disk over a million commands with compaction on. One line of JSON per figure.
 *
 * Options: --seconds N (6) and --rounds N (3) per level, --clients 1,16,64,256, --directory PATH
 * (.build), --part throughput|memory (both), --commands N (1000000) of the memory part.
 */

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isInstalled, startProcess } from '../support/process.ts';
import { cpuMs, percentile } from './process-cost.part.ts';
import { prepareEtcd, prepareOurs } from './raft-clusters.part.ts';
import type { BenchCluster } from './raft-clusters.part.ts';
import { LOAD_PROGRAM } from './raft-load.part.ts';
import type { LoadOptions, LoadResult } from './raft-load.part.ts';
import { measureMemory } from './raft-memory.part.ts';

/** From so many clients on the goal holds. */
const GOAL_CLIENTS = 64;
/** Before the levels of a round: both sides warm up their code and their files. */
const WARM_UP = { clients: 64, seconds: 3 };
const LEVEL_WARM_UP_SECONDS = 1;
/** For a load to end beyond its own time. */
const LOAD_SLACK_MS = 60_000;

interface Level {
  readonly clients: number;
  readonly seconds: number;
}

interface Measured extends LoadResult {
  readonly perSecond: number;
  readonly memberCpuSeconds: number;
}

/** Of one side at one number of clients, one for each round. */
type Rounds = Map<number, Measured[]>;

/** Resolves to true when the goals that could be measured were met. */
export async function run(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '6' },
      rounds: { type: 'string', default: '3' },
      clients: { type: 'string', default: '1,16,64,256' },
      directory: { type: 'string', default: '.build' },
      part: { type: 'string', default: 'all' },
      commands: { type: 'string', default: '1000000' },
    },
  });
  await mkdir(values.directory, { recursive: true });
  const home = await mkdtemp(join(values.directory, 'raft-bench-'));
  try {
    let met = true;
    if (values.part !== 'memory') {
      const seconds = Number(values.seconds);
      const levels = values.clients.split(',').map((one) => ({ clients: Number(one), seconds }));
      met = await compare(home, levels, Number(values.rounds));
    }
    if (values.part !== 'throughput') {
      const cluster = await prepareOurs(join(home, 'memory'));
      const commandsMax = Number(values.commands);
      const load = (name: string): Promise<LoadResult> =>
        apply(cluster, { clients: 256, seconds: 3_600 }, { name, commandsMax, warmUpSeconds: 0 });
      met = (await measureMemory(cluster, load, commandsMax, report)) && met;
    }
    return met;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function compare(home: string, levels: readonly Level[], rounds: number): Promise<boolean> {
  const ours = await prepareOurs(join(home, 'omnimind'));
  const theirs = isInstalled('etcd') ? await prepareEtcd(join(home, 'etcd')) : null;
  if (theirs === null) {
    console.log(JSON.stringify({ figure: 'raft_peer', skipped: 'etcd is not installed' }));
  }
  const found = new Map<BenchCluster, Rounds>();
  for (let round = 1; round <= rounds; round += 1) {
    const inTurn = round % 2 === 1 ? [ours, theirs] : [theirs, ours];
    for (const cluster of inTurn) {
      if (cluster === null) continue;
      const measured = found.get(cluster) ?? new Map<number, Measured[]>();
      found.set(cluster, measured);
      await measureRound(cluster, levels, `r${round}`, measured);
    }
  }
  return levels
    .map(({ clients }) => judged(clients, found.get(ours), theirs && found.get(theirs)))
    .every((met) => met);
}

async function measureRound(
  cluster: BenchCluster,
  levels: readonly Level[],
  round: string,
  measured: Rounds,
): Promise<void> {
  await cluster.start();
  try {
    await apply(cluster, WARM_UP, { name: `${round}-warm`, warmUpSeconds: 0 });
    for (const level of levels) {
      const { clients } = level;
      const before = cpuMs(cluster.pids());
      const name = `${round}-${clients}`;
      const result = await apply(cluster, level, { name, warmUpSeconds: LEVEL_WARM_UP_SECONDS });
      // The members worked through the warm-up too, at the same rate.
      const share = level.seconds / (level.seconds + LEVEL_WARM_UP_SECONDS);
      const memberCpuSeconds = ((cpuMs(cluster.pids()) - before) / 1_000) * share;
      const perSecond = result.commits / result.seconds;
      const one = { ...result, perSecond, memberCpuSeconds };
      measured.set(clients, [...(measured.get(clients) ?? []), one]);
      report('raft_round', { side: cluster.side, round, clients, ...figuresOf([one]) });
    }
  } finally {
    await cluster.stop();
  }
}

/** Runs the clients to their end. */
async function apply(
  cluster: BenchCluster,
  { clients, seconds }: Level,
  more: Pick<LoadOptions, 'name' | 'warmUpSeconds'> & Partial<LoadOptions>,
): Promise<LoadResult> {
  const options: LoadOptions = {
    side: cluster.side,
    addresses: await cluster.addresses(),
    secretFile: cluster.secretFile,
    clients,
    seconds,
    commandsMax: Number.MAX_SAFE_INTEGER,
    ...more,
  };
  const child = startProcess(process.execPath, [LOAD_PROGRAM, JSON.stringify(options)]);
  try {
    const code = await child.exit((seconds + more.warmUpSeconds) * 1_000 + LOAD_SLACK_MS);
    if (code !== 0) throw new Error(`the clients of ${cluster.side} failed:\n${child.output()}`);
    return JSON.parse(child.output()) as LoadResult;
  } finally {
    child.kill();
  }
}

/** Prints a level's figures; whether its goal was met, if it has one. */
function judged(clients: number, ours?: Rounds, theirs?: Rounds | null): boolean {
  const mine = figuresOf(ours?.get(clients) ?? []);
  report('raft_commits', { side: 'omnimind', clients, ...mine });
  const peer = theirs?.get(clients);
  if (peer === undefined) return true;
  const other = figuresOf(peer);
  report('raft_commits', { side: 'etcd', clients, ...other });
  const ratios = {
    throughput_ratio: mine.per_second / other.per_second,
    p50_ratio: mine.p50_ms / other.p50_ms,
    p99_ratio: mine.p99_ms / other.p99_ms,
    member_cpu_per_commit_ratio: mine.member_cpu_us_per_commit / other.member_cpu_us_per_commit,
  };
  const hasGoal = clients >= GOAL_CLIENTS;
  const met = ratios.throughput_ratio >= 1 && ratios.p99_ratio <= 1;
  report('raft_vs_etcd', { clients, ...ratios, ...(hasGoal ? { met } : {}) });
  return met || !hasGoal;
}

function figuresOf(rounds: readonly Measured[]) {
  const median = (of: (one: Measured) => number): number => percentile(rounds.map(of), 0.5);
  return {
    per_second: median((one) => one.perSecond),
    p50_ms: median((one) => one.p50Ms),
    p99_ms: median((one) => one.p99Ms),
    member_cpu_seconds: median((one) => one.memberCpuSeconds),
    retries: median((one) => one.retries),
    client_cpu_seconds: median((one) => one.clientCpuSeconds),
    member_cpu_us_per_commit: median((one) => (one.memberCpuSeconds * 1e6) / one.commits),
  };
}

function report(figure: string, values: Readonly<Record<string, unknown>>): void {
  const row = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === 'number' ? Number(value.toPrecision(4)) : value,
  ]);
  console.log(JSON.stringify({ figure, ...Object.fromEntries(row) }));
}
