/**
 * A cluster that grows from one member to three and to five and shrinks to three, through the API of
 * whichever member, under write load over both protocols; its leader is removed on the way, and at the
 * end every member is restarted in turn. The last two join by a snapshot in chunks, as the log has
 * grown beyond what is kept of it. Every acknowledged write is applied exactly once on every disk, and
 * somebody leads all the while. Each run prints its figures and its seed.
 *
 * OMNIMIND_TEST_FILLED is how many entries the log grows by between (14000; with 0 all join by the log);
 * OMNIMIND_TEST_SEED repeats the order of a run; OMNIMIND_TEST_LOAD_MS is how long the cluster is left
 * alone under load after each change (300); OMNIMIND_TEST_GAP_MAX_MS is how long it may be without a
 * leader, or acknowledge nothing (10000: a machine that runs a whole suite starves its processes; on a quiet one it is to be 1000).
 */

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';

import { heldBy } from '../support/cluster-logs.ts';
import { prepareCluster } from '../support/cluster-process.ts';
import type { Cluster } from '../support/cluster-process.ts';
import { ClusterWriters } from '../support/cluster-writers.ts';
import { LeaderWatch } from '../support/leader-watch.ts';
import { pollUntil } from '../support/process.ts';
import { seededRandom } from '../support/seeded-random.ts';

