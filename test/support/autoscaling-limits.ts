/**
 * Scenarios in which something other than the load limits a number: a shared budget, a schedule, the
 * nothing that is enough. Each drives it for real, judges what the plane decided and did, and answers
 * with what the API, a panel and an alert said of it.
 */

import assert from 'node:assert/strict';
import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import { TICK_MS } from './autoscaling-rig.ts';
import type { AutoscalingRig } from './autoscaling-rig.ts';
import type { Shown } from './panel-values.ts';
import { firstFrom, reasonIs, stageOf, told, verdictOf } from './autoscaling-trouble.ts';

const MINUTE_MS = 60_000;
const LIMIT = 4;

export async function budgetShared(rig: AutoscalingRig): Promise<readonly string[]> {
  const ids = ['share-a', 'share-b'];
  const budgets = [{ id: 'gpus', unitsPerReplica: 1 }];
  for (const id of ids) rig.load(id, 1);
  await rig.done('PUT', '/v1/budgets/gpus', { id: 'gpus', unit: 'gpu', limit: LIMIT });
  await Promise.all(ids.map((id) => rig.workload(id)));
  await Promise.all(ids.map((id) => rig.policy(id, { budgets })));
  await Promise.all(ids.map((id) => rig.rests(id, 1)));
  for (const id of ids) rig.load(id, 3);
  await rig.shows('omnimind_budget_used{budget="gpus"}', (value) => value === LIMIT);
  const poor = await poorer(rig, ids);
  const held = await rig.decided(poor, 'budget_exhausted');
  assert.ok(told(held, { without: 'the budgets', replicas: 3 }), held.explanation);
  const view = await rig.done('GET', '/v1/budgets/gpus');
  assert.equal(view['used'], LIMIT);
  const shown = await rig.panel('Active constraints', poor, reasonIs('budget_exhausted'));
  const isFull = ({ refId, labels, value }: Shown) =>
    refId === 'C' && labels['budget'] === 'gpus' && value === 1;
  const full = await rig.panel('Budgets', poor, isFull);
  await rig.alert('OmniMindBudgetExhausted', poor, true);
  // What the other gives back is there for it.
  for (const id of ids) if (id !== poor) rig.load(id, 1);
  await rig.rests(poor, 3);
  await rig.alert('OmniMindBudgetExhausted', poor, false);
  const used = 'max_over_time(omnimind_budget_used{budget="gpus"}[5m])';
  await rig.shows(used, (value) => value === LIMIT);
  assertNeverAbove(await Promise.all(ids.map((id) => rig.decisions(id))));
  return [
    `API: ${held.explanation}`,
    `API: ${JSON.stringify(view)}`,
    `panel: Active constraints ${JSON.stringify(shown.labels)}, Budgets: ${full.value} of it used`,
    `alert: OmniMindBudgetExhausted fires for ${poor}, and is over once the other gave back`,
  ];
}

/** Whoever got less: which of the two is for the order of the decisions to say. */
async function poorer(rig: AutoscalingRig, ids: readonly string[]): Promise<string> {
  const wanted = await Promise.all(ids.map((id) => rig.seen(id)));
  const least = wanted.findIndex(({ desired }) => desired < 3);
  return ids[least] ?? assert.fail('both got what they wanted');
}

/** In no tick were the numbers wanted, taken together, above the limit. */
function assertNeverAbove(records: readonly (readonly DecisionRecord[])[]): void {
  const ticks = Map.groupBy(records.flat(), ({ atMs }) => atMs);
  for (const [atMs, decided] of ticks) {
    const sum = decided.reduce((all, { outcome }) => all + outcome.verdict.replicas, 0);
    assert.ok(sum <= LIMIT, `${sum} replicas are wanted at ${new Date(atMs).toISOString()}`);
  }
}

