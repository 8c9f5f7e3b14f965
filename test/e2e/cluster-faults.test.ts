/**
 * Three members as real processes, written to by several clients over both protocols, whose leader is
 * killed, stands still and is cut off at random moments. Every acknowledged command must be there once
 * at the end, on every member; a linearizable read must never be older than what was acknowledged before
 * it; each election must be shown with its votes. How long it took from the fault to the next
 * acknowledged command of a new leader is measured and printed.
 *
 * OMNIMIND_TEST_KILLS, OMNIMIND_TEST_STOPS and OMNIMIND_TEST_PARTITIONS set how often each happens,
 * OMNIMIND_TEST_SEED the order and the moments.
 */

import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiProxies, ClusterFaults, FAULTS, keepOutput } from '../support/cluster-faults.ts';
import type { ElectionSeen, FaultKind, FaultOutcome } from '../support/cluster-faults.ts';
import { ClusterLoad, PROBE_ID } from '../support/cluster-load.ts';
import type { Placed } from '../support/cluster-load.ts';
import { prepareCluster } from '../support/cluster-process.ts';
import type { Cluster, ClusterMember } from '../support/cluster-process.ts';
import type { Write } from '../support/committed-chain.ts';
import { ChainThread } from '../support/committed-chain-thread.ts';
import { freePort, pollUntil } from '../support/process.ts';
import { seededRandom } from '../support/seeded-random.ts';

const MEMBERS = ['member-1', 'member-2', 'member-3'];
const COUNTS: Readonly<Record<FaultKind, number>> = {
  kill: Number(process.env['OMNIMIND_TEST_KILLS'] ?? 3),
  stop: Number(process.env['OMNIMIND_TEST_STOPS'] ?? 2),
  partition: Number(process.env['OMNIMIND_TEST_PARTITIONS'] ?? 2),
};
const ROUNDS = FAULTS.reduce((sum, kind) => sum + COUNTS[kind], 0);
const SEED = Number(process.env['OMNIMIND_TEST_SEED'] ?? Date.now() % 1_000_000);

const BINARY_WRITERS = 4;
const HTTP_WRITERS = 2;
/** Longest time in peace before a fault, in ms. */
const PEACE_MAX_MS = 1_000;
/** Without faults, in ms. */
const AGREE_WITHIN_MS = 30_000;
/** From the first SIGTERM to the end of a process, in ms. */
const STOPS_WITHIN_MS = 20_000;

describe(`a cluster whose leader fails (seed ${SEED}, ${countsText()})`, function () {
  this.timeout(120_000 + ROUNDS * 60_000);
  // Apart, since nobody can say how often writers draw between two faults.
  const random = seededRandom(SEED);
  const randomOfLoad = seededRandom(SEED + 1);
  let cluster: Cluster;
  let apiProxies: ApiProxies;
  let load: ClusterLoad | null = null;
  let chain: ChainThread;

  before(async () => {
    chain = new ChainThread();
    const [nobody, noDatabase] = [await freePort(), await freePort()];
    cluster = await prepareCluster({
      members: MEMBERS,
      settings: {
        // Nothing is scaled here, and nothing is recorded.
        OMNIMIND_PROMETHEUS_URL: `http://127.0.0.1:${nobody}`,
        OMNIMIND_DATABASE_URL: `postgres://nobody@127.0.0.1:${noDatabase}/none`,
        // Small, so that the faults fall on snapshots and compaction too.
        OMNIMIND_SNAPSHOT_ENTRIES: '1500',
      },
      settingsOf: (memberId) => ({ OMNIMIND_ADVERTISE_URL: apiProxies.url(memberId) }),
    });
    apiProxies = await ApiProxies.start([...cluster.members.values()]);
    await cluster.startAll();
  });

  after(async function () {
    load?.close();
    await chain.stop();
    // A process that stands still is killed all the same.
    await cluster.stop();
    await apiProxies.stop();
    const failed = this.test?.parent?.tests.some(({ state }) => state !== 'passed') === true;
    if (!failed) {
      await rm(cluster.home, { recursive: true, force: true });
      return;
    }
    for (const member of cluster.members.values()) await keepOutput(cluster, member);
    tell(`seed ${SEED} failed; logs, data and output are kept in ${cluster.home}`);
  });

  it('keeps every acknowledged command once, and a new leader goes on at once', async () => {
    const members = [...cluster.members.values()];
    const secret = Buffer.from((await readFile(cluster.secretFile, 'utf8')).trim());
    const counts = { binaryWriters: BINARY_WRITERS, httpWriters: HTTP_WRITERS };
    const writing = new ClusterLoad({ members, secret, random: randomOfLoad, ...counts });
    load = writing;
    writing.start();
    const faults = new ClusterFaults({ cluster, load: writing, random, apiProxies });
    const outcomes: FaultOutcome[] = [];
    for (const kind of plan(random)) {
      assertVoted(await faults.electionOf(await faults.well()));
      await sleep(random() * PEACE_MAX_MS);
      writing.check();
      const outcome = await faults.strike(kind);
      outcomes.push(outcome);
      await faults.mend(outcome, (member) => chain.gather(member, writing));
      if (kind !== 'kill') {
        await faults.well();
        await chain.gather(cluster.member(outcome.first.memberId), writing);
      }
    }
    assertVoted(await faults.electionOf(await faults.well()));
    await writing.stop();
    await faults.still();
    await assertSeries(members);
    await stopAll(members);
    const { writes, length } = await chain.finish(members);
    assertOnce(writes, writing);
    summarize(outcomes, writing, length);
  });
});

