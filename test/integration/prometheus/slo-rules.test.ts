/** The program that generates the rules of the SLOs, and the files that it has generated. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSlos } from '../../../control-plane/adapters/document-files/slos.ts';
import { ROOT } from '../../support/source-tree.ts';
import { skipWithout } from '../../support/skip.ts';

const SLO = `id: checkout
description: Requests are served.
owner: shop
scope: workload
objective: 0.99
window: 30d
indicator:
  bad: x_total{status="500"}
  total: x_total
runbook: SLO checkout
`;

describe('control-plane/slo-rules.ts', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-slos-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const places = () => [
    ...['--slos', directory],
    ...['--recordings', join(directory, 'out', 'recordings.rules.yml')],
    ...['--alerts', join(directory, 'out', 'alerts.rules.yml')],
  ];

  it('says that the rules that are checked in are those of the SLOs that are', () => {
    const { status, output } = generate('--check');
    assert.equal(output, '');
    assert.equal(status, 0);
  });

  it('writes both files, finds them right, and says which one differs once an SLO changed', async () => {
    await writeFile(join(directory, 'a.yaml'), SLO);
    assert.deepEqual(generate(...places()), { status: 0, output: '' });
    assert.deepEqual(generate(...places(), '--check'), { status: 0, output: '' });
    await writeFile(join(directory, 'a.yaml'), SLO.replace('owner: shop', 'owner: store'));
    const { status, output } = generate(...places(), '--check');
    assert.equal(status, 1);
    assert.match(output, /alerts\.rules\.yml is not what the SLOs say; run node/);
    assert.doesNotMatch(output, /recordings/);
  });

  it('links where it is told, for a deployment of its own', async () => {
    await writeFile(join(directory, 'a.yaml'), SLO);
    const links = ['--grafana', 'https://g.example/', '--runbook', 'https://r.example/book'];
    assert.equal(generate(...places(), ...links).status, 0);
    const alerts = await readFile(join(directory, 'out', 'alerts.rules.yml'), 'utf8');
    assert.match(alerts, /runbook_url: https:\/\/r\.example\/book#omniminderrorbudgetburnfast/);
    assert.match(alerts, /dashboard_url: https:\/\/g\.example\/d\/omnimind-slo\?var-slo=checkout/);
  });

  it('is understood by promtool', async function () {
    skipWithout(this, 'promtool');
    await writeFile(join(directory, 'a.yaml'), SLO);
    assert.equal(generate(...places()).status, 0);
    for (const name of ['recordings', 'alerts']) {
      const rules = join(directory, 'out', `${name}.rules.yml`);
      const { status, stdout } = spawnSync(
        'promtool',
        ['check', 'rules', '--lint=all', '--lint-fatal', rules],
        { encoding: 'utf8', timeout: 30_000 },
      );
      assert.equal(status, 0, stdout);
    }
  });

  it('writes nothing and names every fault, with file, line and fix', async () => {
    await writeFile(join(directory, 'a.yaml'), `${SLO}---\n${SLO}`);
    await writeFile(
      join(directory, 'b.yaml'),
      SLO.replace('0.99', '99').replace('checkout', 'Other'),
    );
    const { status, output } = generate(...places());
    assert.equal(status, 1);
    assert.deepEqual(output.trim().split('\n'), [
      'a.yaml:12:1 /id the SLO checkout is also in a.yaml:1:1',
      'b.yaml:1:1 /id expected 1 to 63 characters of a-z, 0-9 and -; got the text "Other"',
      'b.yaml:5:1 /objective expected a ratio between 0 and 1, both excluded; got 99, write 0.99',
    ]);
    await assert.rejects(readFile(join(directory, 'out', 'alerts.rules.yml')));
  });

  it('refuses options that it does not know', () => {
    assert.equal(generate('--chek').status, 1);
  });
});

describe('the SLOs that are checked in', () => {
  it('have each a heading in the runbook and one dashboard', async () => {
    const slos = await readSlos(join(ROOT, 'prometheus/slos'), AbortSignal.timeout(5_000));
    assert.ok(slos.length >= 9);
    const runbook = await readFile(join(ROOT, 'alerts/runbook.md'), 'utf8');
    const headings = [...runbook.matchAll(/^#+ (.+)$/gm)].map((match) => match[1]);
    for (const { id, runbook: heading, dashboard } of slos) {
      assert.equal(headings.filter((one) => one === heading).length, 1, id);
      assert.match(dashboard, /^omnimind-/);
    }
    const ofSlos = headings.filter((heading) => heading?.startsWith('SLO '));
    assert.deepEqual(ofSlos.sort(), slos.map(({ runbook: heading }) => heading).sort());
  });
});

function generate(...parameters: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, 'control-plane/slo-rules.ts'), ...parameters],
    { encoding: 'utf8', timeout: 20_000, cwd: ROOT },
  );
  return { status, output: `${stdout}${stderr}` };
}
