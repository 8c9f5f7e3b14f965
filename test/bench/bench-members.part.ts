/**
 * The control planes of a benchmark: one alone, or several that are a cluster, with the timeouts of
 * docker-compose.yml. Each has scaling targets of its own in memory, so that what a leader has told is
 * not known to the next one: a run in which leadership changes says so, and is no measurement.
 */

import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, pollUntil } from '../support/process.ts';
import { startBenchPlane } from './bench-plane.part.ts';
import type { BenchPlane, BenchPlaneOptions } from './bench-plane.part.ts';

const LEADER_MS = 60_000;
const SECRET_BYTES = 32;
const RAFT_SETTINGS = {
  OMNIMIND_RAFT_HEARTBEAT: '150ms',
  OMNIMIND_RAFT_ELECTION_MIN: '700ms',
  OMNIMIND_RAFT_ELECTION_MAX: '1400ms',
};

/** @param ends gets how each member is stopped */
export async function startBenchMembers(
  home: string,
  count: number,
  options: Omit<BenchPlaneOptions, 'dataDirectory' | 'settings'>,
  ends: (() => Promise<unknown>)[],
): Promise<readonly BenchPlane[]> {
  const settings = count === 1 ? [{}] : await clusterSettings(home, count);
  return Promise.all(
    settings.map(async (each, at) => {
      const dataDirectory = join(home, `m${at + 1}`);
      const plane = await startBenchPlane({ ...options, dataDirectory, settings: each });
      ends.push(() => plane.stop());
      return plane;
    }),
  );
}

async function clusterSettings(
  home: string,
  count: number,
): Promise<readonly Readonly<Record<string, string>>[]> {
  await mkdir(home, { recursive: true });
  const secretFile = join(home, 'cluster-secret');
  await writeFile(secretFile, randomBytes(SECRET_BYTES).toString('hex'), { mode: 0o600 });
  const addresses: string[] = [];
  for (let at = 0; at < count; at += 1) addresses.push(`127.0.0.1:${await freePort()}`);
  const members = addresses.map((address, at) => `m${at + 1}=${address}`).join(',');
  const listens: string[] = [];
  for (let at = 0; at < count; at += 1) listens.push(`127.0.0.1:${await freePort()}`);
  return addresses.map((address, at) => ({
    OMNIMIND_MEMBER_ID: `m${at + 1}`,
    OMNIMIND_CLUSTER_MEMBERS: members,
    OMNIMIND_CLUSTER_SECRET_FILE: secretFile,
    OMNIMIND_RAFT_LISTEN: address,
    OMNIMIND_LISTEN: listens[at] ?? '',
    OMNIMIND_ADVERTISE_URL: `http://${listens[at] ?? ''}`,
    ...RAFT_SETTINGS,
  }));
}

/** The member that leads; the only one, where it is alone. */
export async function leaderOf(planes: readonly BenchPlane[]): Promise<BenchPlane> {
  const [only] = planes;
  if (only !== undefined && planes.length === 1) return only;
  return pollUntil('a member leads', LEADER_MS, async () => {
    for (const plane of planes) {
      const page = await plane.metrics();
      if (page.value('omnimind_raft_is_leader') === 1) return plane;
    }
    return null;
  });
}
