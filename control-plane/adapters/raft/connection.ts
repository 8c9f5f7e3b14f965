/**
 * One authenticated connection, of either side: frames out, frames in, requests and their answers. What
 * is sent within one turn of the event loop leaves as one record. It never waits and never grows
 * beyond its bounds: a message that finds no room is dropped and counted, and of a client that does
 * not take its answers nothing more is read. The first thing that should not have come closes it.
 */

import type { Duplex } from 'node:stream';

import type { RaftMessage } from '../../model/raft-message.ts';
import { unreachable } from '../../model/reasons.ts';
import { TransportError } from '../../ports/raft-transport.ts';
import type { TraceParent } from '../../ports/raft-transport.ts';
import { DecodeError } from './bytes.ts';
import type { ByteReader } from './bytes.ts';
import type { DropCause, RefusalCause } from '../../model/raft-connection.ts';
import type { FrameKind, Traffic } from './counting.ts';
import type { Flusher } from './flusher.ts';
import { cleanTrace, frameBytes, frameKind, readFrame, writeFrame } from './frame.ts';
import type { Frame } from './frame.ts';
import type { Role, Session } from './handshake.ts';
import type { TransportLimits } from './limits.ts';
import { SendQueue } from './queue.ts';
import type { Waiting } from './queue.ts';
import { RECORD_OVERHEAD_BYTES, RecordOpener, RecordSealer } from './record.ts';
import { AskedRequests, ServedRequests } from './requests.ts';

/** Of a record of several frames; a larger frame travels alone. */
const BATCH_BYTES = 256 * 1024;
const FAILURE_TEXT_MAX = 200;

export interface ConnectionEnd {
  /** Null: it broke, or this side closed it. */
  readonly refusal: RefusalCause | null;
  readonly detail: string;
}

/** What a connection tells its owner. */
export interface ConnectionOwner {
  onMessage(message: RaftMessage, trace: TraceParent): void;
  onAbout(connection: Connection, text: string): void;
  onRequest(payload: Uint8Array, trace: TraceParent, signal: AbortSignal): Promise<Uint8Array>;
  onDropped(cause: DropCause, kind: FrameKind): void;
  /** Once; nothing comes after it. */
  onEnd(connection: Connection, end: ConnectionEnd): void;
}

export interface ConnectionParts {
  readonly socket: Duplex;
  readonly remote: string;
  readonly session: Session;
  readonly self: { readonly id: string; readonly role: Role };
  readonly limits: TransportLimits;
  readonly traffic: Traffic;
  readonly flusher: Flusher;
  readonly owner: ConnectionOwner;
}

export class Connection {
  readonly session: Session;
  readonly remote: string;
  readonly #parts: ConnectionParts;
  readonly #socket: Duplex;
  readonly #frameMax: number;
  readonly #sealer: RecordSealer;
  readonly #opener: RecordOpener;
  readonly #queue: SendQueue;
  readonly #asked = new AskedRequests();
  readonly #served: ServedRequests;
  readonly #abort = new AbortController();
  #isClosed = false;
  #isPaused = false;
  #isDirty = false;
  /** Signs of life since the last look, and looks without one. */
  #signs = 0;
  #silence = 0;

