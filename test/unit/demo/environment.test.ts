import assert from 'node:assert/strict';
import { readNumber, readText } from '../../../demo/environment.ts';

const SETTING = { name: 'SIZE', fallback: 5, min: 1, max: 10 };

describe('a setting of the demo', () => {
  it('has its default when it is unset or empty', () => {
    assert.equal(readNumber({}, SETTING), 5);
    assert.equal(readNumber({ SIZE: '' }, SETTING), 5);
    assert.equal(readText({}, 'URL', 'http://x'), 'http://x');
  });

  it('is taken within its range, both ends included', () => {
    assert.equal(readNumber({ SIZE: '1' }, SETTING), 1);
    assert.equal(readNumber({ SIZE: '10' }, SETTING), 10);
  });

  for (const text of ['0.99', '10.01', 'ten', 'NaN', 'Infinity']) {
    it(`is refused by name when it is ${text}`, () => {
      assert.throws(() => readNumber({ SIZE: text }, SETTING), /SIZE is .* from 1 to 10/);
    });
  }
});
