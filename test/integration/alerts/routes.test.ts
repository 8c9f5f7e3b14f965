/**
 * Who is told of which alert: by the tool's own word for a table of labels, and by a real Alertmanager
 * for what the tool cannot say (grouping, inhibition, wording, sizes, repetition after a failure).
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { ALERT_SEVERITIES, WATCHDOG_ALERT } from '../../../control-plane/model/alert.ts';
import {
  ALERTMANAGER,
  ALERTMANAGER_CONFIG,
  prepareAlertmanager,
  startAlertmanager,
} from '../../support/alertmanager-process.ts';
import type { AlertmanagerProcess, PostedAlert } from '../../support/alertmanager-process.ts';
import { bearer, startTestPlane } from '../../support/http-plane.ts';
import type { TestPlane } from '../../support/http-plane.ts';
import { PAGERDUTY_LIMITS, startPagerdutyReceiver } from '../../support/pagerduty-receiver.ts';
import type { PagerdutyReceiver } from '../../support/pagerduty-receiver.ts';
import { pollUntil } from '../../support/process.ts';
import { skipWithout } from '../../support/skip.ts';
import { SLACK_LIMITS, startSlackReceiver } from '../../support/slack-receiver.ts';
import type { SlackReceiver } from '../../support/slack-receiver.ts';
import { filesIn, namesIn, textOf } from '../../support/source-tree.ts';

const COMPONENTS = [
  'fleet',
  'gpu',
  'cache',
  'workload',
  'control-plane',
  'raft',
  'slo',
  'observability',
];

/** Receivers by severity, in the order of the routes. */
const TOLD: Readonly<Record<string, string>> = {
  critical: 'control-plane,pagerduty,slack',
  warning: 'control-plane,slack',
  info: 'control-plane,nobody',
  none: 'control-plane,nobody',
};

describe('the routes of alertmanager.yml', function () {
  // The tool is started once for each row.
  this.timeout(30_000);
  before(function () {
    skipWithout(this, 'amtool');
  });

  const routed = (labels: Readonly<Record<string, string>>): string => {
    const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    const { status, stdout, stderr } = spawnSync(
      'amtool',
      ['config', 'routes', 'test', `--config.file=${ALERTMANAGER_CONFIG}`, ...pairs],
      { encoding: 'utf8' },
    );
    assert.equal(status, 0, stderr);
    return stdout.trim();
  };

  for (const severity of ALERT_SEVERITIES) {
    it(`tell of severity ${severity}, of any component: ${TOLD[severity]}`, () => {
      for (const component of COMPONENTS) {
        const labels = { alertname: 'OmniMindSomething', severity, component, node: 'host-7' };
        assert.equal(routed(labels), TOLD[severity], component);
      }
    });
  }

  it('tell of an alert without a severity, or with an unknown one, on Slack', () => {
    assert.equal(routed({ alertname: 'OmniMindSomething' }), 'control-plane,slack');
    assert.equal(routed({ alertname: 'Foreign', severity: 'page' }), 'control-plane,slack');
  });

  it('tell of the watchdog to the control plane alone', () => {
    const watchdog = { alertname: WATCHDOG_ALERT, severity: 'none', component: 'observability' };
    assert.equal(routed(watchdog), 'dead-mans-switch');
  });
});

const CONFIG = z.object({
  inhibit_rules: z.array(
    z.object({ source_matchers: z.array(z.string()), target_matchers: z.array(z.string()) }),
  ),
  receivers: z.array(z.looseObject({ name: z.string() })),
});

