/** Finds the replicas of a local-process target among the machine's processes, by the marker that they carry. */

import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface MarkedProcess {
  readonly pid: number;
  readonly replicaId: string;
}

/** Living replicas of the plane with this data directory; none where it never had a target. */
export async function markedProcesses(data: string): Promise<readonly MarkedProcess[]> {
  const owner = await readFile(join(data, 'replicas', 'owner'), 'utf8').catch(() => '');
  if (owner === '') return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => readMark(Number(pid), owner.trim())));
  return found.filter((one) => one !== null);
}

async function readMark(pid: number, owner: string): Promise<MarkedProcess | null> {
  try {
    const variables = new Map(
      (await readFile(`/proc/${pid}/environ`, 'utf8'))
        .split('\0')
        .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    );
    const replicaId = variables.get('OMNIMIND_REPLICA_ID');
    if (replicaId === undefined || variables.get('OMNIMIND_REPLICA_OWNER') !== owner) return null;
    return { pid, replicaId };
  } catch {
    return null;
  }
}
