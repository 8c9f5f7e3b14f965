import assert from 'node:assert/strict';
import { createWorkQueue } from '../../../../demo/inference/queue.ts';
import type { Submission } from '../../../../demo/inference/queue.ts';

const never = new AbortController().signal;

/** A task that ends when the test says so. */
function heldTask() {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let began = false;
  const task = async (): Promise<string> => {
    began = true;
    await released;
    return 'done';
  };
  return { task, release: () => release(), began: () => began };
}

function accepted<T>(submission: Submission<T>): Promise<T> {
  assert.equal(submission.kind, 'accepted');
  return submission.done;
}

describe('the bounded queue', () => {
  it('serves as many as it has workers, lets some wait, and refuses the rest at once', async () => {
    const queue = createWorkQueue({ workers: 2, waitingMax: 1 }, () => 0);
    const tasks = [heldTask(), heldTask(), heldTask()];
    const done = tasks.map(({ task }) => accepted(queue.submit(task, never)));
    assert.equal(queue.submit(heldTask().task, never).kind, 'full');
    assert.equal(queue.inSystem(), 3);
    assert.equal(queue.waiting(), 1);
    for (const { release } of tasks) release();
    assert.deepEqual(await Promise.all(done), ['done', 'done', 'done']);
    assert.equal(queue.inSystem(), 0);
  });

  it('begins a waiting task when a worker is free, first come first served', async () => {
    const queue = createWorkQueue({ workers: 1, waitingMax: 2 }, () => 0);
    const order: number[] = [];
    const first = heldTask();
    const done = [
      accepted(queue.submit(first.task, never)),
      ...[1, 2].map((number) =>
        accepted(queue.submit(() => Promise.resolve(order.push(number)), never)),
      ),
    ];
    first.release();
    await Promise.all(done);
    assert.deepEqual(order, [1, 2]);
  });

  it('goes on after a task that failed', async () => {
    const queue = createWorkQueue({ workers: 1, waitingMax: 1 }, () => 0);
    const failing = accepted(queue.submit(() => Promise.reject(new Error('broken')), never));
    const next = accepted(queue.submit(() => Promise.resolve('next'), never));
    await assert.rejects(failing, /broken/);
    assert.equal(await next, 'next');
  });

  it('forgets a waiting task whose caller has gone', async () => {
    const queue = createWorkQueue({ workers: 1, waitingMax: 1 }, () => 0);
    const running = heldTask();
    const done = accepted(queue.submit(running.task, never));
    const caller = new AbortController();
    const waiting = heldTask();
    const left = accepted(queue.submit(waiting.task, caller.signal));
    caller.abort(new Error('gone'));
    await assert.rejects(left, /gone/);
    assert.equal(queue.waiting(), 0);
    running.release();
    await done;
    await queue.idle();
    assert.equal(waiting.began(), false);
  });

  it('counts the time of each busy worker, of running tasks too', async () => {
    let now = 10;
    const queue = createWorkQueue({ workers: 2, waitingMax: 1 }, () => now);
    const tasks = [heldTask(), heldTask()];
    const done = tasks.map(({ task }) => accepted(queue.submit(task, never)));
    now = 13;
    assert.equal(queue.busySeconds(), 6);
    tasks[0]?.release();
    await done[0];
    now = 14;
    assert.equal(queue.busySeconds(), 7);
    tasks[1]?.release();
    await queue.idle();
    now = 99;
    assert.equal(queue.busySeconds(), 7);
  });
});
