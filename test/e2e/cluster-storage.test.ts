/**
 * What becomes of a cluster when one member's disk goes wrong: it is full, it holds another member's
 * log, one byte of it has changed, or it was emptied. That member refuses and says why; the others go
 * on. One that lost its disk is removed and added again through the API, and catches up.
 *
 * A full disk is a small tmpfs, which only root can mount; elsewhere that test is skipped.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';

import { damageLog } from '../support/cluster-logs.ts';
import { prepareCluster } from '../support/cluster-process.ts';
import type { Cluster } from '../support/cluster-process.ts';
import { ClusterWriters } from '../support/cluster-writers.ts';
import { isInstalled, pollUntil } from '../support/process.ts';
import { skipBecause } from '../support/skip.ts';

const WITHIN_MS = 20_000;
const DISK_MIB = 4;

interface Readiness {
  readonly status: string;
  readonly checks: readonly {
    readonly name: string;
    readonly status: string;
    readonly detail: string;
  }[];
}

describe('a cluster of three when one disk goes wrong', function () {
  this.timeout(120_000);
  const ids = ['a', 'b', 'c'];
  let cluster: Cluster;
  let writers: ClusterWriters;
  let mounted: string | null = null;

  before(async () => {
    cluster = await prepareCluster({
      members: ids,
      direct: true,
      settings: {
        OMNIMIND_DATABASE_URL: 'postgres://127.0.0.1:1/none',
        OMNIMIND_TICK_INTERVAL: '10m',
        // Elections are not what this is about, and suites run on machines that are busy.
        OMNIMIND_RAFT_ELECTION_MIN: '500ms',
        OMNIMIND_RAFT_ELECTION_MAX: '1s',
      },
    });
    mounted = mountSmall(cluster.member('a').data);
    await cluster.startAll();
    writers = new ClusterWriters(cluster, { binary: 2, http: 1 }, ids);
    writers.start();
    await written(20);
  });
  after(async () => {
    await Promise.allSettled([writers.stop()]);
    await cluster.stop();
    if (mounted !== null) execFileSync('umount', ['-l', mounted]);
    await rm(cluster.home, { recursive: true, force: true });
  });

  /** So many more writes are acknowledged. */
  async function written(more: number): Promise<void> {
    const before = writers.acknowledged;
    await pollUntil(`${more} more writes`, WITHIN_MS, () => writers.acknowledged >= before + more);
  }

  async function readiness(
    id: string,
  ): Promise<{ readonly code: number; readonly body: Readiness }> {
    const signal = AbortSignal.timeout(5_000);
    const answer = await fetch(`${cluster.member(id).url}/readyz`, { signal });
    return { code: answer.status, body: (await answer.json()) as Readiness };
  }

  async function admin(method: string, path: string, body?: object): Promise<Response> {
    const { id } = await cluster.leader(WITHIN_MS);
    return fetch(`${cluster.member(id).url}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json' },
      signal: AbortSignal.timeout(WITHIN_MS),
    });
  }

  /** Leads, so that most is lost with it. */
  async function makeLeader(id: string): Promise<void> {
    await pollUntil(`${id} leads`, WITHIN_MS, async () => {
      if ((await cluster.leader()).id === id) return true;
      await admin('POST', '/v1/leadership/transfer', { to: id });
      return false;
    });
  }

  async function stopped(id: string): Promise<void> {
    cluster.kill(id, 'SIGTERM');
    assert.equal(await cluster.member(id).running?.exit(WITHIN_MS), 0);
  }

  /** Starts it, and it must end by itself. */
  async function failedStart(id: string): Promise<string> {
    const { running } = cluster.launch(id);
    assert.equal(await running?.exit(WITHIN_MS), 1);
    return running?.output() ?? '';
  }

  async function caughtUp(id: string): Promise<void> {
    await pollUntil(`${id} has caught up`, WITHIN_MS, async () => {
      const answer = await admin('GET', '/v1/members');
      const { items } = (await answer.json()) as {
        items?: readonly { id: string; lagEntries: number | null }[];
      };
      const lag = items?.find((one) => one.id === id)?.lagEntries ?? null;
      return lag !== null && lag < 50;
    });
  }

  it('is led by another when the disk of the leader is full, which says so and refuses', async function () {
    if (mounted === null) skipBecause(this, 'a file system can be mounted by root alone');
    await makeLeader('a');
    const ballast = join(cluster.member('a').data, 'ballast');
    fillDisk(ballast);
    // What its log has reserved is still there to be written to.
    const filled = writers.fill(1_000);
    const next = await pollUntil('another leads', WITHIN_MS, async () => {
      const leader = await cluster.leader(WITHIN_MS);
      return leader.id === 'a' ? null : leader;
    });
    await filled;
    await written(20);
    const { code, body } = await pollUntil('it is not ready', WITHIN_MS, async () => {
      const seen = await readiness('a');
      return seen.code === 503 ? seen : null;
    });
    const log = body.checks.find(({ name }) => name === 'log');
    assert.deepEqual([code, body.status, log?.status], [503, 'failed', 'failed']);
    assert.equal(log?.detail.match(/ENOSPC/g)?.length, 1, log?.detail);
    for (const id of ['b', 'c']) assert.equal((await readiness(id)).code, 200);
    const view = await fetch(`${cluster.member('a').url}/v1/members?consistency=stale`);
    const { leaderId } = (await view.json()) as { leaderId: string | null };
    assert.notEqual(leaderId, 'a');
    process.stdout.write(`      a full disk: ${log.detail}; then ${next.id} led\n`);

    rmSync(ballast);
    cluster.kill('a', 'SIGTERM');
    await cluster.member('a').running?.exit(WITHIN_MS);
    await cluster.start('a');
    await caughtUp('a');
    assert.equal((await readiness('a')).code, 200);
  });

  it('goes on when a member finds another member’s log in its directory', async () => {
    await stopped('c');
    const { data } = cluster.member('c');
    const aside = `${data}.aside`;
    cpSync(data, aside, { recursive: true });
    await stopped('b');
    rmSync(data, { recursive: true });
    cpSync(cluster.member('b').data, data, { recursive: true });
    await cluster.start('b');
    const output = await failedStart('c');
    assert.match(output, /cannot start/);
    assert.match(output, /\bb\b/);
    assert.ok(output.includes(data), output);
    process.stdout.write(`      a foreign log: ${output.trim().split('\n').at(-2) ?? ''}\n`);
    await written(20);
    rmSync(data, { recursive: true });
    cpSync(aside, data, { recursive: true });
    await cluster.start('c');
    await caughtUp('c');
  });

  it('goes on when a log is damaged, whose member names file and offset; emptied, it joins again', async () => {
    await stopped('c');
    const file = await damageLog(cluster.member('c'));
    const output = await failedStart('c');
    assert.ok(output.includes(file), output);
    assert.match(output, /damaged at byte \d+/);
    assert.match(output, /DELETE \/v1\/members\/c/);
    process.stdout.write(`      a damaged log: ${output.trim().split('\n').at(-2) ?? ''}\n`);
    await written(20);

    const { data, address } = cluster.member('c');
    assert.equal((await admin('DELETE', '/v1/members/c')).status, 204);
    await rm(data, { recursive: true });
    await mkdir(data);
    cluster.joins('c');
    assert.equal((await admin('POST', '/v1/members', { id: 'c', address })).status, 201);
    await cluster.start('c');
    const promoted = await pollUntil('it is promoted', WITHIN_MS, async () => {
      const answer = await admin('POST', '/v1/members/c/promote');
      return answer.ok ? ((await answer.json()) as { membership: string }) : null;
    });
    assert.equal(promoted.membership, 'voter');
    await caughtUp('c');
    // Another can be missed now.
    await stopped('a');
    await written(10);
    await cluster.start('a');
    await caughtUp('a');
  });
});

/** A small file system at the directory; null where this user may not. */
function mountSmall(directory: string): string | null {
  if (process.getuid?.() !== 0 || !isInstalled('mount')) return null;
  try {
    const options = ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', directory];
    execFileSync('mount', options, { stdio: 'pipe' });
    return directory;
  } catch {
    return null;
  }
}

/** Leaves no block free. */
function fillDisk(file: string): void {
  const { bavail, bsize } = statfsSync(join(file, '..'));
  try {
    writeFileSync(file, Buffer.alloc(bavail * bsize));
    writeFileSync(file, Buffer.alloc(bsize), { flag: 'a' });
  } catch {
    // It is full.
  }
}
