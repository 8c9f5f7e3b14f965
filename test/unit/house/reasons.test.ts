import assert from 'node:assert/strict';
import { REASON_MEANINGS } from '../../../control-plane/http/explanation.ts';
import { MODES } from '../../../control-plane/model/mode.ts';
import { REASONS } from '../../../control-plane/model/reasons.ts';
import { filesIn, textOf } from '../../support/source-tree.ts';

describe('the closed set of reasons', () => {
  it('has each reason once, in the form of a label', () => {
    assert.equal(new Set(REASONS).size, REASONS.length);
    for (const reason of REASONS) assert.match(reason, /^[a-z]+(_[a-z]+)+$/);
  });

  it('is produced, each by a decider, by the reading of signals or by the adapter', () => {
    const producers = filesIn([
      'control-plane/deciders',
      'control-plane/loops',
      'control-plane/adapters',
    ]);
    const literals = producers.map(({ text }) => text).join('\n');
    // A mode that does not act is a reason under its own name.
    const byMode = literals.includes('`mode_${mode}`') ? MODES.map((mode) => `mode_${mode}`) : [];
    const never = REASONS.filter(
      (reason) => !literals.includes(`'${reason}'`) && !byMode.includes(reason),
    );
    assert.deepEqual(never, []);
  });

  it('is explained, each by a sentence of its own', () => {
    assert.deepEqual(Object.keys(REASON_MEANINGS).sort(), [...REASONS].sort());
    const sentences = Object.values(REASON_MEANINGS);
    assert.equal(new Set(sentences).size, sentences.length);
    for (const sentence of sentences) assert.match(sentence, /^[A-Z].{20,110}\.$/);
  });

  it('has every reason about a signal that the documents name', () => {
    const known = new Set<string>(REASONS);
    for (const path of ['README.md', 'ARCHITECTURE.md']) {
      for (const [, name = ''] of textOf(path).matchAll(/`(signal_\w+|mode_\w+)`/g)) {
        assert.ok(known.has(name), `${path}: ${name}`);
      }
    }
  });
});