describe('alertmanager.yml and the rules', () => {
  const config = CONFIG.parse(parse(textOf('alerts/alertmanager.yml')));

  it('say of each receiver that it is told when an alert is over', () => {
    const settings = config.receivers.flatMap(({ name: _, ...kinds }) => Object.values(kinds));
    const each = settings.flatMap((list) => z.array(z.looseObject({})).parse(list));
    assert.equal(each.length, 4);
    assert.ok(each.every((one) => one['send_resolved'] === true));
  });

  it('name in inhibitions only alerts and objectives that there are', () => {
    const matchers = config.inhibit_rules.flatMap((rule) => [
      ...rule.source_matchers,
      ...rule.target_matchers,
    ]);
    const valuesOf = (label: string) =>
      matchers
        .map((matcher) => new RegExp(`^${label}!?=~?"(.+)"$`, 'u').exec(matcher)?.[1] ?? '')
        .flatMap((values) => values.split('|'))
        .filter((value) => value !== '');
    const rules = filesIn(['alerts/rules'], ['.rules.yml'])
      .map(({ text }) => text)
      .join('\n');
    const alerts = new Set(namesIn(rules, /alert: (\w+)/gu));
    const objectives = new Set(namesIn(rules, /slo: ([a-z0-9-]+)/gu));
    assert.ok(valuesOf('alertname').length > 20);
    assert.ok(valuesOf('slo').length > 0);
    assert.deepEqual(
      [...valuesOf('alertname'), WATCHDOG_ALERT].filter((name) => !alerts.has(name)),
      [],
    );
    assert.deepEqual(
      valuesOf('slo').filter((name) => !objectives.has(name)),
      [],
    );
  });
});

