/**
 * Scenarios in which a policy, or who changes one, gets into trouble: each drives it for real, judges what
 * the plane decided, and answers with what the API, a panel and an alert said of it.
 */

import assert from 'node:assert/strict';
import type { DecisionRecord, StageRecord } from '../../control-plane/model/decision.ts';
import { policyOf, WITHIN_MS } from './autoscaling-rig.ts';
import type { Answer, AutoscalingRig, Explained } from './autoscaling-rig.ts';
import type { Shown } from './panel-values.ts';
import { pollUntil } from './process.ts';

const REVERSALS_ALLOWED = 2;

/** Two policies on one load that swings: only one of them has a flap budget. */
export async function flapping(rig: AutoscalingRig): Promise<readonly string[]> {
  const [id, budgeted] = ['flaps', 'flaps-less'];
  const stabilization = { up: '0s', down: '1s' };
  rig.load(id, 1);
  await Promise.all([rig.workload(id), rig.workload(budgeted)]);
  await rig.policy(id, { stabilization });
  const flapBudget = { reversals: REVERSALS_ALLOWED, per: '10m', windowMax: '10m' };
  await rig.policy(budgeted, { load: id, stabilization, flapBudget });
  await pollUntil('OmniMindFlapping fires', WITHIN_MS, async () => {
    rig.load(id, 2);
    await rig.rests(id, 2);
    rig.load(id, 1);
    await rig.rests(id, 1);
    const firing = await rig.query(`ALERTS{alertname="OmniMindFlapping",alertstate="firing"}`);
    return firing.length > 0;
  });
  await rig.alert('OmniMindFlapping', id, true);
  await rig.alert('OmniMindFlapping', budgeted, false);
  const held = await rig.decided(budgeted, 'flap_budget');
  assert.ok(told(held, { without: 'the flap budget', replicas: 1 }), held.explanation);
  const turns = reversals(await rig.decisions(budgeted));
  // One may still go out, which is never made to wait.
  assert.ok(turns >= REVERSALS_ALLOWED && turns <= REVERSALS_ALLOWED + 2, `${turns} reversals`);
  const others = reversals(await rig.decisions(id));
  assert.ok(others > turns + REVERSALS_ALLOWED, `${others} reversals without a flap budget`);
  const counted = (workload: string) => `omnimind_scale_reversals_total{workload="${workload}"}`;
  await rig.shows(counted(budgeted), (value) => value === turns);
  await rig.shows(counted(id), (value) => value === others);
  const shown = await rig.panel('Reason of the last decision', budgeted, reasonIs('flap_budget'));
  const braked = await rig.panel('Turns within the hour', budgeted, ({ refId }) => refId === 'B');
  return [
    `API: ${held.explanation}`,
    `series: ${others} reversals without a flap budget, ${turns} with one of ${REVERSALS_ALLOWED}`,
    `panel: ${JSON.stringify(shown.labels)}, Turns within the hour braked: ${braked.value}`,
    `alert: OmniMindFlapping fires for ${id} and not for ${budgeted}`,
  ];
}

export async function atMaximum(rig: AutoscalingRig): Promise<readonly string[]> {
  const id = 'maximum';
  rig.load(id, 6);
  await rig.workload(id);
  await rig.policy(id, { replicas: { min: 1, max: 2 } });
  await rig.rests(id, 2);
  const held = await rig.decided(id, 'at_maximum', Date.now());
  assert.deepEqual(held.counterfactuals, [{ without: 'the bounds', replicas: 6 }]);
  assert.match(held.explanation, /Without the bounds it would be 6\.$/u);
  await rig.alert('OmniMindAtMaximum', id, true);
  const shown = await rig.panel('At a bound', id, ({ value }) => value === 2);
  rig.load(id, 2);
  await rig.alert('OmniMindAtMaximum', id, false);
  return [
    `API: ${held.explanation}`,
    `panel: At a bound ${shown.value}, which is "at maximum"`,
    'alert: OmniMindAtMaximum fires, and is over once the load has fallen',
  ];
}

