/**
 * An alert from its condition to the page and back: a real Prometheus evaluates two of the checked-in
 * rules, a real Alertmanager with the checked-in configuration routes and words them, and Slack,
 * PagerDuty and the control plane's API are told over HTTP.
 */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { stringify, parse } from 'yaml';
import { z } from 'zod';
import {
  ALERTMANAGER,
  prepareAlertmanager,
  ROUTING_KEY,
  startAlertmanager,
} from '../support/alertmanager-process.ts';
import { startHttpReceiver } from '../support/http-receiver.ts';
import { bearer, startTestPlane } from '../support/http-plane.ts';
import type { TestPlane } from '../support/http-plane.ts';
import { startPagerdutyReceiver } from '../support/pagerduty-receiver.ts';
import type { PagerdutyReceiver } from '../support/pagerduty-receiver.ts';
import { pollUntil } from '../support/process.ts';
import { preparePrometheus, startPrometheus } from '../support/prometheus-process.ts';
import type { PrometheusProcess } from '../support/prometheus-process.ts';
import { skipWithout } from '../support/skip.ts';
import { startSlackReceiver } from '../support/slack-receiver.ts';
import type { SlackReceiver } from '../support/slack-receiver.ts';

const RULES = fileURLToPath(new URL('../../alerts/rules/fleet.rules.yml', import.meta.url));
const CRITICAL = 'OmniMindFilesystemAlmostFull';
const WARNING = 'OmniMindFilesystemOutOfInodes';
/** Shortened from minutes; everything else of the rules is as checked in. */
const FOR_S = 2;
const GROUP_WAIT_S = 1;

/** Space and inodes left, of 100 each. */
interface Left {
  readonly bytes: number;
  readonly files: number;
}

const PLENTY: Left = { bytes: 50, files: 50 };
const NONE: Left = { bytes: 1, files: 1 };

