/**
 * Scenarios in which the leader is killed: what a person set by hand holds for as long as was said, and
 * what was foreseen keeps what it kept. Each is in two halves, before the kill and after it, so that one
 * kill serves both; the second answers with what the API, a panel and an alert said.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import { LOAD_JOB, TICK_MS, WITHIN_MS } from './autoscaling-rig.ts';
import type { AutoscalingRig } from './autoscaling-rig.ts';
import { firstFrom, reasonIs, stageOf, told, verdictOf } from './autoscaling-trouble.ts';
import type { LeaderSeen } from './cluster-process.ts';
import type { Shown } from './panel-values.ts';
import { REPLICA_LOAD } from './load-policy.ts';
import { pollUntil } from './process.ts';

const BY_HAND = 'by-hand';
const FORESEEN = 'foreseen';
const MINUTE_S = 60;
const HISTORY_S = 48 * 60 * MINUTE_S;
/** Of the wave that the history is. */
const PERIOD_S = 6 * 60 * MINUTE_S;
/** In replicas' worth: where the wave is now, rising. */
const MIDDLE = 2.5;
const HEIGHT = 1.5;

/** As the panel has the states. */
const WARMING = 1;
const TRUSTED = 4;

export interface Killed {
  readonly before: LeaderSeen;
  readonly after: LeaderSeen;
  readonly atMs: number;
}

/** SIGKILL to whoever leads; resolves once another does. */
export async function killLeader(rig: AutoscalingRig): Promise<Killed> {
  const before = await rig.cluster.leader(WITHIN_MS);
  const atMs = Date.now();
  rig.cluster.kill(before.id);
  const after = await pollUntil('another leader', WITHIN_MS, async () => {
    const now = await rig.cluster.leaderNow();
    return now !== null && now.term > before.term ? now : null;
  });
  return { before, after, atMs };
}

/** Two days of a smooth wave, which ends as it rises through its middle. */
export function writeHistory(directory: string, instance: string): void {
  const endS = Math.floor(Date.now() / 1_000 / MINUTE_S) * MINUTE_S;
  const labels = `of="${FORESEEN}",instance="${instance}",job="${LOAD_JOB}"`;
  const rows = Array.from({ length: HISTORY_S / MINUTE_S }, (_, index) => {
    const backS = HISTORY_S - (index + 1) * MINUTE_S;
    const load = MIDDLE - HEIGHT * Math.sin((2 * Math.PI * backS) / PERIOD_S);
    return `test_load{${labels}} ${load * REPLICA_LOAD} ${endS - backS}\n`;
  });
  const text = join(directory, 'history.txt');
  writeFileSync(text, `# TYPE test_load gauge\n${rows.join('')}# EOF\n`);
  const blocks = ['tsdb', 'create-blocks-from', 'openmetrics', text, join(directory, 'data')];
  const made = spawnSync('promtool', blocks, { encoding: 'utf8', timeout: WITHIN_MS });
  assert.equal(made.status, 0, made.stderr);
}

/** Four replicas by hand for a while, where the load asks for two; answers with its end. */
export async function overrideBegins(rig: AutoscalingRig): Promise<number> {
  rig.load(BY_HAND, 2);
  await rig.workload(BY_HAND);
  await rig.policy(BY_HAND, {});
  await rig.rests(BY_HAND, 2);
  return override(rig, 4, '20s');
}

async function override(rig: AutoscalingRig, replicas: number, lasts: string): Promise<number> {
  const body = { replicas, for: lasts, note: 'a demonstration' };
  await rig.done('PUT', `/v1/workloads/${BY_HAND}/override`, body);
  const { override: set } = await rig.seen(BY_HAND);
  await rig.rests(BY_HAND, replicas);
  return set?.untilMs ?? assert.fail('an override that does not end');
}