/** One window ends soon, another begins with a minute after that: whole minutes are what cron knows. */
export async function scheduleEdges(rig: AutoscalingRig): Promise<readonly string[]> {
  const id = 'scheduled';
  rig.load(id, 1);
  await rig.workload(id);
  const nowMs = Date.now();
  const endMs = nowMs + 20_000;
  const beginMs = Math.ceil((endMs + 15_000) / MINUTE_MS) * MINUTE_MS;
  const sinceMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS - MINUTE_MS;
  const schedules = [
    { name: 'ending', cron: cronAt(sinceMs), duration: `${endMs - sinceMs}ms`, min: 3 },
    { name: 'beginning', cron: cronAt(beginMs), duration: '10m', min: 2 },
  ];
  await rig.policy(id, { schedules });
  const floor = await rig.decided(id, 'schedule_floor');
  assert.equal(stageOf(floor, 'schedule')?.detail, 'ending asks for at least 3');
  assert.ok(told(floor, { without: 'the schedule ending', replicas: 1 }), floor.explanation);
  const held = await rig.decided(id, 'schedule_holds');
  const shown = await rig.panel('Active constraints', id, reasonIs('schedule_holds'));
  const again = await rig.decided(id, 'schedule_floor', beginMs);
  await rig.rests(id, 2);

  const records = await rig.decisions(id);
  const firstAfter = (atMs: number) => firstFrom(records, atMs);
  assert.deepEqual(verdictOf(firstAfter(endMs)), ['act', 1, 'below_target']);
  assert.deepEqual(verdictOf(firstAfter(beginMs)), ['act', 2, 'schedule_floor']);
  const acted = records.filter(({ outcome }) => outcome.verdict.kind === 'act');
  assert.deepEqual(
    acted.map(({ outcome }) => outcome.verdict.replicas),
    [3, 1, 2],
  );
  const late = [(firstAfter(endMs)?.atMs ?? 0) - endMs, again.atMs - beginMs];
  return [
    `API: ${floor.explanation}`,
    `API: ${held.explanation}`,
    `panel: Active constraints ${JSON.stringify(shown.labels)}`,
    `decided ${late[0]} ms after its end and ${late[1]} ms after the other's beginning; a tick is ${TICK_MS} ms`,
  ];
}

function cronAt(atMs: number): string {
  const at = new Date(atMs);
  return `${at.getUTCMinutes()} ${at.getUTCHours()} * * *`;
}

export async function toZeroAndBack(rig: AutoscalingRig): Promise<readonly string[]> {
  const id = 'queued';
  const queue = { query: `test_load{of="${id}"}`, target: 10, cooldown: '3s' };
  rig.load(id, 0);
  await rig.workload(id);
  const more = {
    metrics: [],
    replicas: { min: 0, max: 3 },
    strategies: [{ name: 'waiting', queue }],
  };
  await rig.policy(id, more);
  await rig.rests(id, 0);
  const asleep = await rig.decided(id, 'below_target');
  assert.equal(asleep.outcome.verdict.replicas, 0);
  const ready = (count: number) => rig.panel('Desired, ready and bounds', id, isReady(count));
  await ready(0);
  await rig.alert('OmniMindNoReplicaReady', id, false);
  rig.load(id, 2);
  await rig.rests(id, 2);
  const awake = await rig.decided(id, 'above_target');
  assert.equal(awake.input.desired, 0);
  const shown = await ready(2);
  const own = (await rig.journal()).filter(({ workloadId }) => workloadId === id);
  // One to begin with, which ended, and two since.
  assert.deepEqual(
    own.map(({ kind }) => kind),
    ['start', 'end', 'start', 'start'],
  );
  return [
    `API: ${asleep.explanation}`,
    `API: ${awake.explanation}`,
    `panel: Desired, ready and bounds: ${shown.value} ready, after 0`,
    'alert: OmniMindNoReplicaReady does not fire for none wanted',
  ];
}

/** The panel's second query is for those that are ready. */
function isReady(count: number) {
  return ({ refId, value }: { readonly refId: string; readonly value: number }): boolean =>
    refId === 'B' && value === count;
}
