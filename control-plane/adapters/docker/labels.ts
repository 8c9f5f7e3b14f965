/**
 * What the target writes on its containers, and reads back. Labels are all that outlives a member
 * and is seen by every other one, and they cannot be changed. So a container that is never started,
 * the record, carries what the target was told of a workload; the next command makes a new record
 * and removes the old one. The containers that serve carry who they are and which token made them.
 */

import type { FencingToken } from '../../model/decision.ts';
import { isDocker } from '../../model/workload.ts';
import type { DockerTarget, WorkloadOn } from '../../model/workload.ts';
import { parseWorkload, renderWorkload } from '../../schemas/workload.ts';
import type { EngineContainer } from './engine.ts';

export type DockerWorkload = WorkloadOn<DockerTarget>;

/** What the target was told of a workload. */
export interface ToldRecord {
  readonly workload: DockerWorkload;
  readonly replicas: number;
  readonly token: FencingToken;
  /** Kept as the memory of its token. */
  readonly removed: boolean;
  /** Number of the next replica, as far as was known: numbers are never used again. */
  readonly nextNumber: number;
}

/** What a replica's container says of itself. */
export interface ReplicaLabels {
  readonly workloadId: string;
  readonly number: number;
  /** The token under which it was made. */
  readonly token: FencingToken;
  /** Number of the replica whose place it took; null for a new place. */
  readonly replaces: number | null;
  /** Ends in a row, before it, of those whose place it took. */
  readonly failures: number;
  /** As its workload was when it was made: a document that changes later changes none of it. */
  readonly network: string;
  readonly port: number;
  readonly readinessPath: string;
  readonly metricsPath: string;
}

export type Labelled =
  | { readonly kind: 'record'; readonly container: EngineContainer; readonly record: ToldRecord }
  | {
      readonly kind: 'replica';
      readonly container: EngineContainer;
      readonly replica: ReplicaLabels;
    }
  | { readonly kind: 'unreadable'; readonly container: EngineContainer; readonly detail: string };

const OWNER = 'omnimind.cluster';
const KIND = 'omnimind.kind';
const WORKLOAD = 'omnimind.workload';
const REPLICA = 'omnimind.replica';
const TERM = 'omnimind.token.term';
const INDEX = 'omnimind.token.index';
const NUMBER = 'omnimind.replica.number';
const REPLACES = 'omnimind.replica.replaces';
const FAILURES = 'omnimind.replica.failures';
const NETWORK = 'omnimind.replica.network';
const PORT = 'omnimind.replica.port';
const READINESS_PATH = 'omnimind.replica.readiness-path';
const METRICS_PATH = 'omnimind.replica.metrics-path';
const REPLICAS = 'omnimind.told.replicas';
const REMOVED = 'omnimind.told.removed';
const NEXT_NUMBER = 'omnimind.told.next-number';
const DOCUMENT = 'omnimind.told.workload';

/** The label that all containers of an owner have, as a filter of the engine takes it. */
export function ownerLabel(owner: string): string {
  return `${OWNER}=${owner}`;
}

export function replicaIdOf(workloadId: string, number: number): string {
  return `${workloadId}-${number}`;
}

/** Dots stand in no owner and in no id, so no two of these names are the same. */
export function replicaName(owner: string, workloadId: string, number: number): string {
  return `${owner}.${workloadId}.${number}`;
}

export function recordName(owner: string, workloadId: string, token: FencingToken): string {
  return `${owner}.${workloadId}.told.${token.term}.${token.index}`;
}

export function replicaLabels(owner: string, replica: ReplicaLabels): Record<string, string> {
  const { workloadId, number, token, replaces, failures } = replica;
  return {
    ...common(owner, 'replica', workloadId, token),
    [REPLICA]: replicaIdOf(workloadId, number),
    [NUMBER]: String(number),
    ...(replaces !== null && { [REPLACES]: String(replaces) }),
    [FAILURES]: String(failures),
    [NETWORK]: replica.network,
    [PORT]: String(replica.port),
    [READINESS_PATH]: replica.readinessPath,
    [METRICS_PATH]: replica.metricsPath,
  };
}

export function recordLabels(owner: string, record: ToldRecord): Record<string, string> {
  const { workload, replicas, token, removed, nextNumber } = record;
  return {
    ...common(owner, 'record', workload.id, token),
    [REPLICAS]: String(replicas),
    [REMOVED]: String(removed),
    [NEXT_NUMBER]: String(nextNumber),
    [DOCUMENT]: JSON.stringify(renderWorkload(workload)),
  };
}

/** What a container of this owner is; one whose labels make no sense is left alone by the target. */
export function readLabels(container: EngineContainer): Labelled {
  const { labels } = container;
  try {
    if (labels[KIND] === 'record') return { kind: 'record', container, record: recordOf(labels) };
    if (labels[KIND] !== 'replica') throw new Error(`${KIND} is neither replica nor record`);
    return { kind: 'replica', container, replica: replicaOf(labels) };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { kind: 'unreadable', container, detail };
  }
}

/** What a replica's container tells of its workload: enough to stop it. */
export function workloadOf({
  container,
  replica,
}: Extract<Labelled, { readonly kind: 'replica' }>): DockerWorkload {
  const { workloadId: id, network, port, readinessPath, metricsPath } = replica;
  const document = {
    ...{ id, capability: 'unknown' },
    target: { kind: 'docker', image: container.imageId, network, port, readinessPath, metricsPath },
  };
  const workload = parseWorkload(document);
  if (!isDocker(workload)) throw new Error('a document of the kind docker is of that kind');
  return workload;
}

type Labels = Readonly<Record<string, string>>;

function common(owner: string, kind: string, workloadId: string, token: FencingToken) {
  const [term, index] = [String(token.term), String(token.index)];
  return { [OWNER]: owner, [KIND]: kind, [WORKLOAD]: workloadId, [TERM]: term, [INDEX]: index };
}

function recordOf(labels: Labels): ToldRecord {
  const workload = parseWorkload(JSON.parse(textOf(labels, DOCUMENT)));
  if (!isDocker(workload)) throw new Error(`${DOCUMENT} is of another target`);
  if (workload.id !== labels[WORKLOAD]) throw new Error(`${DOCUMENT} is of another workload`);
  return {
    workload,
    replicas: countOf(labels, REPLICAS),
    token: tokenOf(labels),
    removed: textOf(labels, REMOVED) === 'true',
    nextNumber: countOf(labels, NEXT_NUMBER),
  };
}

function replicaOf(labels: Labels): ReplicaLabels {
  return {
    workloadId: textOf(labels, WORKLOAD),
    number: countOf(labels, NUMBER),
    token: tokenOf(labels),
    replaces: labels[REPLACES] === undefined ? null : countOf(labels, REPLACES),
    failures: countOf(labels, FAILURES),
    network: textOf(labels, NETWORK),
    port: countOf(labels, PORT),
    readinessPath: textOf(labels, READINESS_PATH),
    metricsPath: textOf(labels, METRICS_PATH),
  };
}

function tokenOf(labels: Labels): FencingToken {
  return { term: countOf(labels, TERM), index: countOf(labels, INDEX) };
}

function textOf(labels: Labels, name: string): string {
  const text = labels[name];
  if (text === undefined || text === '') throw new Error(`there is no label ${name}`);
  return text;
}

function countOf(labels: Labels, name: string): number {
  const count = Number(textOf(labels, name));
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw new Error(`${name} is ${JSON.stringify(labels[name])}, which counts nothing`);
}