describe('an alert, from its condition to the page and back', function () {
  this.timeout(120_000);
  let disk: Disk;
  let slack: SlackReceiver;
  let pagerduty: PagerdutyReceiver;
  let plane: TestPlane;
  let prometheus: PrometheusProcess;
  const undo: (() => unknown)[] = [];

  before(async function () {
    skipWithout(this, 'prometheus');
    skipWithout(this, ALERTMANAGER);
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-alerts-'));
    undo.push(() => rm(directory, { recursive: true, force: true }));
    disk = await startDisk();
    slack = await startSlackReceiver();
    pagerduty = await startPagerdutyReceiver();
    plane = await startTestPlane({ withKeys: true });
    undo.push(...[disk, slack, pagerduty, plane].map((one) => () => one.stop()));
    const receivers = {
      slackWebhookUrl: slack.webhookUrl,
      pagerdutyUrl: pagerduty.url,
      planeUrl: `http://127.0.0.1:${plane.port}`,
      planeKey: plane.keys.operator,
    };
    const times = { groupWait: `${GROUP_WAIT_S}s`, groupInterval: '1s', repeatInterval: '1h' };
    const config = await prepareAlertmanager(directory, receivers, times);
    const alertmanager = await startAlertmanager(directory, config);
    undo.push(() => alertmanager.kill());
    const place = await preparePrometheus(
      join(directory, 'prometheus'),
      prometheusConfig(disk.address, alertmanager.address),
      await shortenedRules(),
    );
    prometheus = await startPrometheus(place);
    undo.push(() => prometheus.kill());
    await pollUntil('the first scrape', 15_000, async () => (await prometheus.value('up')) === 1);
  });

  after(async () => {
    for (const step of undo.reverse()) await step();
  });

  it('pages for the critical one, tells Slack of both, and says when they are over', async () => {
    const quiet = [slack.messages.length, pagerduty.events.length];
    assert.deepEqual(quiet, [0, 0]);

    const began = disk.set(NONE);
    await pollUntil('both are told of', 40_000, () => slack.messages.length >= 2);
    await pollUntil('the page', 10_000, () => pagerduty.events.length >= 1);
    const activeAtMs = await activeAt(prometheus.url, CRITICAL);
    const firing = await planeKnows('firing');

    const ended = disk.set(PLENTY);
    await pollUntil('both are over', 40_000, () => slack.messages.length >= 4);
    await pollUntil('the page is over', 10_000, () => pagerduty.events.length >= 2);
    await planeKnows('resolved');

    judgePages();
    judgeMessages();
    assert.deepEqual([...slack.refusals, ...pagerduty.refusals], []);
    const startedAtMs = firing.get(CRITICAL) ?? 0;
    const times = {
      beganMs: began.changedMs,
      servedMs: began.servedMs ?? 0,
      activeAtMs,
      startedAtMs,
      pagedMs: pagerduty.events[0]?.atMs ?? 0,
      endedMs: ended.changedMs,
      resolvedMs: pagerduty.events[1]?.atMs ?? 0,
    };
    process.stdout.write(`${JSON.stringify(splitOf(times))}\n`);
    assert.ok(times.pagedMs - times.startedAtMs < 15_000, 'no page within 15 s of firing');
  });

  function judgePages(): void {
    const [trigger, resolve, ...others] = pagerduty.events;
    assert.deepEqual(others, [], 'only the critical one pages');
    assert.ok(trigger !== undefined && resolve !== undefined);
    assert.deepEqual([trigger.action, resolve.action], ['trigger', 'resolve']);
    assert.equal(trigger.dedupKey, resolve.dedupKey);
    assert.equal(trigger.routingKey, ROUTING_KEY);
    assert.deepEqual(pagerduty.open(), []);
    const { payload, links } = trigger;
    assert.equal(payload?.summary, `CRITICAL: ${CRITICAL} · host-7 — A file system is almost full`);
    assert.equal(payload.severity, 'critical');
    assert.equal(payload.class, CRITICAL);
    assert.equal(payload.component, 'fleet');
    assert.match(String(payload.custom_details?.['firing']), /\/data on host-7 has 1% left/u);
    assert.deepEqual(
      links.map(({ text }) => text),
      ['Runbook', 'Dashboard', 'Query', 'Silence'],
    );
    assert.match(links[0]?.href ?? '', /runbook\.md#omnimindfilesystemalmostfull$/u);
    assert.match(links[1]?.href ?? '', /var-node=host-7/u);
    assert.match(links[3]?.href ?? '', /#\/silences\/new\?filter=.*node%3D%22host-7%22/u);
  }

  function judgeMessages(): void {
    const titles = slack.messages.flatMap(({ attachments }) => attachments.map((one) => one.title));
    assert.deepEqual([...titles].sort(), [
      `CRITICAL: ${CRITICAL} · host-7`,
      `RESOLVED: ${CRITICAL} · host-7`,
      `RESOLVED: ${WARNING} · host-7`,
      `WARNING: ${WARNING} · host-7`,
    ]);
    const over = slack.messages.flatMap(({ attachments }) =>
      attachments.filter(({ title }) => title === `RESOLVED: ${WARNING} · host-7`),
    );
    assert.match(over[0]?.text ?? '', /^\*Over:\* .*\n_lasted \d+s, from /mu);
  }

  /** Starts of both alerts by name, once the plane keeps both in this status. */
  function planeKnows(status: string): Promise<ReadonlyMap<string, number>> {
    return pollUntil(`the plane knows that both are ${status}`, 20_000, async () => {
      const path = `/v1/alerts?status=${status}`;
      const answer = await plane.send({ path, headers: bearer(plane.keys.viewer) });
      const { items } = z.object({ items: z.array(KNOWN) }).parse(answer.json);
      if (items.length < 2) return null;
      return new Map(items.map(({ name, startsAtMs }) => [name, startsAtMs]));
    });
  }
});

const KNOWN = z.object({ name: z.string(), startsAtMs: z.number() });

interface Times {
  readonly beganMs: number;
  readonly servedMs: number;
  readonly activeAtMs: number;
  readonly startedAtMs: number;
  readonly pagedMs: number;
  readonly endedMs: number;
  readonly resolvedMs: number;
}

/** Seconds from the condition to the page, and what they consist of. */
function splitOf(times: Times) {
  const seconds = (fromMs: number, toMs: number) => Math.round(toMs - fromMs) / 1_000;
  return {
    alert: CRITICAL,
    conditionToPageSeconds: seconds(times.beganMs, times.pagedMs),
    scrapeSeconds: seconds(times.beganMs, times.servedMs),
    evaluationSeconds: seconds(times.servedMs, times.activeAtMs),
    forSeconds: seconds(times.activeAtMs, times.startedAtMs),
    groupWaitSeconds: GROUP_WAIT_S,
    deliverySeconds: seconds(times.startedAtMs + GROUP_WAIT_S * 1_000, times.pagedMs),
    overToResolvedSeconds: seconds(times.endedMs, times.resolvedMs),
  };
}

interface Disk {
  readonly address: string;
  set(left: Left): Change;
  stop(): Promise<void>;
}

interface Change {
  readonly changedMs: number;
  /** When a scrape first saw it, UNIX ms; null before. */
  servedMs: number | null;
}

/** An agent with one file system, to be scraped. */
async function startDisk(): Promise<Disk> {
  let left = PLENTY;
  let change: Change = { changedMs: 0, servedMs: null };
  const receiver = await startHttpReceiver(({ atMs }) => {
    change.servedMs ??= atMs;
    return { status: 200, contentType: 'text/plain; version=0.0.4', body: exposition(left) };
  });
  return {
    address: new URL(receiver.url).host,
    set: (next) => {
      left = next;
      change = { changedMs: Date.now(), servedMs: null };
      return change;
    },
    stop: () => receiver.stop(),
  };
}

function exposition({ bytes, files }: Left): string {
  const family = (name: string, value: number) =>
    `omnimind_node_filesystem_${name}{mountpoint="/data",device="/dev/sda",fstype="ext4"} ${value}\n`;
  return [
    family('available_bytes', bytes),
    family('size_bytes', 100),
    family('files_free', files),
    family('files', 100),
    family('readonly', 0),
  ].join('');
}

function prometheusConfig(target: string, alertmanager: string): string {
  return stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['test.rules.yml'],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] },
    scrape_configs: [
      {
        job_name: 'omnimind-agents',
        static_configs: [{ targets: [target], labels: { node: 'host-7', instance: 'host-7' } }],
      },
    ],
  });
}

const GROUPS = z.object({
  groups: z.array(z.object({ rules: z.array(z.looseObject({ alert: z.string().optional() })) })),
});

async function shortenedRules(): Promise<string> {
  const { groups } = GROUPS.parse(parse(await readFile(RULES, 'utf8')));
  const rules = groups
    .flatMap((group) => group.rules)
    .filter(({ alert }) => alert === CRITICAL || alert === WARNING)
    .map((rule) => ({ ...rule, for: `${FOR_S}s` }));
  assert.equal(rules.length, 2, `${RULES} has no ${CRITICAL} and ${WARNING}`);
  return stringify({ groups: [{ name: 'test', interval: '1s', rules }] });
}

const ALERTS = z.object({
  data: z.object({
    alerts: z.array(z.object({ activeAt: z.string(), labels: z.record(z.string(), z.string()) })),
  }),
});

/** When an evaluation first found the condition, UNIX ms. */
async function activeAt(url: string, name: string): Promise<number> {
  const answer = await fetch(`${url}/api/v1/alerts`);
  const { data } = ALERTS.parse(await answer.json());
  const found = data.alerts.find(({ labels }) => labels['alertname'] === name);
  return Date.parse(found?.activeAt ?? '');
}
