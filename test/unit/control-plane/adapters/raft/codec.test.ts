import assert from 'node:assert/strict';
import fc from 'fast-check';

import { DecodeError } from '../../../../../control-plane/adapters/raft/bytes.ts';
import {
  decodeMessage,
  encodeMessage,
  messageBytes,
} from '../../../../../control-plane/adapters/raft/codec.ts';
import { VOTE_REASONS } from '../../../../../control-plane/model/raft-message.ts';
import type { RaftMessage } from '../../../../../control-plane/model/raft-message.ts';
import type { EntryType } from '../../../../../control-plane/model/log-entry.ts';

const seed = Date.now() % 2 ** 31;
const u48 = fc.nat(2 ** 48 - 1);
const id = fc.stringMatching(/^[a-z0-9-]{1,63}$/);
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const head = { from: id, to: id, term: u48 };
const indexOrNull = fc.option(u48, { nil: null });
const entryTypes: readonly EntryType[] = ['command', 'term_start', 'configuration'];
const someEntries = fc.array(
  fc.record({ term: u48, type: fc.constantFrom(...entryTypes), payload: bytes }),
  { maxLength: 20 },
);
const configuration = fc.array(id, { maxLength: 5 }).map((ids) => {
  const voters = [...new Set(ids)].sort();
  const addresses = Object.fromEntries(voters.map((voter) => [voter, `${voter}:7000`] as const));
  return { voters, outgoing: [], learners: [], addresses };
});

const message: fc.Arbitrary<RaftMessage> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('pre_vote' as const, 'vote' as const),
    ...head,
    lastIndex: u48,
    lastTerm: u48,
    transfer: fc.boolean(),
  }),
  fc.record({
    kind: fc.constantFrom('pre_vote_reply' as const, 'vote_reply' as const),
    ...head,
    reason: fc.constantFrom(...VOTE_REASONS),
  }),
  fc
    .record({ ...head, previousIndex: fc.nat(2 ** 47), previousTerm: u48, commitIndex: u48 })
    .chain((fields) =>
      someEntries.map((entries): RaftMessage => {
        const first = fields.previousIndex + 1;
        const successive = entries.map((entry, at) => ({ index: first + at, ...entry }));
        return { kind: 'append', ...fields, entries: successive };
      }),
    ),
  fc.record({
    kind: fc.constant('append_reply' as const),
    ...head,
    matchIndex: indexOrNull,
    previousIndex: u48,
    hintIndex: u48,
    hintTerm: u48,
  }),
  fc.record({ kind: fc.constant('heartbeat' as const), ...head, commitIndex: u48, round: u48 }),
  fc.record({ kind: fc.constant('heartbeat_reply' as const), ...head, round: u48, lastIndex: u48 }),
  fc.record({ ...head, index: u48, snapshotTerm: u48, configuration, bytes }).chain((fields) =>
    fc.tuple(fc.nat(2 ** 40), fc.nat(2 ** 40)).map(([offset, more]): RaftMessage => {
      const totalBytes = offset + fields.bytes.length + more;
      return { kind: 'snapshot_chunk', ...fields, offset, totalBytes };
    }),
  ),
  fc.record({ kind: fc.constant('snapshot_reply' as const), ...head, index: u48, nextOffset: u48 }),
  fc.record({ kind: fc.constant('timeout_now' as const), ...head }),
  fc.record({ kind: fc.constant('read_index' as const), ...head, readId: u48 }),
  fc.record({
    kind: fc.constant('read_index_reply' as const),
    ...head,
    readId: u48,
    index: indexOrNull,
  }),
);

/** What decoding makes of bytes that nobody vouches for: a message, or a DecodeError. */
function decoded(input: Buffer): RaftMessage | null {
  try {
    return decodeMessage(input);
  } catch (error) {
    assert(error instanceof DecodeError, `not a DecodeError: ${String(error)}`);
    return null;
  }
}

describe('raft codec', () => {
  it('reads back every message that it writes, in the size it said', () => {
    fc.assert(
      fc.property(message, (one) => {
        const encoded = encodeMessage(one);
        assert.equal(encoded.length, messageBytes(one));
        assert.deepEqual(decodeMessage(encoded), { ...one });
      }),
      { seed, numRuns: 2_000 },
    );
  });

  it('refuses every message that is cut short or goes on too long', () => {
    fc.assert(
      fc.property(message, fc.nat(), (one, at) => {
        const encoded = encodeMessage(one);
        assert.equal(decoded(encoded.subarray(0, at % encoded.length)), null);
        assert.equal(decoded(Buffer.concat([encoded, Buffer.alloc(1)])), null);
      }),
      { seed, numRuns: 500 },
    );
  });

  it('answers random bytes with a DecodeError and nothing else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (array) => {
        decoded(Buffer.from(array));
      }),
      { seed, numRuns: 5_000 },
    );
  });

  it('reads a changed message as one that it could have written, or refuses it', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.integer({ min: 1, max: 255 }), (one, at, change) => {
        const encoded = encodeMessage(one);
        const place = at % encoded.length;
        encoded.writeUInt8(encoded.readUInt8(place) ^ change, place);
        const read = decoded(encoded);
        if (read === null || read.kind === 'snapshot_chunk') return;
        assert.deepEqual(encodeMessage(read), encoded);
      }),
      { seed, numRuns: 5_000 },
    );
  });

  it('gives payloads as views on the bytes that came in', () => {
    const payload = Buffer.from('payload');
    const entries = [{ index: 5, term: 2, type: 'command', payload }] as const;
    const at = { previousIndex: 4, previousTerm: 2, commitIndex: 4 };
    const encoded = encodeMessage({ kind: 'append', from: 'a', to: 'b', term: 2, ...at, entries });
    const read = decodeMessage(encoded);
    assert(read.kind === 'append');
    encoded.fill('X', encoded.length - payload.length);
    assert.equal(Buffer.from(read.entries[0]?.payload ?? []).toString(), 'XXXXXXX');
  });

  it('does not believe a number of entries for which there are no bytes', () => {
    const at = { previousIndex: 4, previousTerm: 2, commitIndex: 4 };
    const head = { from: 'a', to: 'b', term: 2 };
    const encoded = encodeMessage({ kind: 'append', ...head, ...at, entries: [] });
    encoded.writeUInt32LE(0xffff_ffff, encoded.length - 4);
    assert.throws(() => decodeMessage(encoded), DecodeError);
  });

  it('refuses a chunk beyond the end of its snapshot, and ids that are none', () => {
    const place = { index: 9, snapshotTerm: 2, offset: 10, bytes: Buffer.alloc(8) };
    const configuration = { voters: [], outgoing: [], learners: [], addresses: {} };
    const chunk = { kind: 'snapshot_chunk', from: 'a', to: 'b', term: 2 } as const;
    const fits = { ...chunk, ...place, configuration, totalBytes: 18 };
    assert.equal(decodeMessage(encodeMessage(fits)).kind, 'snapshot_chunk');
    assert.throws(() => decodeMessage(encodeMessage({ ...fits, totalBytes: 17 })), DecodeError);
    const wrongId = encodeMessage({ kind: 'timeout_now', from: 'UPPER', to: 'b', term: 1 });
    assert.throws(() => decodeMessage(wrongId), DecodeError);
  });
});
