/**
 * The way back that is closed: once a workload stands in the log that an older build cannot read, that
 * build must say so and take part in nothing, and the newer one must go on where it was.
 */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { TARGET_FORMATS } from '../../control-plane/model/workload.ts';
import { MEMBER_NODE_ARGUMENTS } from '../../control-plane/node-arguments.ts';
import { ask } from './cluster-requests.ts';
import { MEMBERS } from './cluster-decisions-rig.ts';
import { freePort, pollUntil, startProcess } from './process.ts';
import type { RunningProcess } from './process.ts';
import type { Build } from './upgrade-builds.ts';
import type { UpgradeCluster } from './upgrade-cluster.ts';

const WITHIN_MS = 60_000;
const ASK_MS = 5_000;
/** Whose target is of a format that not every build reads. */
const BOXED = '/v1/workloads/boxed';
const NOT_UNDERSTOOD =
  /entry \d+ of term \d+ is not understood \(.* reads up to \d+: .*run this member with the version that the others run, or a newer one, and it goes on where it stopped/u;

/** A plane of one member: the older build does not start, and says why. */
export async function refusesAlone(older: Build, newer: Build): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'omnimind-way-back-'));
  const plane = new SolePlane(home, `http://127.0.0.1:${await freePort()}`);
  try {
    await mkdir(plane.data);
    await plane.start(newer);
    await putBoxed(plane.url);
    await plane.stop();
    const refusing = plane.launch(older);
    assert.equal(await refusing.exit(WITHIN_MS), 1, refusing.output());
    assert.match(refusing.output(), /^the control plane cannot start: /mu);
    assert.match(refusing.output(), NOT_UNDERSTOOD);
  } finally {
    plane.kill();
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A member of several: the others go on without it; it is not ready, and is whole when upgraded again. */
export async function refusesInCluster(
  cluster: UpgradeCluster,
  older: Build,
  newer: Build,
): Promise<void> {
  const { rig } = cluster;
  await cluster.startAll(newer);
  const { id: leader, term } = await rig.leader();
  await putBoxed(rig.cluster.member(leader).url);
  const id = MEMBERS.find((one) => one !== leader) ?? leader;
  const { url } = rig.cluster.member(id);
  await cluster.swap(id, older);
  const { running } = rig.life(id);
  await pollUntil(`${id} says that it cannot follow`, WITHIN_MS, async () => {
    const ready = await ask(rig.cluster.member(id), '/readyz', ASK_MS);
    return ready?.status === 503 && NOT_UNDERSTOOD.test(ready.text);
  });
  assert.match(running.output(), /"level":"error".*takes part in consensus no more/u);
  assert.equal(await statusOf(`${rig.cluster.member(leader).url}${BOXED}`), 200);
  await cluster.swap(id, newer);
  await rig.follows(id, term, WITHIN_MS);
  await pollUntil(`${id} has what it could not read`, WITHIN_MS, async () => {
    return (await statusOf(`${url}${BOXED}?consistency=stale`)) === 200;
  });
}

async function putBoxed(url: string): Promise<void> {
  const target = { kind: 'docker', image: 'example/replica:1', port: 8080 };
  const answer = await fetch(`${url}${BOXED}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: 'boxed', capability: 'inference', mode: 'observe', target }),
    signal: AbortSignal.timeout(WITHIN_MS),
  });
  assert.equal(answer.status, 201, await answer.text());
  const told = await fetch(`${url}/version`, { signal: AbortSignal.timeout(ASK_MS) });
  const { formatInForce } = (await told.json()) as { formatInForce: number };
  assert.equal(formatInForce, TARGET_FORMATS.docker);
}

async function statusOf(url: string): Promise<number | null> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(ASK_MS) })).status;
  } catch {
    return null;
  }
}

class SolePlane {
  readonly url: string;
  readonly data: string;
  #running: RunningProcess | null = null;

  constructor(home: string, url: string) {
    this.url = url;
    this.data = join(home, 'data');
  }

  launch({ root }: Build): RunningProcess {
    const entry = join(root, 'control-plane', 'main.ts');
    const env = {
      PATH: process.env['PATH'],
      OMNIMIND_DATA_DIR: this.data,
      OMNIMIND_LISTEN: this.url.replace('http://', ''),
      // Nobody is there: it starts all the same.
      OMNIMIND_DATABASE_URL: 'postgres://127.0.0.1:1/none',
      OMNIMIND_TICK_INTERVAL: '10m',
    };
    const running = startProcess(process.execPath, [...MEMBER_NODE_ARGUMENTS, entry], {
      cwd: root,
      env,
    });
    this.#running = running;
    return running;
  }

  async start(build: Build): Promise<void> {
    const running = this.launch(build);
    await pollUntil(`${build.name} answers`, WITHIN_MS, async () => {
      if (running.child.exitCode !== null) throw new Error(`it ended:\n${running.output()}`);
      return (await statusOf(`${this.url}/livez`)) === 200;
    });
  }

  async stop(): Promise<void> {
    this.#running?.child.kill('SIGTERM');
    assert.equal(await this.#running?.exit(WITHIN_MS), 0);
  }

  kill(): void {
    this.#running?.kill();
  }
}
