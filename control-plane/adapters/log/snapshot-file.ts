/** A snapshot on disk: the index and term of the last entry in it, and the state, as opaque bytes. */

import { join } from 'node:path';
import { LogDamageError } from './damage.ts';
import type { Disk } from './disk.ts';
import { snapshotName } from './names.ts';
import { readSealed, sealedBytes, writeSealed } from './sealed-file.ts';

const MAGIC = 'OMNISNP1';
const PLACE_BYTES = 12;

export interface SnapshotPlace {
  readonly index: number;
  readonly term: number;
}

export interface Snapshot extends SnapshotPlace {
  readonly payload: Uint8Array;
}

export function snapshotBytes(payload: Uint8Array): number {
  return sealedBytes(PLACE_BYTES + payload.length);
}

export function writeSnapshot(disk: Disk, directory: string, snapshot: Snapshot): Promise<void> {
  const content = Buffer.alloc(PLACE_BYTES + snapshot.payload.length);
  content.writeUIntLE(snapshot.index, 0, 6);
  content.writeUIntLE(snapshot.term, 6, 6);
  content.set(snapshot.payload, PLACE_BYTES);
  return writeSealed(disk, directory, snapshotName(snapshot.index), MAGIC, content);
}

/**
 * Reads the snapshot that is named for the index.
 * @throws LogDamageError
 */
export async function readSnapshot(
  disk: Disk,
  directory: string,
  index: number,
): Promise<Snapshot> {
  const path = join(directory, snapshotName(index));
  const content = await readSealed(disk, path, MAGIC);
  if (content.length < PLACE_BYTES || content.readUIntLE(0, 6) !== index) {
    throw new LogDamageError(path, 0, `it is not the snapshot at index ${index}`);
  }
  return { index, term: content.readUIntLE(6, 6), payload: content.subarray(PLACE_BYTES) };
}
