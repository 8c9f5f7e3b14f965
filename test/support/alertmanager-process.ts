/**
 * A real Alertmanager for tests, on ports and in a directory of its own, with the checked-in
 * configuration fitted to one run: receivers on loopback, credentials in files of the test, short
 * waits. Routes, grouping, inhibition and templates stay as they are.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isMap, isSeq, parseDocument } from 'yaml';
import type { Document, YAMLMap } from 'yaml';
import { freePort, pollUntil, startProcess } from './process.ts';
import type { RunningProcess } from './process.ts';

export const ALERTMANAGER_CONFIG = fileURLToPath(
  new URL('../../alerts/alertmanager.yml', import.meta.url),
);

/** Debian's name; the project's own archive calls it `alertmanager`. */
export const ALERTMANAGER = 'prometheus-alertmanager';

export interface AlertmanagerReceivers {
  readonly slackWebhookUrl: string;
  readonly pagerdutyUrl: string;
  /** Base URL of the control plane's API. */
  readonly planeUrl: string;
  /** A key of its API; null: none is asked for, and one that means nothing is sent. */
  readonly planeKey: string | null;
}

export interface AlertmanagerTimes {
  /** In Alertmanager's notation (200ms, 5s), for every route. */
  readonly groupWait: string;
  readonly groupInterval: string;
  readonly repeatInterval: string;
}

export interface AlertmanagerProcess {
  readonly url: string;
  /** host:port, for Prometheus. */
  readonly address: string;
  readonly running: RunningProcess;
  /** Hands alerts in, as Prometheus does. */
  post(alerts: readonly PostedAlert[]): Promise<void>;
  kill(): Promise<void>;
}

export interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** RFC 3339; in the past: resolved. */
  readonly startsAt?: string;
  readonly endsAt?: string;
  readonly generatorURL?: string;
}

/** 32 characters, as PagerDuty's are; it opens nothing. */
export const ROUTING_KEY = 'R0'.repeat(16);

/** Writes the fitted configuration and its credentials into the directory; gives its path. */
export async function prepareAlertmanager(
  directory: string,
  receivers: AlertmanagerReceivers,
  times: AlertmanagerTimes,
): Promise<string> {
  await mkdir(directory, { recursive: true });
  const secret = async (name: string, value: string): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, `${value}\n`, { mode: 0o600 });
    return path;
  };
  const config = parseDocument(await readFile(ALERTMANAGER_CONFIG, 'utf8'));
  config.setIn(
    ['global', 'slack_api_url_file'],
    await secret('slack-webhook-url', receivers.slackWebhookUrl),
  );
  config.setIn(['global', 'pagerduty_url'], receivers.pagerdutyUrl);
  config.setIn(['templates'], [join(dirname(ALERTMANAGER_CONFIG), 'templates', '*.tmpl')]);
  const routingKey = await secret('pagerduty-routing-key', ROUTING_KEY);
  const planeKey = await secret('api-key-operator', receivers.planeKey ?? 'unused');
  for (const receiver of mapsIn(config, ['receivers'])) {
    for (const one of mapsIn(receiver, ['pagerduty_configs'])) {
      one.set('routing_key_file', routingKey);
    }
    for (const one of mapsIn(receiver, ['webhook_configs'])) {
      one.set('url', `${receivers.planeUrl}/v1/alerts/webhook`);
      one.set('http_config', { authorization: { credentials_file: planeKey } });
    }
  }
  shorten(config.getIn(['route']), times);
  const path = join(directory, 'alertmanager.yml');
  await writeFile(path, config.toString());
  return path;
}

/** Resolves once it is ready. */
export async function startAlertmanager(
  directory: string,
  configPath: string,
): Promise<AlertmanagerProcess> {
  const address = `127.0.0.1:${await freePort()}`;
  const url = `http://${address}`;
  const running = startProcess(ALERTMANAGER, [
    `--config.file=${configPath}`,
    `--storage.path=${join(directory, 'data')}`,
    `--web.listen-address=${address}`,
    `--web.external-url=${url}`,
    // Alone: no port for other Alertmanagers.
    '--cluster.listen-address=',
    '--log.level=warn',
  ]);
  await pollUntil('Alertmanager is ready', 20_000, async () => {
    if (running.child.exitCode !== null) {
      throw new Error(`Alertmanager ended:\n${running.output()}`);
    }
    const answer = await fetch(`${url}/-/ready`).catch(() => null);
    return answer?.ok;
  });
  return {
    url,
    address,
    running,
    post: async (alerts) => {
      const answer = await fetch(`${url}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(alerts),
      });
      if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    },
    kill: async () => {
      running.kill();
      await running.exit(10_000);
    },
  };
}

function shorten(route: unknown, times: AlertmanagerTimes): void {
  if (!isMap(route)) return;
  for (const [name, value] of [
    ['group_wait', times.groupWait],
    ['group_interval', times.groupInterval],
    ['repeat_interval', times.repeatInterval],
  ] as const) {
    if (route.has(name)) route.set(name, value);
  }
  for (const child of mapsIn(route, ['routes'])) shorten(child, times);
}

function mapsIn(node: Document | YAMLMap, path: readonly string[]): readonly YAMLMap[] {
  const list = node.getIn(path, true);
  return isSeq(list) ? list.items.filter((item) => isMap(item)) : [];
}
