import assert from 'node:assert/strict';

import { cutPage, memberOf, sortedValues } from '../../../../control-plane/http/page.ts';

const IDS = ['a', 'b', 'c', 'd'];
const same = (id: string): string => id;

describe('a page', () => {
  it('ends the list when it is full and nothing follows', () => {
    assert.deepEqual(cutPage(IDS, same, { limit: 4 }), { items: IDS, nextAfterId: null });
  });
  it('names its last id when something follows', () => {
    assert.deepEqual(cutPage(IDS, same, { limit: 3 }), {
      items: ['a', 'b', 'c'],
      nextAfterId: 'c',
    });
  });
  it('begins after its cursor, also when that id is gone', () => {
    assert.deepEqual(cutPage(IDS, same, { limit: 9, cursor: 'b' }).items, ['c', 'd']);
    assert.deepEqual(cutPage(IDS, same, { limit: 9, cursor: 'bb' }).items, ['c', 'd']);
    assert.deepEqual(cutPage(IDS, same, { limit: 9, cursor: 'd' }).items, []);
  });
  it('is in the order of code units, whatever the locale', () => {
    assert.deepEqual(sortedValues({ b: 1, B: 2, '10': 3, '9': 4, a: 5 }), [3, 4, 2, 5, 1]);
  });
});

describe('a member of a record', () => {
  it('is its own, never what every object inherits', () => {
    assert.equal(memberOf({ a: 1 }, 'a'), 1);
    assert.equal(memberOf({ a: 1 }, 'constructor'), null);
    assert.equal(memberOf({ a: 1 }, '__proto__'), null);
  });
});
