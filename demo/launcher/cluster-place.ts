/**
 * Where a cluster of several members lives on this host: a folder per size, with a folder per member,
 * the replicas and the database that they share, the secret that they prove to each other, and their
 * Raft ports. The ports are kept, because the members remember each other's addresses in their log;
 * a cluster that finds one of them taken says so instead of becoming another cluster.
 */

import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { isFree, pickPort } from './ports.ts';

export interface ClusterPlace {
  readonly directory: string;
  readonly members: readonly ClusterMember[];
  readonly secretFile: string;
  readonly replicas: string;
  readonly database: string;
  /** Folder of the database's socket; only this user may enter it. */
  readonly sockets: string;
}

export interface ClusterMember {
  readonly memberId: string;
  readonly directory: string;
  readonly raftPort: number;
}

const PORTS_FILE = 'raft-ports.json';
const FIRST_RAFT_PORT = 7450;
/** The kernel's limit for a socket's path is 107 bytes; its name has up to 14. */
const SOCKET_DIRECTORY_BYTES_MAX = 90;

export function clusterDirectory(data: string, count: number): string {
  return join(data, `members-${count}`);
}

/**
 * Makes what is missing, and keeps what an earlier run made.
 * @throws Error when a port that the members know each other by is taken
 */
export async function prepareCluster(
  data: string,
  count: number,
  freePorts: boolean,
): Promise<ClusterPlace> {
  const directory = clusterDirectory(data, count);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const secretFile = join(directory, 'cluster-secret');
  // Never written over: a member of this cluster that still runs would refuse the others.
  if (!existsSync(secretFile)) {
    writeFileSync(secretFile, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  }
  const ids = Array.from({ length: count }, (_, index) => `member-${index + 1}`);
  const isNew = !ids.some((memberId) => existsSync(join(directory, memberId)));
  const ports = await raftPorts(join(directory, PORTS_FILE), ids, isNew, freePorts);
  const members = ids.map((memberId, index) => ({
    memberId,
    directory: join(directory, memberId),
    raftPort: ports[index] ?? 0,
  }));
  const database = join(directory, 'database');
  return {
    directory,
    members,
    secretFile,
    replicas: join(directory, 'replicas'),
    database,
    sockets: socketDirectory(database),
  };
}

async function raftPorts(
  file: string,
  ids: readonly string[],
  isNew: boolean,
  freePorts: boolean,
): Promise<readonly number[]> {
  const known = readPorts(file, ids.length);
  if (known === null && !isNew) {
    throw new Error(`${file} is gone or damaged: the members’ ports are not known; use --fresh`);
  }
  if (known === null) {
    const picked: number[] = [];
    while (picked.length < ids.length) {
      const port = await pickPort(freePorts ? 0 : FIRST_RAFT_PORT + picked.length);
      if (!picked.includes(port)) picked.push(port);
    }
    writeFileSync(file, JSON.stringify(picked));
    return picked;
  }
  for (const [index, port] of known.entries()) {
    if (await isFree(port)) continue;
    throw new Error(
      `port ${port}, which the other members know ${ids[index] ?? ''} by (${file}), is in use; free it, or begin anew with --fresh`,
    );
  }
  return known;
}

/** Null when there is no such file, or it is none of ours. */
function readPorts(file: string, count: number): readonly number[] | null {
  try {
    const ports: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const isList = Array.isArray(ports) && ports.length === count;
    return isList && ports.every((port) => typeof port === 'number') ? ports : null;
  } catch {
    return null;
  }
}

/** Below the database, or, where that path is too long for a socket, under the system's folder for temporary files. */
function socketDirectory(database: string): string {
  const own = join(database, 'run');
  const hash = createHash('sha256').update(database).digest('hex').slice(0, 16);
  const short = Buffer.byteLength(own) <= SOCKET_DIRECTORY_BYTES_MAX;
  const path = short ? own : join(tmpdir(), `omnimind-start-${hash}`);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (statSync(path).uid !== process.getuid?.()) throw new Error(`${path} belongs to another user`);
  chmodSync(path, 0o700);
  return path;
}
