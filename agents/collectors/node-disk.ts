/** Block devices, from the text of /proc/diskstats (Documentation/admin-guide/iostats.rst). */

import type { Emit, Family } from '../collector.ts';
import { CollectorError } from '../failures.ts';
import { counter, gauge } from '../family.ts';

/** The kernel counts in sectors of 512 bytes, whatever the device's own size is. */
const SECTOR_BYTES = 512;
const MS = 1e-3;

function disk(name: string, help: string, factor: number): readonly [Family, number] {
  return [counter(`omnimind_node_disk_${name}_total`, help, 'device'), factor];
}

/** In the order of the fields after the device's name. */
const fields: readonly (readonly [Family, number])[] = [
  disk('reads', 'Reads completed.', 1),
  disk('reads_merged', 'Reads merged with an adjacent one.', 1),
  disk('read_bytes', 'Bytes read.', SECTOR_BYTES),
  disk('read_time_seconds', 'Time that all reads took, summed up.', MS),
  disk('writes', 'Writes completed.', 1),
  disk('writes_merged', 'Writes merged with an adjacent one.', 1),
  disk('written_bytes', 'Bytes written.', SECTOR_BYTES),
  disk('write_time_seconds', 'Time that all writes took, summed up.', MS),
  [gauge('omnimind_node_disk_io_in_progress', 'Requests in progress.', 'device'), 1],
  disk('io_time_seconds', 'Time in which at least one request was in progress.', MS),
  disk('io_time_weighted_seconds', 'Time in progress of all requests, summed up.', MS),
  disk('discards', 'Discards completed.', 1),
  disk('discards_merged', 'Discards merged with an adjacent one.', 1),
  disk('discarded_bytes', 'Bytes discarded.', SECTOR_BYTES),
  disk('discard_time_seconds', 'Time that all discards took, summed up.', MS),
  disk('flushes', 'Flushes completed.', 1),
  disk('flush_time_seconds', 'Time that all flushes took, summed up.', MS),
];

export const diskFamilies: readonly Family[] = fields.map(([family]) => family);

export function emitDisks(text: string, exclude: RegExp, emit: Emit): void {
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, , device, ...values] = line.trim().split(/\s+/);
    if (device === undefined || values.length < 4) {
      throw new CollectorError('malformed', '/proc/diskstats has a line with too few fields');
    }
    // Partitions of kernels before 4.18 have four fields of another meaning.
    if (values.length < 11 || exclude.test(device)) continue;
    for (let index = 0; index < fields.length && index < values.length; index++) {
      const field = fields[index];
      if (field !== undefined) emit(field[0], Number(values[index]) * field[1], device);
    }
  }
}
