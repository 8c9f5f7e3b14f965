/** The commands of the runbook as a shell reads them, and what it defines as a shell runs it. */

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { runbookText } from '../../support/alert-rules.ts';
import { startHttpReceiver } from '../../support/http-receiver.ts';
import type { HttpReceiver, ReceivedRequest } from '../../support/http-receiver.ts';
import { skipWithout } from '../../support/skip.ts';
import { ROOT } from '../../support/source-tree.ts';

const BLOCKS = [...runbookText().matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, text = '']) => text);
const KEY = 'a-key-of-the-test';

/**
 * As much of docker-compose as the definitions use: runs what follows `exec … SERVICE` here, on another
 * port, and says which service it was.
 */
const COMPOSE = `#!/bin/bash
set -eu
while [[ $1 != node ]]; do
  case $1 in -e) export "$2"; shift ;; control-plane-*) echo "in $1" ;; esac
  shift
done
exec "$NODE" -e "\${3//7400/$PORT}" "$4"
`;

describe('the commands of the runbook', function () {
  this.timeout(30_000);
  const requests: ReceivedRequest[] = [];
  const undo: (() => unknown)[] = [];
  let directory = '';
  let plane: HttpReceiver;

  before(async function () {
    skipWithout(this, 'bash');
    directory = await mkdtemp(join(tmpdir(), 'omnimind-runbook-'));
    undo.push(() => rm(directory, { recursive: true, force: true }));
    await writeFile(join(directory, 'key'), `${KEY}\n`);
    await writeFile(join(directory, 'docker-compose'), COMPOSE);
    await chmod(join(directory, 'docker-compose'), 0o755);
    plane = await startHttpReceiver((request) => {
      requests.push(request);
      return { status: 200, contentType: 'text/plain', body: `answer of ${request.path}` };
    });
    undo.push(() => plane.stop());
  });

  after(async () => {
    for (const step of undo.reverse()) await step();
  });

  /** In a shell that has the first blocks' definitions. */
  async function run(definitions: number, command: string): Promise<string> {
    const port = new URL(plane.url).port;
    const script = [
      ...BLOCKS.slice(0, definitions),
      `KEY='${join(directory, 'key')}'; PLANE='${plane.url}'`,
      command.replace('PORT', port),
    ].join('\n');
    const path = [directory, process.env['PATH']].join(delimiter);
    const env = { ...process.env, PATH: path, PORT: port, NODE: process.execPath };
    const { stdout } = await promisify(execFile)('bash', ['-euc', script], {
      env,
      cwd: directory,
      timeout: 20_000,
    });
    return stdout.trim();
  }

  it('are what a shell can read', () => {
    assert.ok(BLOCKS.length > 100, `${BLOCKS.length}`);
    for (const block of BLOCKS) {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: block, encoding: 'utf8' });
      assert.equal(status, 0, `${block}\n${stderr}`);
    }
  });

  it('ask the control plane, or one member, with the key', async function () {
    skipWithout(this, 'curl');
    assert.equal(await run(1, "plane '/v1/decisions?limit=1'"), 'answer of /v1/decisions');
    assert.equal(await run(1, 'member 127.0.0.1:PORT /readyz'), 'answer of /readyz');
    for (const { headers } of requests.splice(0)) {
      assert.equal(headers.authorization, `Bearer ${KEY}`);
    }
  });

  it('ask a member in its container, named as the alert names it', async () => {
    const answer = await run(2, "member control-plane-2:7400 '/v1/members?consistency=stale'");
    assert.equal(answer, 'in control-plane-2\nanswer of /v1/members');
    assert.equal(requests.at(-1)?.headers.authorization, `Bearer ${KEY}`);
  });

  it('check a configuration that is right', function () {
    skipWithout(this, 'promtool');
    const [, command = ''] = /^(promtool check config \S+)$/m.exec(runbookText()) ?? [];
    const [program = '', ...parameters] = command.split(' ');
    const checked = spawnSync(program, parameters, { cwd: ROOT, encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
  });

  it('move all links of the rules to other addresses', async () => {
    const [, move = ''] = /^(sed -i .+)$/m.exec(runbookText()) ?? [];
    const [expression = ''] = /'[^']+'/.exec(move) ?? [];
    const rules = join(ROOT, 'alerts', 'rules', '*.rules.yml');
    const left = await run(
      0,
      `cat ${rules} | sed ${expression} | grep -c http://localhost: || true`,
    );
    assert.equal(left, '0');
  });
});
