import assert from 'node:assert/strict';
import {
  Deadline,
  DeadlineError,
  withDeadline,
  within,
} from '../../../../control-plane/loops/deadline.ts';
import { never } from '../../../support/scale-plane.ts';

const open = new AbortController().signal;

describe('a deadline', () => {
  it('passes on what the work gives and what it throws', async () => {
    assert.equal(await within(1_000, open, () => Promise.resolve(7)), 7);
    await assert.rejects(
      within(1_000, open, () => Promise.reject(new Error('its own'))),
      /its own/,
    );
    await assert.rejects(
      within(1_000, open, () => {
        throw new Error('thrown');
      }),
      /thrown/,
    );
  });

  it('ends an await that nothing else ends, and tells the work', async () => {
    let told: AbortSignal | null = null;
    const late = within(10, open, (signal) => {
      told = signal;
      return never();
    });
    await assert.rejects(late, new DeadlineError('no answer within 10 ms'));
    assert.equal((told as AbortSignal | null)?.aborted, true);
  });

  it('ends with the caller’s reason when the caller gives up', async () => {
    const caller = new AbortController();
    const late = within(60_000, caller.signal, () => never());
    caller.abort(new Error('stop'));
    await assert.rejects(late, /stop/);
  });

  it('begins nothing once it has passed', async () => {
    const stopped = AbortSignal.abort(new Error('stopped before'));
    let ran = false;
    const late = within(1_000, stopped, () => {
      ran = true;
      return Promise.resolve();
    });
    await assert.rejects(late, /stopped before/);
    assert.equal(ran, false);
  });

  it('is one for all awaits of a group, each of which answers for itself', async () => {
    const found = await withDeadline(10, open, (deadline) =>
      Promise.all([
        deadline.race(() => Promise.resolve('here')),
        deadline.race(() => never<string>()).catch(() => 'late'),
      ]),
    );
    assert.deepEqual(found, ['here', 'late']);
  });

  it('leaves no rejection behind that nobody hears', async () => {
    const deadline = new Deadline(1, open);
    const fails = Promise.withResolvers<never>();
    await assert.rejects(
      deadline.race(() => fails.promise),
      DeadlineError,
    );
    // Mocha fails the run on an unhandled rejection.
    fails.reject(new Error('after the deadline'));
    await new Promise((resolve) => setImmediate(resolve));
    deadline.end();
  });
});
