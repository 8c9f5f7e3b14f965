/** The launcher's dealings with Docker, through programs of these names that only pretend. */

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { runInContainers } from '../../../../demo/launcher/containers.ts';
import { KEY_FILE, SECRETS } from '../../../../demo/launcher/secrets.ts';

describe('npm start -- --docker', function () {
  this.timeout(30_000);
  const path = process.env['PATH'];
  let root = '';
  let printed: string[] = [];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'containers-test-'));
    mkdirSync(join(root, '.secrets'));
    for (const { name } of [...SECRETS, KEY_FILE]) {
      writeFileSync(join(root, '.secrets', name), 'x');
    }
    process.env['PATH'] = [root, '/usr/bin', '/bin'].join(delimiter);
    printed = [];
  });
  afterEach(() => {
    process.env['PATH'] = path;
    rmSync(root, { recursive: true, force: true });
  });

  function program(name: string, lines: readonly string[]): void {
    const script = ['#!/bin/sh', `echo "${name} $*" >> ${root}/calls`, ...lines, ''].join('\n');
    writeFileSync(join(root, name), script);
    chmodSync(join(root, name), 0o755);
  }
  const calls = (): readonly string[] =>
    readFileSync(join(root, 'calls'), 'utf8').trim().split('\n');
  const run = (action: 'up' | 'down', demo = true): Promise<number> =>
    runInContainers(root, { kind: 'docker', action, demo }, (line) => printed.push(line));

  const ENGINE = [
    'case "$1 $2" in',
    '  "compose version") exit 1;;',
    '  "inspect --format") echo "/x_api_1 running healthy";;',
    '  "ps --all") echo r1; echo r2;;',
    'esac',
  ];
  const COMPOSE = [
    'case "$*" in',
    '  *" ps --quiet") echo c1;;',
    '  *"port api 7400") echo 127.0.0.1:7400;;',
    '  *"port grafana 3000") exit 1;;',
    'esac',
  ];

  it('says in one line that there is no engine, and makes nothing', async () => {
    program('docker', ['echo "Cannot connect to the Docker daemon" >&2; exit 1']);
    assert.equal(await run('up'), 1);
    assert.deepEqual(printed.length, 1);
    assert.match(printed[0] ?? '', /needs a Docker Engine that runs \(Cannot connect/);
  });

  it('falls back on docker-compose, builds, starts with the demo, and says what is where', async () => {
    program('docker', ENGINE);
    program('docker-compose', COMPOSE);
    assert.equal(await run('up'), 0);
    assert.ok(calls().includes('docker-compose --profile demo up --build --detach'));
    const told = printed.join('\n');
    assert.match(told, /secrets in .*\.secrets/);
    assert.match(told, /up and healthy in \d+ s/);
    assert.match(told, /API +http:\/\/127\.0\.0\.1:7400\/docs/);
    assert.doesNotMatch(told, /Grafana +http/);
    assert.match(told, /npm start -- --docker --down/);
  });

  it('prefers Compose v2, and starts no demo when told so', async () => {
    program('docker', [
      'case "$*" in',
      '  "compose ps --quiet") echo c1;;',
      '  inspect*) echo "/x running healthy";;',
      'esac',
    ]);
    assert.equal(await run('up', false), 0);
    assert.ok(calls().includes('docker compose up --build --detach'));
  });

  it('ends with the code of Compose when that cannot start it', async () => {
    program('docker', ENGINE);
    program('docker-compose', ['case "$*" in *up*) exit 17;; esac']);
    assert.equal(await run('up'), 17);
  });

  it('stops members before it removes replicas, and the rest after that', async () => {
    program('docker', ENGINE);
    program('docker-compose', COMPOSE);
    assert.equal(await run('down'), 0);
    const order = calls().filter((call) => / (stop|rm|down)\b/.test(call));
    assert.deepEqual(order, [
      'docker-compose --profile demo stop control-plane-1 control-plane-2 control-plane-3',
      'docker rm --force r1 r2',
      'docker-compose --profile demo down',
    ]);
  });
});
