/**
 * A decision record as text and back. The text is what the spool and the database keep, verbatim:
 * what was decided is read again bit for bit. It refuses text that is not a record of its id.
 */

import type { DecisionRecord } from '../../model/decision.ts';

export interface RecordText {
  /** Acts outlive holds when the spool has to give something up. */
  readonly act: boolean;
  readonly json: string;
}

export function recordText(record: DecisionRecord): RecordText {
  return { act: record.outcome.verdict.kind === 'act', json: JSON.stringify(record) };
}

/**
 * Trusts the shape under the id: the text was written by recordText and guarded by a checksum.
 * @throws SyntaxError when it is no JSON object with a decisionId
 */
export function parseRecord(json: string): DecisionRecord {
  const found: unknown = JSON.parse(json);
  if (typeof found !== 'object' || found === null || !('decisionId' in found)) {
    throw new SyntaxError(`not a decision record: ${json.slice(0, 80)}`);
  }
  return found as DecisionRecord;
}