describe('what is told by a real Alertmanager', function () {
  this.timeout(60_000);
  let slack: SlackReceiver;
  let pagerduty: PagerdutyReceiver;
  let plane: TestPlane;
  let alertmanager: AlertmanagerProcess;
  const undo: (() => unknown)[] = [];

  before(async function () {
    skipWithout(this, ALERTMANAGER);
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-alertmanager-'));
    undo.push(() => rm(directory, { recursive: true, force: true }));
    slack = await startSlackReceiver();
    pagerduty = await startPagerdutyReceiver();
    plane = await startTestPlane({ withKeys: true });
    undo.push(...[slack, pagerduty, plane].map((one) => () => one.stop()));
    const receivers = {
      slackWebhookUrl: slack.webhookUrl,
      pagerdutyUrl: pagerduty.url,
      planeUrl: `http://127.0.0.1:${plane.port}`,
      planeKey: plane.keys.operator,
    };
    const times = { groupWait: '300ms', groupInterval: '500ms', repeatInterval: '1h' };
    const config = await prepareAlertmanager(directory, receivers, times);
    alertmanager = await startAlertmanager(directory, config);
    undo.push(() => alertmanager.kill());
  });

  after(async () => {
    for (const step of undo.reverse()) await step();
  });

  const alertOf = (
    name: string,
    labels: Readonly<Record<string, string>>,
    annotations: Readonly<Record<string, string>> = {},
  ): PostedAlert => ({
    labels: { alertname: name, severity: 'warning', component: 'fleet', ...labels },
    annotations: { summary: `About ${name}`, description: 'It is so.', ...annotations },
    generatorURL: 'http://prometheus:9090/graph?g0.expr=up',
  });
  const titled = (part: string) =>
    slack.messages.flatMap(({ attachments }) =>
      attachments.filter(({ title }) => title.includes(part)),
    );
  const kept = async (name: string): Promise<readonly unknown[]> => {
    const path = `/v1/alerts?name=${name}`;
    const answer = await plane.send({ path, headers: bearer(plane.keys.viewer) });
    return z.object({ items: z.array(z.unknown()) }).parse(answer.json).items;
  };

  it('comes as one message per alert and node', async () => {
    await alertmanager.post([
      alertOf('OmniMindGrouped', { node: 'host-1', mountpoint: '/a' }),
      alertOf('OmniMindGrouped', { node: 'host-1', mountpoint: '/b' }),
      alertOf('OmniMindGrouped', { node: 'host-2', mountpoint: '/a' }),
    ]);
    await pollUntil('two messages', 10_000, () => titled('OmniMindGrouped').length === 2);
    assert.deepEqual(
      titled('OmniMindGrouped')
        .map(({ title }) => title)
        .sort(),
      ['WARNING ×2: OmniMindGrouped · host-1', 'WARNING: OmniMindGrouped · host-2'],
    );
    assert.equal((await kept('OmniMindGrouped')).length, 3);
  });

  it('leaves out what a node that is down takes along, and what critical says already', async () => {
    const down = { severity: 'critical', node: 'host-3' };
    const slo = { component: 'slo', slo: 'api', window: '1h' };
    await alertmanager.post([
      alertOf('OmniMindNodeDown', down),
      alertOf('OmniMindBurning', { ...slo, severity: 'critical' }),
      alertOf('OmniMindNoLeader', { severity: 'critical', component: 'raft' }),
    ]);
    await pollUntil('the sources', 10_000, () => pagerduty.events.length >= 3);
    await alertmanager.post([
      alertOf('OmniMindGpuHot', { node: 'host-3', component: 'gpu' }),
      alertOf('OmniMindGpuHot', { node: 'host-4', component: 'gpu' }),
      alertOf('OmniMindGpuHot', { component: 'gpu' }),
      alertOf('OmniMindBurning', slo),
      alertOf('OmniMindBurning', { ...slo, slo: 'other' }),
      alertOf('OmniMindElectionStorm', { component: 'raft' }),
      alertOf('OmniMindErrorBudgetBurnFast', { component: 'slo', slo: 'leader-availability' }),
      alertOf('OmniMindErrorBudgetBurnFast', { component: 'slo', slo: 'inference-latency' }),
      // Another cause, not a consequence.
      alertOf('OmniMindDiskStalled', { component: 'raft', severity: 'critical' }),
    ]);
    await pollUntil('the others', 10_000, () => titled('OmniMindGpuHot').length >= 2);
    await pollUntil('the other objective', 10_000, () => titled('· other').length === 1);
    await pollUntil('the other cause', 10_000, () => titled('OmniMindDiskStalled').length === 1);
    await pollUntil('the workload’s', 10_000, () => titled('inference-latency').length === 1);
    assert.deepEqual([...titled('leader-availability'), ...titled('OmniMindElectionStorm')], []);
    assert.deepEqual(
      titled('OmniMindGpuHot')
        .map(({ title }) => title)
        .sort(),
      ['WARNING: OmniMindGpuHot', 'WARNING: OmniMindGpuHot · host-4'],
    );
    assert.deepEqual(
      titled('OmniMindBurning')
        .map(({ title }) => title)
        .sort(),
      ['CRITICAL: OmniMindBurning · api', 'WARNING: OmniMindBurning · other'],
    );
  });

  it('stays within the bounds of both services, however long and many the alerts are', async () => {
    const long = 'x<&>'.repeat(4_000);
    const before = pagerduty.events.length;
    const many = Array.from({ length: 60 }, (_, n) =>
      alertOf(
        'OmniMindLong',
        { severity: 'critical', node: 'n'.repeat(128), device: `${n}` },
        { summary: long, description: long },
      ),
    );
    await alertmanager.post(many);
    await pollUntil('the message', 10_000, () => titled('OmniMindLong').length >= 1);
    await pollUntil('the page', 10_000, () => pagerduty.events.length > before);
    const [message] = titled('OmniMindLong');
    assert.ok((message?.text.length ?? Infinity) < SLACK_LIMITS.textCharactersMax / 2);
    assert.match(message?.text ?? '', /… and 55 more/u);
    assert.equal(message?.color, '#e01e5a');
    const event = pagerduty.events.at(-1);
    assert.ok((event?.payload?.summary.length ?? 0) < PAGERDUTY_LIMITS.summaryCharactersMax);
    assert.ok(JSON.stringify(event).length < 16_384);
    assert.deepEqual([...slack.refusals, ...pagerduty.refusals], []);
  });

  it('says when it is over, and what it was, in one line for a phone', async () => {
    const startsAt = new Date(Date.now() - 65_000).toISOString();
    await alertmanager.post([{ ...alertOf('OmniMindEnding', { workload: 'chat' }), startsAt }]);
    await pollUntil('the beginning', 10_000, () => titled('OmniMindEnding').length === 1);
    const endsAt = new Date().toISOString();
    await alertmanager.post([
      { ...alertOf('OmniMindEnding', { workload: 'chat' }), startsAt, endsAt },
    ]);
    await pollUntil('the end', 10_000, () => titled('OmniMindEnding').length === 2);
    const [, over] = titled('OmniMindEnding');
    assert.equal(over?.fallback, 'RESOLVED: OmniMindEnding · chat — About OmniMindEnding');
    assert.match(over.text, /_lasted 1m\ds, from /u);
    const isOver = async () => JSON.stringify(await kept('OmniMindEnding')).includes('"resolved"');
    await pollUntil('the plane knows it too', 10_000, isOver);
    assert.deepEqual(
      titled('OmniMindEnding').map(({ color }) => color),
      ['#ecb22e', '#2eb67d'],
    );
  });

  it('links to the runbook, the dashboard, the query and a filled-in silence', async () => {
    await alertmanager.post([
      alertOf(
        'OmniMindLinked',
        { node: 'host 9' },
        { runbook_url: 'https://runbook.example/#linked', dashboard_url: 'http://d.example/d/x' },
      ),
    ]);
    await pollUntil('the message', 10_000, () => titled('OmniMindLinked').length === 1);
    const [message] = titled('OmniMindLinked');
    assert.equal(message?.title_link, 'http://d.example/d/x');
    const links = new Map(message.actions.map(({ text, url }) => [text, url]));
    assert.equal(links.get('Runbook'), 'https://runbook.example/#linked');
    assert.equal(links.get('Dashboard'), 'http://d.example/d/x');
    assert.equal(links.get('Query'), 'http://prometheus:9090/graph?g0.expr=up');
    const silence = decodeURIComponent(links.get('Silence') ?? '');
    assert.equal(
      silence,
      `${alertmanager.url}/#/silences/new?filter={alertname="OmniMindLinked", component="fleet", node="host 9"}`,
    );
  });

  it('tells the plane of the watchdog and of what notifies nobody, and nobody else', async () => {
    await alertmanager.post([
      alertOf(WATCHDOG_ALERT, { severity: 'none', component: 'observability' }),
      alertOf('OmniMindQuiet', { severity: 'info' }),
    ]);
    const both = async () =>
      (await kept(WATCHDOG_ALERT)).length + (await kept('OmniMindQuiet')).length;
    await pollUntil('the plane knows both', 10_000, async () => (await both()) === 2);
    assert.notEqual(plane.alerts.status().watchdogSeenMs, null);
    // A message to Slack that was sent after both: they would have been there by now.
    await alertmanager.post([alertOf('OmniMindAfterwards', {})]);
    await pollUntil('the next', 10_000, () => titled('OmniMindAfterwards').length === 1);
    assert.deepEqual([...titled(WATCHDOG_ALERT), ...titled('OmniMindQuiet')], []);
  });

  it('is told again until it is taken, when a receiver or the plane is too busy', async () => {
    slack.failWith(429);
    plane.alerts.failWith('full');
    await alertmanager.post([alertOf('OmniMindRetried', {})]);
    await pollUntil('two refusals', 20_000, () => slack.refusals.length >= 2);
    assert.deepEqual(titled('OmniMindRetried'), []);
    slack.failWith(null);
    plane.alerts.failWith(null);
    await pollUntil('Slack has it', 20_000, () => titled('OmniMindRetried').length === 1);
    const has = async () => (await kept('OmniMindRetried')).length === 1;
    await pollUntil('the plane has it', 20_000, has);
  });
});
