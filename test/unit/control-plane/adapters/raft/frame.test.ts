import assert from 'node:assert/strict';
import fc from 'fast-check';

import {
  ByteReader,
  ByteWriter,
  DecodeError,
} from '../../../../../control-plane/adapters/raft/bytes.ts';
import {
  cleanTrace,
  frameBytes,
  readFrame,
  writeFrame,
} from '../../../../../control-plane/adapters/raft/frame.ts';
import type { Frame } from '../../../../../control-plane/adapters/raft/frame.ts';
import { heartbeat } from '../../../../support/raft-pair.ts';

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

function written(frames: readonly Frame[]): Buffer {
  const sizes = frames.map(frameBytes);
  const writer = new ByteWriter(Buffer.alloc(sizes.reduce((sum, size) => sum + size, 0)));
  frames.forEach((frame, at) => writeFrame(writer, frame, sizes[at] ?? 0));
  assert.equal(writer.offset, writer.bytes.length);
  return writer.bytes;
}

describe('raft frames', () => {
  it('come out as they went in, several in a record', () => {
    const payload = Buffer.from('payload');
    const frames: readonly Frame[] = [
      { kind: 'about', text: Buffer.from('http://m1:8080') },
      { kind: 'message', message: heartbeat('a', 'b', 1), trace: TRACE },
      { kind: 'message', message: heartbeat('a', 'b', 2), trace: null },
      { kind: 'request', id: 2 ** 32 - 1, payload, trace: TRACE },
      { kind: 'request', id: 1, payload, trace: null },
      { kind: 'answer', id: 1, payload },
      { kind: 'failure', id: 1, text: Buffer.from('no') },
      { kind: 'ping' },
      { kind: 'pong' },
    ];
    const reader = new ByteReader(written(frames));
    assert.deepEqual(
      frames.map(() => readFrame(reader)),
      frames,
    );
    assert.equal(reader.left, 0);
  });

  it('carry only traces of the known form', () => {
    assert.equal(cleanTrace(TRACE), TRACE);
    for (const wrong of ['', 'x', TRACE.toUpperCase(), `01${TRACE.slice(2)}`, `${TRACE}-x`]) {
      assert.equal(cleanTrace(wrong), null);
    }
  });

  it('are refused with a DecodeError and nothing else, whatever the bytes', () => {
    const seed = Date.now() % 2 ** 31;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(9), (array, type) => {
        const bytes = Buffer.concat([Buffer.alloc(4), Buffer.from([type, type % 2]), array]);
        bytes.writeUInt32LE(bytes.length - 4);
        try {
          readFrame(new ByteReader(bytes));
        } catch (error) {
          assert(error instanceof DecodeError, String(error));
        }
      }),
      { seed, numRuns: 5_000 },
    );
  });
});
