import assert from 'node:assert/strict';

import { refusalOf } from '../../../../../control-plane/adapters/replicas/call-failure.ts';
import { tokenIn, tokenText } from '../../../../../control-plane/adapters/replicas/fencing.ts';
import { isContinued } from '../../../../../control-plane/adapters/replicas/told.ts';
import type { Told } from '../../../../../control-plane/adapters/replicas/told.ts';
import {
  requireLease,
  untilUndisturbed,
} from '../../../../../control-plane/adapters/replicas/undisturbed.ts';
import { ScaleTargetError } from '../../../../../control-plane/ports/scale-target.ts';
import { refused } from '../../../../support/scale-target-calls.ts';

const TOKEN = { term: 2, index: 5 };
const CLAIM = { workloadId: 'llama', replicas: 3, replicasBefore: 1 };
const PLACE = { name: 'the place', other: 'another place' };

describe('what was told of a place', () => {
  const told = (over: Partial<Told> = {}): Told => ({
    ...{ owner: 'blue', token: TOKEN, claim: CLAIM },
    ...over,
  });
  const continued = (before: Told | null, token = TOKEN): Promise<boolean> =>
    Promise.resolve().then(() =>
      isContinued(before, 'blue', { workloadId: 'llama', token }, PLACE),
    );

  it('is gone on from by its owner, with its own token or a newer one', async () => {
    assert.equal(await continued(told()), true);
    assert.equal(await continued(told(), { term: 3, index: 0 }), true);
    assert.equal(await continued(told({ claim: null })), true);
  });

  it('is begun anew where nothing was told, or another cluster has given it up', async () => {
    assert.equal(await continued(null), false);
    const older = { term: 1, index: 1 };
    assert.equal(await continued(told({ owner: 'green', claim: null }), older), false);
  });

  it('keeps out an older token, another cluster, and another workload', async () => {
    const older = { term: 2, index: 4 };
    await refused('stale_token', /2\/4 is older than 2\/5/, () => continued(told(), older));
    await refused('stale_token', /2\/4 is older/, () => continued(told({ claim: null }), older));
    await refused('rejected', /^llama: the place is scaled by the cluster "green"/, () =>
      continued(told({ owner: 'green' })),
    );
    const other = told({ claim: { ...CLAIM, workloadId: 'qwen' } });
    await refused(
      'rejected',
      /for the workload qwen; remove that first, or name another place/,
      () => continued(other),
    );
  });

  it('names its token in a text that reads back, and in no other', () => {
    assert.deepEqual(tokenIn(tokenText(TOKEN)), TOKEN);
    for (const text of ['', '2', '2.', '.5', '2.5.1', '-2.5', '2.5 ', `${'9'.repeat(16)}.1`]) {
      assert.equal(tokenIn(text), null, text);
    }
  });
});

describe('a write that may meet another', () => {
  const conflict = new Error('conflict');
  const failureOf = (error: unknown): string | null =>
    error instanceof Error ? error.message : null;

  it('is judged anew until it meets none', async () => {
    let attempts = 0;
    await untilUndisturbed('llama: the place', { attemptsMax: 3, failureOf }, () => {
      attempts += 1;
      return attempts < 3 ? Promise.reject(conflict) : Promise.resolve();
    });
    assert.equal(attempts, 3);
  });

  it('is given up after so many attempts, and at once where it fails of something else', async () => {
    let attempts = 0;
    const failing = (error: Error) => () =>
      untilUndisturbed('llama: the place', { attemptsMax: 3, failureOf }, () => {
        attempts += 1;
        return Promise.reject(error);
      });
    await refused('unavailable', /^llama: the place changed 3 times/, failing(conflict));
    assert.equal(attempts, 3);
    await assert.rejects(failing(new Error('missing')), /missing/);
    assert.equal(attempts, 4);
  });

  it('is begun only by a member that may act', () => {
    requireLease(() => true);
    assert.throws(() => requireLease(() => false), { failure: 'unavailable' });
  });
});

describe('a call that failed', () => {
  it('is a lasting refusal only where asking again cannot help', () => {
    const cause = new Error('said so');
    for (const failure of ['missing', 'forbidden', 'refused']) {
      assert.equal(refusalOf(cause, 'llama', () => failure).failure, 'rejected', failure);
    }
    for (const failure of ['conflict', 'expired', 'busy', 'unavailable', null]) {
      assert.equal(refusalOf(cause, 'llama', () => failure).failure, 'unavailable');
    }
    const refusal = refusalOf(cause, 'llama', () => null);
    assert.deepEqual([refusal.message, refusal.cause], ['llama: said so', cause]);
    const stale = new ScaleTargetError('stale_token', 'older');
    assert.equal(
      refusalOf(stale, 'llama', () => 'missing'),
      stale,
    );
  });
});
