/**
 * Three members that decide under load while each is moved from one build of the product to another
 * and back, the way an operator does it: told to stop, started on the same directory, and left alone
 * again once it is ready and has caught up. Writers put workloads all the while and keep account of
 * every acknowledgement; a swinging load has the members scale local processes.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { ask } from './cluster-requests.ts';
import { MEMBERS, prepareRig } from './cluster-decisions-rig.ts';
import type { DecisionsRig } from './cluster-decisions-rig.ts';
import { LeaderWatch } from './leader-watch.ts';
import { pollUntil } from './process.ts';
import type { Build } from './upgrade-builds.ts';
import { UpgradeWriters } from './upgrade-writers.ts';

const ASK_MS = 3_000;
const EXIT_MS = 15_000;
const CAUGHT_UP_MS = 60_000;
/** Entries that a member which keeps up may be behind, under load. */
const LAG_MAX = 100;

/** Over the binary protocol, and as many over the API. */
const WRITERS_OF_EACH = 2;
const OUTPUT_SHOWN = 4_000;
/** As docker-compose.yml has them, for members that wait for the same processors. */
const TIMINGS = {
  OMNIMIND_RAFT_HEARTBEAT: '150ms',
  OMNIMIND_RAFT_ELECTION_MIN: '700ms',
  OMNIMIND_RAFT_ELECTION_MAX: '1400ms',
};

/** How the leader is taken from its place. */
export type Leaving = 'handed over by hand' | 'told to stop';

export class UpgradeCluster {
  readonly rig: DecisionsRig;
  readonly writers: UpgradeWriters;
  readonly #builds: Map<string, Build>;
  readonly #watch: LeaderWatch;

  private constructor(rig: DecisionsRig, builds: Map<string, Build>) {
    this.rig = rig;
    this.#builds = builds;
    const members = MEMBERS.map((id) => rig.cluster.member(id));
    const secret = Buffer.from(readFileSync(rig.cluster.secretFile, 'utf8').trim());
    this.writers = new UpgradeWriters(members, secret, WRITERS_OF_EACH);
    this.#watch = new LeaderWatch(rig.cluster);
  }

  /** All members run the build, and the load is on them. */
  static async start(build: Build): Promise<UpgradeCluster> {
    const builds = new Map(MEMBERS.map((id) => [id as string, build]));
    const rootOf = (id: string): string => builds.get(id)?.root ?? build.root;
    const rig = await prepareRig({ direct: true, rootOf, settingsOf: () => TIMINGS });
    try {
      await rig.start();
      const cluster = new UpgradeCluster(rig, builds);
      cluster.writers.phase = `all on ${build.name}`;
      cluster.writers.start();
      return cluster;
    } catch (error) {
      await rig.end();
      throw error;
    }
  }

