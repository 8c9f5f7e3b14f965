/**
 * Records: what goes over a connection once the handshake is done. One holds the frames of one turn of
 * the event loop, so that the price of a record is shared by all of them.
 *
 *   u32 length of what follows, u48 sequence, frames, [16 bytes of authentication code]
 *
 * The sequence counts from 0 for each direction and must be the next one. Without TLS the code is
 * HMAC-SHA256 over everything before it, cut to 16 bytes, under the key of this direction of this
 * session: a record that was changed, repeated, left out, moved, sent back or taken from another
 * session is refused. It is not encrypted. With TLS there is no code, for TLS has done that.
 */

import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

import { ByteReader, ByteWriter } from './bytes.ts';

const HEAD_BYTES = 10;
const MAC_BYTES = 16;

/** Bytes of a record besides its frames. */
export const RECORD_OVERHEAD_BYTES = HEAD_BYTES + MAC_BYTES;

export class RecordSealer {
  readonly #key: KeyObject | null;
  #sequence = 0;

  /** A null key: the connection authenticates what it carries. */
  constructor(key: Buffer | null) {
    this.#key = key === null ? null : createSecretKey(key);
  }

  /** A record with room for `bytes` of frames; the writer stands where they begin. */
  begin(bytes: number): ByteWriter {
    const total = HEAD_BYTES + bytes + (this.#key === null ? 0 : MAC_BYTES);
    const writer = new ByteWriter(Buffer.allocUnsafe(total));
    writer.u32(total - 4);
    writer.u48(this.#sequence);
    this.#sequence += 1;
    return writer;
  }

  /** The finished record. */
  seal(writer: ByteWriter): Buffer {
    const { bytes, offset } = writer;
    if (this.#key !== null)
      mac(this.#key, bytes.subarray(0, offset)).copy(bytes, offset, 0, MAC_BYTES);
    return bytes;
  }
}

export type RecordRefusal = 'malformed' | 'oversized' | 'mac' | 'sequence';

/** Puts records together again from the pieces in which they arrive. */
export class RecordOpener {
  readonly #key: KeyObject | null;
  readonly #bytesMax: number;
  readonly #macBytes: number;
  #sequence = 0;
  #pieces: Buffer[] = [];
  #held = 0;
  /** How much must be there before it is worth looking again. */
  #needed = 4;

  constructor(key: Buffer | null, bytesMax: number) {
    this.#key = key === null ? null : createSecretKey(key);
    this.#macBytes = key === null ? 0 : MAC_BYTES;
    this.#bytesMax = bytesMax;
  }

  /**
   * Takes what arrived and gives the frames of each record that is complete to `receive`, until that
   * returns false. Returns why nothing more can be believed, or null.
   */
  push(chunk: Buffer, receive: (frames: ByteReader) => boolean): RecordRefusal | null {
    this.#held += chunk.length;
    if (this.#pieces.length > 0) {
      this.#pieces.push(chunk);
      if (this.#held < this.#needed) return null;
    }
    const bytes = this.#pieces.length > 0 ? Buffer.concat(this.#pieces, this.#held) : chunk;
    this.#pieces = [];
    let offset = 0;
    for (;;) {
      const left = bytes.length - offset;
      this.#needed = 4;
      if (left < 4) break;
      const length = bytes.readUInt32LE(offset);
      if (length + 4 > this.#bytesMax) return 'oversized';
      if (length + 4 < HEAD_BYTES + this.#macBytes) return 'malformed';
      this.#needed = length + 4;
      if (left < this.#needed) break;
      const refusal = this.#open(bytes, offset, offset + this.#needed);
      if (refusal !== null) return refusal;
      const end = offset + this.#needed - this.#macBytes;
      offset += this.#needed;
      if (!receive(new ByteReader(bytes, offset - this.#needed + HEAD_BYTES, end))) return null;
    }
    this.#held = bytes.length - offset;
    if (this.#held > 0) this.#pieces.push(bytes.subarray(offset));
    return null;
  }

  #open(bytes: Buffer, start: number, end: number): RecordRefusal | null {
    if (this.#key !== null) {
      const covered = bytes.subarray(start, end - MAC_BYTES);
      const code = mac(this.#key, covered).subarray(0, MAC_BYTES);
      if (!timingSafeEqual(code, bytes.subarray(end - MAC_BYTES, end))) return 'mac';
    }
    if (bytes.readUIntLE(start + 4, 6) !== this.#sequence) return 'sequence';
    this.#sequence += 1;
    return null;
  }
}

function mac(key: KeyObject, bytes: Buffer): Buffer {
  return createHmac('sha256', key).update(bytes).digest();
}
