/**
 * A member in small, for tests of what only a leader does: it leads while a file says its name, and
 * then has the local replicas of a shared directory. argv: name, directory, file. It writes the
 * target's events to its output, one line of JSON each.
 */

import { readFileSync, writeSync } from 'node:fs';
import process from 'node:process';
import { createLocalProcessTarget } from '../../control-plane/adapters/local-process/target.ts';
import { createLeaderScaleTarget } from '../../control-plane/composition/leadership-scale-target.ts';
import { ScaleTargetError } from '../../control-plane/ports/scale-target.ts';
import { localWorkload } from './local-workload.ts';

const [name = '', directory = '', leaderFile = ''] = process.argv.slice(2);
const tell = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);
/** `name term`; a lease and leadership in one. */
const read = (): readonly string[] => readFileSync(leaderFile, 'utf8').trim().split(' ');
const leads = (): boolean => read()[0] === name;

const target = createLeaderScaleTarget({
  leads,
  mayAct: leads,
  create: () =>
    createLocalProcessTarget({
      directory,
      portsFrom: 27_000,
      portsTo: 27_999,
      nowMs: Date.now,
      mayAct: leads,
      onEvent: (event) => tell(event),
      limits: { tickMs: 30, backoffMinMs: 40, backoffMaxMs: 160, sweepIntervalMs: 100 },
    }),
  onTrouble: (doing, error) => tell({ kind: doing, error: String(error) }),
});

const workload = localWorkload('shared');
process.on('message', (replicas: number) => {
  const token = { term: Number(read()[1]), index: replicas };
  target.setReplicas(workload, replicas, token, AbortSignal.timeout(5000)).then(
    () => tell({ kind: 'told', replicas }),
    (error: unknown) => {
      const failure = error instanceof ScaleTargetError ? error.failure : 'bug';
      tell({ kind: 'refused', replicas, failure });
    },
  );
});
process.on('SIGTERM', () => void target.stop('keep').then(() => process.exit(0)));
tell({ kind: 'running' });
