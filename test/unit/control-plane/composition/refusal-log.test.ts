import assert from 'node:assert/strict';
import {
  createRefusalLog,
  REFUSAL_LINE_EVERY_MS,
} from '../../../../control-plane/composition/refusal-log.ts';
import type { RefusalLog } from '../../../../control-plane/composition/refusal-log.ts';
import { REFUSAL_CAUSES } from '../../../../control-plane/model/raft-connection.ts';
import type { LogFields } from '../../../../control-plane/telemetry/logs.ts';

describe('the log of refused Raft connections', () => {
  let nowMs: number;
  let written: LogFields[];
  let refused: RefusalLog;
  beforeEach(() => {
    nowMs = 5;
    written = [];
    const logger = { info: (fields: LogFields) => void written.push(fields) };
    refused = createRefusalLog(logger, { monotonicMs: () => nowMs });
  });

  it('writes the first refusal of a cause at once', () => {
    refused('proof', 'a:1', 'its secret is another one');
    assert.deepEqual(written, [
      { cause: 'proof', remote: 'a:1', detail: 'its secret is another one', suppressed: 0 },
    ]);
  });

  it('writes one line of 10 000 refusals within an interval, and the others’ number in the next', () => {
    for (let count = 0; count < 10_000; count += 1) {
      nowMs = 5 + count * ((REFUSAL_LINE_EVERY_MS - 1) / 9_999);
      refused('malformed', `a:${count}`, 'garbage');
    }
    assert.equal(written.length, 1);
    nowMs = 5 + REFUSAL_LINE_EVERY_MS;
    refused('malformed', 'b:1', 'garbage again');
    assert.deepEqual(written.slice(1), [
      { cause: 'malformed', remote: 'b:1', detail: 'garbage again', suppressed: 9_999 },
    ]);
  });

  it('counts anew from each line on', () => {
    const detail = 'garbage';
    refused('malformed', 'a:1', detail);
    refused('malformed', 'a:2', detail);
    for (const remote of ['a:3', 'a:4']) {
      nowMs += REFUSAL_LINE_EVERY_MS;
      refused('malformed', remote, detail);
    }
    assert.deepEqual(
      written.map(({ remote, suppressed }) => [remote, suppressed]),
      [
        ['a:1', 0],
        ['a:3', 1],
        ['a:4', 0],
      ],
    );
  });

  it('lets a flood of one cause hide no other', () => {
    for (let count = 0; count < 3; count += 1) {
      for (const cause of REFUSAL_CAUSES) refused(cause, 'a:1', '');
    }
    assert.deepEqual(
      written.map(({ cause }) => cause),
      [...REFUSAL_CAUSES],
    );
  });
});
