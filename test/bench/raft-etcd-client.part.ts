/**
 * etcd's own client protocol, as cheaply as it can be spoken: gRPC's KV/Put over one HTTP/2 connection,
 * many calls at a time, written and read frame by frame, so that a comparison measures etcd and not an
 * HTTP library. What is sent within one turn of the event loop leaves in one write. It knows nothing
 * else: no other call, no TLS, and whatever it does not expect ends the connection with an error.
 */

import { connect } from 'node:net';
import type { Socket } from 'node:net';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const FRAME_HEAD_BYTES = 9;
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, window: 8 } as const;
const ACK = 1;
const END_STREAM = 1;
const END_HEADERS = 4;
/** What the other side may send in all, in bytes: as much as HTTP/2 allows. */
const WINDOW_BYTES = 2 ** 31 - 1;
const DEFAULT_WINDOW_BYTES = 65_535;

interface Call {
  answered: boolean;
  resolve(): void;
  reject(error: Error): void;
}

export class EtcdClient {
  readonly #socket: Socket;
  readonly #headers: Buffer;
  readonly #calls = new Map<number, Call>();
  #unsent: Buffer[] = [];
  #unread: Buffer = Buffer.alloc(0);
  #nextStream = 1;
  /** Bytes of data that may still be sent. */
  #window = DEFAULT_WINDOW_BYTES;
  #held: Buffer[] = [];

  constructor(address: string) {
    const [host, port] = address.split(':');
    this.#headers = headerBlock(address);
    this.#socket = connect({ host, port: Number(port), noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('etcd closed the connection')));
    this.#send(PREFACE);
    this.#send(frame(TYPE.settings, 0, 0, Buffer.alloc(0)));
    const more = Buffer.alloc(4);
    more.writeUInt32BE(WINDOW_BYTES - DEFAULT_WINDOW_BYTES);
    this.#send(frame(TYPE.window, 0, 0, more));
  }

  /** Resolves once etcd has committed it. */
  put(key: Buffer, value: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = this.#nextStream;
      this.#nextStream += 2;
      this.#calls.set(stream, { answered: false, resolve, reject });
      this.#send(frame(TYPE.headers, END_HEADERS, stream, this.#headers));
      this.#held.push(frame(TYPE.data, END_STREAM, stream, putMessage(key, value)));
      this.#sendHeld();
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #sendHeld(): void {
    for (let next = this.#held[0]; next !== undefined; next = this.#held[0]) {
      const bytes = next.length - FRAME_HEAD_BYTES;
      if (bytes > this.#window) return;
      this.#window -= bytes;
      this.#send(next);
      this.#held.shift();
    }
  }

  #send(bytes: Buffer): void {
    this.#unsent.push(bytes);
    if (this.#unsent.length > 1) return;
    setImmediate(() => {
      const unsent = this.#unsent;
      this.#unsent = [];
      if (!this.#socket.destroyed) this.#socket.write(Buffer.concat(unsent));
    });
  }

  #onData(chunk: Buffer): void {
    const bytes = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const end = at + FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      const head = { type: bytes.readUInt8(at + 3), flags: bytes.readUInt8(at + 4) };
      const stream = bytes.readUInt32BE(at + 5);
      this.#onFrame(head.type, head.flags, stream, bytes.subarray(at + FRAME_HEAD_BYTES, end));
      at = end;
    }
    this.#unread = bytes.subarray(at);
  }

  #onFrame(type: number, flags: number, stream: number, body: Buffer): void {
    const call = this.#calls.get(stream);
    if (type === TYPE.data && call !== undefined && body.length > 0) call.answered = true;
    if (type === TYPE.window && stream === 0) {
      this.#window += body.readUInt32BE(0);
      this.#sendHeld();
    }
    const asks = (type === TYPE.settings || type === TYPE.ping) && (flags & ACK) === 0;
    if (asks) this.#send(frame(type, ACK, 0, type === TYPE.ping ? body : Buffer.alloc(0)));
    if (type === TYPE.goAway) this.#fail(new Error(`etcd ends the connection: ${body.toString()}`));
    const isOver = (type === TYPE.data || type === TYPE.headers) && (flags & END_STREAM) !== 0;
    if (call === undefined || (!isOver && type !== TYPE.reset)) return;
    this.#calls.delete(stream);
    // gRPC answers a call that failed with a status alone, and one that succeeded with a message.
    if (call.answered) call.resolve();
    else call.reject(new Error(`etcd refused a put: ${body.toString('latin1')}`));
  }

  #fail(error: Error): void {
    for (const call of this.#calls.values()) call.reject(error);
    this.#calls.clear();
    this.#socket.destroy();
  }
}

function frame(type: number, flags: number, stream: number, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + body.length);
  bytes.writeUIntBE(body.length, 0, 3);
  bytes.writeUInt8(type, 3);
  bytes.writeUInt8(flags, 4);
  bytes.writeUInt32BE(stream, 5);
  body.copy(bytes, FRAME_HEAD_BYTES);
  return bytes;
}

/** HPACK of the same request each time: method, scheme, and literals that are not indexed. */
function headerBlock(authority: string): Buffer {
  const text = (value: string): Buffer => Buffer.from([value.length, ...Buffer.from(value)]);
  return Buffer.concat([
    Buffer.from([0x83, 0x86, 0x04]),
    text('/etcdserverpb.KV/Put'),
    Buffer.from([0x01]),
    text(authority),
    Buffer.from([0x0f, 0x10]),
    text('application/grpc'),
    Buffer.from([0x00]),
    text('te'),
    text('trailers'),
  ]);
}

/** A PutRequest with its length in front, as gRPC wants it. */
function putMessage(key: Buffer, value: Buffer): Buffer {
  const fields = [Buffer.from([0x0a]), varint(key.length), key];
  fields.push(Buffer.from([0x12]), varint(value.length), value);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(
    fields.reduce((sum, { length }) => sum + length, 0),
    1,
  );
  return Buffer.concat([head, ...fields]);
}

function varint(value: number): Buffer {
  return value < 128 ? Buffer.from([value]) : Buffer.from([(value & 127) | 128, value >> 7]);
}
