/** What `npm run secrets` writes where a person's own credentials belong, in a real Alertmanager. */

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureSecrets } from '../../../demo/launcher/secrets.ts';
import {
  ALERTMANAGER,
  prepareAlertmanager,
  ROUTING_KEY,
  startAlertmanager,
} from '../../support/alertmanager-process.ts';
import type { AlertmanagerProcess } from '../../support/alertmanager-process.ts';
import { startHttpReceiver } from '../../support/http-receiver.ts';
import { startPagerdutyReceiver } from '../../support/pagerduty-receiver.ts';
import type { PagerdutyReceiver } from '../../support/pagerduty-receiver.ts';
import { pollUntil } from '../../support/process.ts';
import { skipWithout } from '../../support/skip.ts';
import { startSlackReceiver } from '../../support/slack-receiver.ts';
import type { SlackReceiver } from '../../support/slack-receiver.ts';

describe('alerts, before a routing key is filled in', function () {
  this.timeout(60_000);
  let slack: SlackReceiver;
  let pagerduty: PagerdutyReceiver;
  let alertmanager: AlertmanagerProcess;
  let keyFile = '';
  const undo: (() => unknown)[] = [];

  before(async function () {
    skipWithout(this, ALERTMANAGER);
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-unset-'));
    undo.push(() => rm(directory, { recursive: true, force: true }));
    slack = await startSlackReceiver();
    pagerduty = await startPagerdutyReceiver();
    const plane = await startHttpReceiver(() => ({
      status: 204,
      contentType: 'text/plain',
      body: '',
    }));
    undo.push(...[slack, pagerduty, plane].map((one) => () => one.stop()));
    const receivers = {
      slackWebhookUrl: slack.webhookUrl,
      pagerdutyUrl: pagerduty.url,
      planeUrl: plane.url,
      planeKey: null,
    };
    const times = { groupWait: '200ms', groupInterval: '500ms', repeatInterval: '1h' };
    const config = await prepareAlertmanager(directory, receivers, times);
    keyFile = join(directory, 'pagerduty-routing-key');
    const secrets = ensureSecrets(directory, (_, name, __, hashes) => {
      // Only that it is there matters: Alertmanager gets a key of this test for the plane.
      writeFileSync(hashes, '');
      return name;
    });
    assert.ok(secrets.unset.includes('pagerduty-routing-key'));
    await copyFile(join(secrets.directory, 'pagerduty-routing-key'), keyFile);
    alertmanager = await startAlertmanager(directory, config);
    undo.push(() => alertmanager.kill());
  });

  after(async () => {
    for (const step of undo.reverse()) await step();
  });

  const page = (name: string) =>
    alertmanager.post([
      {
        labels: { alertname: name, severity: 'critical', component: 'fleet', node: 'host-1' },
        annotations: { summary: `About ${name}`, description: 'It is so.' },
      },
    ]);
  const isOnSlack = (name: string) =>
    slack.messages.some(({ attachments }) => attachments.some(({ title }) => title.includes(name)));
  const failures = async (): Promise<number> => {
    const metrics = await (await fetch(`${alertmanager.url}/metrics`)).text();
    const counted = metrics.matchAll(
      /^alertmanager_notifications_failed_total\{[^}]*integration="pagerduty"[^}]*\} (\d+)$/gm,
    );
    return [...counted].reduce((sum, [, count]) => sum + Number(count), 0);
  };

  it('send nothing to PagerDuty, and say why, while Slack is told', async () => {
    await page('OmniMindUnset');
    await pollUntil('Slack is told', 15_000, () => isOnSlack('OmniMindUnset'));
    // Twice: it was tried again, too.
    await pollUntil('the pages that failed', 15_000, async () => (await failures()) >= 2);
    assert.deepEqual([...pagerduty.events, ...pagerduty.refusals], []);
    assert.match(alertmanager.running.output(), /routing key cannot be empty/);
  });

  it('page from the moment the key stands in the file, without a restart', async () => {
    await writeFile(keyFile, `${ROUTING_KEY}\n`);
    await page('OmniMindSet');
    const paged = () => pagerduty.events.map(({ payload }) => payload?.summary ?? '');
    await pollUntil('the page', 15_000, () => paged().some((line) => line.includes('OmniMindSet')));
    // Of what fires still the earlier attempts are made up for.
    await pollUntil('the one before', 15_000, () =>
      paged().some((line) => line.includes('OmniMindUnset')),
    );
    assert.deepEqual(pagerduty.refusals, []);
  });
});