/** The first ends under the leader after the kill, the second between two leaders. */
export async function overrideEnds(
  rig: AutoscalingRig,
  untilMs: number,
  killed: Killed,
): Promise<readonly string[]> {
  const held = await rig.decided(BY_HAND, 'override_holds', killed.atMs + 1);
  assert.ok(killed.atMs < untilMs - TICK_MS, 'the kill came too late for the test');
  assert.ok(held.atMs < untilMs);
  await rig.panel('Reason of the last decision', BY_HAND, reasonIs('override_holds'));
  // What the panel says in ms, of one who never led when it was set.
  const isEnd = ({ refId, value }: Shown) => refId === 'B' && Math.round(value) === untilMs;
  const shown = await rig.panel('Set by hand', BY_HAND, isEnd);
  await rig.rests(BY_HAND, 2);
  await rig.cluster.start(killed.before.id);
  const secondMs = await override(rig, 3, '12s');
  await sleep(Math.max(0, secondMs - Date.now() - TICK_MS / 5));
  const second = await killLeader(rig);
  await rig.rests(BY_HAND, 2);

  const records = await rig.decisions(BY_HAND);
  const acted = records.filter(({ outcome }) => outcome.verdict.kind === 'act');
  assert.deepEqual(
    acted.map((one) => verdictOf(one).slice(1)),
    [
      [2, 'above_target'],
      [4, 'override_set'],
      [2, 'below_target'],
      [3, 'override_set'],
      [2, 'below_target'],
    ],
  );
  const firstAfter = (atMs: number) => firstFrom(records, atMs);
  assert.equal(firstAfter(untilMs), acted[2], 'its end is the first tick after it');
  assert.equal(firstAfter(secondMs), acted[4], 'also where nobody led when it ended');
  assertHeld(records, acted[1], acted[2]);
  assertHeld(records, acted[3], acted[4]);
  // Of a later term than the killed one's: there may have been more than one election since.
  assert.ok((acted[2]?.token?.term ?? 0) > killed.before.term);
  await assertOnce(rig, acted);
  const late = [lateBy(acted[2], untilMs), lateBy(acted[4], secondMs)];
  return [
    `API: ${held.explanation}`,
    `panel: Set by hand ${JSON.stringify(shown.labels)}, until ${new Date(untilMs).toISOString()}, of the new leader`,
    `${acted.length} actions, each with a token of its own; ended ${late[0]} ms after its time under ` +
      `${killed.after.id}, and ${late[1]} ms where ${second.before.id} was killed before it`,
  ];
}

function lateBy(record: DecisionRecord | undefined, dueMs: number): number {
  return (record?.atMs ?? Number.NaN) - dueMs;
}

/**
 * From one action to the next nothing but the operator's number was decided by, though a new leader may
 * first wait for the replicas of its host.
 */
function assertHeld(
  records: readonly DecisionRecord[],
  from: DecisionRecord | undefined,
  to: DecisionRecord | undefined,
): void {
  assert.ok(from !== undefined && to !== undefined);
  const between = records.slice(records.indexOf(from) + 1, records.indexOf(to));
  const reasons = new Set(between.map(({ outcome }) => outcome.verdict.reason));
  reasons.delete('actual_unknown');
  assert.deepEqual([...reasons], ['override_holds']);
}

/** Each action has its token, and each replica that it added was started once. */
async function assertOnce(rig: AutoscalingRig, acted: readonly DecisionRecord[]): Promise<void> {
  const tokens = new Set(acted.map(({ token }) => `${token?.term}/${token?.index}`));
  assert.equal(tokens.size, acted.length);
  const starts = (await rig.journal()).filter(
    (line) => line.kind === 'start' && line.workloadId === BY_HAND,
  );
  // One to begin with, one for the load, two by hand and then one.
  assert.equal(starts.length, 5);
  assert.equal(new Set(starts.map(({ slotId }) => slotId)).size, starts.length);
}

