/** The launcher's session over real processes that misbehave in every way a process can. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { readRecord } from '../../../demo/launcher/data-directory.ts';
import type { RecordedProcess, RunRecord } from '../../../demo/launcher/data-directory.ts';
import { isListening } from '../../../demo/launcher/ports.ts';
import { isAlive } from '../../../demo/launcher/process-table.ts';
import { killRun } from '../../../demo/launcher/run-cleanup.ts';
import { freePort, pollUntil, startProcess } from '../../support/process.ts';
import type { RunningProcess } from '../../support/process.ts';
import type { StubSpec } from '../../support/stub-session.ts';

const STUB_SESSION = join(import.meta.dirname, '..', '..', 'support', 'stub-session.ts');

/** Starts a session as the bootstrap does, with a pipe as descriptor 3 that ends with it. */
const PARENT = `
  const [script, ...args] = process.argv.slice(1);
  const env = { ...process.env, DEMO_LIFELINE_FD: '3' };
  const stdio = ['ignore', 'ignore', 'ignore', 'pipe'];
  require('node:child_process').spawn(process.execPath, [script, ...args], { stdio, env });
`;

describe('a session of the launcher', function () {
  this.timeout(30_000);
  let directory = '';
  const started: RunningProcess[] = [];
  const records: RunRecord[] = [];

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'session-test-'));
  });

  afterEach(async () => {
    for (const one of started.splice(0)) one.kill();
    for (const record of records.splice(0)) await killRun(record, 2000);
    rmSync(directory, { recursive: true, force: true });
  });

  function start(stages: readonly (readonly StubSpec[])[]): RunningProcess {
    const running = startProcess(process.execPath, [
      STUB_SESSION,
      directory,
      JSON.stringify(stages),
    ]);
    started.push(running);
    return running;
  }

  async function up(running: RunningProcess): Promise<readonly RecordedProcess[]> {
    await pollUntil(`up: ${running.output()}`, 10_000, () => running.output().includes('up in'));
    const record = readRecord(directory);
    assert.ok(record !== null);
    records.push(record);
    return record.processes;
  }

  function assertNothingLeft(processes: readonly RecordedProcess[]): void {
    assert.deepEqual(
      processes.filter((one) => isAlive(one)),
      [],
    );
    const files = readdirSync(directory).filter((name) => name !== 'logs');
    assert.deepEqual(files, []);
  }

  it('stops in the set order on SIGTERM and leaves no process, port or lock', async () => {
    const stopFile = join(directory, 'logs', 'order');
    const environment = { STUB_STOP_FILE: stopFile };
    const [one, two, three] = [await freePort(), await freePort(), await freePort()];
    const running = start([
      [{ name: 'last', port: one, stopOrder: 3, environment }],
      [
        { name: 'first', port: two, stopOrder: 0, environment },
        { name: 'second', port: three, stopOrder: 1, environment },
      ],
    ]);
    const processes = await up(running);
    assert.equal(processes.length, 3);
    running.child.kill('SIGTERM');
    assert.equal(await running.exit(5000), 0, running.output());
    assert.deepEqual(readFileSync(stopFile, 'utf8').trim().split('\n'), [
      'first',
      'second',
      'last',
    ]);
    assert.match(running.output(), /no process, port or lock is left/);
    for (const port of [one, two, three]) assert.equal(await isListening(port), false);
    assertNothingLeft(processes);
  });

  it('takes a hang-up of the terminal as a request to stop', async () => {
    const running = start([[{ name: 'stub', port: await freePort() }]]);
    const processes = await up(running);
    running.child.kill('SIGHUP');
    assert.equal(await running.exit(5000), 0, running.output());
    assertNothingLeft(processes);
  });

  it('stops when the parent that holds its lifeline is gone', async () => {
    const port = await freePort();
    const parent = spawn(
      process.execPath,
      ['-e', PARENT, STUB_SESSION, directory, JSON.stringify([[{ name: 'stub', port }]])],
      { stdio: 'ignore' },
    );
    const processes = await pollUntil('it is up', 10_000, async () => {
      return (await isListening(port)) ? readRecord(directory)?.processes : null;
    });
    parent.kill('SIGKILL');
    await pollUntil('the session has stopped', 8000, () => !existsSync(join(directory, 'lock')));
    assertNothingLeft(processes);
  });

  it('kills within its bound what ignores SIGTERM, and the detached children of what ended', async () => {
    const running = start([
      [
        { name: 'stubborn', port: await freePort(), environment: { STUB_STUBBORN: 'on' } },
        { name: 'parent', port: await freePort(), environment: { STUB_CHILD: 'stubborn' } },
      ],
    ]);
    await up(running);
    const processes = await pollUntil('the child is recorded', 3000, () => {
      const record = readRecord(directory);
      return record !== null && record.processes.length === 3 ? record.processes : null;
    });
    const askedAt = performance.now();
    running.child.kill('SIGINT');
    assert.equal(await running.exit(5000), 0, running.output());
    assert.ok(performance.now() - askedAt < 3500);
    assertNothingLeft(processes);
  });

  it('ends what carries a mark that it knows, whoever started it, also after its own sudden death', async () => {
    const file = join(directory, 'logs', 'mark');
    const mark = { variable: 'STUB_MARK', file };
    const outlive = () => {
      const env = { ...process.env, STUB_MARK: 'mine' };
      return spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { env });
    };
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const running = start([[{ name: 'stub', port: await freePort(), mark }]]);
      await up(running);
      writeFileSync(file, 'mine\n');
      const child = outlive();
      await once(child, 'spawn');
      running.child.kill(signal);
      await pollUntil(`it is gone after ${signal}`, 10_000, () => child.signalCode !== null);
      await pollUntil('the session has ended', 8000, () => !existsSync(join(directory, 'lock')));
    }
  });

  it('kills at once on a second Ctrl-C, but takes the echo of the first for the first', async () => {
    const stubborn = { STUB_STUBBORN: 'on' };
    const running = start([[{ name: 'stub', port: await freePort(), environment: stubborn }]]);
    const processes = await up(running);
    const askedAt = performance.now();
    running.child.kill('SIGINT');
    running.child.kill('SIGINT');
    await pollUntil('the first is heard', 2000, () => running.output().includes('stopping'));
    await pollUntil('the echo is over', 2000, () => performance.now() - askedAt > 700);
    assert.ok(processes.some((one) => isAlive(one)));
    running.child.kill('SIGINT');
    assert.equal(await running.exit(2000), 0, running.output());
    assert.ok(performance.now() - askedAt < 1800, 'it waited for the grace to pass');
    assertNothingLeft(processes);
  });

  it('names a process that died, with the end of its log, stops the rest and exits with 1', async () => {
    const running = start([
      [
        { name: 'mortal', port: await freePort(), environment: { STUB_LIFE_MS: '1200' } },
        { name: 'other', port: await freePort() },
      ],
    ]);
    const processes = await up(running);
    assert.equal(await running.exit(8000), 1, running.output());
    assert.match(running.output(), /failed: mortal ended \(exit code 3\).*\n.*\n.*out of luck/);
    assertNothingLeft(processes);
  });

  it('fails in one line when a command does not exist', async () => {
    const port = await freePort();
    const running = start([[{ name: 'absent', port, command: '/no/such/command' }]]);
    assert.equal(await running.exit(8000), 1, running.output());
    assert.match(running.output(), /failed: absent ended \(spawn \/no\/such\/command ENOENT\)/);
    assertNothingLeft([]);
  });

  it('restarts what it may restart, and gives up when that happens too often', async () => {
    const running = start([
      [
        {
          name: 'phoenix',
          port: await freePort(),
          onExit: 'restart',
          environment: { STUB_LIFE_MS: '300' },
        },
      ],
    ]);
    assert.equal(await running.exit(15_000), 1, running.output());
    assert.equal(running.output().match(/it starts again in/g)?.length, 4);
    assert.match(running.output(), /phoenix ended for the 5th time within a minute/);
    assertNothingLeft([]);
  });

  it('refuses a directory that another living session holds', async () => {
    const first = start([[{ name: 'stub', port: await freePort() }]]);
    await up(first);
    const second = start([[{ name: 'stub', port: await freePort() }]]);
    assert.equal(await second.exit(5000), 1);
    assert.match(second.output(), new RegExp(`in use by another start \\(pid ${first.pid}\\)`));
    first.child.kill('SIGTERM');
    assert.equal(await first.exit(5000), 0, first.output());
  });

  it('leaves nothing when it is itself killed: its warden ends the rest', async () => {
    const environment = { STUB_CHILD: 'on' };
    const running = start([[{ name: 'stub', port: await freePort(), environment }]]);
    const processes = await up(running);
    running.child.kill('SIGKILL');
    await running.exit(2000);
    await pollUntil('the warden has ended the run', 10_000, () => {
      return !existsSync(join(directory, 'lock')) && !processes.some((one) => isAlive(one));
    });
    assertNothingLeft(processes);
  });

  it('ends at its start what an earlier session and its warden left', async () => {
    const port = await freePort();
    const first = start([[{ name: 'stub', port }]]);
    const processes = await up(first);
    const warden = wardenOf(directory);
    process.kill(warden, 'SIGKILL');
    first.child.kill('SIGKILL');
    await first.exit(2000);
    assert.ok(processes.every((one) => isAlive(one)));
    const second = start([[{ name: 'stub', port }]]);
    await up(second);
    assert.ok(!processes.some((one) => isAlive(one)));
    second.child.kill('SIGTERM');
    assert.equal(await second.exit(5000), 0, second.output());
  });
});

/** The pid of the shell that waits for the session's death, found by its arguments. */
function wardenOf(directory: string): number {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const args = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      if (args[0] === '/bin/sh' && args.includes(directory)) return Number(name);
    } catch {
      // It has just ended.
    }
  }
  throw new Error('no warden waits');
}
