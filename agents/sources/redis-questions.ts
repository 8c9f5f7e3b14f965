/**
 * What is asked of an instance in one reading: PING, then everything else in one write. Nothing
 * here walks keys (no SCAN, no KEYS) or changes anything on the server.
 */

import type { RedisCall, RedisConnection, RedisReply } from './redis-connection.ts';
import { failureOfReply } from './redis-connection.ts';
import { RedisSourceError } from './redis-endpoint.ts';
import type { RedisAddress } from './redis-endpoint.ts';
import { parseClusterNodes, parseFields, parseSentinelFields } from './redis-replies.ts';
import type { ClusterNode, RedisFields } from './redis-replies.ts';

/** One Redis: standalone, master, replica or node of a cluster. */
export interface DataReading {
  readonly pingSeconds: number;
  readonly info: RedisFields;
  /** Null where the ACL forbids SLOWLOG. */
  readonly slowlogLength: number | null;
  /** CLUSTER INFO; null outside a cluster. */
  readonly cluster: RedisFields | null;
  /** CLUSTER NODES; null when it was not asked for. */
  readonly nodes: readonly ClusterNode[] | null;
}

/** One Sentinel's view of one master. */
export interface SentinelReading {
  readonly pingSeconds: number;
  readonly info: RedisFields;
  readonly master: RedisFields;
  readonly replicas: readonly RedisFields[];
  /** Whether this sentinel reaches a quorum and a majority; null where the ACL forbids CKQUORUM. */
  readonly quorumOk: boolean | null;
}

/** Replicas that are read of one Sentinel's answer at most. */
const REPLICAS_MAX = 256;

/** @throws RedisSourceError */
export async function readData(
  connection: RedisConnection,
  address: RedisAddress,
  wants: { readonly cluster: boolean; readonly nodes: boolean },
): Promise<DataReading> {
  const pingSeconds = await connection.ping();
  const calls: RedisCall[] = [
    ['INFO', 'all'],
    ['SLOWLOG', 'LEN'],
  ];
  if (wants.cluster) calls.push(['CLUSTER', 'INFO']);
  if (wants.nodes) calls.push(['CLUSTER', 'NODES']);
  const [info, slowlog, cluster, nodes] = await connection.ask(calls);
  const clusterText = wants.cluster ? textOf(cluster) : null;
  const nodesText = wants.nodes ? textOf(nodes) : null;
  const host = address.kind === 'tcp' ? address.host : null;
  return {
    pingSeconds,
    info: parseFields(required(info, 'INFO')),
    slowlogLength:
      slowlog?.kind === 'value' && typeof slowlog.value === 'number' ? slowlog.value : null,
    cluster: clusterText === null ? null : parseFields(clusterText),
    nodes: nodesText === null ? null : parseClusterNodes(nodesText, host),
  };
}

/** The nodes that a seed of a cluster knows. @throws RedisSourceError */
export async function readClusterNodes(
  connection: RedisConnection,
  address: RedisAddress,
): Promise<readonly ClusterNode[]> {
  const [nodes] = await connection.ask([['CLUSTER', 'NODES']]);
  const host = address.kind === 'tcp' ? address.host : null;
  return parseClusterNodes(required(nodes, 'CLUSTER NODES'), host);
}

/** @throws RedisSourceError `master_unknown` when this sentinel does not watch that master. */
export async function readSentinel(
  connection: RedisConnection,
  masterName: string,
): Promise<SentinelReading> {
  const pingSeconds = await connection.ping();
  const [info, master, replicas, quorum] = await connection.ask([
    ['INFO', 'all'],
    ['SENTINEL', 'MASTER', masterName],
    ['SENTINEL', 'REPLICAS', masterName],
    ['SENTINEL', 'CKQUORUM', masterName],
  ]);
  if (master?.kind === 'error' && master.message.includes('No such master')) {
    throw new RedisSourceError('master_unknown', `no master "${masterName}" is watched here`);
  }
  const fields = parseSentinelFields(valueOf(master, 'SENTINEL MASTER'));
  if (fields === null) throw malformed('SENTINEL MASTER');
  return {
    pingSeconds,
    info: parseFields(required(info, 'INFO')),
    master: fields,
    replicas: replicaFields(replicas),
    quorumOk: quorumOf(quorum),
  };
}

function replicaFields(reply: RedisReply | undefined): readonly RedisFields[] {
  if (reply?.kind !== 'value' || !Array.isArray(reply.value)) return [];
  const items: readonly unknown[] = reply.value;
  return items
    .slice(0, REPLICAS_MAX)
    .map(parseSentinelFields)
    .filter((fields) => fields !== null);
}

function quorumOf(reply: RedisReply | undefined): boolean | null {
  if (reply?.kind === 'value')
    return typeof reply.value === 'string' && reply.value.startsWith('OK');
  return reply?.message.startsWith('NOQUORUM') === true ? false : null;
}

function required(reply: RedisReply | undefined, call: string): string {
  const value = valueOf(reply, call);
  if (typeof value !== 'string') throw malformed(call);
  return value;
}

function valueOf(reply: RedisReply | undefined, call: string): unknown {
  if (reply?.kind === 'value') return reply.value;
  const message = reply?.message ?? 'no reply';
  throw new RedisSourceError(failureOfReply(message) ?? 'malformed', `${call}: ${message}`);
}

/** The text of an optional reply: an error (no cluster, no permission) is absence. */
function textOf(reply: RedisReply | undefined): string | null {
  return reply?.kind === 'value' && typeof reply.value === 'string' ? reply.value : null;
}

function malformed(call: string): RedisSourceError {
  return new RedisSourceError('malformed', `${call}: the answer has an unknown shape`);
}
