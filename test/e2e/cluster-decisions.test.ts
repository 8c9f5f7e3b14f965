/**
 * Three members decide for one workload while whoever leads is killed at random moments, within its
 * ticks and between them. The decisions that they have committed must be those of a plane that was
 * never killed and saw the same, no action may be applied twice, and each election must be one whole
 * trace at the collector, named by an exemplar. OMNIMIND_TEST_KILLS sets the number of kills,
 * OMNIMIND_TEST_SEED the moments.
 */

import assert from 'node:assert/strict';
import process from 'node:process';
import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import type { Election } from '../../control-plane/model/election.ts';
import { holdActions, readJournal } from '../support/cluster-decisions-actions.ts';
import { committedCommands, readMemberLog } from '../support/cluster-decisions-log.ts';
import type { CommittedCommand } from '../support/cluster-decisions-log.ts';
import {
  compareWithReference,
  withBrakesForgotten,
  withTickRepeated,
} from '../support/cluster-decisions-reference.ts';
import type { Comparison, DecidedRun } from '../support/cluster-decisions-reference.ts';
import { MEMBERS, prepareRig, REST_REPLICAS } from '../support/cluster-decisions-rig.ts';
import type { DecisionsRig, KillPoint } from '../support/cluster-decisions-rig.ts';
import { deposedTerms, holdTraces, wonTerms } from '../support/cluster-decisions-traces.ts';
import { pollUntil } from '../support/process.ts';
import { seededRandom } from '../support/seeded-random.ts';

const KILLS = Number(process.env['OMNIMIND_TEST_KILLS'] ?? 4);
const SEED = Number(process.env['OMNIMIND_TEST_SEED'] ?? Date.now() % 1_000_000);
/** For so long the plane must be at rest before its log is taken, in ms: some scrapes and ticks. */
const REST_MS = 4_000;

/** Ticks that are waited for where nobody is killed. */
const CALM_TICKS = 7;

interface Run {
  readonly decided: DecidedRun;
  readonly elections: readonly Election[];
  /** Records of ticks that were decided and never committed. */
  readonly undone: number;
  /** Elections after this are not of the run. UNIX ms. */
  readonly endedAtMs: number;
}

describe(`scale decisions of three members (seed ${SEED}, ${KILLS} kills)`, () => {
  let rig: DecisionsRig;

  beforeEach(async function () {
    this.timeout(90_000);
    rig = await prepareRig();
    await rig.start();
  });
  afterEach(async function () {
    this.timeout(60_000);
    await rig.end();
  });

  it('are those of a plane that was never killed, without a kill', async function () {
    this.timeout(240_000);
    for (let tick = 0; tick < CALM_TICKS; tick += 1) await ticked(rig);
    const run = await gathered(rig);
    const comparison = compareWithReference(run.decided);
    assert.deepEqual(comparison.differences, []);
    assert.ok(comparison.ticks.length > 0, 'ticks were committed');
    const actions = await actionsHeld(rig, run.decided.commands);
    print(summaryOf(rig, run, comparison, { kills: 0, ...actions }));
  });

  it('are the same over kills of the leader, each action done once, each election one trace', async function () {
    this.timeout(150_000 + KILLS * 30_000);
    const random = seededRandom(SEED);
    await ticked(rig);
    for (let kill = 1; kill <= KILLS; kill += 1) await killedOnce(rig, killPoint(random));
    const run = await gathered(rig);
    const comparison = compareWithReference(run.decided);
    const { elections } = run;
    const { receiver, lives, exemplars } = rig;
    const deposed = deposedTerms(lives);
    const traces = holdTraces({ elections, spans: receiver.spans, lives, exemplars, deposed });
    const actions = await actionsHeld(rig, run.decided.commands);
    print(summaryOf(rig, run, comparison, { kills: KILLS, ...actions, traces }));

    assert.deepEqual(comparison.differences, []);
    assertControls(run.decided, comparison);
    assertLedBy(rig, run.decided, comparison);
    assert.deepEqual(traces.faults, []);
    const won = elections.filter(({ outcome }) => outcome === 'elected');
    assert.ok(won.length > KILLS, `${won.length} elections were won`);
  });
});

