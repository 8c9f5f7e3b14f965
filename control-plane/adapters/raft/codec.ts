/**
 * A Raft message in bytes, version 1 of the protocol. Written by hand, because an append is most of
 * what members say: a head, then the fields of its kind in a fixed order, and nothing behind them.
 *
 *   u8 kind, u8 + text from, u8 + text to, u48 term, fields
 *
 * An entry of an append is u8 type, u48 term, u32 length, payload; its index follows from its place.
 * Codes are never given a second meaning. Payloads that were read are views on the bytes they came in,
 * so an entry that is kept keeps its whole record: records are batches, so little else is in there.
 * Reading throws DecodeError for everything that writeMessage cannot have written, and judges nothing
 * beyond that: whether a message makes sense is the core's to say.
 */

import assert from 'node:assert/strict';

import { configurationText, parseConfiguration } from '../../model/configuration.ts';
import type { Configuration } from '../../model/configuration.ts';
import type { EntryType, LogEntry } from '../../model/log-entry.ts';
import type {
  MessageOf,
  RaftMessage,
  RaftMessageKind,
  VoteReason,
} from '../../model/raft-message.ts';
import { unreachable } from '../../model/reasons.ts';
import { ByteReader, ByteWriter, DecodeError } from './bytes.ts';

const KIND_CODES: Readonly<Record<RaftMessageKind, number>> = {
  pre_vote: 1,
  vote: 2,
  pre_vote_reply: 3,
  vote_reply: 4,
  append: 5,
  append_reply: 6,
  heartbeat: 7,
  heartbeat_reply: 8,
  snapshot_chunk: 9,
  snapshot_reply: 10,
  timeout_now: 11,
  read_index: 12,
  read_index_reply: 13,
};
const REASON_CODES: Readonly<Record<VoteReason, number>> = {
  granted: 1,
  already_voted: 2,
  log_behind: 3,
  leader_alive: 4,
  term_stale: 5,
  not_able: 6,
};
const ENTRY_CODES: Readonly<Record<EntryType, number>> = {
  command: 1,
  term_start: 2,
  configuration: 3,
};
const KINDS = byCode(KIND_CODES);
const REASONS = byCode(REASON_CODES);
const ENTRY_TYPES = byCode(ENTRY_CODES);

const ENTRY_HEAD_BYTES = 11;
const MEMBER_ID = /^[a-z0-9-]{1,63}$/;

export function isMemberId(text: string): boolean {
  return MEMBER_ID.test(text);
}

/** How many bytes writeMessage writes. */
export function messageBytes(message: RaftMessage): number {
  return 9 + message.from.length + message.to.length + fieldBytes(message);
}

export function writeMessage(writer: ByteWriter, message: RaftMessage): void {
  writer.u8(KIND_CODES[message.kind]);
  writer.shortText(message.from);
  writer.shortText(message.to);
  writer.u48(message.term);
  writeFields(writer, message);
}

export function encodeMessage(message: RaftMessage): Buffer {
  const writer = new ByteWriter(Buffer.allocUnsafe(messageBytes(message)));
  writeMessage(writer, message);
  return writer.bytes;
}

/** @throws DecodeError */
export function decodeMessage(bytes: Buffer): RaftMessage {
  return readMessage(new ByteReader(bytes));
}

/** Reads all that is left. @throws DecodeError */
export function readMessage(reader: ByteReader): RaftMessage {
  const kind = coded(KINDS, reader.u8(), 'kind of message');
  const head = { from: readMemberId(reader), to: readMemberId(reader), term: reader.u48() };
  const message = readFields(reader, kind, head);
  reader.finish();
  return message;
}

interface Head {
  readonly from: string;
  readonly to: string;
  readonly term: number;
}

function fieldBytes(message: RaftMessage): number {
  switch (message.kind) {
    case 'pre_vote':
    case 'vote':
      return 13;
    case 'pre_vote_reply':
    case 'vote_reply':
      return 1;
    case 'append': {
      let bytes = 22 + ENTRY_HEAD_BYTES * message.entries.length;
      for (const entry of message.entries) bytes += entry.payload.length;
      return bytes;
    }
    case 'append_reply':
      return 25;
    case 'heartbeat':
    case 'heartbeat_reply':
    case 'snapshot_reply':
      return 12;
    case 'snapshot_chunk':
      return 32 + configurationBytes(message.configuration).length + message.bytes.length;
    case 'timeout_now':
      return 0;
    case 'read_index':
      return 6;
    case 'read_index_reply':
      return 13;
    default:
      return unreachable(message);
  }
}

function writeFields(writer: ByteWriter, message: RaftMessage): void {
  switch (message.kind) {
    case 'pre_vote':
    case 'vote':
      writer.u48(message.lastIndex);
      writer.u48(message.lastTerm);
      writer.flag(message.transfer);
      return;
    case 'pre_vote_reply':
    case 'vote_reply':
      writer.u8(REASON_CODES[message.reason]);
      return;
    case 'append':
      writeAppend(writer, message);
      return;
    case 'append_reply':
      writeIndexOrNull(writer, message.matchIndex);
      writer.u48(message.previousIndex);
      writer.u48(message.hintIndex);
      writer.u48(message.hintTerm);
      return;
    case 'heartbeat':
      writer.u48(message.commitIndex);
      writer.u48(message.round);
      return;
    case 'heartbeat_reply':
      writer.u48(message.round);
      writer.u48(message.lastIndex);
      return;
    case 'snapshot_chunk':
      writeSnapshotChunk(writer, message);
      return;
    case 'snapshot_reply':
      writer.u48(message.index);
      writer.u48(message.nextOffset);
      return;
    case 'timeout_now':
      return;
    case 'read_index':
      writer.u48(message.readId);
      return;
    case 'read_index_reply':
      writer.u48(message.readId);
      writeIndexOrNull(writer, message.index);
      return;
    default:
      unreachable(message);
  }
}

