/**
 * Three real members under write load while garbage comes in at the Raft ports of the leader and of a
 * follower: random bytes, huge lengths, members of other clusters, wrong secrets, replays, silence. It
 * is refused and counted, each attack under its cause; no term moves, nobody campaigns, writes go on,
 * and memory stays bounded. OMNIMIND_TEST_GARBAGE_CONNECTIONS sets how many connections come, one half
 * at each of the two (300; the full run has 10,000), and OMNIMIND_TEST_ELECTION the election timeouts of
 * the members: 1s-2s here, since a machine that starves its processes is not what this is about, and
 * 150ms-300ms, the defaults, on a quiet one. The figures are printed.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import process from 'node:process';

import { prepareCluster } from '../support/cluster-process.ts';
import type { Cluster, LeaderSeen } from '../support/cluster-process.ts';
import { ClusterWriters } from '../support/cluster-writers.ts';
import { ATTACKS, storm } from '../support/raft-attacks.ts';
import type { Target } from '../support/raft-attacks.ts';
import { pollUntil } from '../support/process.ts';

const CONNECTIONS = Number(process.env['OMNIMIND_TEST_GARBAGE_CONNECTIONS'] ?? 300);
const [ELECTION_MIN, ELECTION_MAX] = (process.env['OMNIMIND_TEST_ELECTION'] ?? '1s-2s').split('-');
const MIB = 1024 * 1024;
/** What a process may have grown by in the end, beside what the load itself needs. */
const GROWTH_MAX_MIB = 128;

interface Figures {
  readonly term: number;
  readonly leaderChanges: number;
  readonly elections: number;
  readonly residentMib: number;
  readonly refused: Readonly<Record<string, number>>;
}

describe(`three members under ${CONNECTIONS} connections of garbage`, function () {
  this.timeout(90_000 + CONNECTIONS * 60);
  let cluster: Cluster;
  let writers: ClusterWriters;
  let leader: LeaderSeen;
  let attacked: readonly string[];

  before(async () => {
    cluster = await prepareCluster({
      members: ['a', 'b', 'c'],
      // This process is busy with the attack: nothing of the members' own may go through it.
      direct: true,
      settings: {
        OMNIMIND_DATABASE_URL: 'postgres://127.0.0.1:1/none',
        OMNIMIND_TICK_INTERVAL: '10m',
        OMNIMIND_RAFT_ELECTION_MIN: ELECTION_MIN,
        OMNIMIND_RAFT_ELECTION_MAX: ELECTION_MAX,
      },
    });
    await cluster.startAll();
    leader = await cluster.leader();
    const follower = ['a', 'b', 'c'].find((id) => id !== leader.id) ?? '';
    attacked = [leader.id, follower];
    writers = new ClusterWriters(cluster, { binary: 1, http: 1 }, ['a', 'b', 'c']);
    writers.start();
    await pollUntil('writes are acknowledged', 20_000, () => writers.acknowledged > 20);
  });
  after(async () => {
    await Promise.allSettled([writers.stop()]);
    await cluster.stop();
    await rm(cluster.home, { recursive: true, force: true });
  });

  function targetOf(memberId: string): Target {
    const otherId = ['a', 'b', 'c'].find((id) => id !== memberId) ?? '';
    const secret = Buffer.from(readFileSync(cluster.secretFile, 'utf8').trim());
    const { raftPort: port } = cluster.member(memberId);
    return { port, memberId, otherId, clusterName: 'omnimind', secret };
  }

  async function figures(memberId: string): Promise<Figures> {
    const signal = AbortSignal.timeout(5_000);
    const answer = await fetch(`${cluster.member(memberId).url}/metrics`, { signal });
    const lines = (await answer.text()).split('\n');
    const samples = lines.flatMap((line) => {
      const [, name, labels, value] = /^([a-z_]+)(\{.*?\})? (\S+)/.exec(line) ?? [];
      return name === undefined ? [] : [{ name, labels: labels ?? '', value: Number(value) }];
    });
    const sum = (name: string): number =>
      samples.filter((one) => one.name === name).reduce((total, { value }) => total + value, 0);
    const refused = samples.filter((one) => one.name === 'omnimind_raft_connections_refused_total');
    return {
      term: sum('omnimind_raft_term'),
      leaderChanges: sum('omnimind_raft_leader_changes_total'),
      elections: sum('omnimind_raft_elections_total'),
      residentMib: sum('process_resident_memory_bytes') / MIB,
      refused: Object.fromEntries(
        refused.map(({ labels, value }) => [/cause="(\w+)"/.exec(labels)?.[1] ?? '', value]),
      ),
    };
  }

  it('refuse and count it, keep their term and leader, and go on', async () => {
    const before = await Promise.all(attacked.map(figures));
    const writtenBefore = writers.acknowledged;
    const half = Math.ceil(CONNECTIONS / 2);
    const startedMs = performance.now();
    await Promise.all(attacked.map((id) => storm(targetOf(id), half)));
    const stormMs = performance.now() - startedMs;
    const written = writers.acknowledged - writtenBefore;
    const perSecond = Math.round((written * 1_000) / stormMs);
    await pollUntil('all strangers are gone', 20_000, async () => {
      const counts = await Promise.all(attacked.map(figures));
      return counts.every((one, nth) => refusals(one) - refusals(before[nth]) >= half * 0.99);
    });
    const after = await Promise.all(attacked.map(figures));
    const growth = after.map((one, nth) => one.residentMib - (before[nth]?.residentMib ?? 0));
    const summary = {
      connections: CONNECTIONS,
      stormMs: Math.round(stormMs),
      writesPerSecond: perSecond,
      longestGapMs: Math.round(writers.longestGap('binary').ms),
      residentMibBefore: before.map((one) => Math.round(one.residentMib)),
      growthMib: growth.map(Math.round),
      term: after.map((one) => one.term),
      refused: after.map((one, nth) => difference(one.refused, before[nth]?.refused ?? {})),
    };
    process.stdout.write(`      cluster garbage: ${JSON.stringify(summary)}\n`);

    assert.deepEqual(await cluster.leader(), leader);
    after.forEach((one, nth) => {
      const { term, leaderChanges, elections } = before[nth] ?? one;
      assert.deepEqual([one.term, one.leaderChanges], [term, leaderChanges]);
      assert.equal(one.elections, elections);
      for (const { name, causes } of ATTACKS) {
        const counted = causes.some(
          (cause) => (one.refused[cause] ?? 0) > (before[nth]?.refused[cause] ?? 0),
        );
        assert.ok(counted, `${name} was not counted: ${JSON.stringify(one.refused)}`);
      }
      assert.ok((growth[nth] ?? 0) < GROWTH_MAX_MIB, `${growth[nth] ?? 0} MiB`);
    });
    assert.ok(written > 0, 'nothing was committed meanwhile');
    await pollUntil(
      'writes go on',
      10_000,
      () => writers.acknowledged > writtenBefore + written + 20,
    );
  });
});

function refusals(figures: Figures | undefined): number {
  return Object.values(figures?.refused ?? {}).reduce((sum, count) => sum + count, 0);
}

/** Of what grew. */
function difference(after: Figures['refused'], before: Figures['refused']) {
  const grown = Object.entries(after).map(
    ([cause, n]) => [cause, n - (before[cause] ?? 0)] as const,
  );
  return Object.fromEntries(grown.filter(([, n]) => n > 0));
}
