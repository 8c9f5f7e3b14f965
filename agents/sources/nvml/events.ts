/**
 * Waits for XID errors (the driver's fault reports) with nvmlEventSetWait on a thread of its own,
 * so that polling never waits for it. It reports each once and counts nothing. Where the driver
 * offers no events, it ends quietly: the counters stay at 0.
 */

import { pause, type Report } from '../gpu/backend.ts';
import {
  EVENT_DATA_BYTES,
  EVENT_XID,
  NVML_SUCCESS,
  NVML_TIMEOUT,
  isAbsent,
  readEventData,
  readText,
  TEXT_BYTES,
} from './layout.ts';
import type { NvmlLibrary } from './library.ts';

/** How long one wait lasts: also how long an ending process may be kept by it. */
const WAIT_MS = 1000;
/** After an error of the wait itself, such as a lost GPU, which answers at once for ever. */
const RETRY_MS = 5000;

export async function watchXidEvents(
  library: NvmlLibrary,
  handles: readonly bigint[],
  report: Report,
  signal: AbortSignal,
): Promise<void> {
  const watch = createWatch(library, handles);
  if (watch === null) return;
  report({ kind: 'watching', uuids: [...watch.uuids.values()] });
  while (!signal.aborted) {
    const data = Buffer.alloc(EVENT_DATA_BYTES);
    const code = await library.callInThread('nvmlEventSetWait_v2', watch.set, data, WAIT_MS);
    if (code === NVML_SUCCESS) reportXid(watch, data, report);
    else if (isAbsent(code)) return;
    else if (code !== NVML_TIMEOUT) await pause(RETRY_MS, signal);
  }
}

interface Watch {
  readonly set: bigint;
  /** By handle. Taken beforehand: a GPU that reports XID 79 can no longer be asked for its uuid. */
  readonly uuids: ReadonlyMap<bigint, string>;
}

/** Null when no GPU offers events. */
function createWatch(library: NvmlLibrary, handles: readonly bigint[]): Watch | null {
  const out = Buffer.alloc(8);
  if (library.call('nvmlEventSetCreate', out) !== NVML_SUCCESS) return null;
  const set = out.readBigUInt64LE();
  const uuids = new Map<bigint, string>();
  for (const handle of handles) {
    const types = Buffer.alloc(8);
    if (library.call('nvmlDeviceGetSupportedEventTypes', handle, types) !== NVML_SUCCESS) continue;
    if ((types.readBigUInt64LE() & EVENT_XID) === 0n) continue;
    const code = library.call('nvmlDeviceRegisterEvents', handle, EVENT_XID, set);
    if (code === NVML_SUCCESS) uuids.set(handle, uuidOf(library, handle));
  }
  return uuids.size === 0 ? null : { set, uuids };
}

function reportXid(watch: Watch, data: Buffer, report: Report): void {
  const event = readEventData(data);
  if ((event.type & EVENT_XID) === 0n || !Number.isSafeInteger(event.data)) return;
  const uuid = watch.uuids.get(event.device) ?? 'unknown';
  report({ kind: 'xid', uuid, xid: event.data, atMs: Date.now() });
}

function uuidOf(library: NvmlLibrary, device: bigint): string {
  const out = Buffer.alloc(TEXT_BYTES);
  const code = library.call('nvmlDeviceGetUUID', device, out, TEXT_BYTES);
  return code === NVML_SUCCESS ? readText(out) : 'unknown';
}
