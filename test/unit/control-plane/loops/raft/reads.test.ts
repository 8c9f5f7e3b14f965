import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Reads } from '../../../../../control-plane/loops/raft/reads.ts';
import { ConsensusError } from '../../../../../control-plane/ports/consensus.ts';
import { PATIENT } from '../../../../support/raft-member-cluster.ts';

function steppedReads(readsMax = 10) {
  let nowMs = 0;
  const options = {
    readsMax,
    patienceMs: 2_000,
    askAgainMs: 300,
    monotonicMs: () => nowMs,
    random: () => 0,
  };
  const reads = new Reads(options);
  const tickAt = (atMs: number): void => {
    nowMs = atMs;
    reads.tick(atMs);
  };
  return { reads, tickAt };
}

async function isOpen(read: Promise<void>): Promise<boolean> {
  let open = true;
  read.then(
    () => (open = false),
    () => (open = false),
  );
  await nextTurn();
  return open;
}

describe('reads', () => {
  it('share one question per turn, and wait for its index to be applied', async () => {
    const { reads } = steppedReads();
    const both = [reads.barrier(PATIENT), reads.barrier(PATIENT)];
    const readId = reads.ask();
    assert(readId !== null);
    assert.equal(reads.ask(), null);
    reads.answered({ readId, index: 7 }, 6);
    reads.applied(6);
    assert(await isOpen(Promise.race(both)));
    reads.applied(7);
    await Promise.all(both);
  });

  it('are answered at once when the index is applied already', async () => {
    const { reads } = steppedReads();
    const read = reads.barrier(PATIENT);
    reads.answered({ readId: reads.ask() ?? 0, index: 7 }, 7);
    await read;
  });

  it('are asked for anew when nobody could tell, or nobody answered, and end in the end', async () => {
    const { reads, tickAt } = steppedReads();
    const read = reads.barrier(PATIENT);
    reads.answered({ readId: reads.ask() ?? 0, index: null }, 0);
    assert.equal(reads.ask(), null, 'not in the same turn');
    tickAt(10);
    const lost = reads.ask();
    assert(lost !== null);
    tickAt(309);
    assert.equal(reads.ask(), null);
    tickAt(310);
    assert.notEqual(reads.ask(), null);
    reads.answered({ readId: lost, index: 1 }, 1);
    assert(await isOpen(read), 'the old question counts no more');
    const failed = assert.rejects(
      read,
      (error) => error instanceof ConsensusError && error.failure === 'no_leader',
    );
    tickAt(2_000);
    await failed;
  });

  it('are bounded, and have room again when one gives up', async () => {
    const { reads } = steppedReads(1);
    const giver = new AbortController();
    const first = assert.rejects(reads.barrier(giver.signal), /gave up/);
    await assert.rejects(reads.barrier(PATIENT), /1 reads wait/);
    giver.abort();
    await first;
    assert.equal(reads.ask(), null);
    const second = reads.barrier(PATIENT);
    reads.rejectAll(new ConsensusError('aborted', 'the member stops'));
    await assert.rejects(second, /the member stops/);
  });
});
