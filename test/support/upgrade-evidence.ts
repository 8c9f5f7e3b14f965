/**
 * What members that were upgraded and rolled back under load have left behind, held against what they
 * were asked and what they answered: logs, states as either build reads them, decision records, and the
 * starts of replicas. Every fault is named.
 */

import assert from 'node:assert/strict';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import { holdActions, readJournal } from './cluster-decisions-actions.ts';
import { committedCommands, readMemberLog } from './cluster-decisions-log.ts';
import type { CommittedCommand } from './cluster-decisions-log.ts';
import { compareWithReference } from './cluster-decisions-reference.ts';
import { MEMBERS, REST_REPLICAS } from './cluster-decisions-rig.ts';
import type { DecisionsRig } from './cluster-decisions-rig.ts';
import { heldBy } from './cluster-logs.ts';
import { ask, versionIn } from './cluster-requests.ts';
import { pollUntil, startProcess } from './process.ts';
import type { Build } from './upgrade-builds.ts';
import type { UpgradeCluster } from './upgrade-cluster.ts';
import type { StateSeen } from './upgrade-state.ts';

const PROGRAM = fileURLToPath(new URL('./upgrade-state.ts', import.meta.url));
const REST_MS = 90_000;
const ASK_MS = 3_000;
const READ_MS = 60_000;

export interface Left {
  readonly commands: readonly CommittedCommand[];
  readonly records: ReadonlyMap<string, readonly DecisionRecord[]>;
  readonly commitIndex: number;
}

/** Ends the load, has the cluster come to rest, asks what there is to ask, and stops the members. */
export async function gather(cluster: UpgradeCluster): Promise<Left> {
  const { rig, writers } = cluster;
  await cluster.endLoad();
  rig.freeze();
  await pollUntil('the cluster is at rest', REST_MS, async () => {
    const { desired, inFlight } = await rig.workload();
    const alive = await rig.replicas();
    const distinct = new Set(alive.map((one) => one.replicaId)).size;
    if (inFlight !== null || desired !== REST_REPLICAS) return false;
    return alive.length === desired && distinct === desired;
  });
  for (const id of MEMBERS) {
    for (const [workloadId, version] of writers.written())
      await holdsWrite(rig, id, workloadId, version);
  }
  const { id } = await rig.leader();
  const commitIndex = (await rig.view(id))?.commitIndex ?? 0;
  await rig.recorded();
  const records = await rig.decisions();
  await rig.stopMembers();
  const logs = await Promise.all(
    MEMBERS.map((memberId) => readMemberLog(memberId, rig.cluster.member(memberId).data)),
  );
  return { commands: committedCommands(logs, commitIndex), records, commitIndex };
}

/** In its own state, soon: it may hear of the last commits a moment later. */
async function holdsWrite(
  rig: DecisionsRig,
  memberId: string,
  workloadId: string,
  version: number,
): Promise<void> {
  const path = `/v1/workloads/${workloadId}?consistency=stale`;
  let seen = Number.NaN;
  await pollUntil(`write ${version} of ${workloadId} at ${memberId}`, ASK_MS, async () => {
    const answer = await ask(rig.cluster.member(memberId), path, ASK_MS);
    seen = answer === null ? Number.NaN : versionIn(answer);
    return seen >= version;
  });
  assert.equal(seen, version, `${workloadId} at ${memberId}`);
}

/** Every acknowledged write is on every disk, and was applied once. */
export async function assertWritesHeld({ rig, writers }: UpgradeCluster): Promise<void> {
  for (const id of MEMBERS) {
    const held = await heldBy(rig.cluster.member(id));
    for (const [workloadId, version] of writers.written()) {
      assert.equal(held.state.workloads[workloadId]?.version, version, `${workloadId} at ${id}`);
      for (let number = 1; number <= version && !workloadId.startsWith('http'); number += 1) {
        const key = `${workloadId}-${number}`;
        assert.equal(held.appliedByKey.get(key), 1, `how often ${key} was applied at ${id}`);
      }
    }
    for (const [key, times] of held.appliedByKey) assert.equal(times, 1, `${key} at ${id}`);
  }
}

/** The decisions are those of a plane that was never stopped, each has one record and was done once. */
export async function decisionsHeld(rig: DecisionsRig, { commands, records }: Left) {
  const several = [...records].filter(([, found]) => found.length > 1);
  assert.deepEqual(several, [], 'a decision has one record');
  const one = new Map([...records].flatMap(([id, [first]]) => (first ? [[id, first]] : [])));
  const comparison = compareWithReference({ commands, records: one });
  assert.deepEqual(comparison.differences, []);
  const { faults, ...actions } = holdActions(await readJournal(rig.journal), commands);
  assert.deepEqual(faults, []);
  const { ticks, refusedTicks, actsWithoutNote } = comparison;
  return { ticks: ticks.length, refusedTicks, actsWithoutNote, ...actions };
}

/** What each of the builds makes of each member's disk: one and the same state. */
export async function stateHeld(
  rig: DecisionsRig,
  builds: readonly Build[],
  lastIndex: number,
): Promise<StateSeen> {
  const all: StateSeen[] = [];
  for (const { name, root } of builds) {
    const places = MEMBERS.map((id) => `${id}=${rig.cluster.member(id).data}`);
    const arguments_ = [PROGRAM, root, `${lastIndex}`, ...places];
    const running = startProcess(process.execPath, arguments_, { cwd: root });
    assert.equal(await running.exit(READ_MS), 0, running.output());
    const seen = JSON.parse(running.output()) as readonly StateSeen[];
    assert.equal(seen.length, MEMBERS.length);
    all.push(...seen);
    for (const [at, state] of seen.entries()) {
      assert.deepEqual(state, all[0], `${MEMBERS[at] ?? ''} read by ${name}`);
    }
  }
  const [first] = all;
  assert.ok(first !== undefined);
  return first;
}