/** The load is foreseen, then it falls for the moment: the forecast keeps the replicas. */
export async function forecastTrusted(rig: AutoscalingRig): Promise<readonly string[]> {
  rig.load(FORESEEN, MIDDLE);
  await rig.workload(FORESEEN);
  const forecast = { metric: 'load', boot: '3m', capacity: REPLICA_LOAD, history: '48h' };
  await rig.policy(FORESEEN, { forecast });
  await rig.shows(stateOf('trusted'), (value) => value === 1);
  await rig.rests(FORESEEN, 3);
  // What comes next is read by the next leader alone.
  rig.gate.shut();
  rig.load(FORESEEN, 1);
  const held = await rig.decided(FORESEEN, 'forecast_holds');
  assert.equal(held.outcome.verdict.replicas, 3);
  assert.ok(told(held, { without: 'the forecast', replicas: 1 }), held.explanation);
  const { input } = held;
  assert.ok(input.forecast?.kind === 'ready');
  const found = input.forecast.forecasts.find((one) => one.kind === 'forecast');
  assert.ok(found?.kind === 'forecast' && found.quantiles.length === 5 && found.scored > 60);
  assert.ok(found.skillRatio > 0);
  const isRaised = ({ refId, value }: Shown) => refId === 'B' && value === 3;
  const raised = await rig.panel('What the forecast raises', FORESEEN, isRaised);
  const floor = stageOf(held, 'forecast');
  assert.deepEqual([floor?.before, floor?.after], [1, 3]);
  return [
    `API: ${held.explanation}`,
    `record: ${JSON.stringify(found)}`,
    `record: ${JSON.stringify(floor)}`,
    `panel: What the forecast raises ${raised.value}, where the load asks for 1`,
  ];
}

/** Nothing goes in until the new leader has read the history, and then as before. */
export async function forecastReturns(
  rig: AutoscalingRig,
  killed: Killed,
): Promise<readonly string[]> {
  const warming = await rig.decided(FORESEEN, 'forecast_warming', killed.atMs);
  assert.ok(told(warming, { without: 'the forecast', replicas: 1 }), warming.explanation);
  const state = await rig.panel(
    'State of the forecast',
    FORESEEN,
    ({ value }) => value === WARMING,
  );
  const shown = await rig.panel(
    'Reason of the last decision',
    FORESEEN,
    reasonIs('forecast_warming'),
  );
  await rig.alert('OmniMindForecastNotReady', FORESEEN, true);
  await pollUntil('the history is asked for', WITHIN_MS, () => rig.gate.waiting() > 0);
  rig.gate.open();
  await rig.panel('State of the forecast', FORESEEN, ({ value }) => value === TRUSTED);
  const back = await rig.decided(FORESEEN, 'forecast_holds', killed.atMs);
  const records = await rig.decisions(FORESEEN, `&from=${new Date(killed.atMs).toISOString()}`);
  assert.ok(records.every(({ outcome }) => outcome.verdict.replicas === 3));
  await rig.alert('OmniMindForecastNotReady', FORESEEN, false);
  const reasons = records.map(({ outcome }) => outcome.verdict.reason);
  // A new leader may not have its host's replicas yet, and a query may get no answer in time.
  const unseen = ['actual_unknown', 'signal_unavailable'];
  const known = ['forecast_warming', 'forecast_holds', ...unseen];
  assert.deepEqual(
    reasons.filter((one) => !known.includes(one)),
    [],
  );
  return [
    `API: ${warming.explanation}`,
    `panel: ${JSON.stringify(shown.labels)}, State of the forecast ${state.value} (warming), then ${TRUSTED} (trusted)`,
    `API, then: ${back.explanation}`,
    `${reasons.filter((one) => one === 'forecast_warming').length} decisions while warming, none of which went in`,
    'alert: OmniMindForecastNotReady fires while it is warming, and is over then',
  ];
}

function stateOf(state: string): string {
  return `omnimind_forecast_state{workload="${FORESEEN}",state="${state}"}`;
}