function readFields(reader: ByteReader, kind: RaftMessageKind, head: Head): RaftMessage {
  switch (kind) {
    case 'pre_vote':
    case 'vote': {
      const [lastIndex, lastTerm] = [reader.u48(), reader.u48()];
      return { kind, ...head, lastIndex, lastTerm, transfer: reader.flag() };
    }
    case 'pre_vote_reply':
    case 'vote_reply':
      return { kind, ...head, reason: coded(REASONS, reader.u8(), 'reason of a vote') };
    case 'append':
      return readAppend(reader, head);
    case 'append_reply': {
      const matchIndex = readIndexOrNull(reader);
      const [previousIndex, hintIndex, hintTerm] = [reader.u48(), reader.u48(), reader.u48()];
      return { kind, ...head, matchIndex, previousIndex, hintIndex, hintTerm };
    }
    case 'heartbeat':
      return { kind, ...head, commitIndex: reader.u48(), round: reader.u48() };
    case 'heartbeat_reply':
      return { kind, ...head, round: reader.u48(), lastIndex: reader.u48() };
    case 'snapshot_chunk':
      return readSnapshotChunk(reader, head);
    case 'snapshot_reply':
      return { kind, ...head, index: reader.u48(), nextOffset: reader.u48() };
    case 'timeout_now':
      return { kind, ...head };
    case 'read_index':
      return { kind, ...head, readId: reader.u48() };
    case 'read_index_reply':
      return { kind, ...head, readId: reader.u48(), index: readIndexOrNull(reader) };
    default:
      return unreachable(kind);
  }
}

function writeAppend(writer: ByteWriter, message: MessageOf<'append'>): void {
  writer.u48(message.previousIndex);
  writer.u48(message.previousTerm);
  writer.u48(message.commitIndex);
  writer.u32(message.entries.length);
  let index = message.previousIndex;
  for (const entry of message.entries) {
    index += 1;
    assert.equal(entry.index, index, 'entries of an append are successive');
    writer.u8(ENTRY_CODES[entry.type]);
    writer.u48(entry.term);
    writer.u32(entry.payload.length);
    writer.put(entry.payload);
  }
}

function readAppend(reader: ByteReader, head: Head): RaftMessage {
  const [previousIndex, previousTerm, commitIndex] = [reader.u48(), reader.u48(), reader.u48()];
  const count = reader.u32();
  if (count > reader.left / ENTRY_HEAD_BYTES) throw new DecodeError('cut short');
  const entries: LogEntry[] = [];
  for (let index = previousIndex + 1; index <= previousIndex + count; index += 1) {
    const type = coded(ENTRY_TYPES, reader.u8(), 'type of entry');
    const term = reader.u48();
    entries.push({ index, term, type, payload: reader.view(reader.u32()) });
  }
  return { kind: 'append', ...head, previousIndex, previousTerm, commitIndex, entries };
}

function writeSnapshotChunk(writer: ByteWriter, message: MessageOf<'snapshot_chunk'>): void {
  const configuration = configurationBytes(message.configuration);
  writer.u48(message.index);
  writer.u48(message.snapshotTerm);
  writer.u32(configuration.length);
  writer.put(configuration);
  writer.u48(message.offset);
  writer.u48(message.totalBytes);
  writer.u32(message.bytes.length);
  writer.put(message.bytes);
}

function readSnapshotChunk(reader: ByteReader, head: Head): RaftMessage {
  const [index, snapshotTerm] = [reader.u48(), reader.u48()];
  const configuration = readConfiguration(reader.view(reader.u32()));
  const [offset, totalBytes] = [reader.u48(), reader.u48()];
  const bytes = reader.view(reader.u32());
  if (offset + bytes.length > totalBytes) {
    throw new DecodeError('a chunk reaches beyond the end of its snapshot');
  }
  const place = { index, snapshotTerm, configuration };
  return { kind: 'snapshot_chunk', ...head, ...place, offset, bytes, totalBytes };
}

function writeIndexOrNull(writer: ByteWriter, index: number | null): void {
  writer.flag(index !== null);
  writer.u48(index ?? 0);
}

function readIndexOrNull(reader: ByteReader): number | null {
  const isThere = reader.flag();
  const index = reader.u48();
  if (!isThere && index !== 0) throw new DecodeError('an index that is not there has a value');
  return isThere ? index : null;
}

function configurationBytes(configuration: Configuration): Buffer {
  return Buffer.from(configurationText(configuration), 'utf8');
}

function readConfiguration(text: Buffer): Configuration {
  try {
    return parseConfiguration(text.toString('utf8'));
  } catch (cause) {
    throw new DecodeError('a configuration cannot be read', { cause });
  }
}

function readMemberId(reader: ByteReader): string {
  const id = reader.shortText();
  if (!isMemberId(id)) throw new DecodeError('a member id is not one');
  return id;
}

function byCode<Name extends string>(
  codes: Readonly<Record<Name, number>>,
): readonly (Name | undefined)[] {
  const names: (Name | undefined)[] = [];
  for (const name in codes) names[codes[name]] = name;
  return names;
}

function coded<Name>(names: readonly (Name | undefined)[], code: number, what: string): Name {
  const name = names[code];
  if (name === undefined) throw new DecodeError(`unknown ${what}`);
  return name;
}
