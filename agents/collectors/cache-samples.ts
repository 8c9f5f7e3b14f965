/**
 * From what an instance answered to samples. Pure over the reading, but for the choice of commands,
 * which is kept per run of the server so that no counter ever falls. A field that is absent or
 * does not read as a number gives no sample.
 */

import type { Emit } from '../collector.ts';
import type { DataReading, SentinelReading } from '../sources/redis-questions.ts';
import { formatAddress } from '../sources/redis-endpoint.ts';
import { numberOf, parsePairs, sentinelAddress } from '../sources/redis-replies.ts';
import type { RedisFields } from '../sources/redis-replies.ts';
import {
  CLUSTER_SAMPLES,
  CLUSTER_STATE,
  INFO_OPTIONAL,
  INFO_SAMPLES,
  INFO_WORDS,
  INSTANCE_FAMILIES,
  REPLICATION_OFFSET,
  SENTINEL_FAMILIES,
} from './cache-families.ts';
import type { FieldSample } from './cache-families.ts';

/** How many children one instance may have in the families that have a label of the server's choosing. */
export interface CacheSeriesLimits {
  readonly commandsMax: number;
  readonly databasesMax: number;
  readonly replicasMax: number;
}

/** The commands that have series of their own, by the run in which they were chosen. */
export interface CommandChoice {
  runId: string;
  readonly commands: Set<string>;
}

const ROLES = ['master', 'replica', 'sentinel'] as const;
const LABEL_CHARACTERS_MAX = 128;
const MICROSECONDS = 1e-6;
const MILLISECONDS = 1e-3;

/** `labels` are the values of `target` and `instance_address`. */
export function emitData(
  emit: Emit,
  labels: readonly [string, string],
  reading: DataReading,
  limits: CacheSeriesLimits,
  choice: CommandChoice,
): void {
  const { info, cluster } = reading;
  emitServer(emit, labels, info, reading.pingSeconds);
  if (reading.slowlogLength !== null) {
    emit(INSTANCE_FAMILIES.slowlog, reading.slowlogLength, ...labels);
  }
  for (const { field, good, family } of INFO_WORDS) {
    const word = info.get(field);
    if (word !== undefined) emit(family, word === good ? 1 : 0, ...labels);
  }
  for (const each of INFO_OPTIONAL) {
    const value = numberOf(info, each.field);
    if (value !== null && value >= each.absentBelow) emit(each.family, value, ...labels);
  }
  emitReplication(emit, labels, info, limits.replicasMax);
  emitKeyspace(emit, labels, info, limits.databasesMax);
  emitCommands(emit, labels, info, chooseCommands(info, choice, limits.commandsMax));
  if (cluster !== null) {
    emitFields(emit, labels, cluster, CLUSTER_SAMPLES);
    const state = cluster.get('cluster_state');
    if (state !== undefined) emit(CLUSTER_STATE, state === 'ok' ? 1 : 0, ...labels);
  }
}

/** Emits one sentinel's view of the master called `masterName`. */
export function emitSentinel(
  emit: Emit,
  labels: readonly [string, string],
  reading: SentinelReading,
  masterName: string,
): void {
  const { info, master } = reading;
  emitServer(emit, labels, info, reading.pingSeconds);
  const all = [...labels, masterName];
  const flags = (master.get('flags') ?? '').split(',');
  const seen = stateOf(flags);
  for (const state of ['ok', 'subjectively_down', 'objectively_down']) {
    emit(SENTINEL_FAMILIES.masterState, state === seen ? 1 : 0, ...all, state);
  }
  const address = sentinelAddress(master);
  if (address !== null) emit(SENTINEL_FAMILIES.masterAddress, 1, ...all, formatAddress(address));
  if (reading.quorumOk !== null) {
    emit(SENTINEL_FAMILIES.quorumOk, reading.quorumOk ? 1 : 0, ...all);
  }
  const others = numberOf(master, 'num-other-sentinels');
  if (others !== null) emit(SENTINEL_FAMILIES.sentinels, others + 1, ...all);
  const inProgress = flags.includes('failover_in_progress');
  emit(SENTINEL_FAMILIES.failover, inProgress ? 1 : 0, ...all);
  const plain = [
    ['quorum', SENTINEL_FAMILIES.quorum],
    ['num-slaves', SENTINEL_FAMILIES.replicas],
    ['config-epoch', SENTINEL_FAMILIES.epoch],
  ] as const;
  for (const [field, family] of plain) {
    const value = numberOf(master, field);
    if (value !== null) emit(family, value, ...all);
  }
}

