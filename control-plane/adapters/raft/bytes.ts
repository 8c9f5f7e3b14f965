/**
 * Reading and writing numbers, texts and byte strings of a frame. All numbers are little-endian; terms,
 * indexes and offsets take six bytes. The reader never looks beyond its bytes and throws nothing but
 * DecodeError; the writer is given a buffer of the exact size, and what does not fit there is a bug.
 */

/** The bytes are not what the protocol allows at this place. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

export class ByteReader {
  readonly bytes: Buffer;
  #offset: number;
  #end: number;

  constructor(bytes: Buffer, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#offset = offset;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#offset;
  }

  u8(): number {
    return this.bytes.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.bytes.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.#take(4));
  }

  u48(): number {
    return this.bytes.readUIntLE(this.#take(6), 6);
  }

  flag(): boolean {
    const value = this.u8();
    if (value > 1) throw new DecodeError('a flag is neither 0 nor 1');
    return value === 1;
  }

  /** A view, not a copy: it keeps the buffer that it was read from. */
  view(length: number): Buffer {
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** Behind a length of one byte; every byte is one character. */
  shortText(): string {
    const length = this.u8();
    const start = this.#take(length);
    return this.bytes.toString('latin1', start, start + length);
  }

  /** A reader of the next bytes alone; this one goes on behind them. */
  part(length: number): ByteReader {
    const start = this.#take(length);
    return new ByteReader(this.bytes, start, start + length);
  }

  /** @throws DecodeError when something is left. */
  finish(): void {
    if (this.left > 0) throw new DecodeError(`${this.left} bytes too many`);
  }

  #take(length: number): number {
    const start = this.#offset;
    if (length > this.#end - start) throw new DecodeError('cut short');
    this.#offset = start + length;
    return start;
  }
}

export class ByteWriter {
  readonly bytes: Buffer;
  offset: number;

  constructor(bytes: Buffer, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
  }

  u8(value: number): void {
    this.offset = this.bytes.writeUInt8(value, this.offset);
  }

  u16(value: number): void {
    this.offset = this.bytes.writeUInt16LE(value, this.offset);
  }

  u32(value: number): void {
    this.offset = this.bytes.writeUInt32LE(value, this.offset);
  }

  u48(value: number): void {
    this.offset = this.bytes.writeUIntLE(value, this.offset, 6);
  }

  flag(value: boolean): void {
    this.u8(value ? 1 : 0);
  }

  put(value: Uint8Array): void {
    this.bytes.set(value, this.offset);
    this.offset += value.length;
  }

  /** Of at most 255 characters up to U+00FF. */
  shortText(value: string): void {
    this.u8(value.length);
    this.offset += this.bytes.write(value, this.offset, 'latin1');
  }
}
