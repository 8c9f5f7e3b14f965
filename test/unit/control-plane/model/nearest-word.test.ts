import assert from 'node:assert/strict';
import { nearestWord } from '../../../../control-plane/model/nearest-word.ts';

const WORDS = ['ceil', 'floor', 'queue_depth', 'workers', 'Europe/Berlin'];

const CASES: readonly [word: string, meant: string | null][] = [
  ['ceil', 'ceil'],
  ['celi', 'ceil'],
  ['cel', 'ceil'],
  ['ceill', 'ceil'],
  ['deil', 'ceil'],
  ['CEIL', 'ceil'],
  ['worker', 'workers'],
  ['workres', 'workers'],
  ['queue_dpeth', 'queue_depth'],
  ['queue-depth', 'queue_depth'],
  ['europe/berln', 'Europe/Berlin'],
  ['roof', null],
  ['xy', null],
  ['', null],
  ['c'.repeat(65), null],
];

describe('nearestWord', () => {
  for (const [word, meant] of CASES) {
    it(`takes ${JSON.stringify(word.slice(0, 20))} for ${meant ?? 'nothing'}`, () => {
      assert.equal(nearestWord(word, WORDS), meant);
    });
  }

  it('takes the first of two that are as near', () => {
    assert.equal(nearestWord('bat', ['cat', 'hat']), 'cat');
  });

  it('suggests no word of which every letter would change', () => {
    assert.equal(nearestWord('x', ['y']), null);
    assert.equal(nearestWord('p95', []), null);
  });

  it('allows one slip for every three letters', () => {
    assert.equal(nearestWord('abcdef', ['abcdxy']), 'abcdxy');
    assert.equal(nearestWord('abcdef', ['abcxyz']), null);
    assert.equal(nearestWord('abcde', ['abcxy']), null);
  });
});
