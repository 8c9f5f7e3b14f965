import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { MessageOf } from '../../../../control-plane/model/raft-message.ts';
import { IncomingSnapshot } from '../../../../control-plane/raft/incoming-snapshot.ts';
import { configurationOf, messageOf } from '../../../support/raft-core.ts';

interface Part {
  readonly term?: number;
  readonly index?: number;
  readonly snapshotTerm?: number;
  readonly totalBytes?: number;
}

function chunk(offset: number, length: number, part: Part = {}): MessageOf<'snapshot_chunk'> {
  const { term = 3, index = 20, snapshotTerm = 2, totalBytes = 10 } = part;
  return messageOf(term, {
    kind: 'snapshot_chunk',
    index,
    snapshotTerm,
    configuration: configurationOf('a b c'),
    offset,
    bytes: new Uint8Array(length),
    totalBytes,
  });
}

describe('IncomingSnapshot', () => {
  it('7: takes chunks in order, and is complete with the last one', () => {
    const incoming = new IncomingSnapshot();
    assert.deepEqual(incoming.take(chunk(0, 4)), { kind: 'taken', nextOffset: 4, complete: false });
    assert.deepEqual(incoming.take(chunk(4, 4)), { kind: 'taken', nextOffset: 8, complete: false });
    assert.deepEqual(incoming.take(chunk(8, 2)), { kind: 'taken', nextOffset: 10, complete: true });
  });

  it('7: says where to go on to a chunk that was there, or that comes too early', () => {
    const incoming = new IncomingSnapshot();
    assert.deepEqual(incoming.take(chunk(4, 4)), { kind: 'elsewhere', nextOffset: 0 });
    incoming.take(chunk(0, 4));
    assert.deepEqual(incoming.take(chunk(0, 4)), { kind: 'elsewhere', nextOffset: 4 });
    assert.deepEqual(incoming.take(chunk(8, 2)), { kind: 'elsewhere', nextOffset: 4 });
  });

  it('7: an empty snapshot is complete at once', () => {
    const verdict = new IncomingSnapshot().take(chunk(0, 0, { totalBytes: 0 }));
    assert.deepEqual(verdict, { kind: 'taken', nextOffset: 0, complete: true });
  });

  const others: readonly (readonly [string, Part])[] = [
    ['another leader', { term: 4 }],
    ['another snapshot', { index: 30 }],
    ['a snapshot of the same index and another term', { snapshotTerm: 3 }],
  ];
  for (const [title, part] of others) {
    it(`7: begins anew with ${title}, and mixes nothing`, () => {
      const incoming = new IncomingSnapshot();
      incoming.take(chunk(0, 4));
      assert.deepEqual(incoming.take(chunk(4, 4, part)), { kind: 'elsewhere', nextOffset: 0 });
      assert.equal(incoming.take(chunk(0, 4, part)).kind, 'taken');
      assert.equal(incoming.take(chunk(4, 4, part)).nextOffset, 8);
    });
  }

  it('7: begins anew after a reset', () => {
    const incoming = new IncomingSnapshot();
    incoming.take(chunk(0, 4));
    incoming.reset();
    assert.deepEqual(incoming.take(chunk(4, 4)), { kind: 'elsewhere', nextOffset: 0 });
  });

  it('7: chunks in any order, lost and repeated, of two leaders: what is taken joins up', () => {
    const any = fc.record({
      offset: fc.constantFrom(0, 4, 8),
      term: fc.constantFrom(3, 4),
      index: fc.constantFrom(20, 30),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 30 }), (chunks) => {
        const incoming = new IncomingSnapshot();
        let staged = { of: '', bytes: 0 };
        for (const { offset, term, index } of chunks) {
          const length = Math.min(4, 10 - offset);
          const verdict = incoming.take(chunk(offset, length, { term, index }));
          if (verdict.kind === 'elsewhere') continue;
          const of = `${index} of term ${term}`;
          if (offset > 0) assert.deepEqual(staged, { of, bytes: offset });
          staged = { of, bytes: offset + length };
          assert.equal(verdict.complete, staged.bytes === 10);
        }
      }),
    );
  });
});