/** The leader has begun a tick, with the documents there. */
async function ticked(rig: DecisionsRig): Promise<void> {
  const asked: KillPoint = { kind: 'asked', delayMs: 0 };
  await rig.reach(asked);
}

function killPoint(random: () => number): KillPoint {
  const kind = random();
  const within = random();
  // Within the stages of a tick, anywhere between two of them, and between two starts of replicas.
  if (kind < 0.5) return { kind: 'asked', delayMs: within * 60 };
  if (kind < 0.8) return { kind: 'asked', delayMs: within * 1_000 };
  return { kind: 'starting', delayMs: within * 10 };
}

/** Kills the leader, and waits until the others have one and the killed one follows it. */
async function killedOnce(rig: DecisionsRig, point: KillPoint): Promise<void> {
  const { id, term } = await rig.leader();
  await rig.reach(point);
  rig.kill(id);
  await rig.life(id).running.exit(5_000);
  const next = await pollUntil('the next leader', 20_000, async () => {
    const seen = await rig.cluster.leaderNow();
    return seen !== null && seen.term > term ? seen : null;
  });
  rig.launch(id);
  await rig.follows(id, next.term, 30_000);
  await assertNoTwins(rig);
  // Its first tick as leader is over: it decides again.
  await rig.reach({ kind: 'asked', delayMs: 100 });
}

/** No replica runs as two processes. */
async function assertNoTwins(rig: DecisionsRig): Promise<void> {
  const alive = await rig.replicas();
  const distinct = new Set(alive.map(({ replicaId }) => replicaId));
  assert.equal(alive.length, distinct.size, JSON.stringify(alive));
}

/** Comes to rest, and takes everything that there is to know. */
async function gathered(rig: DecisionsRig): Promise<Run> {
  rig.freeze();
  let restsSinceMs: number | null = null;
  await pollUntil('the plane is at rest', 90_000, async () => {
    const { desired, inFlight } = await rig.workload();
    const alive = await rig.replicas();
    const distinct = new Set(alive.map((one) => one.replicaId)).size;
    const rests =
      inFlight === null &&
      desired === REST_REPLICAS &&
      alive.length === desired &&
      distinct === desired;
    restsSinceMs = rests ? (restsSinceMs ?? Date.now()) : null;
    // Nothing is left to decide: what comes after the last entry that is looked at acts no more. A sample
    // from before the load stood still may come into one tick more.
    return restsSinceMs !== null && Date.now() - restsSinceMs >= REST_MS;
  });
  await rig.readExemplars();
  const { id } = await rig.leader();
  const endedAtMs = Date.now();
  const commitIndex = (await rig.view(id))?.commitIndex ?? 0;
  const shown = await rig.elections();
  await rig.recorded();
  const records = await rig.decisions();
  await rig.stopMembers();
  const logs = await Promise.all(
    MEMBERS.map((memberId) => readMemberLog(memberId, rig.cluster.member(memberId).data)),
  );
  const commands = committedCommands(logs, commitIndex);
  const elections = electionsIn(commands);
  const known = new Set(elections.map(({ electionId }) => electionId));
  for (const { electionId, startedAtMs } of shown) {
    if (startedAtMs < endedAtMs - 5_000)
      assert.ok(known.has(electionId), `${electionId} is in the log`);
  }
  return { elections, endedAtMs, ...decidedRun(commands, records) };
}

/** Oldest first. */
function electionsIn(commands: readonly CommittedCommand[]): readonly Election[] {
  const found = new Map<string, Election>();
  for (const { command } of commands) {
    if (command.kind === 'record_election') {
      found.set(command.election.electionId, command.election);
    }
  }
  return [...found.values()].sort((a, b) => a.startedAtMs - b.startedAtMs);
}