export async function queryBroken(rig: AutoscalingRig): Promise<readonly string[]> {
  const [id, alert] = ['broken', 'OmniMindDecisionInputUnusable'];
  rig.load(id, 2);
  rig.load('another', 1);
  await rig.workload(id);
  const broken = policyOf(id, { metrics: [brokenMetric(id)] });
  await rig.shows(`omnimind_replicas_ready{workload="${id}"}`, (value) => value === 1);
  // Nothing is matched where there is nothing yet.
  await rig.shows('count(test_load)', (value) => value !== null && value > 1);
  await rig.shows(`test_load{of="${id}"}`, (value) => value !== null);
  const path = `/v1/policies/${id}`;
  const problems = [
    await refused(rig, path, broken),
    await refused(rig, `${path}?dryRun=true`, broken),
  ];
  for (const { status, body } of problems) {
    assert.deepEqual([status, body['code']], [422, 'policy_query_rejected'], JSON.stringify(body));
    assert.match(JSON.stringify(body['errors']), /"pointer":"\/metrics\/0"/u);
    assert.match(JSON.stringify(body['errors']), /found duplicate series|many-to-many/u);
  }
  assert.equal((await rig.ask('GET', path)).status, 404);
  const tried = await rig.done('PUT', `${path}?dryRun=true&force=true`, broken);
  assert.match(String(tried['explanation']), /^Held at 1 .*signal_rejected/u);
  assert.equal((await rig.ask('GET', path)).status, 404);

  const saved = await rig.done('PUT', `${path}?force=true`, broken);
  assert.match(JSON.stringify(saved['warnings']), /"reason":"signal_rejected"/u);
  const held = await rig.decided(id, 'signal_rejected');
  assert.equal(held.outcome.verdict.replicas, 1);
  await rig.alert(alert, id, true);
  const shown = await rig.panel('Without usable signals', id, ({ value }) => value === 1);
  await rig.policy(id, {});
  await rig.rests(id, 2);
  await rig.alert(alert, id, false);
  return [
    `API: 422 ${JSON.stringify(problems[0]?.body)}`,
    `API, forced: ${held.explanation}`,
    `panel: Without usable signals ${shown.value}`,
    `alert: ${alert} fires, and is over once the query is mended`,
  ];
}

/** A policy whose queries got no answer in time is saved, with a warning: then it is tried again. */
async function refused(rig: AutoscalingRig, path: string, policy: object): Promise<Answer> {
  return pollUntil('the query is answered', WITHIN_MS, async () => {
    const answer = await rig.ask('PUT', path, policy);
    if (!JSON.stringify(answer.body).includes('signal_unavailable')) return answer;
    if (answer.status === 201) await rig.done('DELETE', path);
    return null;
  });
}

/** PromQL as far as its grammar goes: that two series match on the right is seen when it is run. */
function brokenMetric(id: string): object {
  const query = `test_load{of="${id}"} * on () group_left () test_load`;
  const timestampQuery = `timestamp(test_load{of="${id}"})`;
  return { name: 'load', query, timestampQuery, target: { averageValue: 10 } };
}

export async function pauseDuringScaleOut(rig: AutoscalingRig): Promise<readonly string[]> {
  const id = 'paused';
  rig.load(id, 1);
  await rig.workload(id, 1, { READY_AFTER_MS: '4000' });
  await rig.policy(id, {});
  await rig.rests(id, 1);
  rig.load(id, 3);
  await pollUntil('the scale-out is under way', WITHIN_MS, async () => {
    const { desired, inFlight } = await rig.seen(id);
    return desired === 3 && inFlight !== null;
  });
  const body = { direction: 'out', for: '20s', note: 'the database is being moved' };
  const { pause } = await rig.done<PauseSeen>('PUT', `/v1/workloads/${id}/pause`, body);
  assert.notEqual((await rig.seen(id)).inFlight, null, 'the pause came too late for the test');
  rig.load(id, 4);
  await rig.rests(id, 3);
  const held = await rig.decided(id, 'paused_out');
  const { before, after } = stageOf(held, 'pause') ?? {};
  assert.deepEqual([before, after, held.input.desired], [4, 3, 3]);
  assert.ok(told(held, { without: 'the pause', replicas: 4 }), held.explanation);
  const constraint = await rig.panel('Active constraints', id, reasonIs('paused_out'));
  const byHand = await rig.panel('Set by hand', id, ({ refId }) => refId === 'B');
  assert.deepEqual([byHand.labels['kind'], Math.round(byHand.value)], ['pause_out', pause.untilMs]);
  await rig.rests(id, 4);
  await rig.shows(`omnimind_intervention_info{workload="${id}"}`, (value) => value === null);

  const records = await rig.decisions(id);
  const acted = records.filter(({ outcome }) => outcome.verdict.kind === 'act');
  assert.deepEqual(
    acted.map(({ outcome }) => outcome.verdict.replicas),
    [3, 4],
  );
  const first = firstFrom(records, pause.untilMs);
  assert.equal(acted[1], first, 'it goes on with the first tick after the pause, and not before');
  return [
    `API: ${held.explanation}`,
    `panel: Active constraints ${JSON.stringify(constraint.labels)}`,
    `panel: Set by hand ${JSON.stringify(byHand.labels)}, gone after it; went on ${(first?.atMs ?? 0) - pause.untilMs} ms after its end`,
    'alert: none',
  ];
}

