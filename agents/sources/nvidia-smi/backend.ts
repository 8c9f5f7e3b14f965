/**
 * Reads GPUs from one long-lived `nvidia-smi --query-gpu … -lms <interval>` that streams a row per
 * GPU and interval. A stream was chosen over one run per poll: starting the tool initialises the
 * driver's user side each time (0.5 to 1.5 s, seconds without the persistence daemon, and it stalls
 * the GPUs), while a stream pays that once per life; and there is never a second process to
 * overlap with. Its price, frames without a mark at their end, is met by the `count` column.
 *
 * No row in time means that the tool hangs: its group is killed, and this returns only once it is
 * gone, however long an uninterruptible call keeps it. It never runs two at a time.
 */

import type { BackendEnd, Report, RunBackend } from '../gpu/backend.ts';
import { GPUS_MAX } from '../gpu/protocol.ts';
import type { GpuReading } from '../gpu/snapshot.ts';
import { ALL_COLUMNS, parseRow, withoutColumn, type SmiRow } from './row.ts';
import { startTool, type Tool, type ToolEnd } from './tool.ts';

export interface SmiSettings {
  readonly nvidiaSmiPath: string;
  /** The longest wait for a row beyond the interval. */
  readonly nvidiaSmiTimeoutMs: number;
  readonly pollIntervalMs: number;
}

export function createSmiBackend(settings: SmiSettings): RunBackend {
  return async (report, signal) => {
    let columns: readonly string[] = ALL_COLUMNS;
    // Each turn drops one column that this version of the tool does not know, so it is bounded.
    for (;;) {
      const run = await runOnce(settings, columns, report, signal);
      const unknown = /Field "([^"]{1,80})" is not a valid field/.exec(run.end.tail)?.[1];
      const fewer = unknown === undefined ? null : withoutColumn(columns, unknown);
      if (fewer === null || signal.aborted) return endOf(run);
      columns = fewer;
    }
  };
}

interface Run {
  readonly end: ToolEnd;
  readonly isTimedOut: boolean;
  readonly garbage: number;
}

async function runOnce(
  settings: SmiSettings,
  columns: readonly string[],
  report: Report,
  signal: AbortSignal,
): Promise<Run> {
  let garbage = 0;
  let isTimedOut = false;
  const frames = createFrames(settings.pollIntervalMs, report);
  const parameters = [
    `--query-gpu=${columns.join(',')}`,
    '--format=csv,noheader,nounits',
    '-lms',
    String(Math.round(settings.pollIntervalMs)),
  ];
  const tool: Tool = startTool(settings.nvidiaSmiPath, parameters, (line) => {
    const row = parseRow(line, columns);
    if (row === null) {
      garbage += 1;
      return;
    }
    deadline.restart(settings.nvidiaSmiTimeoutMs + settings.pollIntervalMs);
    frames.add(row);
  });
  if (tool.groupId !== null) report({ kind: 'tool', groupId: tool.groupId });
  const deadline = createDeadline(settings.nvidiaSmiTimeoutMs, () => {
    isTimedOut = true;
    const failure = garbage > 0 ? 'malformed' : 'driver_hung';
    report({ kind: 'failure', backend: 'smi', failure, detail: 'nvidia-smi gave no row in time' });
    tool.kill();
  });
  const stop = (): void => tool.kill();
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const end = await tool.ended;
  signal.removeEventListener('abort', stop);
  deadline.stop();
  frames.flush();
  if (tool.groupId !== null) report({ kind: 'tool', groupId: null });
  return { end, isTimedOut, garbage };
}

/** Collects the rows of one interval into one snapshot. */
function createFrames(
  pollIntervalMs: number,
  report: Report,
): { add(row: SmiRow): void; flush(): void } {
  let rows: SmiRow[] = [];
  let timer: NodeJS.Timeout | null = null;

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const first = rows[0];
    if (first === undefined) return;
    const gpus: readonly GpuReading[] = rows.slice(0, GPUS_MAX).map((row) => row.reading);
    rows = [];
    report({
      kind: 'snapshot',
      snapshot: { backend: 'smi', driverVersion: first.driverVersion, cudaVersion: '', gpus },
    });
  }

  return {
    add(row) {
      const last = rows.at(-1);
      // A frame that lost a row ends where the indices begin again.
      if (last !== undefined && row.reading.identity.index <= last.reading.identity.index) flush();
      rows.push(row);
      if (rows.length >= row.count || rows.length >= GPUS_MAX) flush();
      else timer ??= setTimeout(flush, Math.min(1000, pollIntervalMs / 2));
    },
    flush,
  };
}

function createDeadline(
  firstMs: number,
  onPassed: () => void,
): { restart(ms: number): void; stop(): void } {
  let timer = setTimeout(onPassed, firstMs);
  return {
    restart(ms) {
      clearTimeout(timer);
      timer = setTimeout(onPassed, ms);
    },
    stop: () => clearTimeout(timer),
  };
}

function endOf(run: Run): BackendEnd {
  const { end } = run;
  const detail = `nvidia-smi ended (${end.spawnError ?? end.signal ?? `code ${end.exitCode ?? 0}`}): ${end.tail}`;
  return { failure: failureOf(run), detail: detail.slice(0, 200) };
}

function failureOf(run: Run): BackendEnd['failure'] {
  const { spawnError, tail } = run.end;
  if (spawnError !== null) return spawnError === 'EACCES' ? 'no_permission' : 'not_installed';
  if (run.isTimedOut) return run.garbage > 0 ? 'malformed' : 'driver_hung';
  if (/version mismatch/i.test(tail)) return 'driver_mismatch';
  if (/no devices were found|couldn't communicate with the NVIDIA driver/i.test(tail)) {
    return 'no_device';
  }
  if (/insufficient permission|permission denied/i.test(tail)) return 'no_permission';
  return run.garbage > 0 && run.end.exitCode === 0 ? 'malformed' : 'driver_error';
}
