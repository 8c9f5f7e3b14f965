/**
 * A control plane as a real process for end-to-end tests: its settings, its API, and the ways to end
 * it. The workload that it scales is stub-replica.ts, a process that only says that it is ready.
 */

import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { MEMBER_NODE_ARGUMENTS } from '../../control-plane/node-arguments.ts';
import { stringify } from 'yaml';
import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import { freePort, pollUntil, startProcess } from './process.ts';
import type { RunningProcess } from './process.ts';

const START_MS = 60_000;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const REPLICA = fileURLToPath(new URL('./stub-replica.ts', import.meta.url));

export interface PlanePlace {
  /** Data directory of the plane, kept over its restarts. */
  readonly data: string;
  readonly environment: NodeJS.ProcessEnv;
}

export interface PlaneProcess {
  readonly url: string;
  readonly running: RunningProcess;
  get<T>(path: string): Promise<T>;
  /** Newest first. */
  decisions(limit: number): Promise<readonly DecisionRecord[]>;
}

export interface PlaneOptions {
  readonly prometheusUrl: string;
  readonly tickInterval: string;
  readonly prometheusTimeout: string;
  readonly settings?: NodeJS.ProcessEnv;
  /** Fields of the policy beside id and workload. */
  readonly policy: object;
}

export const WORKLOAD_ID = 'stub';

/** Prepares directories and documents; starts nothing. */
export async function planePlace(options: PlaneOptions): Promise<PlanePlace> {
  const home = await mkdtemp(join(tmpdir(), 'omnimind-plane-'));
  const documents = join(home, 'documents');
  await mkdir(documents);
  const command = [process.execPath, REPLICA];
  const target = { kind: 'local_process', command, stopGrace: '1s', startTimeout: '20s' };
  const workload = {
    kind: 'Workload',
    id: WORKLOAD_ID,
    capability: 'inference',
    mode: 'act',
    target,
  };
  const policy = { kind: 'ScalePolicy', id: 'stub-load', workload: WORKLOAD_ID, ...options.policy };
  await writeFile(join(documents, 'stub.yaml'), `${stringify(workload)}---\n${stringify(policy)}`);
  const first = await freePortBlock();
  const data = join(home, 'data');
  return {
    data,
    environment: {
      PATH: process.env['PATH'],
      OMNIMIND_DATA_DIR: data,
      OMNIMIND_LISTEN: '127.0.0.1:0',
      OMNIMIND_PROMETHEUS_URL: options.prometheusUrl,
      OMNIMIND_PROMETHEUS_TIMEOUT: options.prometheusTimeout,
      OMNIMIND_TICK_INTERVAL: options.tickInterval,
      OMNIMIND_UPKEEP_INTERVAL: '500ms',
      OMNIMIND_DOCUMENTS_DIR: documents,
      OMNIMIND_LOCAL_PROCESS: 'on',
      OMNIMIND_LOCAL_PROCESS_PORTS: `${first}-${first + 63}`,
      ...options.settings,
    },
  };
}

/** Resolves once the API answers. */
export async function startPlane(place: PlanePlace): Promise<PlaneProcess> {
  const entry = join(ROOT, 'control-plane', 'main.ts');
  const running = startProcess(process.execPath, [...MEMBER_NODE_ARGUMENTS, entry], {
    cwd: ROOT,
    env: place.environment,
  });
  const port = await pollUntil('the plane listens', START_MS, () => {
    if (running.child.exitCode !== null) throw new Error(`the plane ended:\n${running.output()}`);
    return /"port":(\d+).*"msg":"listening"/.exec(running.output())?.[1];
  }).catch((error: unknown) => {
    // Nobody else knows of it, and it would keep the tests from ending.
    running.kill();
    throw error;
  });
  const url = `http://127.0.0.1:${port}`;
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  return {
    url,
    running,
    get,
    decisions: async (limit) => {
      const page = await get<{ items: readonly DecisionRecord[] }>(`/v1/decisions?limit=${limit}`);
      return page.items;
    },
  };
}

/** The first of 64 ports that no one is likely to use, away from the ephemeral range. */
async function freePortBlock(): Promise<number> {
  const seed = await freePort();
  return 21_000 + ((seed * 64) % 10_000);
}
