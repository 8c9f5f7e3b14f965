import assert from 'node:assert/strict';
import { crc32c, crc32cInTurns } from '../../../../../control-plane/adapters/log/crc32c.ts';

describe('crc32c', () => {
  it('gives the published values (RFC 3720, B.4)', () => {
    const ascending = Uint8Array.from({ length: 32 }, (_, at) => at);
    assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
    assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
    assert.equal(crc32c(ascending), 0x46dd794e);
    assert.equal(crc32c(ascending.toReversed()), 0x113fdb5c);
    assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
    assert.equal(crc32c(new Uint8Array()), 0);
  });

  it('is the same in one piece, in any two, and in turns', async () => {
    const bytes = Uint8Array.from({ length: 600_001 }, (_, at) => (at * 31) & 0xff);
    const whole = crc32c(bytes);
    for (const cut of [0, 1, 7, 8, 9, 1_000, 600_001]) {
      assert.equal(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut))), whole);
    }
    assert.equal(await crc32cInTurns(bytes), whole);
    assert.equal(await crc32cInTurns(bytes.subarray(9), crc32c(bytes.subarray(0, 9))), whole);
  });
});
