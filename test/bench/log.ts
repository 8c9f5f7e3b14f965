/**
 * What the durable log and the state machine cost, on the disk under the working directory (or the
 * folder given with --directory): proposals a second and their latency for several numbers of
 * concurrent proposers at a cluster of one with real syncs, recovery of 100,000 entries, and one tick
 * of 5,000 policies. Before that the Raft member's log alone (log.part.ts). One line of JSON per
 * figure. It compares with nothing and tunes nothing.
 */

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openRaftLog } from '../../control-plane/adapters/log/raft-log.ts';
import { startRaftMember } from '../../control-plane/loops/raft/member.ts';
import type { RaftMember } from '../../control-plane/loops/raft/member.ts';
import type { MemberLimits } from '../../control-plane/loops/raft/member-options.ts';
import type { Command } from '../../control-plane/model/command.ts';
import { applyCommand } from '../../control-plane/state/apply.ts';
import { decodeState, encodeState } from '../../control-plane/state/snapshot.ts';
import { INITIAL_STATE } from '../../control-plane/state/state.ts';
import type { PlaneState } from '../../control-plane/state/state.ts';
import { AT_MS, entry, numbered, workload } from '../support/log-commands.ts';
import { votersOnly } from '../support/raft-member-cluster.ts';
import { policy } from '../support/scale-input.ts';
import { measureAppends, measureSnapshot, measureVotes } from './log.part.ts';

const PROPOSERS = [1, 16, 256];
const RECOVERY_ENTRIES = 100_000;
const TICK_ENTRIES = 5_000;
/** Median of one tick of 5,000 entries, in ms. */
const TICK_GOAL_MS = 20;
const PATIENT = new AbortController().signal;

/** Resolves to true when a tick's cost is within its goal. */
export async function run(args: readonly string[]): Promise<boolean> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      directory: { type: 'string', default: '.build' },
      seconds: { type: 'string', default: '4' },
    },
  });
  await mkdir(values.directory, { recursive: true });
  const forMs = Number(values.seconds) * 1_000;
  await inFolder(values.directory, (folder) => measureVotes(folder, forMs, report, quantile));
  await inFolder(values.directory, (folder) => measureAppends(folder, forMs, report, quantile));
  await inFolder(values.directory, (folder) => measureSnapshot(folder, report, quantile));
  for (const proposers of PROPOSERS) {
    await inFolder(values.directory, (folder) => measureProposals(folder, proposers, forMs));
  }
  await inFolder(values.directory, measureRecovery);
  return measureTick();
}

async function measureProposals(folder: string, proposers: number, forMs: number): Promise<void> {
  const latenciesMs: number[] = [];
  const fsyncsMs: number[] = [];
  const member = await start(folder, {}, (seconds) => fsyncsMs.push(seconds * 1_000));
  let next = 0;
  const startedAt = performance.now();
  const propose = async (): Promise<void> => {
    while (performance.now() - startedAt < forMs) {
      next += 1;
      const proposedAt = performance.now();
      await member.propose(numbered(next), PATIENT);
      latenciesMs.push(performance.now() - proposedAt);
    }
  };
  await Promise.all(Array.from({ length: proposers }, propose));
  const seconds = (performance.now() - startedAt) / 1_000;
  await member.stop();
  report('log_proposals', {
    proposers,
    per_second: rounded(latenciesMs.length / seconds),
    latency_p50_ms: quantile(latenciesMs, 0.5),
    latency_p99_ms: quantile(latenciesMs, 0.99),
    fsync_p50_ms: quantile(fsyncsMs, 0.5),
    fsync_p99_ms: quantile(fsyncsMs, 0.99),
    entries_per_fsync: rounded(latenciesMs.length / fsyncsMs.length),
  });
}

/** The only member of a cluster. */
async function start(
  directory: string,
  limits: Partial<MemberLimits>,
  onFsync: (seconds: number) => void = () => undefined,
): Promise<RaftMember> {
  const log = await openRaftLog({ directory, memberId: 'bench', onFsync });
  const bootstrap = votersOnly('bench');
  return startRaftMember({ memberId: 'bench', log, transport: null, bootstrap, limits });
}

