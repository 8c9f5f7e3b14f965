/**
 * The processes of a control plane with several members, and of the database that they share. Each
 * member runs as it would on a host of its own; what they have in common here is told them by their
 * settings. When one ends it is started again, and leads or follows as the others let it.
 */

import { join } from 'node:path';
import process from 'node:process';
import type { ClusterMember, ClusterPlace } from './cluster-place.ts';
import type { ProcessSpec } from './process-spec.ts';

/** As control-plane/node-arguments.ts says: flags of Node.js that keep pauses short. */
export const MEMBER_NODE_ARGUMENTS = ['--max-semi-space-size=4', '--no-parallel-scavenge'];

/** What is the same for all members, whatever their number. */
export interface MemberEnvironment {
  readonly root: string;
  readonly shared: Readonly<Record<string, string>>;
}

export function memberSpecs(
  cluster: ClusterPlace,
  apiPorts: readonly number[],
  { root, shared }: MemberEnvironment,
): readonly ProcessSpec[] {
  const own = givesDatabase() ? [] : [databaseSpec(cluster)];
  const members = cluster.members.map((member, index) =>
    memberSpec(cluster, member, apiPorts[index] ?? 0, {
      ...shared,
      ...(givesDatabase() ? {} : { OMNIMIND_DATABASE_URL: databaseUrl(cluster) }),
      OMNIMIND_DOCUMENTS_DIR: join(root, 'demo', 'documents'),
    }),
  );
  return [...own, ...members];
}

function memberSpec(
  cluster: ClusterPlace,
  member: ClusterMember,
  apiPort: number,
  shared: Readonly<Record<string, string>>,
): ProcessSpec {
  const { memberId } = member;
  const url = `http://127.0.0.1:${apiPort}`;
  return {
    name: memberId,
    command: process.execPath,
    arguments: [...MEMBER_NODE_ARGUMENTS, 'control-plane/main.ts'],
    environment: {
      ...shared,
      OMNIMIND_MEMBER_ID: memberId,
      OMNIMIND_LISTEN: `127.0.0.1:${apiPort}`,
      OMNIMIND_ADVERTISE_URL: url,
      OMNIMIND_DATA_DIR: member.directory,
      OMNIMIND_CLUSTER_MEMBERS: cluster.members
        .map((one) => `${one.memberId}=127.0.0.1:${one.raftPort}`)
        .join(','),
      OMNIMIND_CLUSTER_SECRET_FILE: cluster.secretFile,
      OMNIMIND_RAFT_LISTEN: `127.0.0.1:${member.raftPort}`,
      OMNIMIND_LOCAL_PROCESS_DIR: cluster.replicas,
      // One member's end is not the end of the replicas; at the end of all the launcher ends them.
      OMNIMIND_LOCAL_PROCESS_ON_STOP: 'keep',
    },
    // Answered by the leader: ready is who knows and reaches one.
    readinessUrl: `${url}/v1/members`,
    onExit: 'restart',
    stopOrder: 2,
    stopGraceMs: 2300,
    mark: { variable: 'OMNIMIND_REPLICA_OWNER', file: join(cluster.replicas, 'owner') },
  };
}

function databaseSpec({ database, sockets }: ClusterPlace): ProcessSpec {
  return {
    name: 'database',
    command: process.execPath,
    arguments: ['control-plane/adapters/postgres/pglite-server.ts', database, sockets, 'on-signal'],
    environment: {},
    // It takes seconds to be there; until then decisions wait on the members' disks.
    readinessUrl: null,
    onExit: 'restart',
    // After the members, which write what still waits.
    stopOrder: 3,
    stopGraceMs: 1500,
    mark: null,
  };
}

function databaseUrl({ sockets }: ClusterPlace): string {
  return `postgres://postgres@localhost/postgres?host=${encodeURIComponent(sockets)}`;
}

/** The user has one; all members use it. */
function givesDatabase(): boolean {
  return ['OMNIMIND_DATABASE_URL', 'OMNIMIND_DATABASE_URL_FILE'].some(
    (name) => (process.env[name] ?? '') !== '',
  );
}