interface PauseSeen {
  readonly pause: { readonly untilMs: number };
}

export async function shadowPromoted(rig: AutoscalingRig): Promise<readonly string[]> {
  const id = 'shadowed';
  const path = `/v1/policies/${id}`;
  rig.load(id, 2);
  await rig.workload(id);
  await rig.policy(id, {});
  await rig.rests(id, 2);
  const [metric] = policyOf(id).metrics;
  const shadow = policyOf(id, { metrics: [{ ...metric, target: { averageValue: 5 } }] });
  await rig.done('PUT', `${path}/shadow`, shadow);
  const wants = `omnimind_shadow_replicas{workload="${id}"}`;
  await rig.shows(wants, (value) => value === 4);
  const isMore = ({ refId, value }: Shown) => refId === 'A' && value === 2;
  const change = await rig.panel('What the shadow would change', id, isMore);
  const view = await rig.done('GET', `${path}/shadow`);
  assert.deepEqual([view['desired'], view['desiredLive']], [4, 2]);
  const record = await pollUntil('a record with its shadow', 20_000, async () =>
    (await rig.decisions(id)).findLast((one) => one.shadow?.desired === 4),
  );
  const beside = await rig.done<Explained>('GET', `/v1/decisions/${record.decisionId}`);
  assert.match(beside.explanation, /^Held at 2 .*Its shadow, version 1, wants 4 \(/u);

  const promotedMs = Date.now();
  await rig.done('POST', `${path}/shadow/promote?version=1`);
  await rig.rests(id, 4);
  await rig.shows(wants, (value) => value === null);
  const following = (await rig.decisions(id)).filter(({ policyVersion }) => policyVersion === 2);
  assert.deepEqual(verdictOf(firstFrom(following, 0)), ['act', 4, 'above_target']);
  assert.ok(following.every((one) => one.shadow === undefined));
  const diff = await rig.done('GET', `${path}/diff`);
  return [
    `API: ${beside.explanation}`,
    `API, promoted: ${JSON.stringify(diff)}, acted ${(following[0]?.atMs ?? 0) - promotedMs} ms after`,
    `panel: What the shadow would change ${change.value}, gone once promoted`,
    'alert: none',
  ];
}

/** The first decision from then on that knew the replicas and whose signals were answered in time. */
export function firstFrom(
  records: readonly DecisionRecord[],
  fromMs: number,
): DecisionRecord | undefined {
  return records.find(
    ({ atMs, outcome }) =>
      atMs >= fromMs &&
      outcome.proposals.length > 0 &&
      outcome.proposals.every(({ kind }) => kind === 'replicas'),
  );
}

/** How often the direction of the actions turned. */
function reversals(records: readonly DecisionRecord[]): number {
  const directions = records.flatMap(({ outcome: { verdict } }) =>
    verdict.kind === 'act' ? [verdict.direction] : [],
  );
  return directions.filter((one, at) => at > 0 && one !== directions[at - 1]).length;
}

/** Whether the API's answer has this counterfactual, and its prose too. */
export function told(
  { counterfactuals, explanation }: Explained,
  wanted: Explained['counterfactuals'][number],
): boolean {
  const found = counterfactuals.some(
    ({ without, replicas }) => without === wanted.without && replicas === wanted.replicas,
  );
  return found && explanation.includes(wanted.without);
}

export function stageOf(
  { outcome }: DecisionRecord,
  stage: StageRecord['stage'],
): StageRecord | undefined {
  return outcome.stages.find((one) => one.stage === stage);
}

export function reasonIs(reason: string) {
  return ({ labels }: { readonly labels: Readonly<Record<string, string>> }): boolean =>
    labels['reason'] === reason;
}

export function verdictOf(record: DecisionRecord | undefined) {
  const { kind, replicas, reason } = record?.outcome.verdict ?? {};
  return [kind, replicas, reason];
}
