import assert from 'node:assert/strict';
import { encodeCommand } from '../../../../../control-plane/loops/raft/command-codec.ts';
import {
  encodeAnswer,
  encodeChange,
  encodeError,
  encodeTransfer,
  parseChanged,
  parseCommitted,
  parseRequest,
  parseTransferred,
} from '../../../../../control-plane/loops/raft/requests.ts';
import type { Committed } from '../../../../../control-plane/model/command.ts';
import { ConsensusError } from '../../../../../control-plane/ports/consensus.ts';
import { MembershipError } from '../../../../../control-plane/ports/membership.ts';
import { numbered } from '../../../../support/log-commands.ts';

describe('requests between members', () => {
  it('carry a command as its own text, and copy the bytes they came in', () => {
    const { payload } = encodeCommand(numbered(1));
    const buffer = Buffer.from(payload);
    const request = parseRequest(buffer);
    buffer.fill(0);
    assert(request.type === 'command');
    assert.deepEqual(request.encoded.command, numbered(1));
    assert.deepEqual(Buffer.from(request.encoded.payload), Buffer.from(payload));
  });

  it('carry changes and hand-overs', () => {
    const change = { add: [{ memberId: 'm4', address: 'host:1' }], promote: ['m3'], remove: [] };
    assert.deepEqual(parseRequest(encodeChange(change)), { type: 'change', change });
    for (const to of ['m2', null]) {
      assert.deepEqual(parseRequest(encodeTransfer(to)), { type: 'transfer', to });
    }
  });

  it('refuse what is no member id, no address, or too many, before it is sent', () => {
    const nothing = { add: [], promote: [], remove: [] };
    const wrong = [
      { ...nothing, promote: ['M 1'] },
      { ...nothing, remove: [''] },
      { ...nothing, add: [{ memberId: 'm4', address: 'no port' }] },
      { ...nothing, remove: Array.from({ length: 65 }, (_, at) => `m${at}`) },
    ];
    for (const change of wrong) assert.throws(() => encodeChange(change), /change\./);
    assert.throws(() => encodeTransfer('no such id'), /is not a member id/);
  });

  it('bring back answers, refusals and failures as what they are', () => {
    const committed: Committed[] = [
      { token: { term: 1, index: 2 }, result: { kind: 'applied', version: 3, repeated: true } },
      {
        token: { term: 1, index: 2 },
        result: { kind: 'refused', refusal: 'version_conflict', detail: 'd' },
      },
    ];
    for (const one of committed) assert.deepEqual(parseCommitted(encodeAnswer(one)), one);
    assert.deepEqual(parseTransferred(encodeAnswer({ leaderId: 'm2' })), { leaderId: 'm2' });
    parseChanged(encodeAnswer(null));
    const errors = [
      new ConsensusError('not_leader', 'm2 leads'),
      new ConsensusError('format_not_read', 'm3 reads up to 2'),
      new MembershipError('learner_lags', 'm4 lags by 2000 entries'),
    ];
    for (const error of errors) {
      const answer = encodeError(error);
      assert(answer !== null);
      assert.throws(() => parseChanged(answer), error);
    }
    assert.equal(encodeError(new Error('a bug')), null);
  });

  it('take nothing for an answer that is none', () => {
    for (const text of ['', '[]', '{"token":{"term":1,"index":2}}', '{"failure":"no such"}']) {
      assert.throws(() => parseCommitted(Buffer.from(text)));
    }
  });
});
