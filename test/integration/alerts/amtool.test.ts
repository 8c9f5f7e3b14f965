/** The checked-in Alertmanager configuration, judged by Alertmanager's own tool. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ALERTMANAGER_CONFIG, prepareAlertmanager } from '../../support/alertmanager-process.ts';
import { skipWithout } from '../../support/skip.ts';

describe('alertmanager.yml', () => {
  before(function () {
    skipWithout(this, 'amtool');
  });

  it('is what amtool check-config accepts, templates included', () => {
    const output = execFileSync('amtool', ['check-config', ALERTMANAGER_CONFIG], {
      encoding: 'utf8',
    });
    assert.match(output, /SUCCESS/u);
    assert.match(output, /1 templates/u);
  });

  it('is still accepted when it is fitted to other addresses', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-alertmanager-'));
    try {
      const receivers = {
        slackWebhookUrl: 'http://127.0.0.1:1/slack',
        pagerdutyUrl: 'http://127.0.0.1:1/pagerduty',
        planeUrl: 'http://127.0.0.1:1',
        planeKey: null,
      };
      const times = { groupWait: '1s', groupInterval: '1s', repeatInterval: '1h' };
      const path = await prepareAlertmanager(directory, receivers, times);
      const { status, stdout } = spawnSync('amtool', ['check-config', path], { encoding: 'utf8' });
      assert.equal(status, 0, stdout);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
