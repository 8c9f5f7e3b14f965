/**
 * What a member must never forget, beside the log: its term, its vote, and how far its log was
 * durable when this was written. A log that ends before that has lost something acknowledged, even
 * when everything left of it reads well.
 */

import { join } from 'node:path';
import { LogDamageError } from './damage.ts';
import type { Disk } from './disk.ts';
import { readSealed, writeSealed } from './sealed-file.ts';

export const HARD_STATE_NAME = 'hard-state';
const MAGIC = 'OMNIHRD1';

export interface HardState {
  /** Whose log this is: a directory never changes hands. */
  readonly memberId: string;
  readonly term: number;
  /** The member voted for in this term. */
  readonly votedFor: string | null;
  /** The log reached at least this index. */
  readonly durableIndex: number;
}

export function writeHardState(disk: Disk, directory: string, state: HardState): Promise<void> {
  const { memberId, term, votedFor, durableIndex } = state;
  const content = Buffer.from(JSON.stringify({ memberId, term, votedFor, durableIndex }));
  return writeSealed(disk, directory, HARD_STATE_NAME, MAGIC, content);
}

/** @throws LogDamageError */
export async function readHardState(disk: Disk, directory: string): Promise<HardState> {
  const path = join(directory, HARD_STATE_NAME);
  const content = await readSealed(disk, path, MAGIC);
  const value = JSON.parse(content.toString('utf8')) as Partial<HardState>;
  const { memberId, term, votedFor, durableIndex } = value;
  if (
    typeof memberId !== 'string' ||
    typeof term !== 'number' ||
    typeof durableIndex !== 'number' ||
    (typeof votedFor !== 'string' && votedFor !== null)
  ) {
    throw new LogDamageError(path, 0, 'a field is missing or of the wrong type');
  }
  return { memberId, term, votedFor, durableIndex };
}