async function measureRecovery(folder: string): Promise<void> {
  // The log alone is recovered from.
  const limits = { snapshotEveryEntries: 10 * RECOVERY_ENTRIES, snapshotEveryBytes: Infinity };
  const member = await start(folder, limits);
  for (let from = 0; from < RECOVERY_ENTRIES; from += 1_000) {
    const commands = Array.from({ length: 1_000 }, (_, at) => numbered(from + at));
    await Promise.all(commands.map((command) => member.propose(command, PATIENT)));
  }
  const { logBytes } = member.status();
  await member.stop();
  const startedAt = performance.now();
  const again = await start(folder, limits);
  const recoveredMs = rounded(performance.now() - startedAt);
  await again.stop();
  report('log_recovery', {
    entries: RECOVERY_ENTRIES,
    log_bytes: logBytes,
    milliseconds: recoveredMs,
  });
}

function measureTick(): boolean {
  let state = fullState();
  const costsMs: number[] = [];
  for (let tick = 1; tick <= 40; tick += 1) {
    const command = tickCommand(tick);
    const startedAt = performance.now();
    const applied = applyCommand(state, { term: 1, index: tick }, command);
    costsMs.push(performance.now() - startedAt);
    if (applied.result.kind !== 'applied') throw new Error('the tick was refused');
    state = finished(applied.state, tick);
  }
  const startedAt = performance.now();
  const encoded = encodeState(state);
  const encodedAt = performance.now();
  decodeState(encoded);
  const p50 = quantile(costsMs, 0.5);
  report('state_tick', {
    entries: TICK_ENTRIES,
    apply_p50_ms: p50,
    apply_p99_ms: quantile(costsMs, 0.99),
    goal_ms: TICK_GOAL_MS,
  });
  report('state_snapshot', {
    workloads: TICK_ENTRIES,
    bytes: encoded.length,
    encode_ms: rounded(encodedAt - startedAt),
    decode_ms: rounded(performance.now() - encodedAt),
  });
  return p50 < TICK_GOAL_MS;
}

/** As many workloads with a policy each as a tick has entries. */
function fullState(): PlaneState {
  let state = INITIAL_STATE;
  for (let at = 0; at < TICK_ENTRIES; at += 1) {
    const id = `w-${at}`;
    const head = { atMs: AT_MS, expectedVersion: null };
    const commands: readonly Command[] = [
      { ...head, kind: 'put_workload', key: `w${at}`, workload: workload(id), source: 'file' },
      { ...head, kind: 'put_policy', key: `p${at}`, policy: policyOf(id) },
    ];
    for (const command of commands) {
      state = applyCommand(state, { term: 1, index: at }, command).state;
    }
  }
  return state;
}

function policyOf(id: string) {
  return policy({ id, workloadId: id, stabilizationDownMs: 300_000 });
}

/** Every recommendation differs from the one before; every 50th workload acts. */
function tickCommand(tick: number): Command {
  const entries = Array.from({ length: TICK_ENTRIES }, (_, at) => {
    const id = `w-${at}`;
    const recommendation = 1 + ((tick * 7 + at) % 9);
    const action = { fromReplicas: 2, toReplicas: 3, deadlineMs: AT_MS };
    const acts = at % 50 === tick % 50;
    const decisionId = `${tick}-${id}`;
    return entry({
      decisionId,
      workloadId: id,
      policyId: id,
      recommendation,
      action: acts ? action : null,
    });
  });
  return { kind: 'record_decisions', key: `tick-${tick}`, atMs: AT_MS + tick * 15_000, entries };
}

function finished(state: PlaneState, tick: number): PlaneState {
  let next = state;
  for (let at = tick % 50; at < TICK_ENTRIES; at += 50) {
    const command: Command = {
      kind: 'finish_action',
      key: `finish-${tick}-${at}`,
      atMs: AT_MS,
      workloadId: `w-${at}`,
      decisionId: `${tick}-w-${at}`,
      outcome: 'verified',
      readyReplicas: 3,
    };
    next = applyCommand(next, { term: 1, index: tick }, command).state;
  }
  return next;
}

async function inFolder(under: string, body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(under, 'log-bench-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return rounded(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0);
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function report(figure: string, values: Readonly<Record<string, number>>): void {
  const row = Object.entries(values).map(([name, value]) => [name, rounded(value)] as const);
  console.log(JSON.stringify({ figure, ...Object.fromEntries(row) }));
}