function decidedRun(
  commands: readonly CommittedCommand[],
  recorded: ReadonlyMap<string, readonly DecisionRecord[]>,
): Pick<Run, 'decided' | 'undone'> {
  const twice = [...recorded].filter(([, records]) => records.length > 1);
  assert.deepEqual(twice, [], 'a decision has one record');
  const records = new Map([...recorded.values()].flat().map((one) => [one.decisionId, one]));
  const ticks = commands.flatMap(({ command }) =>
    command.kind === 'record_decisions' ? [command] : [],
  );
  const committed = new Set(ticks.flatMap(({ entries }) => entries.map((one) => one.decisionId)));
  const lastAtMs = ticks.at(-1)?.atMs ?? 0;
  const undone = [...records.values()].filter(
    ({ decisionId, atMs }) => !committed.has(decisionId) && atMs < lastAtMs,
  );
  return { decided: { commands, records }, undone: undone.length };
}

async function actionsHeld(rig: DecisionsRig, commands: readonly CommittedCommand[]) {
  const { faults, ...figures } = holdActions(await readJournal(rig.journal), commands);
  assert.deepEqual(faults, []);
  return figures;
}

/** The comparison finds what it is there to find. */
function assertControls(decided: DecidedRun, { ticks }: Comparison): void {
  const forgetting = ticks.find(({ braked }) => braked) ?? ticks.find((tick) => tick.remembers);
  assert.ok(forgetting !== undefined, 'something was remembered');
  const forgotten = compareWithReference(withBrakesForgotten(decided, forgetting)).differences;
  assert.ok(forgotten.some((text) => text.includes('input.brakes')));
  assert.equal(
    forgotten.some((text) => text.includes('outcome.verdict')),
    forgetting.braked,
  );
  const held = ticks.find(({ acts }) => !acts);
  assert.ok(held !== undefined);
  const repeated = compareWithReference(withTickRepeated(decided, held)).differences;
  assert.ok(repeated.some((text) => text.includes('times decided')));
}

/** Every tick was the work of the member that its term had elected, on what Prometheus answered. */
function assertLedBy(rig: DecisionsRig, decided: DecidedRun, { ticks: done }: Comparison): void {
  const leaders = new Map(wonTerms(rig.lives).map(({ term, memberId }) => [term, memberId]));
  const spans = rig.receiver.spans.filter(({ name }) => name === 'scale tick');
  const byTrace = new Map(spans.map((span) => [span.traceId, span]));
  for (const { command, token } of done) {
    for (const { decisionId } of command.entries) {
      const record = decided.records.get(decisionId);
      for (const one of record?.input.observations ?? []) {
        assert.ok(one.kind !== 'sample' || rig.samples.has(one.value), JSON.stringify(one));
      }
      // The spans of a leader's last moments went with it.
      const span = byTrace.get(record?.traceId ?? '');
      if (span === undefined) continue;
      assert.equal(span.attributes['omnimind.raft.term'], token.term, decisionId);
      assert.equal(span.resource['service.instance.id'], leaders.get(token.term), decisionId);
    }
  }
}

function print(summary: object): void {
  process.stdout.write(`      ${JSON.stringify(summary)}\n`);
}

function summaryOf(rig: DecisionsRig, run: Run, comparison: Comparison, more: object) {
  const { ticks, refusedTicks, actsWithoutNote, differences } = comparison;
  const gaps = ticks.slice(1).map(({ command }, at) => {
    const before = ticks[at]?.command.atMs ?? command.atMs;
    return Math.max(0, Math.round((command.atMs - before) / 1_000) - 1);
  });
  const count = (outcome: string) => run.elections.filter((one) => one.outcome === outcome).length;
  const recorded = new Set(run.elections.map(({ term, candidateId }) => `${term} ${candidateId}`));
  const won = wonTerms(rig.lives).filter(({ atMs }) => atMs < run.endedAtMs);
  return {
    seed: SEED,
    differences: differences.length,
    ticks: ticks.length,
    braked: ticks.filter(({ braked }) => braked).length,
    lost: gaps.reduce((sum, gap) => sum + gap, 0),
    undone: run.undone,
    refusedTicks,
    actsWithoutNote,
    won: count('elected'),
    notWon: run.elections.length - count('elected'),
    unrecorded: won.filter(({ term, memberId }) => !recorded.has(`${term} ${memberId}`)).length,
    ...more,
  };
}