  async end(): Promise<void> {
    await Promise.allSettled([this.writers.stop(), this.#watch.stop()]);
    await this.rig.end();
  }

  /** One member after the other, followers before the leader or behind it. */
  async moveAll(build: Build, order: 'leader last' | 'leader first'): Promise<void> {
    const { id: leader } = await this.rig.leader();
    const followers = MEMBERS.filter((id) => id !== leader);
    if (order === 'leader first') await this.move(leader, build, 'told to stop');
    for (const id of followers) {
      // Who led was moved: its place is at one of these now.
      await this.move(id, build, 'told to stop');
    }
    if (order === 'leader last') await this.move(leader, build, 'handed over by hand');
  }

  async move(id: string, build: Build, leaving: Leaving): Promise<void> {
    const { id: leader, term } = await this.rig.leader();
    const isLeader = leader === id;
    this.writers.phase = `${id}${isLeader ? ', the leader,' : ''} to ${build.name}`;
    if (isLeader && leaving === 'handed over by hand') await this.#handOver(leader);
    await this.swap(id, build);
    try {
      await this.rig.follows(id, term, CAUGHT_UP_MS);
      await this.#caughtUp(id);
    } catch (cause) {
      const output = this.rig.life(id).running.output().slice(-OUTPUT_SHOWN);
      throw new Error(`${id} does not come back as ${build.name}; it wrote:\n${output}`, { cause });
    }
    this.writers.phase = `${id} on ${build.name}`;
    await this.#toldTruthfully();
    this.writers.check();
  }

  /** After all have stopped: all of them anew, each of its build. */
  async startAll(buildOf: (id: string) => Build): Promise<void> {
    for (const id of MEMBERS) {
      this.#builds.set(id, buildOf(id));
      this.rig.launch(id);
    }
    const { term } = await this.rig.cluster.leader(CAUGHT_UP_MS);
    for (const id of MEMBERS) await this.rig.follows(id, term, CAUGHT_UP_MS);
  }

  /** Stops it and starts it as the build, without waiting for anything. */
  async swap(id: string, build: Build): Promise<void> {
    this.rig.kill(id, 'SIGTERM');
    assert.equal(await this.rig.life(id).running.exit(EXIT_MS), 0, `how ${id} ended`);
    this.#builds.set(id, build);
    this.rig.launch(id);
  }

  /** What is to be looked at before the next member is touched. */
  async #caughtUp(id: string): Promise<void> {
    const { cluster } = this.rig;
    await pollUntil(`${id} is ready and has caught up`, CAUGHT_UP_MS, async () => {
      const ready = await ask(cluster.member(id), '/readyz', ASK_MS);
      if (ready?.status !== 200) return false;
      const leader = await cluster.leaderNow();
      if (leader === null) return false;
      if (leader.id === id) return true;
      const seen = await ask(cluster.member(leader.id), `/v1/members/${id}`, ASK_MS);
      if (seen === null || !seen.ok) return false;
      const { lagEntries } = JSON.parse(seen.text) as { lagEntries: number | null };
      return lagEntries !== null && lagEntries <= LAG_MAX;
    });
  }

  /** Every member says which build it is, in both places, and of a format that all builds read. */
  async #toldTruthfully(): Promise<void> {
    const readByAll = Math.min(...[...this.#builds.values()].map(({ formatMax }) => formatMax));
    for (const [id, { version }] of this.#builds) {
      const member = this.rig.cluster.member(id);
      const answer = await ask(member, '/version', ASK_MS);
      const told = JSON.parse(answer?.text ?? '{}') as { version?: string; formatInForce?: number };
      assert.equal(told.version, version, id);
      // Builds from before it was told say nothing.
      assert.ok((told.formatInForce ?? 0) <= readByAll, `${id}: ${answer?.text ?? ''}`);
      const metrics = await ask(member, '/metrics', ASK_MS);
      assert.ok(metrics?.text.includes(`omnimind_build_info{version="${version}"`), id);
    }
  }

  /** Has this member lead, whoever does now. */
  async lead(to: string): Promise<void> {
    const { id: leader } = await this.rig.leader();
    if (leader !== to) await this.#handOver(leader, to);
  }

  /** A machine in a hurry may refuse it once: it is asked for again, until another leads. */
  async #handOver(leader: string, to?: string): Promise<void> {
    const request = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ to }),
    };
    const member = this.rig.cluster.member(leader);
    await pollUntil(`another leader than ${leader}`, CAUGHT_UP_MS, async () => {
      const next = await this.rig.cluster.leaderNow();
      if (next === null) return false;
      if (next.id !== leader) return to === undefined || next.id === to;
      const answer = await ask(member, '/v1/leadership/transfer', CAUGHT_UP_MS, request);
      assert.ok(answer === null || answer.ok || answer.status === 503, answer?.text);
      return false;
    });
  }

  /** Ends the load: every write that was begun is acknowledged. */
  async endLoad(): Promise<void> {
    this.writers.phase = 'the end';
    await this.writers.stop();
    await this.#watch.stop();
  }

  figures() {
    const { retries, longestGap, longestWait } = this.writers;
    const acknowledged = [...this.writers.written().values()].reduce((sum, one) => sum + one, 0);
    const leaderlessMs = Math.round(this.#watch.longest.ms);
    const terms = this.#watch.leaders.size;
    return { acknowledged, retries, terms, leaderlessMs, longestGap, longestWait };
  }
}
