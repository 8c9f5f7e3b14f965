/**
 * The records on disk, one file per workload, each replaced as a whole. Reading them back checks
 * the shape; a file that is not a record stops the start and is named, never skipped or guessed.
 */

import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { ScaleTargetError } from '../../ports/scale-target.ts';
import { readIfThere } from '../disk/reading.ts';
import { isAside, removeFile, replaceFile } from './files.ts';
import type { WorkloadRecord } from './record.ts';

const SUFFIX = '.json';
const WORKLOAD_ID = /^[a-z0-9-]{1,63}$/;

export interface RecordStore {
  /** @throws ScaleTargetError `unavailable` for a file that is not a record */
  readAll(): Promise<readonly WorkloadRecord[]>;
  /** Durable when it resolves. @throws ScaleTargetError `unavailable` */
  write(record: WorkloadRecord): Promise<void>;
  remove(workloadId: string): Promise<void>;
}

export function createRecordStore(directory: string): RecordStore {
  const pathOf = (workloadId: string): string => join(directory, workloadId + SUFFIX);
  return {
    async readAll() {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const records: WorkloadRecord[] = [];
      for (const name of (await readdir(directory)).sort()) {
        const path = join(directory, name);
        if (isAside(name)) await rm(path, { force: true });
        else if (name.endsWith(SUFFIX)) records.push(parseRecord(path, await readIfThere(path)));
      }
      return records;
    },
    async write(record) {
      const path = pathOf(record.workload.id);
      try {
        await replaceFile(path, `${JSON.stringify(record)}\n`);
      } catch (cause) {
        throw new ScaleTargetError('unavailable', `cannot write ${path}`, { cause });
      }
    },
    remove: (workloadId) => removeFile(pathOf(workloadId)),
  };
}

/** True for an id that may name a file. */
export function isWorkloadId(id: string): boolean {
  return WORKLOAD_ID.test(id);
}

function parseRecord(path: string, text: string | null): WorkloadRecord {
  const fail = (detail: string, cause?: unknown): never => {
    throw new ScaleTargetError('unavailable', `${path} is not a record: ${detail}`, { cause });
  };
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch (cause) {
    return fail('not JSON', cause);
  }
  if (!isObject(value)) return fail('not an object');
  if (value['formatVersion'] !== 1) return fail('written in another format');
  const { workload, token, slots } = value;
  if (!isObject(workload) || !isObject(workload['target'])) return fail('no workload');
  if (typeof workload['id'] !== 'string' || !isWorkloadId(workload['id'])) return fail('no id');
  if (!isToken(token)) return fail('no token');
  if (!isCount(value['replicas']) || !isCount(value['nextSlotId'])) return fail('no replicas');
  if (!Array.isArray(slots) || !slots.every(isSlot)) return fail('no slots');
  // Every field that is read later was checked, or is this process's own writing.
  return value as unknown as WorkloadRecord;
}

function isSlot(value: unknown): boolean {
  return (
    isObject(value) &&
    isCount(value['slotId']) &&
    isCount(value['starts']) &&
    isCount(value['failures']) &&
    isToken(value['token']) &&
    (value['port'] === null || isCount(value['port'])) &&
    (value['process'] === null || isIdentity(value['process'])) &&
    typeof value['stopping'] === 'boolean' &&
    typeof value['paused'] === 'boolean'
  );
}

function isIdentity(value: unknown): boolean {
  return (
    isObject(value) &&
    isCount(value['pid']) &&
    typeof value['startTicks'] === 'string' &&
    typeof value['bootId'] === 'string'
  );
}

function isToken(value: unknown): boolean {
  return isObject(value) && isCount(value['term']) && isCount(value['index']);
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