/** The faults in a random order. */
function plan(random: () => number): readonly FaultKind[] {
  const all = FAULTS.flatMap((kind) => Array.from({ length: COUNTS[kind] }, () => kind));
  return all
    .map((kind) => ({ kind, at: random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ kind }) => kind);
}

/** A majority has given its votes, in both phases, and one trace tells of it. */
function assertVoted({ votes, candidateId, traceId, term }: ElectionSeen): void {
  assert.match(traceId, /^[0-9a-f]{32}$/);
  for (const phase of ['pre_vote', 'vote']) {
    const granted = votes.filter((vote) => vote.phase === phase && vote.reason === 'granted');
    const voters = new Set(granted.map(({ voterId }) => voterId)).add(candidateId);
    assert.ok(voters.size >= 2, `${phase} of term ${term}: ${JSON.stringify(votes)}`);
  }
}

/**
 * Each write was applied once; those of a writer in their order; and an acknowledgement that was no
 * repeat names the entry in which its write stands.
 */
function assertOnce(writes: readonly Write[], load: ClusterLoad): void {
  const applied = new Map<string, number[]>();
  const byIndex = new Map<number, Write>();
  for (const write of writes) {
    byIndex.set(write.index, write);
    if (!write.applied) continue;
    const numbers = applied.get(write.workloadId) ?? [];
    numbers.push(write.number);
    applied.set(write.workloadId, numbers);
  }
  for (const [workloadId, count] of load.written()) {
    const numbers = applied.get(workloadId) ?? [];
    // Probes are in flight several at a time.
    const inOrder = workloadId === PROBE_ID ? numbers.toSorted((a, b) => a - b) : numbers;
    const wrong = inOrder.findIndex((number, at) => number !== at + 1);
    assert.equal(wrong, -1, `${workloadId}: in place of write ${wrong + 1}: ${inOrder[wrong]}`);
    assert.equal(inOrder.length, count, workloadId);
  }
  for (const one of load.acknowledged) {
    if (one.token === null) continue;
    const { term, index } = one.token;
    const found = byIndex.get(index);
    const { workloadId, number, repeated } = one;
    const expected = { term, index, workloadId, number, applied: !repeated };
    assert.deepEqual(found, expected, `acknowledged by ${one.memberId}`);
  }
}

