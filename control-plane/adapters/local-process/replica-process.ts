/**
 * Starts the process of one replica: detached in a process group of its own, so that it outlives
 * the plane, with its streams in its log file and an environment that holds nothing of the plane's
 * but the few variables that a program needs to run.
 */

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import type { LocalProcessTarget } from '../../model/workload.ts';
import { identityOf, OWNER_VARIABLE, PORT_VARIABLE, readBootId } from './processes.ts';
import { REPLICA_VARIABLE } from './processes.ts';
import type { ProcessIdentity } from './processes.ts';
import type { ReplicaLogs } from './replica-logs.ts';
import { INHERITED_VARIABLES } from './settings.ts';

export interface ReplicaStart {
  readonly replicaId: string;
  readonly owner: string;
  readonly port: number;
  readonly target: LocalProcessTarget;
  readonly workingDirectory: string;
  /** Asked with nothing between it and the start. */
  readonly mayAct: () => boolean;
  /** Called once when the process ends while this plane lives. */
  readonly onEnd: (detail: string) => void;
}

/**
 * Resolves once the program runs; null when it had ended before it could be identified,
 * `not_allowed` when `mayAct` said no and nothing was started.
 * @throws Error when it cannot be started at all
 */
export async function startReplica(
  start: ReplicaStart,
  logs: ReplicaLogs,
): Promise<ProcessIdentity | null | 'not_allowed'> {
  const [program = '', ...args] = start.target.command;
  const log = await logs.open(start.replicaId);
  let child: ChildProcess;
  try {
    if (!start.mayAct()) return 'not_allowed';
    child = spawn(program, args, {
      cwd: start.workingDirectory,
      env: environmentOf(start),
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    child.once('exit', (code, signal) => start.onEnd(signal ?? `exit code ${code ?? 'unknown'}`));
    // A later error (a signal that could not be sent) must not end the plane.
    child.on('error', () => undefined);
    await once(child, 'spawn');
  } finally {
    await log.close();
  }
  child.unref();
  return child.pid === undefined ? null : identityOf(child.pid, await readBootId());
}

function environmentOf(start: ReplicaStart): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of INHERITED_VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  return {
    ...environment,
    ...start.target.environment,
    [PORT_VARIABLE]: String(start.port),
    [REPLICA_VARIABLE]: start.replicaId,
    [OWNER_VARIABLE]: start.owner,
  };
}
