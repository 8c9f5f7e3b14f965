import assert from 'node:assert/strict';
import { createModel } from '../../../../demo/inference/model.ts';

describe('the demo’s model', () => {
  it('answers the same prompt with the same tokens, and another with others', () => {
    const model = createModel(4);
    const tokens = (prompt: string): number[] => [...model.generate(prompt, 40)];
    assert.equal(tokens('one prompt').length, 40);
    assert.deepEqual(tokens('one prompt'), tokens('one prompt'));
    assert.notDeepEqual(tokens('one prompt'), tokens('another prompt'));
  });

  it('gives tokens in its range for any prompt, the empty one too', () => {
    const model = createModel(2);
    for (const prompt of ['', 'x', '\u{1f600}'.repeat(200)]) {
      for (const token of model.generate(prompt, 20)) {
        assert.ok(Number.isInteger(token) && token >= 0 && token < 128);
      }
    }
  });
});
