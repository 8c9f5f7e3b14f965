import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';

import { RecordOpener, RecordSealer } from '../../../../../control-plane/adapters/raft/record.ts';

const KEY = Buffer.alloc(32, 7);
const MAX = 1_000;

function sealed(sealer: RecordSealer, text: string): Buffer {
  const writer = sealer.begin(text.length);
  writer.put(Buffer.from(text));
  return sealer.seal(writer);
}

function opened(opener: RecordOpener, bytes: Buffer): { texts: string[]; refusal: string | null } {
  const texts: string[] = [];
  const refusal = opener.push(bytes, (frames) => {
    texts.push(frames.view(frames.left).toString());
    return true;
  });
  return { texts, refusal };
}

for (const key of [KEY, null]) {
  describe(`raft records ${key === null ? 'over TLS' : 'under a key'}`, () => {
    it('come out as they went in, however the bytes are cut', () => {
      const seed = Date.now() % 2 ** 31;
      const texts = fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 60 }), {
        maxLength: 9,
      });
      fc.assert(
        fc.property(texts, fc.integer({ min: 1, max: 70 }), (given, step) => {
          const sealer = new RecordSealer(key);
          const stream = Buffer.concat(given.map((text) => sealed(sealer, text)));
          const opener = new RecordOpener(key, MAX);
          const seen: string[] = [];
          for (let at = 0; at < stream.length; at += step) {
            const { texts: some, refusal } = opened(opener, stream.subarray(at, at + step));
            assert.equal(refusal, null);
            seen.push(...some);
          }
          assert.deepEqual(seen, given);
        }),
        { seed, numRuns: 300 },
      );
    });

    it('are refused when repeated, left out or moved', () => {
      const sealer = new RecordSealer(key);
      const first = sealed(sealer, 'first');
      const second = sealed(sealer, 'second');
      for (const order of [[first, first], [second], [second, first]]) {
        const { refusal } = opened(new RecordOpener(key, MAX), Buffer.concat(order));
        assert.equal(refusal, 'sequence');
      }
    });

    it('are refused above the limit before their bytes are there', () => {
      const opener = new RecordOpener(key, MAX);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(MAX - 3);
      assert.equal(opened(opener, length).refusal, 'oversized');
      assert.equal(opened(new RecordOpener(key, MAX), Buffer.alloc(4)).refusal, 'malformed');
    });
  });
}

describe('raft records under a key', () => {
  it('are refused at any changed bit, and under the key of the other direction', () => {
    const bytes = sealed(new RecordSealer(KEY), 'text');
    for (let at = 4; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ (1 << (at % 8)), at);
      assert.deepEqual(opened(new RecordOpener(KEY, MAX), changed), { texts: [], refusal: 'mac' });
    }
    const other = new RecordOpener(randomBytes(32), MAX);
    assert.deepEqual(opened(other, bytes), { texts: [], refusal: 'mac' });
  });

  it('stop at once when the receiver wants no more', () => {
    const sealer = new RecordSealer(KEY);
    const stream = Buffer.concat([sealed(sealer, 'one'), sealed(sealer, 'two')]);
    let records = 0;
    const refusal = new RecordOpener(KEY, MAX).push(stream, () => {
      records += 1;
      return false;
    });
    assert.deepEqual({ refusal, records }, { refusal: null, records: 1 });
  });
});
