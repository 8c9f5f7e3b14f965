/** Finds the replicas of a local-process target among the machine's processes, by the marker that they carry. */

import { readFile, readdir } from 'node:fs/promises';

export interface MarkedProcess {
  readonly pid: number;
  readonly replicaId: string;
  readonly port: string;
}

/** Living processes whose environment names a replica and whose command line holds `mark`. */
export async function markedProcesses(
  portsFrom: number,
  portsTo: number,
): Promise<readonly MarkedProcess[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => readMarks(Number(pid))));
  return found
    .filter((one) => one !== null)
    .filter(({ port }) => {
      return Number(port) >= portsFrom && Number(port) <= portsTo;
    });
}

async function readMarks(pid: number): Promise<MarkedProcess | null> {
  try {
    const variables = new Map(
      (await readFile(`/proc/${pid}/environ`, 'utf8'))
        .split('\0')
        .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    );
    const replicaId = variables.get('OMNIMIND_REPLICA_ID');
    if (replicaId === undefined || !variables.has('OMNIMIND_REPLICA_OWNER')) return null;
    return { pid, replicaId, port: variables.get('PORT') ?? '' };
  } catch {
    return null;
  }
}