/** What each member says of itself at the end of it all; on a busy machine there may be one more election. */
async function assertSeries(members: readonly ClusterMember[]): Promise<void> {
  const all = await pollUntil('members agree on term and leader', AGREE_WITHIN_MS, async () => {
    const series = await Promise.all(members.map(seriesOf));
    const [term, ...others] = series.map((one) => sumOf(one, 'omnimind_raft_term'));
    const leaders = series.map((one) => sumOf(one, 'omnimind_raft_is_leader'));
    const isOne = leaders.reduce((sum, value) => sum + value, 0) === 1;
    return isOne && others.every((one) => one === term) ? series : null;
  });
  const sums = (name: string): readonly number[] => all.map((series) => sumOf(series, name));
  assert.deepEqual(sums('omnimind_raft_has_leader'), [1, 1, 1]);
  assert.deepEqual(sums('omnimind_raft_role'), [1, 1, 1]);
  assert.deepEqual(sums('omnimind_raft_messages_ignored_total'), [0, 0, 0]);
  for (const changes of sums('omnimind_raft_leader_changes_total')) assert.ok(changes >= 1);
  const leader = all.find((series) => sumOf(series, 'omnimind_raft_is_leader') === 1) ?? [];
  const shown = new Set(leader.map(({ name, labels }) => `${name}${labels}`));
  for (const name of ['match_index', 'lag_entries', 'contact_age_seconds']) {
    const followers = members.filter(({ id }) =>
      shown.has(`omnimind_raft_${name}{member="${id}"}`),
    );
    assert.ok(followers.length >= 2, `the leader shows ${name} of both followers`);
  }
  const elections = leader.filter(({ name }) => name === 'omnimind_raft_elections_total');
  const won = elections.filter(({ labels }) => labels.includes('outcome="elected"'));
  assert.ok(won.reduce((sum, { value }) => sum + value, 0) >= 1, 'the leader counts its election');
}

interface Sample {
  readonly name: string;
  readonly labels: string;
  readonly value: number;
}

async function seriesOf({ url }: ClusterMember): Promise<readonly Sample[]> {
  const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(10_000) });
  const lines = [...(await answer.text()).matchAll(/^(\w+)(\{.*\})? (\S+)$/gm)];
  return lines.map(([, name = '', labels = '', value]) => ({ name, labels, value: Number(value) }));
}

function sumOf(series: readonly Sample[], name: string): number {
  return series.reduce((sum, one) => (one.name === name ? sum + one.value : sum), 0);
}

async function stopAll(members: readonly ClusterMember[]): Promise<void> {
  for (const { running } of members) running?.child.kill('SIGTERM');
  for (const { id, running } of members) {
    assert.equal(await running?.exit(STOPS_WITHIN_MS), 0, `${id} stops cleanly`);
  }
}

function summarize(outcomes: readonly FaultOutcome[], load: ClusterLoad, entries: number): void {
  const measured = FAULTS.map((kind) => {
    const all = outcomes.filter((one) => one.kind === kind);
    const sorted = all.map(({ recoveryMs }) => Math.round(recoveryMs)).sort((a, b) => a - b);
    const [p50, p99, max] = [at(sorted, 0.5), at(sorted, 0.99), sorted.at(-1) ?? null];
    return [kind, { count: all.length, recoveryMs: { p50, p99, max } }] as const;
  });
  const placed = load.acknowledged.filter((one): one is Placed => one.token !== null);
  const figures = {
    seed: SEED,
    ...Object.fromEntries(measured),
    acknowledged: load.acknowledged.length,
    acknowledgedAsRepeats: placed.filter(({ repeated }) => repeated).length,
    retries: load.retries,
    entries,
    terms: new Set(placed.map(({ token }) => token.term)).size,
    linearizableReads: load.reads,
    readsRefused: load.readsRefused,
  };
  tell(`leader faults: ${JSON.stringify(figures)}`);
  for (const { kind, leaderId, term, recoveryMs, trail } of outcomes) {
    if (trail.length === 0) continue;
    tell(`slow: ${kind} of ${leaderId} in term ${term} took ${Math.round(recoveryMs)} ms`);
    for (const line of trail) tell(`  ${line}`);
  }
}

/** The smallest value that this share of all values does not exceed (nearest rank). */
function at(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

function countsText(): string {
  return FAULTS.map((kind) => `${COUNTS[kind]} × ${kind}`).join(', ');
}

function tell(line: string): void {
  process.stdout.write(`    ${line}\n`);
}
