import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogLockedError } from '../../../../../control-plane/adapters/log/damage.ts';
import { takeLock } from '../../../../../control-plane/adapters/log/lock.ts';
import { pollUntil } from '../../../../support/process.ts';
import { skipBecause } from '../../../../support/skip.ts';

/** A name that a lock may have. */
const OTHER = 'lock-00000000-0000-4000-8000-000000000000';

describe('lock of a log directory', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-lock-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  it('is held until it is given back, and leaves nothing behind', async () => {
    const giveBack = await takeLock(directory);
    await assert.rejects(takeLock(directory), LogLockedError);
    await giveBack();
    await (
      await takeLock(directory)
    )();
    assert.deepEqual(await readdir(directory), []);
  });

  it('is refused while the process that holds it lives, and taken over once it is gone', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: 'pipe' });
    try {
      const lock = await lockOf(child.pid ?? 0, directory);
      await writeFile(join(directory, OTHER), lock);
      await assert.rejects(takeLock(directory), /is held/);
      child.kill('SIGKILL');
      await once(child, 'exit');
      await (
        await takeLock(directory)
      )();
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('is taken over when the process id now belongs to another process', async function () {
    const own = await ownLock(directory);
    if (own.startedAtTicks === null) {
      skipBecause(this, 'the system has no /proc: it names no start times');
    }
    await writeFile(join(directory, OTHER), JSON.stringify({ ...own, startedAtTicks: '1' }));
    await (
      await takeLock(directory)
    )();
    await writeFile(join(directory, OTHER), JSON.stringify({ ...own, bootId: 'another boot' }));
    await (
      await takeLock(directory)
    )();
  });

  it('is taken over from a process that has ended though its parent has not noticed', async function () {
    if ((await ownLock(directory)).startedAtTicks === null) {
      skipBecause(this, 'the system has no /proc: it shows no zombies');
    }
    // `exec` puts a program in the shell's place that never asks after the shell's child.
    const parent = spawn('/bin/sh', ['-c', 'sleep 30 & exec sleep 30'], { stdio: 'ignore' });
    const children = `/proc/${parent.pid}/task/${parent.pid}/children`;
    try {
      const pid = await pollUntil('the child', 5_000, async () =>
        (await readFile(`/proc/${parent.pid}/comm`, 'utf8')).trim() === 'sleep'
          ? Number(await readFile(children, 'utf8'))
          : null,
      );
      await writeFile(join(directory, OTHER), await lockOf(pid, directory));
      await assert.rejects(takeLock(directory), LogLockedError);
      process.kill(pid, 'SIGKILL');
      await pollUntil('the zombie', 5_000, async () =>
        / Z /.test(await readFile(`/proc/${pid}/stat`, 'utf8')),
      );
      await (
        await takeLock(directory)
      )();
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('is taken over when a crash of the machine left it unreadable', async () => {
    for (const content of ['', '{"pid":', 'null', '{"pid":"x"}']) {
      await writeFile(join(directory, OTHER), content);
      await (
        await takeLock(directory)
      )();
    }
  });

  it('never goes to two of many that take over at once', async () => {
    let taken = 0;
    for (let round = 0; round < 10; round += 1) {
      await writeFile(join(directory, OTHER), '{"pid":');
      const attempts = Array.from({ length: 4 }, () => takeLock(directory));
      const settled = await Promise.allSettled(attempts);
      const holders = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      assert(holders.length <= 1, `round ${round}: ${holders.length} hold it`);
      taken += holders.length;
      for (const giveBack of holders) await giveBack();
      assert.deepEqual(await readdir(directory), []);
    }
    assert(taken > 0, 'nobody ever got it');
  });
});

interface LockContent {
  readonly pid: number;
  readonly startedAtTicks: string | null;
  readonly bootId: string | null;
}

/** What this process writes into a lock. */
async function ownLock(directory: string): Promise<LockContent> {
  const giveBack = await takeLock(directory);
  const [name = ''] = await readdir(directory);
  const content = JSON.parse(await readFile(join(directory, name), 'utf8')) as LockContent;
  await giveBack();
  return content;
}

/** The lock that another process would have written. */
async function lockOf(pid: number, directory: string): Promise<string> {
  const own = await ownLock(directory);
  if (own.startedAtTicks === null) return JSON.stringify({ ...own, pid });
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const startedAtTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return JSON.stringify({ ...own, pid, startedAtTicks });
}