const SEED = Number(process.env['OMNIMIND_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const LOAD_MS = Number(process.env['OMNIMIND_TEST_LOAD_MS'] ?? 300);
const GAP_MAX_MS = Number(process.env['OMNIMIND_TEST_GAP_MAX_MS'] ?? 10_000);
const FILLED = Number(process.env['OMNIMIND_TEST_FILLED'] ?? 14_000);
const CHANGE_WITHIN_MS = 20_000;

const WITHOUT_PROMETHEUS_OR_DATABASE = {
  OMNIMIND_DATABASE_URL: 'postgres://127.0.0.1:1/none',
  OMNIMIND_TICK_INTERVAL: '10m',
};

interface MembersView {
  readonly leaderId: string | null;
  readonly term: number;
  readonly joint: boolean;
  readonly items: readonly {
    readonly id: string;
    readonly membership: string;
    readonly lagEntries: number | null;
  }[];
}

describe('a cluster from 1 to 5 members and back to 3, under load', function () {
  this.timeout(180_000);
  let cluster: Cluster;
  let writers: ClusterWriters;
  let watch: LeaderWatch;
  const random = seededRandom(SEED);
  let voters: readonly string[] = ['a'];

  before(async () => {
    const settings = {
      ...WITHOUT_PROMETHEUS_OR_DATABASE,
      ...(FILLED > 0 && { OMNIMIND_SNAPSHOT_ENTRIES: '1000' }),
    };
    cluster = await prepareCluster({
      members: ['a'],
      spare: ['b', 'c', 'd', 'e'],
      direct: true,
      settings,
    });
    await cluster.startAll();
    writers = new ClusterWriters(cluster, { binary: 3, http: 1 }, voters);
    watch = new LeaderWatch(cluster);
    writers.start();
  });
  after(async () => {
    await Promise.allSettled([writers.stop(), watch.stop()]);
    await cluster.stop();
    await rm(cluster.home, { recursive: true, force: true });
  });

  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] ?? '';
  const seen = (id: string, query = ''): Promise<MembersView | null> =>
    read(`${cluster.member(id).url}/v1/members${query}`);

  it('grows to three and to five', async () => {
    for (const id of ['b', 'c', 'd', 'e']) {
      if (id === 'd') {
        writers.phase('filling the log');
        await writers.fill(FILLED);
      }
      writers.phase(`adding ${id}`);
      const body = { id, address: cluster.member(id).address };
      await change(cluster.member(pick(voters)).url, 'POST', '', body);
      await change(cluster.member(pick(voters)).url, 'POST', `/${id}/promote`);
      voters = [...voters, id];
      writers.phase(`with ${id}`, voters);
      await delay(LOAD_MS);
    }
    const view = await seen(pick(voters));
    assert.deepEqual(
      view?.items.map((one) => [one.id, one.membership]),
      voters.map((id) => [id, 'voter']),
    );
    assert.equal(view.joint, false);
    for (const id of voters.slice(1)) {
      const output = cluster.member(id).running?.output() ?? '';
      const isLate = id === 'd' || id === 'e';
      assert.equal(output.includes('raft: snapshot installed'), isLate && FILLED > 0, output);
    }
  });

  it('shrinks to three, the leader removed first; who is removed disturbs nobody', async () => {
    assert.equal(voters.length, 5, 'it did not grow');
    for (const nth of [1, 2]) {
      const { id: leader } = await cluster.leader();
      const removed = nth === 1 ? leader : pick(voters);
      const left = voters.filter((id) => id !== removed);
      writers.phase(`removing ${removed}${removed === leader ? ', the leader' : ''}`, left);
      await change(cluster.member(pick(voters)).url, 'DELETE', `/${removed}`);
      voters = left;
      const settled = await pollUntil('one leader, known to all', CHANGE_WITHIN_MS, () => agreed());
      // Longer than several election timeouts, while the removed member still runs.
      await delay(Math.max(LOAD_MS, 1_500));
      const later = await pollUntil('the same', CHANGE_WITHIN_MS, () => agreed());
      assert.deepEqual(
        later.items.map(({ id }) => id),
        [...voters],
      );
      assert.ok(!voters.includes(removed) && later.leaderId !== removed);
      await refusesAtOnce(removed);
      note(`after the removal of ${removed}: term ${settled.term}, then ${later.term}`);
      cluster.kill(removed, 'SIGTERM');
      assert.equal(await cluster.member(removed).running?.exit(10_000), 0);
    }
  });

  /** Who was removed hears of no leader, and looks for none. */
  async function refusesAtOnce(removed: string): Promise<void> {
    const askedMs = performance.now();
    const answer = await fetch(`${cluster.member(removed).url}/v1/mode`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ mode: 'act' }),
    });
    const ms = Math.round(performance.now() - askedMs);
    const problem = (await answer.json()) as { code: string; detail: string };
    assert.deepEqual([answer.status, problem.code], [503, 'no_leader']);
    assert.match(problem.detail, /not a member of the cluster/u);
    note(`${removed}, which was removed, refuses a write after ${ms} ms`);
  }

  /** What all voters say alike of the leader; null while they do not. */
  async function agreed(): Promise<MembersView | null> {
    const views = await Promise.all(voters.map((id) => seen(id, '?consistency=stale')));
    const [first] = views;
    if (first === undefined || first === null || first.leaderId === null || first.joint)
      return null;
    const same = views.every(
      (view) => view?.leaderId === first.leaderId && view.term === first.term,
    );
    return same && voters.includes(first.leaderId) ? first : null;
  }

  it('is restarted member by member', async () => {
    assert.equal(voters.length, 3, 'it did not shrink');
    for (const id of voters) {
      const led = (await cluster.leader()).id === id;
      writers.phase(`restarting ${id}${led ? ', the leader' : ''}`);
      cluster.kill(id, 'SIGTERM');
      assert.equal(await cluster.member(id).running?.exit(10_000), 0);
      await cluster.start(id);
      await pollUntil(`${id} has caught up`, CHANGE_WITHIN_MS, async () => {
        const { id: leader } = await cluster.leader();
        const one = (await seen(leader))?.items.find((item) => item.id === id);
        return one !== undefined && one.lagEntries !== null && one.lagEntries < 100;
      });
      await delay(LOAD_MS);
    }
  });

  it('has every acknowledged write once on every disk, and was never without a leader for long', async () => {
    writers.phase('the end');
    await writers.stop();
    await watch.stop();
    for (const id of voters) cluster.kill(id, 'SIGTERM');
    for (const id of voters) assert.equal(await cluster.member(id).running?.exit(15_000), 0);
    let whole = 0;
    for (const id of voters) {
      const held = await heldBy(cluster.member(id));
      for (const [workloadId, version] of Object.entries(writers.expectedVersions)) {
        const stored = held.state.workloads[workloadId];
        const last = { version: stored?.version, description: stored?.workload.description };
        assert.deepEqual(
          last,
          { version, description: `write ${version}` },
          `${workloadId} at ${id}`,
        );
      }
      for (const [key, times] of held.appliedByKey) assert.equal(times, 1, `${key} at ${id}`);
      if (held.snapshotIndex > 0) continue;
      whole += 1;
      for (const [workloadId, version] of Object.entries(writers.expectedVersions)) {
        if (workloadId.startsWith('http')) continue;
        for (let number = 1; number <= version; number += 1) {
          assert.ok(held.appliedByKey.has(`${workloadId}-${number}`), `${workloadId}-${number}`);
        }
      }
    }
    const figures = {
      seed: SEED,
      acknowledged: writers.acknowledged,
      retries: writers.retries,
      logsReadWhole: whole,
      terms: watch.leaders.size,
      leaderless: watch.longest,
      gap: { binary: writers.longestGap('binary'), http: writers.longestGap('http') },
      wait: { binary: writers.longestWait('binary'), http: writers.longestWait('http') },
    };
    note(`cluster members: ${JSON.stringify(figures, rounded)}`);
    const gapsMs = [writers.longestGap('binary').ms, writers.longestGap('http').ms];
    const worstMs = Math.max(watch.longest.ms, ...gapsMs);
    assert.ok(worstMs <= GAP_MAX_MS, `${worstMs} ms`);
  });
});

/** One change through the API, repeated until it is known to be made. */
async function change(url: string, method: string, path: string, body?: object): Promise<void> {
  let tries = 0;
  await pollUntil(`${method} ${path}`, CHANGE_WITHIN_MS, async () => {
    tries += 1;
    const answer = await fetch(`${url}/v1/members${path}`, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
      signal: AbortSignal.timeout(CHANGE_WITHIN_MS),
    });
    const text = await answer.text();
    if (answer.ok) return true;
    const { code } = JSON.parse(text) as { code: string };
    if (code === 'learner_lags' || answer.status === 503) return false;
    const isDone = tries > 1 && MADE_BEFORE.includes(code);
    assert.ok(isDone, `${method} ${path}: ${text}`);
    return true;
  });
}

/** Answers to a change that was made by a try whose own answer was lost. */
const MADE_BEFORE = ['member_exists', 'not_a_learner', 'nothing_to_change', 'member_not_found'];

async function read(url: string): Promise<MembersView | null> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    return answer.ok ? ((await answer.json()) as MembersView) : null;
  } catch {
    return null;
  }
}

function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Math.round(value) : value;
}

function note(text: string): void {
  process.stdout.write(`      ${text}\n`);
}
