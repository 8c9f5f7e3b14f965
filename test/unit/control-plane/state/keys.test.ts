import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type AppliedKeys,
  KEYS_MAX,
  NO_KEYS,
  appliedKeysOf,
} from '../../../../control-plane/state/keys.ts';

function remembering(from: number, to: number, start: AppliedKeys = NO_KEYS): AppliedKeys {
  let keys = start;
  for (let at = from; at < to; at += 1) keys = keys.withKey(`k${at}`, at);
  return keys;
}

describe('applied keys', () => {
  it('remembers the newest KEYS_MAX in order, whatever their number, and leaves older rings as they were', () => {
    const half = remembering(0, KEYS_MAX / 2 + 7);
    const full = remembering(KEYS_MAX / 2 + 7, 2 * KEYS_MAX + 77, half);
    assert.equal(full.length, KEYS_MAX);
    const expected = Array.from({ length: KEYS_MAX }, (_, at) => `k${at + KEYS_MAX + 77}`);
    assert.deepEqual(
      [...full].map(({ key }) => key),
      expected,
    );
    assert.equal(full.versionOf(`k${KEYS_MAX + 76}`), null);
    assert.equal(full.versionOf(`k${KEYS_MAX + 77}`), KEYS_MAX + 77);
    assert.equal(full.at(0)?.key, expected[0]);
    assert.equal(full.at(-1)?.key, expected.at(-1));
    assert.equal(full.at(100)?.key, expected[100]);
    assert.equal(full.at(KEYS_MAX), undefined);
    assert.equal(full.at(-KEYS_MAX - 1), undefined);
    assert.equal(half.length, KEYS_MAX / 2 + 7);
    assert.equal(half.versionOf('k0'), 0);
  });

  it('goes on from what was listed as it does from the ring itself', () => {
    const property = fc.property(
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 0, max: 200 }),
      (before, after) => {
        const ring = remembering(0, KEYS_MAX - 100 + before);
        const listed = appliedKeysOf([...ring]);
        assert(listed !== null);
        const to = KEYS_MAX - 100 + before + after;
        const [one, other] = [ring, listed].map((keys) =>
          remembering(KEYS_MAX - 100 + before, to, keys),
        );
        assert(one !== undefined && other !== undefined);
        assert.deepEqual([...one], [...other]);
        assert.equal(one.length, other.length);
        for (const key of ['k0', 'k100', `k${to - KEYS_MAX - 1}`, `k${to - KEYS_MAX}`]) {
          assert.equal(one.versionOf(key), other.versionOf(key));
        }
      },
    );
    fc.assert(property, { numRuns: 20 });
  });

  it('finds the keys that begin alike, and no others', () => {
    let keys = NO_KEYS;
    for (const key of ['b-2', 'a-1', 'b', 'b-1', 'c', 'b-10', 'b.']) keys = keys.withKey(key, 0);
    assert.deepEqual([...keys.startingWith('b-')], ['b-1', 'b-10', 'b-2']);
    assert.deepEqual([...keys.startingWith('d')], []);
    assert.deepEqual([...keys.startingWith('')].length, keys.length);
  });

  it('takes neither more than the bound nor a key twice', () => {
    const listed = [...remembering(0, KEYS_MAX)];
    assert(appliedKeysOf(listed) !== null);
    assert.equal(appliedKeysOf([...listed, { key: 'more', version: 0 }]), null);
    assert.equal(appliedKeysOf([...listed.slice(1), { key: 'k9', version: 0 }]), null);
  });
});
