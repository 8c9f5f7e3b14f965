/**
 * What only a newer build can read. While members of an older one are there the newer leader takes no
 * such thing into the log, and says whom it waits for. Once it stands there the way back is closed: the
 * older build must say so and take part in nothing, and the newer one must go on where it was.
 */

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { isDeepStrictEqual } from 'node:util';
import { TARGET_FORMATS } from '../../control-plane/model/workload.ts';
import { MEMBER_NODE_ARGUMENTS } from '../../control-plane/node-arguments.ts';
import { ask, putOver, versionIn } from './cluster-requests.ts';
import { MEMBERS } from './cluster-decisions-rig.ts';
import { freePort, pollUntil, startProcess } from './process.ts';
import type { RunningProcess } from './process.ts';
import type { Build } from './upgrade-builds.ts';
import type { UpgradeCluster } from './upgrade-cluster.ts';

const WITHIN_MS = 60_000;
const ASK_MS = 5_000;
/** Whose target is of a format that not every build reads. */
const ELSEWHERE = '/v1/workloads/elsewhere';
const NOT_UNDERSTOOD =
  /entry \d+ of term \d+ is not understood \(.* reads up to \d+: .*run this member with the version that the others run, or a newer one, and it goes on where it stopped/u;

/** A plane of one member: the older build does not start, and says why. */
export async function refusesAlone(older: Build, newer: Build): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'omnimind-way-back-'));
  const plane = new SolePlane(home, `http://127.0.0.1:${await freePort()}`);
  try {
    await mkdir(plane.data);
    await plane.start(newer);
    await assertElsewhereIsTaken(plane.url);
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

/**
 * A newer leader between older members, which are most: it refuses what they would stop at, all go on,
 * and it takes it when they are upgraded.
 */
export async function waitsForOthers(
  cluster: UpgradeCluster,
  older: Build,
  newer: Build,
): Promise<void> {
  const { rig } = cluster;
  const [first, ...others] = MEMBERS;
  await cluster.startAll((id) => (id === first ? newer : older));
  await cluster.lead(first);
  const { url } = rig.cluster.member(first);
  await readsTold(cluster, (id) => (id === first ? newer : older));
  const refused = await putElsewhere(url);
  const { code, detail } = (await refused.json()) as { code: string; detail: string };
  assert.deepEqual([refused.status, code], [409, 'format_not_read'], detail);
  for (const id of others)
    assert.ok(detail.includes(`${id} reads up to ${older.formatMax}`), detail);
  assert.match(detail, /upgrade them first, then try again/u);
  assert.ok((await formatInForce(url)) <= older.formatMax);
  await goesOn(cluster, 1);
  for (const id of others) {
    const { term } = await rig.leader();
    await cluster.swap(id, newer);
    await rig.follows(id, term, WITHIN_MS);
  }
  await cluster.lead(first);
  await readsTold(cluster, () => newer);
  await assertElsewhereIsTaken(url);
  await goesOn(cluster, 2);
}

/**
 * A member of several, all newer and with that workload in their logs, goes back: the others go on
 * without it; it is not ready, and is whole when upgraded again.
 */
export async function refusesInCluster(
  cluster: UpgradeCluster,
  older: Build,
  newer: Build,
): Promise<void> {
  const { rig } = cluster;
  const { id: leader, term } = await rig.leader();
  const id = MEMBERS.find((one) => one !== leader) ?? leader;
  const { url } = rig.cluster.member(id);
  await cluster.swap(id, older);
  const { running } = rig.life(id);
  await pollUntil(`${id} says that it cannot follow`, WITHIN_MS, async () => {
    const ready = await ask(rig.cluster.member(id), '/readyz', ASK_MS);
    return ready?.status === 503 && NOT_UNDERSTOOD.test(ready.text);
  });
  assert.match(running.output(), /"level":"error".*takes part in consensus no more/u);
  assert.equal(await statusOf(`${rig.cluster.member(leader).url}${ELSEWHERE}`), 200);
  await cluster.swap(id, newer);
  await rig.follows(id, term, WITHIN_MS);
  await pollUntil(`${id} has what it could not read`, WITHIN_MS, async () => {
    return (await statusOf(`${url}${ELSEWHERE}?consistency=stale`)) === 200;
  });
}

async function assertElsewhereIsTaken(url: string): Promise<void> {
  const answer = await putElsewhere(url);
  assert.equal(answer.status, 201, await answer.text());
  assert.equal(await formatInForce(url), TARGET_FORMATS.webhook);
}

function putElsewhere(url: string): Promise<Response> {
  const target = { kind: 'webhook', url: 'https://receiver.example/scale', secret: 'receiver' };
  return fetch(`${url}${ELSEWHERE}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id: 'elsewhere', capability: 'inference', mode: 'observe', target }),
    signal: AbortSignal.timeout(WITHIN_MS),
  });
}

async function formatInForce(url: string): Promise<number> {
  const told = await fetch(`${url}/version`, { signal: AbortSignal.timeout(ASK_MS) });
  return ((await told.json()) as { formatInForce: number }).formatInForce;
}

/** The leader has heard of all members what they read. */
async function readsTold({ rig }: UpgradeCluster, buildOf: (id: string) => Build): Promise<void> {
  const expected = MEMBERS.map((id) => [id, buildOf(id).formatMax]);
  await pollUntil('all members have told what they read', WITHIN_MS, async () => {
    const { id } = await rig.leader();
    const seen = await ask(rig.cluster.member(id), '/v1/members', ASK_MS);
    if (seen?.status !== 200) return false;
    const { items } = JSON.parse(seen.text) as { items: { id: string; formatMax?: number }[] };
    return isDeepStrictEqual(
      items.map((one) => [one.id, one.formatMax]),
      expected,
    );
  });
}

/** A write is acknowledged, and every member is ready and has it. */
async function goesOn({ rig }: UpgradeCluster, number: number): Promise<void> {
  const write = { workloadId: 'plain', number, mode: 'stopped', description: `${number}` } as const;
  await pollUntil('a write is acknowledged', WITHIN_MS, async () => {
    const { id } = await rig.leader();
    return (await putOver(rig.cluster.member(id), write, ASK_MS))?.ok === true;
  });
  for (const id of MEMBERS) {
    await pollUntil(`${id} is ready and has it`, WITHIN_MS, async () => {
      const member = rig.cluster.member(id);
      const ready = await ask(member, '/readyz', ASK_MS);
      const seen = await ask(member, '/v1/workloads/plain?consistency=stale', ASK_MS);
      return ready?.status === 200 && seen?.ok === true && versionIn(seen) === number;
    });
  }
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
