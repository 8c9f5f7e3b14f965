/** The bootstrap as a process of its own, in an empty project, with an npm that only pretends. */

import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { pollUntil, startProcess } from '../support/process.ts';
import type { RunningProcess } from '../support/process.ts';

const BOOTSTRAP = join(import.meta.dirname, '..', '..', 'bootstrap.mjs');

describe('the bootstrap', function () {
  this.timeout(20_000);
  let root = '';
  const started: RunningProcess[] = [];

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'bootstrap-test-'));
    mkdirSync(join(root, 'bin'));
    mkdirSync(join(root, 'demo'));
    copyFileSync(BOOTSTRAP, join(root, 'bootstrap.mjs'));
    writeLock('1.0.0');
    program('npm', [
      `echo "npm $*" >> ${root}/calls`,
      `/bin/mkdir -p ${root}/node_modules/.bin`,
      `/bin/ln -sf ${process.execPath} ${root}/node_modules/.bin/node`,
    ]);
    program('prometheus', ['exit 0']);
    writeFileSync(
      join(root, 'demo', 'main.ts'),
      'console.log(`ran ${process.argv.slice(2).join(" ")}`); process.exit(7);',
    );
  });

  afterEach(() => {
    for (const one of started.splice(0)) one.kill();
    rmSync(root, { recursive: true, force: true });
  });

  function program(name: string, lines: readonly string[]): void {
    writeFileSync(join(root, 'bin', name), ['#!/bin/sh', ...lines, ''].join('\n'));
    chmodSync(join(root, 'bin', name), 0o755);
  }

  function writeLock(version: string): void {
    const packages = {
      '': {},
      'node_modules/thing': { version },
      'node_modules/maybe': { version, optional: true },
    };
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages }));
  }

  function start(...args: readonly string[]): RunningProcess {
    const env = { PATH: join(root, 'bin'), HOME: root };
    const running = startProcess(process.execPath, [join(root, 'bootstrap.mjs'), ...args], { env });
    started.push(running);
    return running;
  }

  function npmCalls(): number {
    const calls = join(root, 'calls');
    return existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n').length : 0;
  }

  it('installs by the lock file once, and again when the lock file has changed', async () => {
    const first = start('start', '--seed', '3');
    assert.equal(await first.exit(10_000), 7, first.output());
    assert.match(first.output(), /ran --seed 3/);
    assert.equal(npmCalls(), 1);
    assert.match(readFileSync(join(root, 'calls'), 'utf8'), /^npm ci /);
    await start('start').exit(10_000);
    assert.equal(npmCalls(), 1);
    writeLock('1.0.1');
    await start('start').exit(10_000);
    assert.equal(npmCalls(), 2);
  });

  it('installs once when two start at the same time', async () => {
    await Promise.all([start('start').exit(10_000), start('start').exit(10_000)]);
    assert.equal(npmCalls(), 1);
    assert.ok(!existsSync(join(root, '.data', 'bootstrap.lock')));
  });

  it('takes over the lock of a bootstrap that died', async () => {
    mkdirSync(join(root, '.data'));
    writeFileSync(join(root, '.data', 'bootstrap.lock'), '4194304999');
    assert.equal(await start('start').exit(10_000), 7);
  });

  it('leaves alone what a person installed by hand and what is optional', async () => {
    mkdirSync(join(root, 'node_modules', '.bin'), { recursive: true });
    const packages = { 'node_modules/thing': { version: '1.0.0' } };
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }));
    writeFileSync(
      join(root, 'node_modules', '.bin', 'node'),
      `#!/bin/sh\nexec ${process.execPath} "$@"\n`,
    );
    chmodSync(join(root, 'node_modules', '.bin', 'node'), 0o755);
    assert.equal(await start('start').exit(10_000), 7);
    assert.equal(npmCalls(), 0);
  });

  it('says in one line what to do when npm fails', async () => {
    program('npm', ['echo "npm error code ENOTFOUND" >&2', 'exit 1']);
    const running = start('start');
    assert.equal(await running.exit(10_000), 1);
    const lines = running.output().trim().split('\n');
    assert.equal(lines.length, 2, running.output());
    assert.match(lines[1] ?? '', /^npm ci failed \(npm error code ENOTFOUND\); run it by hand/);
  });

  it('names a missing program and the command that installs it', async () => {
    rmSync(join(root, 'bin', 'prometheus'));
    const running = start('start');
    assert.equal(await running.exit(10_000), 1);
    assert.match(running.output(), /^prometheus missing; install it with: apt-get install /m);
  });

  it('needs no Prometheus of this host for containers', async () => {
    rmSync(join(root, 'bin', 'prometheus'));
    const running = start('start', '--docker');
    assert.equal(await running.exit(10_000), 7);
    assert.match(running.output(), /^ran --docker$/m);
  });

  it('refuses an unknown command', async () => {
    const running = start('toString');
    assert.equal(await running.exit(10_000), 1);
    assert.match(
      running.output(),
      /^usage: node bootstrap.mjs start\|secrets\|test\|check\|bench\|simulate/,
    );
  });

  it('passes SIGTERM on and exits with the code of what it ran', async () => {
    writeFileSync(
      join(root, 'demo', 'main.ts'),
      'process.on("SIGTERM", () => process.exit(9)); setInterval(() => {}, 1000); console.log("waits");',
    );
    const running = start('start');
    await pollUntil('it runs', 10_000, () => running.output().includes('waits'));
    running.child.kill('SIGTERM');
    assert.equal(await running.exit(5000), 9);
  });

  it('lets what it started know when it is killed', async () => {
    const gone = join(root, 'gone');
    writeFileSync(
      join(root, 'demo', 'main.ts'),
      `import { createReadStream, writeFileSync } from 'node:fs';
       const pipe = createReadStream('', { fd: Number(process.env.DEMO_LIFELINE_FD) });
       pipe.on('end', () => { writeFileSync(${JSON.stringify(gone)}, ''); process.exit(0); });
       pipe.resume();
       console.log('waits');`,
    );
    const running = start('start');
    await pollUntil('it runs', 10_000, () => running.output().includes('waits'));
    running.child.kill('SIGKILL');
    await pollUntil('the child has noticed', 5000, () => existsSync(gone));
  });
});