/**
 * The commands that get series of their own: the most expensive ones when they are first seen, kept
 * for the run of the server. Swapping them later would make a counter fall each time.
 */
export function chooseCommands(
  info: RedisFields,
  choice: CommandChoice,
  commandsMax: number,
): ReadonlySet<string> {
  const runId = info.get('run_id') ?? '';
  if (runId !== choice.runId) {
    choice.runId = runId;
    choice.commands.clear();
  }
  if (choice.commands.size >= commandsMax) return choice.commands;
  const candidates: [command: string, cost: number][] = [];
  for (const [field, value] of info) {
    const command = commandOf(field, 'cmdstat_');
    if (command === null || choice.commands.has(command)) continue;
    candidates.push([command, numberOf(parsePairs(value), 'usec') ?? 0]);
  }
  candidates.sort((a, b) => b[1] - a[1]);
  for (const [command] of candidates.slice(0, commandsMax - choice.commands.size)) {
    choice.commands.add(command);
  }
  return choice.commands;
}

function emitServer(
  emit: Emit,
  labels: readonly [string, string],
  info: RedisFields,
  pingSeconds: number,
): void {
  emit(INSTANCE_FAMILIES.ping, pingSeconds, ...labels);
  const mode = info.get('redis_mode') ?? info.get('server_mode') ?? 'unknown';
  const version = info.get('valkey_version') ?? info.get('redis_version');
  if (version !== undefined) {
    const server = info.get('server_name') ?? 'redis';
    emit(INSTANCE_FAMILIES.info, 1, ...labels, label(server), label(version), label(mode));
  }
  const role = mode === 'sentinel' ? 'sentinel' : info.get('role');
  if (role !== undefined) {
    const word = role === 'slave' ? 'replica' : role;
    for (const each of ROLES) emit(INSTANCE_FAMILIES.role, each === word ? 1 : 0, ...labels, each);
  }
  emitFields(emit, labels, info, INFO_SAMPLES);
  for (const [field, cpuMode] of [
    ['used_cpu_sys', 'system'],
    ['used_cpu_user', 'user'],
  ] as const) {
    const seconds = numberOf(info, field);
    if (seconds !== null) emit(INSTANCE_FAMILIES.cpu, seconds, ...labels, cpuMode);
  }
}

function emitFields(
  emit: Emit,
  labels: readonly string[],
  fields: RedisFields,
  samples: readonly FieldSample[],
): void {
  for (const { field, family, scale } of samples) {
    const value = numberOf(fields, field);
    if (value !== null) emit(family, value * scale, ...labels);
  }
}

function emitReplication(
  emit: Emit,
  labels: readonly string[],
  info: RedisFields,
  replicasMax: number,
): void {
  const own = info.get('role') === 'slave' ? 'slave_repl_offset' : 'master_repl_offset';
  const offset = numberOf(info, own);
  if (offset !== null) emit(REPLICATION_OFFSET, offset, ...labels);
  for (let at = 0; at < replicasMax; at += 1) {
    const line = info.get(`slave${at}`);
    if (line === undefined) return;
    const replica = parsePairs(line);
    const address = sentinelAddress(replica);
    if (address === null) continue;
    const all = [...labels, formatAddress(address)];
    const online = replica.get('state') === 'online';
    emit(INSTANCE_FAMILIES.replicaOnline, online ? 1 : 0, ...all);
    const acknowledged = numberOf(replica, 'offset');
    const lagSeconds = numberOf(replica, 'lag');
    // Before it is online a replica acknowledges nothing: its lag is unknown, not large.
    if (!online) continue;
    if (offset !== null && acknowledged !== null) {
      emit(INSTANCE_FAMILIES.replicaLagBytes, Math.max(0, offset - acknowledged), ...all);
    }
    if (lagSeconds !== null && lagSeconds >= 0) {
      emit(INSTANCE_FAMILIES.replicaLagSeconds, lagSeconds, ...all);
    }
  }
}

