import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LogEntry } from '../../../../control-plane/model/log-entry.ts';
import { MemoryLog, entryBytes } from '../../../../control-plane/raft/memory-log.ts';
import { command, entriesOf } from '../../../support/raft-core.ts';

const NO_BOUNDS = { entriesMax: Infinity, bytesMax: Infinity };
const terms = fc
  .array(fc.integer({ min: 0, max: 2 }), { maxLength: 12 })
  .map((steps) =>
    steps.map((_, at) => 1 + steps.slice(0, at + 1).reduce((sum, step) => sum + step, 0)),
  );

function indexes(entries: readonly LogEntry[]): readonly number[] {
  return entries.map(({ index }) => index);
}

describe('MemoryLog', () => {
  it('is empty before its first entry, and the entry before that is of term 0', () => {
    const log = new MemoryLog([], null);
    assert.deepEqual([log.firstIndex, log.lastIndex, log.lastTerm], [1, 0, 0]);
    assert.equal(log.termAt(0), 0);
    assert.equal(log.termAt(1), null);
  });

  it('7: knows the term of a snapshot’s last entry, and of nothing below what it holds', () => {
    const log = new MemoryLog([], { index: 7, term: 3 });
    assert.deepEqual([log.firstIndex, log.lastIndex, log.lastTerm], [8, 7, 3]);
    assert.equal(log.termAt(7), 3);
    assert.equal(log.termAt(6), null);
    assert.equal(log.entryAt(7), null);
  });

  it('7: keeps entries that reach below the snapshot, and does not guess the term before them', () => {
    const log = new MemoryLog(entriesOf(5, [2, 2, 3, 3]), { index: 7, term: 3 });
    assert.deepEqual([log.firstIndex, log.lastIndex], [5, 8]);
    assert.equal(log.termAt(4), null);
    assert.equal(log.termAt(5), 2);
    assert.equal(log.termAt(9), null);
  });

  it('5.4.1: is less up to date than a later last term, whatever the lengths', () => {
    const log = new MemoryLog(entriesOf(1, [1, 1, 2]), null);
    assert.equal(log.isUpToDate(1, 3), true);
    assert.equal(log.isUpToDate(9, 1), false);
  });

  it('5.4.1: with the same last term the longer log is the newer one, and an equal one is enough', () => {
    const log = new MemoryLog(entriesOf(1, [1, 1, 2]), null);
    assert.equal(log.isUpToDate(2, 2), false);
    assert.equal(log.isUpToDate(3, 2), true);
    assert.equal(log.isUpToDate(4, 2), true);
  });

  it('7: forgets what is below an index, and keeps the term before it', () => {
    const log = new MemoryLog(entriesOf(1, [1, 1, 2, 2, 3]), null);
    log.dropBelow(4);
    assert.deepEqual([log.firstIndex, log.lastIndex], [4, 5]);
    assert.equal(log.termAt(3), 2);
    assert.equal(log.termAt(2), null);
    log.dropBelow(2);
    assert.equal(log.firstIndex, 4);
  });

  it('7: holds nothing but a snapshot’s place after it was installed', () => {
    const log = new MemoryLog(entriesOf(1, [1, 1]), null);
    log.resetTo({ index: 9, term: 4 });
    assert.deepEqual([log.firstIndex, log.lastIndex, log.lastTerm], [10, 9, 4]);
    log.append([command(10, 4)]);
    assert.equal(log.entryAt(10)?.term, 4);
  });

  it('gives one entry when even that is larger than the bound', () => {
    const log = new MemoryLog([command(1, 1, 'x'.repeat(500)), command(2, 1)], null);
    assert.deepEqual(indexes(log.slice(1, 2, { entriesMax: 10, bytesMax: 10 })), [1]);
  });

  it('takes as many entries into a slice as fit, and not one more or less', () => {
    const log = new MemoryLog(entriesOf(1, [1, 1, 1, 1]), null);
    const two = 2 * entryBytes(command(1, 1));
    assert.deepEqual(indexes(log.slice(2, 4, { entriesMax: 9, bytesMax: two })), [2, 3]);
    assert.deepEqual(indexes(log.slice(2, 4, { entriesMax: 9, bytesMax: two - 1 })), [2]);
    assert.deepEqual(indexes(log.slice(2, 4, { entriesMax: 3, bytesMax: two * 9 })), [2, 3, 4]);
    assert.deepEqual(indexes(log.slice(2, 4, { entriesMax: 2, bytesMax: two * 9 })), [2, 3]);
  });

  it('slices are successive, within the bounds, and begin where they were asked for', () => {
    const bounds = fc.record({
      entriesMax: fc.integer({ min: 1, max: 6 }),
      bytesMax: fc.integer({ min: 1, max: 200 }),
    });
    const place = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(terms, fc.nat(4), bounds, place, place, (list, base, bound, from, length) => {
        const log = new MemoryLog(entriesOf(base + 1, list), { index: base, term: 1 });
        const first = Math.min(base + from, log.lastIndex + 1);
        const to = Math.min(first + length - 1, log.lastIndex);
        const slice = log.slice(first, to, bound);
        const asked = Math.max(0, to - first + 1);
        assert.deepEqual(
          indexes(slice),
          indexes(log.slice(first, to, NO_BOUNDS)).slice(0, slice.length),
        );
        assert(slice.length <= Math.min(asked, bound.entriesMax));
        const bytes = slice.reduce((sum, entry) => sum + entryBytes(entry), 0);
        assert(bytes <= bound.bytesMax || slice.length === 1);
        const next = log.entryAt(first + slice.length);
        const isFull =
          slice.length === Math.min(asked, bound.entriesMax) ||
          (next !== null && bytes + entryBytes(next) > bound.bytesMax);
        assert(isFull, 'a slice ends early');
      }),
    );
  });

  it('5.3: goes back to the last place that can be equal, and no further', () => {
    fc.assert(
      fc.property(terms, fc.nat(4), fc.nat(18), fc.nat(14), (list, base, index, term) => {
        const log = new MemoryLog(entriesOf(base + 1, list), { index: base, term: 1 });
        const found = log.lastAtOrBelowTerm(index, term);
        const candidates = list
          .map((one, at) => ({ index: base + 1 + at, term: one }))
          .filter((one) => one.index <= index && one.term <= term);
        const best = candidates.at(-1);
        if (best !== undefined) assert.deepEqual(found, best);
        else assert.equal(found.index, Math.min(index, base));
      }),
    );
  });

  it('5.3: leader and follower find, a step of each, a place at or above all that is equal', () => {
    fc.assert(
      fc.property(terms, terms, fc.nat(12), (leaders, followers, shared) => {
        // Up to `equal` the logs are one; behind it no entry has the same index and term.
        const equal = Math.min(shared, leaders.length, followers.length);
        const common = leaders.slice(0, equal);
        const leader = new MemoryLog(entriesOf(1, leaders), null);
        const tail = followers.slice(equal).map((term) => term + (common.at(-1) ?? 0));
        const differs = tail.every((term, at) => leaders[equal + at] !== term);
        fc.pre(differs);
        const follower = new MemoryLog(entriesOf(1, [...common, ...tail]), null);
        const previous = leader.lastIndex;
        const hint = follower.lastAtOrBelowTerm(
          Math.min(previous, follower.lastIndex),
          leader.lastTerm,
        );
        const agreed = leader.lastAtOrBelowTerm(hint.index, hint.term);
        assert(agreed.index >= equal, `${agreed.index} is below ${equal}`);
      }),
    );
  });

  it('answers like a plain list after any appends, truncations and compactions', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 4 }) }),
      fc.record({
        kind: fc.constant('truncate' as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
      fc.record({
        kind: fc.constant('drop' as const),
        share: fc.double({ min: 0, max: 1, noNaN: true }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const log = new MemoryLog([], null);
        let list: LogEntry[] = [];
        let base = { index: 0, term: 0 };
        let term = 1;
        for (const one of steps) {
          const last = list.at(-1)?.index ?? base.index;
          if (one.kind === 'append') {
            const entries = entriesOf(last + 1, Array<number>(one.count).fill(term));
            log.append(entries);
            list = [...list, ...entries];
            term += 1;
          } else {
            const index = base.index + 1 + Math.round(one.share * (last - base.index));
            if (one.kind === 'truncate') {
              log.truncateFrom(index);
              list = list.filter((entry) => entry.index < index);
            } else {
              log.dropBelow(index);
              const before = list.find((entry) => entry.index === index - 1) ?? base;
              base = { index: before.index, term: before.term };
              list = list.filter((entry) => entry.index >= index);
            }
          }
          assert.equal(log.firstIndex, base.index + 1);
          assert.equal(log.lastIndex, list.at(-1)?.index ?? base.index);
          assert.equal(log.lastTerm, list.at(-1)?.term ?? base.term);
          assert.equal(log.termAt(base.index), base.term);
          assert.deepEqual(log.slice(log.firstIndex, log.lastIndex, NO_BOUNDS), list);
        }
      }),
    );
  });
});
