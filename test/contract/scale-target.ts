/**
 * What every scale target must do, whatever it runs replicas on. A harness supplies the target, a
 * workload that it can run, a way to end a replica behind its back, and a restart of the plane.
 */

import assert from 'node:assert/strict';

import type { Replica, Workload } from '../../control-plane/model/workload.ts';
import { ScaleTargetError } from '../../control-plane/ports/scale-target.ts';
import type { ScaleTarget, ScaleTargetFailure } from '../../control-plane/ports/scale-target.ts';
import { pollUntil } from '../support/process.ts';

export interface ScaleTargetHarness {
  readonly target: ScaleTarget;
  workload(id: string): Workload;
  /** Ends a replica as a crash would. */
  crash(replica: Replica): Promise<void>;
  /** The plane ends, the replicas run on; answers with the next plane's target. */
  restart(): Promise<ScaleTarget>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 15_000;

/** Declares the suite. `open` makes a fresh, empty target. */
export function describeScaleTarget(name: string, open: () => Promise<ScaleTargetHarness>): void {
  describe(`scale target contract: ${name}`, () => {
    let harness: ScaleTargetHarness;
    let target: ScaleTarget;
    let workload: Workload;

    beforeEach(async () => {
      harness = await open();
      target = harness.target;
      workload = harness.workload('inference');
    });
    afterEach(() => harness.close());

    const set = (replicas: number, term: number, index: number): Promise<void> =>
      target.setReplicas(workload, replicas, { term, index }, signal());
    const read = (): Promise<readonly Replica[]> => target.readReplicas(workload, signal());
    const ids = (replicas: readonly Replica[]): readonly string[] =>
      replicas.map((replica) => replica.replicaId);
    const untilReady = (count: number): Promise<readonly Replica[]> =>
      until(read, (replicas) => areReady(replicas, count), `${count} ready replicas`);

    it('runs the number of replicas that it was told, each with an id and address of its own', async () => {
      await set(2, 1, 1);
      const replicas = await untilReady(2);
      assert.equal(new Set(ids(replicas)).size, 2);
      assert.equal(new Set(replicas.map((replica) => replica.address)).size, 2);
      for (const replica of replicas) {
        assert.equal(replica.workloadId, workload.id);
        assert.equal(replica.metricsPath, workload.target.metricsPath);
        assert.match(replica.address, /^\d+(\.\d+){3}:\d+$/);
      }
      assert.deepEqual(await target.listWorkloads(), [workload.id]);
    });

    it('knows nothing of a workload that it was never told', async () => {
      assert.deepEqual(await read(), []);
      assert.deepEqual(await target.listWorkloads(), []);
      await target.removeWorkload('unheard-of', { term: 1, index: 1 }, signal());
    });

    it('keeps the replicas that it has when it is told more, and the oldest when fewer', async () => {
      await set(1, 1, 1);
      const first = await untilReady(1);
      await set(3, 1, 2);
      const three = await untilReady(3);
      assert.deepEqual(ids(three)[0], ids(first)[0]);
      await set(1, 1, 3);
      assert.deepEqual(ids(await untilReady(1)), ids(first));
    });

    it('changes nothing for the token that it has, whatever the number', async () => {
      await set(1, 1, 5);
      const before = await untilReady(1);
      for (const replicas of [3, 0]) {
        await set(replicas, 1, 5);
        assert.deepEqual(await read(), before);
      }
      // Whatever it had begun in secret would show beside what the next command brings.
      await set(2, 1, 6);
      assert.deepEqual(ids(await untilReady(2))[0], ids(before)[0]);
    });

    it('refuses an older index and an older term, and takes a newer term with any index', async () => {
      await set(1, 2, 5);
      const before = await untilReady(1);
      await refused('stale_token', () => set(2, 2, 4));
      await refused('stale_token', () => set(2, 1, 99));
      assert.deepEqual(ids(await read()), ids(before));
      await set(0, 3, 1);
      await until(read, (replicas) => replicas.length === 0, 'no replica');
    });

    it('refuses what is not a number of replicas', async () => {
      for (const replicas of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
        await refused('rejected', () => set(replicas, 1, 1));
      }
      assert.deepEqual(await target.listWorkloads(), []);
    });

    it('does nothing for an aborted caller', async () => {
      const aborted = AbortSignal.abort();
      const token = { term: 1, index: 1 };
      await refused('unavailable', () => target.setReplicas(workload, 1, token, aborted));
      await refused('unavailable', () => target.readReplicas(workload, aborted));
      assert.deepEqual(await read(), []);
    });

    it('starts another replica for one that ends', async () => {
      await set(2, 1, 1);
      const [first, second] = await untilReady(2);
      assert.ok(first && second);
      await harness.crash(first);
      const after = await until(
        read,
        (replicas) => areReady(replicas, 2) && !ids(replicas).includes(first.replicaId),
        'a replacement',
      );
      assert.ok(ids(after).includes(second.replicaId));
    });

    it('finds its replicas and its newest token again after a restart of the plane', async () => {
      await set(2, 4, 7);
      const before = await untilReady(2);
      target = await harness.restart();
      assert.deepEqual([...ids(await read())].sort(), [...ids(before)].sort());
      assert.ok((await read()).every((replica) => replica.phase === 'ready'));
      assert.deepEqual(await target.listWorkloads(), [workload.id]);
      await refused('stale_token', () => set(5, 4, 6));
      await set(0, 4, 7);
      assert.ok(areReady(await read(), 2));
    });

    it('replaces after a restart what ended meanwhile', async () => {
      await set(1, 1, 1);
      const [only] = await untilReady(1);
      assert.ok(only);
      await harness.crash(only);
      target = await harness.restart();
      await untilReady(1);
    });

    it('removes a workload with its replicas, and stays fenced against what came before', async () => {
      await set(2, 1, 1);
      await untilReady(2);
      await refused('stale_token', () =>
        target.removeWorkload(workload.id, { term: 0, index: 9 }, signal()),
      );
      await target.removeWorkload(workload.id, { term: 1, index: 2 }, signal());
      assert.deepEqual(await target.listWorkloads(), []);
      await until(read, (replicas) => replicas.length === 0, 'no replica');
      target = await harness.restart();
      await refused('stale_token', () => set(2, 1, 1));
      await set(1, 1, 3);
      await untilReady(1);
      assert.deepEqual(await target.listWorkloads(), [workload.id]);
    });

    it('keeps two workloads apart', async () => {
      const other = harness.workload('training');
      await set(1, 1, 1);
      await target.setReplicas(other, 1, { term: 1, index: 1 }, signal());
      await untilReady(1);
      await target.removeWorkload(other.id, { term: 1, index: 2 }, signal());
      assert.deepEqual(await target.listWorkloads(), [workload.id]);
      await untilReady(1);
    });
  });
}

function signal(): AbortSignal {
  return AbortSignal.timeout(TIMEOUT_MS);
}

function areReady(replicas: readonly Replica[], count: number): boolean {
  return replicas.length === count && replicas.every((replica) => replica.phase === 'ready');
}

async function refused(failure: ScaleTargetFailure, act: () => Promise<unknown>): Promise<void> {
  await assert.rejects(act, (error) => {
    assert.ok(error instanceof ScaleTargetError, String(error));
    assert.equal(error.failure, failure);
    return true;
  });
}

async function until<T>(
  read: () => Promise<T>,
  holds: (value: T) => boolean,
  what: string,
): Promise<T> {
  const found = await pollUntil(what, TIMEOUT_MS, async () => {
    const value = await read();
    return holds(value) ? { value } : null;
  });
  return found.value;
}