function emitKeyspace(
  emit: Emit,
  labels: readonly string[],
  info: RedisFields,
  databasesMax: number,
): void {
  let seen = 0;
  for (const [field, value] of info) {
    if (!/^db\d+$/.test(field)) continue;
    seen += 1;
    if (seen > databasesMax) return;
    const pairs = parsePairs(value);
    const database = field.slice(2);
    const keys = numberOf(pairs, 'keys');
    const expiring = numberOf(pairs, 'expires');
    const ttl = numberOf(pairs, 'avg_ttl');
    if (keys !== null) emit(INSTANCE_FAMILIES.keys, keys, ...labels, database);
    if (expiring !== null) emit(INSTANCE_FAMILIES.keysExpiring, expiring, ...labels, database);
    // 0 is how Redis says that it has not sampled one.
    if (ttl !== null && ttl > 0) {
      emit(INSTANCE_FAMILIES.keysTtl, ttl * MILLISECONDS, ...labels, database);
    }
  }
}

function emitCommands(
  emit: Emit,
  labels: readonly string[],
  info: RedisFields,
  chosen: ReadonlySet<string>,
): void {
  const other = { calls: 0, seconds: 0, failures: 0, seen: false };
  for (const [field, value] of info) {
    const command = commandOf(field, 'cmdstat_');
    if (command === null) {
      emitLatency(emit, labels, field, value, chosen);
      continue;
    }
    const pairs = parsePairs(value);
    const calls = numberOf(pairs, 'calls') ?? 0;
    const seconds = (numberOf(pairs, 'usec') ?? 0) * MICROSECONDS;
    const failures =
      (numberOf(pairs, 'rejected_calls') ?? 0) + (numberOf(pairs, 'failed_calls') ?? 0);
    if (chosen.has(command)) {
      emit(INSTANCE_FAMILIES.commandCalls, calls, ...labels, label(command));
      emit(INSTANCE_FAMILIES.commandSeconds, seconds, ...labels, label(command));
      emit(INSTANCE_FAMILIES.commandFailures, failures, ...labels, label(command));
      continue;
    }
    other.calls += calls;
    other.seconds += seconds;
    other.failures += failures;
    other.seen = true;
  }
  if (!other.seen) return;
  emit(INSTANCE_FAMILIES.commandCalls, other.calls, ...labels, 'other');
  emit(INSTANCE_FAMILIES.commandSeconds, other.seconds, ...labels, 'other');
  emit(INSTANCE_FAMILIES.commandFailures, other.failures, ...labels, 'other');
}

function emitLatency(
  emit: Emit,
  labels: readonly string[],
  field: string,
  value: string,
  chosen: ReadonlySet<string>,
): void {
  const command = commandOf(field, 'latency_percentiles_usec_');
  if (command === null || !chosen.has(command)) return;
  for (const [percentile, text] of parsePairs(value)) {
    const microseconds = Number(text);
    if (!/^p\d{1,2}(\.\d{1,3})?$|^p100$/.test(percentile) || !Number.isFinite(microseconds))
      continue;
    const seconds = microseconds * MICROSECONDS;
    emit(INSTANCE_FAMILIES.commandLatency, seconds, ...labels, label(command), percentile.slice(1));
  }
}

function commandOf(field: string, prefix: string): string | null {
  return field.startsWith(prefix) ? field.slice(prefix.length) : null;
}

function stateOf(flags: readonly string[]): string {
  if (flags.includes('o_down')) return 'objectively_down';
  return flags.includes('s_down') ? 'subjectively_down' : 'ok';
}

/** A server's own text as a label's value: printable and bounded. */
function label(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '').slice(0, LABEL_CHARACTERS_MAX);
}
