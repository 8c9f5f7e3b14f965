/**
 * The journal of starts and ends: one line of JSON each, appended and synced before the start that
 * it announces, so that no replica ever ran that it does not name. It is kept for people and for
 * proofs; the target itself never reads it back.
 */

import { open, rename, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

import type { FencingToken } from '../../model/decision.ts';

/** `scale`: a token added it. `restart`: the one before it ended. `resume`: the plane had ended it. */
export type StartCause = 'scale' | 'restart' | 'resume';

export type JournalLine =
  | {
      readonly kind: 'start';
      readonly replicaId: string;
      readonly workloadId: string;
      readonly slotId: number;
      readonly cause: StartCause;
      readonly token: FencingToken;
      readonly port: number;
      readonly atMs: number;
    }
  | {
      readonly kind: 'end';
      /** Null for a slot that was given up before its first start. */
      readonly replicaId: string | null;
      readonly workloadId: string;
      readonly slotId: number;
      readonly atMs: number;
    };

export interface Journal {
  append(line: JournalLine): Promise<void>;
  close(): Promise<void>;
}

/** The file before the current one is kept, older ones are not. */
export async function openJournal(path: string, bytesMax: number): Promise<Journal> {
  let { file, bytes } = await openToAppend(path);
  let turn: Promise<unknown> = Promise.resolve();
  const appendNow = async (text: string): Promise<void> => {
    if (bytes > bytesMax) {
      await file.close();
      await rename(path, `${path}.1`);
      ({ file, bytes } = await openToAppend(path));
    }
    await file.appendFile(text);
    await file.datasync();
    bytes += Buffer.byteLength(text);
  };
  return {
    append(line) {
      const appended = turn.then(() => appendNow(`${JSON.stringify(line)}\n`));
      turn = appended.catch(() => undefined);
      return appended;
    },
    async close() {
      await turn;
      await file.close();
    },
  };
}

async function openToAppend(path: string): Promise<{ file: FileHandle; bytes: number }> {
  const file = await open(path, 'a+', 0o600);
  const { size } = await stat(path);
  if (size > 0) {
    // A crash may have cut the last line: the next one must not be glued to it.
    const last = Buffer.alloc(1);
    await file.read(last, 0, 1, size - 1);
    if (last.toString() !== '\n') await file.appendFile('\n');
  }
  return { file, bytes: size };
}
