/**
 * The frames of Postgres's protocol (version 3), as far as one must see them to know where a client's
 * request ends and whether the session is in a transaction afterwards. It looks into no query and no
 * row; what is longer than the bound, or cannot be a frame, is refused.
 * Source: PostgreSQL's documentation, "Message Formats".
 */

/** The first message of a connection has no type; its code says what it is. */
export type Opening = 'startup' | 'encryption' | 'cancel';

export type ClientFrame =
  | { readonly kind: 'opening'; readonly opening: Opening; readonly bytes: Buffer }
  | { readonly kind: 'message'; readonly type: string; readonly bytes: Buffer };

/** The session after a request: `I`dle, in a `T`ransaction, in one that failed (`E`). */
export type SessionStatus = 'I' | 'T' | 'E';

export class FrameError extends Error {
  override readonly name = 'FrameError';
}

/** Cuts what a client sends into frames, in whatever pieces it arrives. */
export class FrameReader {
  readonly #bytesMax: number;
  #pieces: Buffer[] = [];
  #length = 0;
  #opened = false;

  /** @param bytesMax of one frame */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  push(bytes: Buffer): void {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  /** The next whole frame; null when there is none yet. @throws FrameError */
  next(): ClientFrame | null {
    const head = this.#opened ? 1 : 0;
    if (this.#length < head + 4) return null;
    const lengthHere = this.#joined(head + 4).readInt32BE(head);
    if (lengthHere < 4 || lengthHere > this.#bytesMax) {
      throw new FrameError(`a frame of ${lengthHere} bytes`);
    }
    const total = head + lengthHere;
    if (this.#length < total) return null;
    const held = this.#joined(total);
    const bytes = held.subarray(0, total);
    this.#pieces = held.length === total ? [] : [held.subarray(total)];
    this.#length -= total;
    if (this.#opened) return { kind: 'message', type: String.fromCharCode(bytes[0] ?? 0), bytes };
    const opening = openingOf(bytes);
    this.#opened = opening === 'startup';
    return { kind: 'opening', opening, bytes };
  }

  /** The pieces as one, once the first is shorter than asked for: each byte is copied a few times at most. */
  #joined(length: number): Buffer {
    const [first] = this.#pieces;
    if (first !== undefined && first.length >= length) return first;
    const joined = Buffer.concat(this.#pieces);
    this.#pieces = [joined];
    return joined;
  }
}

const PROTOCOL_MAJOR = 3;
const CODE_CANCEL = 80_877_102;
const CODES_ENCRYPTION: readonly number[] = [80_877_103, 80_877_104];

function openingOf(bytes: Buffer): Opening {
  const code = bytes.length >= 8 ? bytes.readInt32BE(4) : 0;
  if (code === CODE_CANCEL) return 'cancel';
  if (CODES_ENCRYPTION.includes(code)) return 'encryption';
  if (code >>> 16 === PROTOCOL_MAJOR) return 'startup';
  throw new FrameError(`an opening with code ${code}`);
}

/** What the last ReadyForQuery in the server's answer says; null when there is none in it. */
export function statusAfter(answer: Buffer): SessionStatus | null {
  let status: SessionStatus | null = null;
  for (let at = 0; at + 5 <= answer.length; at += 1 + answer.readInt32BE(at + 1)) {
    if (answer[at] !== READY_FOR_QUERY) continue;
    const letter = String.fromCharCode(answer[at + 5] ?? 0);
    status = letter === 'T' || letter === 'E' ? letter : 'I';
  }
  return status;
}

const READY_FOR_QUERY = 0x5a;

/** A simple query as a client sends it. */
export function queryFrame(text: string): Buffer {
  const body = Buffer.from(`${text}\0`);
  const frame = Buffer.alloc(5);
  frame.write('Q');
  frame.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([frame, body]);
}

/** What a client is told before its connection is closed; it cannot go on. */
export function fatalFrame(sqlState: string, message: string): Buffer {
  const body = Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0M${message}\0\0`);
  const frame = Buffer.alloc(5);
  frame.write('E');
  frame.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([frame, body]);
}
