import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  emptyRecord,
  entriesOf,
  recordOf,
  valuesOf,
  withEntries,
  withEntry,
  withoutEntry,
} from '../../../../control-plane/state/records.ts';
import type { ReadonlyMapById } from '../../../../control-plane/state/records.ts';

const TRAPS = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'then', 'toJSON'];
const id = fc.oneof(fc.constantFrom(...TRAPS, '10', '9', 'a', 'b'), fc.string({ maxLength: 2 }));

function recordFrom(entries: readonly (readonly [string, number])[]): ReadonlyMapById<number> {
  return entries.reduce<ReadonlyMapById<number>>(
    (record, [key, value]) => withEntry(record, key, value),
    emptyRecord(),
  );
}

/** What a plain object without a prototype would be. */
function plainOf(entries: Iterable<readonly [string, number]>): Record<string, number> {
  const plain = Object.create(null) as Record<string, number>;
  for (const [key, value] of entries) plain[key] = value;
  return plain;
}

describe('records', () => {
  it('reads like an object without a prototype', () => {
    const property = fc.property(fc.array(fc.tuple(id, fc.integer())), id, (entries, probe) => {
      for (const listedBefore of [false, true]) {
        const record = recordFrom(entries);
        if (listedBefore) Object.keys(record);
        const plain = plainOf(new Map(entries));
        assert.equal(record[probe], plain[probe]);
        assert.equal(probe in record, probe in plain);
        assert.equal(Object.hasOwn(record, probe), Object.hasOwn(plain, probe));
        const sorted = (list: readonly unknown[]) => list.map(String).sort();
        assert.deepEqual(sorted(Object.keys(record)), sorted(Object.keys(plain)));
        assert.deepEqual(sorted(Object.entries(record)), sorted(Object.entries(plain)));
        const walked: string[] = [];
        for (const key in record) walked.push(key);
        assert.deepEqual(sorted(walked), sorted(Object.keys(plain)));
        assert.deepEqual(record, plain);
        assert.deepEqual(JSON.parse(JSON.stringify(record)), JSON.parse(JSON.stringify(plain)));
      }
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('finds nothing under the names that every object has', () => {
    const record: ReadonlyMapById<number> = recordFrom([['a', 1]]);
    for (const name of TRAPS) assert.equal(record[name], undefined);
    assert.equal(Object.getPrototypeOf(record), null);
  });

  it('differs where the content does', () => {
    assert.notDeepEqual(recordFrom([['a', 1]]), recordFrom([['a', 2]]));
    assert.notDeepEqual(recordFrom([['a', 1]]), recordFrom([]));
  });

  it('never changes: writing to it throws', () => {
    const record = recordFrom([['a', 1]]) as Record<string, number>;
    assert.throws(() => (record['a'] = 2), TypeError);
    assert.throws(() => (record['b'] = 2), TypeError);
    assert.throws(() => delete record['a'], TypeError);
    assert.throws(() => Object.defineProperty(record, 'b', { value: 1 }), TypeError);
    assert.throws(() => Object.setPrototypeOf(record, {}) as unknown, TypeError);
    assert.throws(() => Object.freeze(record), TypeError);
    assert.deepEqual({ ...record }, { a: 1 });
  });

  it('is changed as a whole as it is one by one, and stays itself without a change', () => {
    const changed = fc.array(fc.tuple(id, fc.integer()), { maxLength: 40 });
    const property = fc.property(changed, changed, (entries, changes) => {
      const record = recordFrom(entries);
      const oneByOne = recordFrom([...entries, ...changes]);
      assert.deepEqual(
        [...entriesOf(withEntries(record, new Map(changes)))],
        [...entriesOf(oneByOne)],
      );
      assert.deepEqual([...entriesOf(record)], [...entriesOf(recordFrom(entries))]);
    });
    fc.assert(property, { numRuns: 500 });
    const record = recordFrom([['a', 1]]);
    assert.equal(withEntries(record, new Map()), record);
    assert.equal(withoutEntry(record, 'b'), record);
    assert.deepEqual([...entriesOf(withoutEntry(record, 'a'))], []);
  });

  it('gives its values in the order of its entries', () => {
    const property = fc.property(fc.array(fc.tuple(id, fc.integer())), (entries) => {
      const record = recordFrom(entries);
      const values = [...entriesOf(record)].map(([, value]) => value);
      assert.deepEqual(valuesOf(record), values);
      assert.deepEqual(valuesOf(plainOf(new Map(entries))), values);
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('takes an ordinary object for a map, too', () => {
    const plain: ReadonlyMapById<number> = { b: 2, a: 1 };
    assert.deepEqual({ ...withEntry(plain, 'c', 3) }, { a: 1, b: 2, c: 3 });
    assert.deepEqual({ ...withoutEntry(plain, 'a') }, { b: 2 });
  });

  it('is listed in ascending order', () => {
    assert.deepEqual(
      [
        ...entriesOf(
          recordOf<number>([
            ['10', 1],
            ['9', 2],
            ['a', 3],
          ]),
        ),
      ].map(([key]) => key),
      ['10', '9', 'a'],
    );
  });
});
