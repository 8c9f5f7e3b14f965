/** Records as text. */

import assert from 'node:assert/strict';
import {
  parseRecord,
  recordText,
} from '../../../../../control-plane/adapters/postgres/record-text.ts';
import { decision, outcomeOf, START_MS } from '../../../../contract/decision-store.ts';

describe('record text', () => {
  it('knows an act from a hold', () => {
    const verdict = { kind: 'act', direction: 'in', replicas: 1, reason: 'below_target' } as const;
    assert.equal(recordText(decision(START_MS, { outcome: outcomeOf(verdict) })).act, true);
    assert.equal(recordText(decision(START_MS)).act, false);
  });

  it('is read again as it was', () => {
    const record = decision(START_MS);
    assert.deepEqual(parseRecord(recordText(record).json), record);
  });

  it('refuses what is no record', () => {
    for (const text of ['', '{', 'null', '7', '[]', '{"id":"x"}']) {
      assert.throws(() => parseRecord(text), SyntaxError, text);
    }
  });
});
