/**
 * What every scale target must do, whatever it runs replicas on. A harness supplies the target, a
 * workload that it can run, a way to end a replica behind its back, and a restart of the plane.
 */

import assert from 'node:assert/strict';

import type { Replica, Workload } from '../../control-plane/model/workload.ts';
import { ScaleTargetError } from '../../control-plane/ports/scale-target.ts';
import type { ScaleTarget, ScaleTargetFailure } from '../../control-plane/ports/scale-target.ts';
import { pollUntil } from '../support/process.ts';
import { skipBecause } from '../support/skip.ts';

export interface ScaleTargetHarness {
  readonly target: ScaleTarget;
  workload(id: string): Workload;
  /** What becomes of the replicas of a removed workload: they end, which is so when absent, or run on. */
  readonly onRemoval?: 'stop' | 'release';
  /** Ends a replica as a crash would. */
  crash(replica: Replica): Promise<void>;
  /**
   * From now on what the target reaches answers nothing, and until the returned function is called.
   * Absent where a target reaches nothing outside itself.
   */
  stall?(): () => void;
  /** The plane ends, the replicas run on; answers with the next plane's target. */
  restart(): Promise<ScaleTarget>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 15_000;
/** Longer than a call takes to be given up on any machine, and shorter than any that waits. */
const PROMPT_MS = 1_500;

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

    const untilRemoved = async (before: readonly Replica[]): Promise<void> => {
      if (harness.onRemoval === 'release') assert.deepEqual(ids(await read()), ids(before));
      else await until(read, (replicas) => replicas.length === 0, 'no replica');
    };

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

    it('orders commands by term, and within a term by index, however they arrive', async () => {
      const tokens = [
        ...[
          [2, 1],
          [1, 9],
          [2, 10],
          [2, 9],
          [10, 1],
          [9, 99],
          [10, 2],
          [2, 11],
        ],
      ] as const satisfies readonly (readonly [number, number])[];
      let newest = { term: 0, index: 0 };
      for (const [term, index] of tokens) {
        const isOlder = term < newest.term || (term === newest.term && index < newest.index);
        if (isOlder) {
          await refused('stale_token', () => set(3, term, index));
          continue;
        }
        await set(index % 2, term, index);
        newest = { term, index };
      }
      assert.deepEqual(newest, { term: 10, index: 2 });
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
      await set(1, 1, 1);
      const removal = { term: 1, index: 2 };
      await refused('unavailable', () => target.removeWorkload(workload.id, removal, aborted));
      assert.deepEqual(await target.listWorkloads(), [workload.id]);
      await untilReady(1);
    });

    it('leaves a caller who gives up at once, and takes the same token again', async function () {
      if (harness.stall === undefined) {
        skipBecause(this, `${name}: it reaches nothing outside itself`);
      }
      await set(1, 1, 1);
      await untilReady(1);
      const resume = harness.stall();
      const token = { term: 1, index: 2 };
      for (const act of [
        (given: AbortSignal) => target.setReplicas(workload, 2, token, given),
        (given: AbortSignal) => target.removeWorkload(workload.id, token, given),
      ]) {
        const caller = new AbortController();
        const begun = performance.now();
        const acting = act(caller.signal);
        // Whether it has got to where it waits or not: it has to end.
        setImmediate(() => caller.abort());
        await refused('unavailable', () => acting);
        assert.ok(performance.now() - begun < PROMPT_MS);
      }
      resume();
      await set(2, 1, 2);
      // Whichever of the two had arrived with this token is in force, and if neither had, the last is.
      if (harness.onRemoval !== 'release') {
        await until(read, (found) => [0, 2].includes(found.length), 'one of the commands in force');
      }
      await set(2, 1, 3);
      await untilReady(2);
    });

    it('ends with the deadline of its caller', async function () {
      if (harness.stall === undefined) {
        skipBecause(this, `${name}: it reaches nothing outside itself`);
      }
      await set(1, 1, 1);
      const resume = harness.stall();
      const begun = performance.now();
      const short = AbortSignal.timeout(100);
      const token = { term: 1, index: 2 };
      await refused('unavailable', () => target.setReplicas(workload, 2, token, short));
      assert.ok(performance.now() - begun < 100 + PROMPT_MS);
      resume();
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
      const before = await untilReady(2);
      await refused('stale_token', () =>
        target.removeWorkload(workload.id, { term: 0, index: 9 }, signal()),
      );
      await target.removeWorkload(workload.id, { term: 1, index: 2 }, signal());
      assert.deepEqual(await target.listWorkloads(), []);
      await untilRemoved(before);
      target = await harness.restart();
      await refused('stale_token', () => set(2, 1, 1));
      await set(1, 1, 3);
      await untilReady(1);
      assert.deepEqual(await target.listWorkloads(), [workload.id]);
    });

    it('refuses an older removal, whichever of term and index is older, and takes one twice', async () => {
      await set(2, 3, 5);
      const before = await untilReady(2);
      const remove = (term: number, index: number): Promise<void> =>
        target.removeWorkload(workload.id, { term, index }, signal());
      await refused('stale_token', () => remove(3, 4));
      await refused('stale_token', () => remove(2, 6));
      assert.deepEqual(ids(await read()), ids(before));
      assert.deepEqual(await target.listWorkloads(), [workload.id]);
      await remove(3, 6);
      await remove(3, 6);
      await untilRemoved(before);
      const after = ids(await read());
      await refused('stale_token', () => set(1, 3, 5));
      await set(1, 3, 6);
      assert.deepEqual(ids(await read()), after);
      assert.deepEqual(await target.listWorkloads(), []);
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
