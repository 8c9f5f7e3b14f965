import assert from 'node:assert/strict';
import fc from 'fast-check';

import { compareTokens } from '../../../../../control-plane/model/decision.ts';
import {
  emptyRecord,
  replicaIdOf,
  withoutSlot,
  withRemoval,
  withReplicas,
} from '../../../../../control-plane/adapters/local-process/record.ts';
import type { WorkloadRecord } from '../../../../../control-plane/adapters/local-process/record.ts';
import { localWorkload } from '../../../../support/local-workload.ts';

const workload = localWorkload('inference');
const start = emptyRecord(workload, { term: 0, index: 0 });
const running = (record: WorkloadRecord): readonly number[] =>
  record.slots.filter((slot) => !slot.stopping).map((slot) => slot.slotId);
const set = (record: WorkloadRecord, replicas: number, index: number): WorkloadRecord =>
  withReplicas(record, workload, replicas, { term: 1, index });

describe('local-process record', () => {
  it('orders tokens by term and then by index', () => {
    assert.ok(compareTokens({ term: 1, index: 9 }, { term: 2, index: 1 }) < 0);
    assert.ok(compareTokens({ term: 2, index: 2 }, { term: 2, index: 1 }) > 0);
    assert.equal(compareTokens({ term: 2, index: 2 }, { term: 2, index: 2 }), 0);
  });

  it('stops the newest slots, and never takes a stopping one back', () => {
    const fewer = set(set(start, 3, 1), 1, 2);
    assert.deepEqual(running(fewer), [1]);
    const more = set(fewer, 2, 3);
    assert.deepEqual(running(more), [1, 4]);
    assert.deepEqual(
      more.slots.filter((slot) => slot.stopping).map((slot) => slot.slotId),
      [2, 3],
    );
  });

  it('notes on each slot the token that added it', () => {
    const record = set(set(start, 1, 5), 2, 6);
    assert.deepEqual(
      record.slots.map((slot) => slot.token.index),
      [5, 6],
    );
  });

  it('adds under each token as many slots as it raised the number, whatever the sequence', () => {
    const seed = Date.now() % 2 ** 31;
    const sequences = fc.array(fc.tuple(fc.nat(6), fc.boolean()), { maxLength: 20 });
    fc.assert(
      fc.property(sequences, (steps) => {
        let record = start;
        const everAdded: number[] = [];
        steps.forEach(([replicas, empty], at) => {
          const before = running(record).length;
          record = set(record, replicas, at + 1);
          const added = record.slots.filter((slot) => slot.token.index === at + 1);
          assert.equal(added.length, Math.max(0, replicas - before));
          assert.equal(running(record).length, replicas);
          everAdded.push(...added.map((slot) => slot.slotId));
          const gone = record.slots.find((slot) => slot.stopping);
          if (empty && gone !== undefined) record = withoutSlot(record, gone.slotId);
        });
        assert.equal(new Set(everAdded).size, everAdded.length, 'a slot id was used again');
      }),
      { seed, numRuns: 200 },
    );
  });

  it('keeps the token of a removed workload, and takes it up again', () => {
    const removed = withRemoval(set(start, 2, 1), { term: 1, index: 2 });
    assert.deepEqual([removed.removed, removed.replicas, running(removed)], [true, 0, []]);
    const back = set(removed, 1, 3);
    assert.deepEqual([back.removed, running(back)], [false, [3]]);
  });

  it('names a replica by its slot and the number of its start', () => {
    const [slot] = set(start, 1, 1).slots;
    assert.ok(slot);
    assert.equal(replicaIdOf('inference', slot), null);
    assert.equal(replicaIdOf('inference', { ...slot, starts: 3 }), 'inference-1-3');
  });
});
