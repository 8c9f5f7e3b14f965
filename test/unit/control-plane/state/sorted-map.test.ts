import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  ascending,
  forEachAscending,
  fromAscending,
  lookUp,
  put,
  without,
} from '../../../../control-plane/state/sorted-map.ts';
import type { SortedMap } from '../../../../control-plane/state/sorted-map.ts';

const key = fc.oneof(
  fc.constantFrom('', '__proto__', 'constructor', '0', '10', '9', 'é', '\u{1f600}', '\uffff'),
  fc.integer({ min: 0, max: 60 }).map(String),
);
/** As many removals as additions, and runs of either: both unbalance a tree. */
const step = fc.tuple(key, fc.oneof(fc.constant(null), fc.integer()));

function listed(map: SortedMap<number>): readonly (readonly [string, number])[] {
  const entries: (readonly [string, number])[] = [];
  forEachAscending(map, (id, value) => entries.push([id, value]));
  assert.deepEqual([...ascending(map)], entries);
  return entries;
}

function sorted(model: ReadonlyMap<string, number>): readonly (readonly [string, number])[] {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The height that is written down is the real one, and the sides of no branch differ by more than one. */
function assertBalanced(map: SortedMap<number>): number {
  if (map === null) return 0;
  const left = assertBalanced(map.left);
  const right = assertBalanced(map.right);
  assert(Math.abs(left - right) <= 1, `${left} and ${right} at ${map.key}`);
  assert.equal(map.height, Math.max(left, right) + 1);
  return map.height;
}

function branchesOf(map: SortedMap<number>): Set<SortedMap<number>> {
  if (map === null) return new Set();
  return new Set([map, ...branchesOf(map.left), ...branchesOf(map.right)]);
}

describe('sorted map', () => {
  it('holds what a map holds after any changes, in order, and leaves every earlier map as it was', () => {
    const property = fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      let map: SortedMap<number> = null;
      const model = new Map<string, number>();
      const history: [SortedMap<number>, ReturnType<typeof sorted>][] = [];
      for (const [id, value] of steps) {
        if (value === null) {
          const before: SortedMap<number> = map;
          map = without(map, id);
          assert.equal(map === before, !model.delete(id), 'the same map where nothing was removed');
        } else {
          map = put(map, id, value);
          model.set(id, value);
        }
        assert.equal(lookUp(map, id), model.get(id));
        assertBalanced(map);
        history.push([map, sorted(model)]);
      }
      for (const [then, expected] of history) assert.deepEqual(listed(then), expected);
      const built = fromAscending(sorted(model));
      assertBalanced(built);
      assert.deepEqual(listed(built), sorted(model));
    });
    fc.assert(property, { numRuns: 200 });
  });

  it('shares all but one path with the map before', () => {
    let map: SortedMap<number> = null;
    for (let at = 0; at < 4_096; at += 1) map = put(map, `k${(at * 2_654_435_761) % 65_536}`, at);
    for (const changed of [put(map, 'k77x', 1), put(map, 'k0', 1), without(map, 'k0')]) {
      const before: ReadonlySet<SortedMap<number>> = branchesOf(map);
      const made = [...branchesOf(changed)].filter((branch) => !before.has(branch));
      // A rotation makes up to two more at each level of what was removed.
      assert(made.length <= 3 * 14, `${made.length} branches are new`);
    }
  });

  it('is walked from any key on', () => {
    const property = fc.property(fc.uniqueArray(key), key, (keys, from) => {
      let map: SortedMap<number> = null;
      keys.forEach((id, at) => (map = put(map, id, at)));
      const expected = keys.filter((id) => id >= from).sort((a, b) => (a < b ? -1 : 1));
      assert.deepEqual(
        [...ascending<number>(map, from)].map(([id]) => id),
        expected,
      );
    });
    fc.assert(property, { numRuns: 300 });
  });
});