  constructor(parts: ConnectionParts) {
    const { socket, session, limits, self } = parts;
    const isClient = session.peerRole === 'client' || self.role === 'client';
    this.session = session;
    this.remote = parts.remote;
    this.#parts = parts;
    this.#socket = socket;
    this.#frameMax = isClient ? limits.clientFrameBytesMax : limits.memberFrameBytesMax;
    this.#sealer = new RecordSealer(session.keys?.send ?? null);
    this.#opener = new RecordOpener(session.keys?.receive ?? null, this.#frameMax);
    this.#queue = new SendQueue(limits.queueFramesMax, limits.queueBytesMax);
    this.#served = new ServedRequests(limits.requestsMax, limits.requestBytesMax);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Hears from now on; `rest` is what arrived behind the handshake. */
  begin(rest: Buffer): void {
    const socket = this.#socket;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#end(null, 'the other side closed the connection'));
    socket.on('close', () => this.#end(null, 'the connection broke'));
    socket.on('error', (error) => this.#end(null, error.message));
    if (rest.length > 0) this.#onData(rest);
  }

  /** False when the message was dropped, which is counted. */
  send(message: RaftMessage, trace: TraceParent): boolean {
    return this.#push({ kind: 'message', message, trace: cleanTrace(trace) });
  }

  sendAbout(text: string): void {
    this.#push({ kind: 'about', text: Buffer.from(text, 'utf8') });
  }

  /** @throws TransportError */
  request(payload: Uint8Array, trace: TraceParent, signal: AbortSignal): Promise<Uint8Array> {
    if (this.#isClosed) return failed('the connection is closed');
    const frame = { kind: 'request', id: 0, payload, trace: cleanTrace(trace) } as const;
    if (!this.#fits(frameBytes(frame))) return failed('the request is larger than a frame may be');
    if (this.#asked.size >= this.#parts.limits.requestsMax) {
      return failed('overloaded: too many requests are in flight');
    }
    return this.#asked.ask(signal, (id) => {
      if (!this.#push({ ...frame, id })) this.#asked.fail(id, 'overloaded: the connection is full');
    });
  }

  /** One look for signs of life; false when it was one too many in vain, and the connection is closed. */
  checkAlive(): boolean {
    const { limits } = this.#parts;
    const isClient = this.session.peerRole === 'client';
    this.#silence = this.#signs > 0 ? 0 : this.#silence + 1;
    this.#signs = 0;
    if (this.#silence > (isClient ? limits.clientSilenceMax : limits.memberSilenceMax)) {
      this.#end(null, `silent for ${this.#silence * limits.keepaliveMs} ms`);
      return false;
    }
    if (this.#silence > 0) this.#push({ kind: 'ping' });
    return true;
  }

  close(detail: string): void {
    this.#end(null, detail);
  }

  /** Sends what waits, as far as the socket takes it; the flusher calls it once a turn. */
  flush(): void {
    this.#isDirty = false;
    const { socketBytesMax } = this.#parts.limits;
    const batchMax = Math.min(BATCH_BYTES, this.#frameMax - RECORD_OVERHEAD_BYTES);
    let written = 0;
    while (!this.#isClosed && this.#queue.frames > 0) {
      if (this.#socket.writableLength >= socketBytesMax) break;
      if (written >= socketBytesMax) {
        this.#markDirty();
        break;
      }
      written += this.#write(this.#queue.take(batchMax));
    }
    this.#holdOrGoOn();
  }

  /** Returns the bytes of the frames. */
  #write(batch: readonly Waiting[]): number {
    let bytes = 0;
    for (const waiting of batch) bytes += waiting.bytes;
    const writer = this.#sealer.begin(bytes);
    for (const waiting of batch) {
      writeFrame(writer, waiting.frame, waiting.bytes);
      this.#parts.traffic.sent(frameKind(waiting.frame), waiting.bytes);
      if (waiting.servedBytes !== null) this.#served.end(waiting.servedBytes);
    }
    this.#socket.write(this.#sealer.seal(writer), this.#onWritten);
    return bytes;
  }

  readonly #onWritten = (): void => {
    if (this.#isPaused) this.#signs += 1;
    if (this.#queue.frames > 0 || this.#isPaused) this.#markDirty();
  };

  /** A client that does not take its answers is not read from; a member is always heard. */
  #holdOrGoOn(): void {
    if (this.session.peerRole !== 'client' || this.#isClosed) return;
    const held = this.#queue.bytes + this.#socket.writableLength;
    const isFull = held > this.#parts.limits.socketBytesMax;
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#socket.pause();
    else this.#socket.resume();
  }

  #push(frame: Frame, servedBytes: number | null = null): boolean {
    if (this.#isClosed) return false;
    const bytes = frameBytes(frame);
    const cause = !this.#fits(bytes)
      ? 'oversized'
      : this.#queue.push({ frame, bytes, servedBytes })
        ? null
        : 'queue_full';
    if (cause === null) this.#markDirty();
    else this.#parts.owner.onDropped(cause, frameKind(frame));
    return cause === null;
  }

  #fits(bytes: number): boolean {
    return bytes + RECORD_OVERHEAD_BYTES <= this.#frameMax;
  }

  #markDirty(): void {
    if (this.#isDirty || this.#isClosed) return;
    this.#isDirty = true;
    this.#parts.flusher.add(this);
  }

  #onData(chunk: Buffer): void {
    this.#signs += 1;
    if (this.#isClosed) return;
    const refusal = this.#opener.push(chunk, (frames) => this.#onRecord(frames));
    if (refusal !== null) this.#end(refusal, `a record is refused: ${refusal}`);
    else this.#holdOrGoOn();
  }

  /** Whether to go on. */
  #onRecord(frames: ByteReader): boolean {
    while (frames.left > 0 && !this.#isClosed) {
      const left = frames.left;
      const frame = this.#read(frames);
      if (frame === null) return false;
      this.#parts.traffic.received(frameKind(frame), left - frames.left);
      this.#onFrame(frame);
    }
    return !this.#isClosed;
  }

  #read(frames: ByteReader): Frame | null {
    try {
      return readFrame(frames);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#end('malformed', `a frame is refused: ${error.message}`);
      return null;
    }
  }

  #onFrame(frame: Frame): void {
    if (!this.#mayArrive(frame)) {
      this.#end('forbidden', `a ${this.session.peerRole} may not send ${frame.kind} here`);
      return;
    }
    switch (frame.kind) {
      case 'message':
        this.#onMessage(frame.message, frame.trace);
        return;
      case 'request':
        this.#serve(frame.id, frame.payload, frame.trace);
        return;
      case 'answer':
        this.#asked.answer(frame.id, frame.payload);
        return;
      case 'failure':
        this.#asked.fail(frame.id, frame.text.toString('utf8'));
        return;
      case 'about':
        this.#parts.owner.onAbout(this, frame.text.toString('utf8'));
        return;
      case 'ping':
        this.#push({ kind: 'pong' });
        return;
      case 'pong':
        return;
      default:
        unreachable(frame);
    }
  }

  #mayArrive(frame: Frame): boolean {
    const asks = frame.kind === 'request';
    const answers = frame.kind === 'answer' || frame.kind === 'failure' || frame.kind === 'about';
    const keeps = frame.kind === 'ping' || frame.kind === 'pong';
    if (this.session.peerRole === 'client') return asks || keeps;
    return this.#parts.self.role === 'member' || answers || keeps;
  }

  #onMessage(message: RaftMessage, trace: TraceParent): void {
    if (message.from !== this.session.peerId || message.to !== this.#parts.self.id) {
      this.#end('misaddressed', 'a message from, or to, another member');
      return;
    }
    this.#parts.owner.onMessage(message, trace);
  }

  #serve(id: number, payload: Uint8Array, trace: TraceParent): void {
    const bytes = payload.length;
    if (!this.#served.begin(bytes)) {
      this.#push(failureFrame(id, 'overloaded: too many requests of this connection'));
      return;
    }
    const { owner } = this.#parts;
    Promise.try(() => owner.onRequest(payload, trace, this.#abort.signal)).then(
      (answer) => this.#answer(id, answer, bytes),
      (error: unknown) => {
        const text = error instanceof Error ? error.message : 'the request failed';
        this.#reply(failureFrame(id, text), bytes);
      },
    );
  }

  #answer(id: number, payload: Uint8Array, servedBytes: number): void {
    const frame: Frame = { kind: 'answer', id, payload };
    if (this.#fits(frameBytes(frame))) this.#reply(frame, servedBytes);
    else this.#reply(failureFrame(id, 'the answer is larger than a frame may be'), servedBytes);
  }

  #reply(frame: Frame, servedBytes: number): void {
    if (!this.#push(frame, servedBytes)) this.#served.end(servedBytes);
  }

  #end(refusal: RefusalCause | null, detail: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    const { owner } = this.#parts;
    for (const { frame } of this.#queue.take(Number.POSITIVE_INFINITY)) {
      owner.onDropped('connection_lost', frameKind(frame));
    }
    this.#asked.failAll(`the connection to ${this.session.peerId} was lost: ${detail}`);
    this.#abort.abort(new TransportError(detail));
    owner.onEnd(this, { refusal, detail });
  }
}

function failed(message: string): Promise<never> {
  return Promise.reject(new TransportError(message));
}

function failureFrame(id: number, text: string): Frame {
  return { kind: 'failure', id, text: Buffer.from(text.slice(0, FAILURE_TEXT_MAX), 'utf8') };
}
