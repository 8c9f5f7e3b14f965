/**
 * Frames: what a record holds one or more of.
 *
 *   u32 length of what follows, u8 type, u8 flags, [25 bytes of trace], body
 *
 *   about    a member's API URL, UTF-8; once, first
 *   message  a Raft message (codec.ts)
 *   request  u32 id, payload        answer  u32 id, payload
 *   failure  u32 id, UTF-8 text     ping, pong  nothing
 *
 * The only flag, 1, says that the trace is there: trace id, span id and flags of a W3C traceparent of
 * version 00. Which frames a role may send is not decided here.
 */

import type { RaftMessage } from '../../model/raft-message.ts';
import { unreachable } from '../../model/reasons.ts';
import type { TraceParent } from '../../ports/raft-transport.ts';
import { DecodeError } from './bytes.ts';
import type { ByteReader, ByteWriter } from './bytes.ts';
import { messageBytes, readMessage, writeMessage } from './codec.ts';
import type { FrameKind } from './counting.ts';

export type Frame =
  | { readonly kind: 'about'; readonly text: Buffer }
  | { readonly kind: 'message'; readonly message: RaftMessage; readonly trace: TraceParent }
  | {
      readonly kind: 'request';
      readonly id: number;
      readonly payload: Uint8Array;
      readonly trace: TraceParent;
    }
  | { readonly kind: 'answer'; readonly id: number; readonly payload: Uint8Array }
  | { readonly kind: 'failure'; readonly id: number; readonly text: Buffer }
  | { readonly kind: 'ping' | 'pong' };

const TYPES = {
  about: 1,
  message: 2,
  request: 3,
  answer: 4,
  failure: 5,
  ping: 6,
  pong: 7,
} as const;
const HEAD_BYTES = 6;
const HAS_TRACE = 1;
const TRACE_BYTES = 25;
const TRACE_PARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Null for what is not a traceparent of version 00: a trace is never worth a failure. */
export function cleanTrace(trace: TraceParent): TraceParent {
  return trace !== null && TRACE_PARENT.test(trace) ? trace : null;
}

/** The label under which a frame is counted. */
export function frameKind(frame: Frame): FrameKind {
  return frame.kind === 'message' ? frame.message.kind : frame.kind;
}

export function frameBytes(frame: Frame): number {
  switch (frame.kind) {
    case 'about':
      return HEAD_BYTES + frame.text.length;
    case 'message':
      return HEAD_BYTES + traceBytes(frame.trace) + messageBytes(frame.message);
    case 'request':
      return HEAD_BYTES + traceBytes(frame.trace) + 4 + frame.payload.length;
    case 'answer':
      return HEAD_BYTES + 4 + frame.payload.length;
    case 'failure':
      return HEAD_BYTES + 4 + frame.text.length;
    case 'ping':
    case 'pong':
      return HEAD_BYTES;
    default:
      return unreachable(frame);
  }
}

/** `bytes` is frameBytes(frame), which the caller knows already. */
export function writeFrame(writer: ByteWriter, frame: Frame, bytes: number): void {
  const trace = 'trace' in frame ? frame.trace : null;
  writer.u32(bytes - 4);
  writer.u8(TYPES[frame.kind]);
  writer.u8(trace === null ? 0 : HAS_TRACE);
  if (trace !== null) writeTrace(writer, trace);
  switch (frame.kind) {
    case 'about':
      writer.put(frame.text);
      return;
    case 'message':
      writeMessage(writer, frame.message);
      return;
    case 'request':
    case 'answer':
      writer.u32(frame.id);
      writer.put(frame.payload);
      return;
    case 'failure':
      writer.u32(frame.id);
      writer.put(frame.text);
      return;
    case 'ping':
    case 'pong':
      return;
    default:
      unreachable(frame);
  }
}

/** Reads the next frame of a record. @throws DecodeError */
export function readFrame(record: ByteReader): Frame {
  const reader = record.part(record.u32());
  const type = reader.u8();
  const flags = reader.u8();
  if (flags > HAS_TRACE) throw new DecodeError('unknown flags of a frame');
  const trace = flags === HAS_TRACE ? readTrace(reader.view(TRACE_BYTES)) : null;
  switch (type) {
    case TYPES.about:
      return { kind: 'about', text: reader.view(reader.left) };
    case TYPES.message:
      return { kind: 'message', message: readMessage(reader), trace };
    case TYPES.request:
      return { kind: 'request', id: reader.u32(), payload: reader.view(reader.left), trace };
    case TYPES.answer:
      return { kind: 'answer', id: reader.u32(), payload: reader.view(reader.left) };
    case TYPES.failure:
      return { kind: 'failure', id: reader.u32(), text: reader.view(reader.left) };
    case TYPES.ping:
    case TYPES.pong:
      reader.finish();
      return { kind: type === TYPES.ping ? 'ping' : 'pong' };
    default:
      throw new DecodeError('unknown type of frame');
  }
}

function traceBytes(trace: TraceParent): number {
  return trace === null ? 0 : TRACE_BYTES;
}

function writeTrace(writer: ByteWriter, trace: string): void {
  const hex = trace.slice(3, 35) + trace.slice(36, 52) + trace.slice(53, 55);
  writer.offset += writer.bytes.write(hex, writer.offset, 'hex');
}

function readTrace(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `00-${hex.slice(0, 32)}-${hex.slice(32, 48)}-${hex.slice(48)}`;
}
