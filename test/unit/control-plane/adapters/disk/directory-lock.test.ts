import assert from 'node:assert/strict';
import { fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  DirectoryHeldError,
  takeDirectoryLock,
} from '../../../../../control-plane/adapters/disk/directory-lock.ts';
import type { ProcessIdentity } from '../../../../../control-plane/adapters/disk/process-identity.ts';
import { ownIdentity } from '../../../../../control-plane/adapters/disk/process-identity.ts';
import { pollUntil } from '../../../../support/process.ts';
import { skipBecause, skipWithout } from '../../../../support/skip.ts';

const TAKER = fileURLToPath(
  new URL('../../../../support/directory-lock-taker.ts', import.meta.url),
);
const TAKERS = 8;
const ROUNDS = 24;

describe('directory lock', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-lock-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  const takeAndGiveBack = async () => (await takeDirectoryLock(directory))();
  const lockAs = (holder: string | ProcessIdentity, number = 1) =>
    writeFile(
      join(directory, `lock.${number}`),
      typeof holder === 'string' ? holder : JSON.stringify(holder),
    );

  it('is held until it is given back, and names the holder meanwhile', async () => {
    const giveBack = await takeDirectoryLock(directory);
    await assert.rejects(takeDirectoryLock(directory), (error) => {
      assert.ok(error instanceof DirectoryHeldError);
      assert.equal(error.pid, process.pid);
      assert.equal(error.directory, directory);
      assert.equal(error.message, `${directory} is in use by process ${process.pid}`);
      return true;
    });
    assert.deepEqual(await readdir(directory), ['lock.1']);
    await giveBack();
    assert.deepEqual(await readdir(directory), ['free.1']);
    await takeAndGiveBack();
    assert.deepEqual(await readdir(directory), ['free.2']);
  });

  it('stays with the next holder when the one before gives back again', async () => {
    const giveBack = await takeDirectoryLock(directory);
    await giveBack();
    await giveBack();
    const giveBackSecond = await takeDirectoryLock(directory);
    await giveBack();
    await assert.rejects(takeDirectoryLock(directory), DirectoryHeldError);
    await giveBackSecond();
  });

  it('is refused while the process that holds it lives, and taken over once it is gone', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: 'pipe' });
    try {
      await lockAs(await identityOf(child.pid ?? 0));
      await assert.rejects(takeDirectoryLock(directory), new RegExp(`by process ${child.pid}$`));
      // Where the system names no start times, the number alone tells.
      await lockAs({ pid: child.pid ?? 0, startTicks: null, bootId: null });
      await assert.rejects(takeDirectoryLock(directory), new RegExp(`by process ${child.pid}$`));
      child.kill('SIGKILL');
      await once(child, 'exit');
      await takeAndGiveBack();
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('is taken over when the number of its process belongs to another, or to another boot', async function () {
    const own = await ownIdentity();
    if (own.startTicks === null) skipBecause(this, 'needs /proc');
    await lockAs({ ...own, startTicks: '1' });
    await takeAndGiveBack();
    await lockAs({ ...own, bootId: 'another boot' }, 3);
    await takeAndGiveBack();
    await lockAs({ ...own, pid: 2 ** 22 - 1 }, 5);
    await takeAndGiveBack();
    assert.deepEqual(await readdir(directory), ['free.6']);
  });

  it('is taken over from a process that has ended though its parent has not noticed', async function () {
    if (process.platform !== 'linux') skipBecause(this, 'needs /proc');
    // `exec` puts a program in the shell's place that never asks after the shell's child.
    const parent = spawn('/bin/sh', ['-c', 'sleep 30 & exec sleep 30'], { stdio: 'ignore' });
    const children = `/proc/${parent.pid}/task/${parent.pid}/children`;
    try {
      const pid = await pollUntil('the child', 5_000, async () =>
        (await readFile(`/proc/${parent.pid}/comm`, 'utf8')).trim() === 'sleep'
          ? Number(await readFile(children, 'utf8'))
          : null,
      );
      await lockAs(await identityOf(pid));
      await assert.rejects(takeDirectoryLock(directory), DirectoryHeldError);
      process.kill(pid, 'SIGKILL');
      await zombie(pid);
      await takeAndGiveBack();
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('stays with a process that shows as ended while one of its threads still works', async function () {
    if (process.platform !== 'linux') skipBecause(this, 'needs /proc');
    skipWithout(this, 'python3');
    const program = [
      'import ctypes, threading, time',
      'threading.Thread(target=lambda: time.sleep(30)).start()',
      'ctypes.CDLL(None).pthread_exit(None)',
    ].join('\n');
    const child = spawn('python3', ['-c', program], { stdio: 'ignore' });
    try {
      await zombie(child.pid ?? 0);
      await lockAs(await identityOf(child.pid ?? 0));
      await assert.rejects(takeDirectoryLock(directory), DirectoryHeldError);
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('is taken over when a crash of the machine left it unreadable', async () => {
    for (const [at, content] of ['', '{"pid":', 'null', '{"pid":"x"}', '{"pid":0}'].entries()) {
      await rm(join(directory, `free.${at * 2}`), { force: true });
      await lockAs(content, at * 2 + 1);
      await takeAndGiveBack();
      assert.deepEqual(await readdir(directory), [`free.${at * 2 + 2}`]);
    }
  });

  it('clears what a starter that was killed left aside, and nothing of a living one', async () => {
    const names = [1, 2].map((digit) => `-0000000${digit}-0000-4000-8000-000000000000.tmp`);
    const gone = `claim-${2 ** 22 - 1}${names[0] ?? ''}`;
    const living = `claim-${process.pid}${names[1] ?? ''}`;
    for (const name of [gone, living]) await writeFile(join(directory, name), '{}');
    await takeAndGiveBack();
    assert.deepEqual((await readdir(directory)).toSorted(), [living, 'free.1']);
  });

  it('fails with the word of the system where there is no directory', async () => {
    await assert.rejects(takeDirectoryLock(join(directory, 'none')), { code: 'ENOENT' });
  });

  it('goes to one of many that start at once, whether it is free, stale or given back', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      if (round % 2 === 1) await lockAs('{}', 1000 + round);
      const attempts = Array.from({ length: TAKERS }, () => takeDirectoryLock(directory));
      const settled = await Promise.allSettled(attempts);
      const holders = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      assert.equal(holders.length, 1, `round ${round}`);
      assert.equal((await readdir(directory)).length, 1);
      await holders[0]?.();
      if (round % 3 === 0) {
        for (const name of await readdir(directory)) await rm(join(directory, name));
      }
    }
  });

  describe('between processes', () => {
    let takers: ChildProcess[] = [];
    beforeEach(async () => {
      takers = await Promise.all(Array.from({ length: TAKERS }, () => startTaker(directory)));
    });
    afterEach(async () => {
      await Promise.all(takers.map(kill));
    });

    it('goes to one of many that start at once, and from a killed one to one of the others', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const answers = await Promise.all(takers.map((taker) => ask(taker, 'take')));
        const holders = takers.filter((_, at) => answers[at] === 'held');
        assert.equal(holders.length, 1, `round ${round}: ${answers.join(' ')}`);
        for (const holder of holders) {
          if (round % 3 === 0) {
            await kill(holder);
            takers[takers.indexOf(holder)] = await startTaker(directory);
          } else if (round % 3 === 1) {
            await ask(holder, 'give');
          } else {
            await rm(join(directory, (await readdir(directory))[0] ?? ''));
            await lockAs('{}', 1000 + round);
          }
        }
      }
    });

    it('is never held by two while all take it and give it back as fast as they can', async () => {
      const answers = await Promise.all(takers.map((taker) => ask(taker, 'churn')));
      assert.deepEqual(answers, Array(TAKERS).fill('done'));
    });
  });
});

async function startTaker(directory: string): Promise<ChildProcess> {
  const taker = fork(TAKER, [directory], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  assert.equal(await answerOf(taker), 'ready');
  return taker;
}

function ask(taker: ChildProcess, order: 'take' | 'give' | 'churn'): Promise<string> {
  const answer = answerOf(taker);
  taker.send(order);
  return answer;
}

/** The word that it says next; fails when it ends instead. */
async function answerOf(taker: ChildProcess): Promise<string> {
  const answer = Promise.withResolvers<string>();
  const onMessage = (word: unknown) => answer.resolve(String(word));
  const onExit = () => answer.reject(new Error('the taker ended'));
  taker.once('message', onMessage).once('exit', onExit);
  try {
    return await answer.promise;
  } finally {
    taker.off('message', onMessage).off('exit', onExit);
  }
}

async function kill(taker: ChildProcess): Promise<void> {
  if (taker.exitCode !== null || taker.signalCode !== null) return;
  const exit = once(taker, 'exit');
  taker.kill('SIGKILL');
  await exit;
}

/** What another process would have written into its lock. */
async function identityOf(pid: number): Promise<ProcessIdentity> {
  const own = await ownIdentity();
  if (own.startTicks === null) return { ...own, pid };
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const startTicks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  return { ...own, pid, startTicks };
}

function zombie(pid: number): Promise<unknown> {
  return pollUntil('the zombie', 5_000, async () =>
    / Z /.test(await readFile(`/proc/${pid}/stat`, 'utf8')),
  );
}
