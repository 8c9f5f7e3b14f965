/** A log's files as version 1 of their formats had them, for tests that they are still read. */

import { crc32c } from '../../control-plane/adapters/log/crc32c.ts';
import { encodeBatch } from '../../control-plane/adapters/log/batch.ts';
import type { LogEntry } from '../../control-plane/model/log-entry.ts';

/** A segment: a header of 32 bytes and records without padding, each a batch of its own. */
export async function oldSegment(entries: readonly LogEntry[]): Promise<Buffer> {
  const firstIndex = entries[0]?.index ?? 1;
  const header = Buffer.alloc(32);
  header.write('OMNILOG\n', 'latin1');
  header.writeUInt32LE(1, 8);
  header.writeUIntLE(firstIndex, 12, 6);
  header.writeUInt32LE(crc32c(header.subarray(0, 28)), 28);
  const records = await Promise.all(
    entries.map(async (entry) => {
      const { bytes } = await encodeBatch([entry], entry.index);
      return bytes.subarray(0, 32 + entry.payload.length);
    }),
  );
  return Buffer.concat([header, ...records]);
}

export function oldHardState(state: {
  readonly memberId: string;
  readonly term: number;
  readonly votedFor: string | null;
  readonly durableIndex: number;
}): Buffer {
  return sealed('OMNIHRD1', Buffer.from(JSON.stringify(state)));
}

export function oldSnapshot(index: number, term: number, payload: string): Buffer {
  const place = Buffer.alloc(12);
  place.writeUIntLE(index, 0, 6);
  place.writeUIntLE(term, 6, 6);
  return sealed('OMNISNP1', Buffer.concat([place, Buffer.from(payload)]));
}

function sealed(magic: string, content: Buffer): Buffer {
  const header = Buffer.alloc(18);
  header.write(magic, 'latin1');
  header.writeUIntLE(content.length, 12, 6);
  const bytes = Buffer.concat([header, content]);
  bytes.writeUInt32LE(crc32c(bytes.subarray(12)), 8);
  return bytes;
}
