/**
 * How busy and how starved the host is: load averages, pressure stall information, uptime, open
 * files, connection tracking. From the texts of /proc/loadavg, /proc/pressure/*, /proc/uptime,
 * /proc/sys/fs/file-nr and nf_conntrack_*.
 */

import type { Emit } from '../collector.ts';
import { CollectorError } from '../failures.ts';
import { counter, gauge } from '../family.ts';

export const PRESSURE_RESOURCES = ['cpu', 'memory', 'io', 'irq'] as const;

const load1 = gauge('omnimind_node_load1', 'Load average over 1 minute.');
const load5 = gauge('omnimind_node_load5', 'Load average over 5 minutes.');
const load15 = gauge('omnimind_node_load15', 'Load average over 15 minutes.');
const threads = gauge('omnimind_node_threads', 'Threads of all processes, of the kernel too.');
const waiting = counter(
  'omnimind_node_pressure_waiting_seconds_total',
  'Time in which some tasks waited for the resource.',
  'resource',
);
const stalled = counter(
  'omnimind_node_pressure_stalled_seconds_total',
  'Time in which all tasks that were not idle waited for the resource.',
  'resource',
);
const uptime = gauge('omnimind_node_uptime_seconds', 'Time since the host booted.');
const time = gauge('omnimind_node_time_seconds', 'The clock of the host, in Unix time.');
const filesAllocated = gauge('omnimind_node_open_files', 'File handles in use on the host.');
const filesMax = gauge('omnimind_node_open_files_max', 'File handles that the host allows.');
const tracked = gauge('omnimind_node_tracked_connections', 'Connections that the firewall tracks.');
const trackedMax = gauge(
  'omnimind_node_tracked_connections_max',
  'Connections that the firewall can track.',
);

export const loadFamilies = [
  load1,
  load5,
  load15,
  threads,
  waiting,
  stalled,
  uptime,
  time,
  filesAllocated,
  filesMax,
  tracked,
  trackedMax,
];

export function emitLoad(text: string, emit: Emit): void {
  const [one, five, fifteen, tasks] = text.split(' ');
  if (tasks === undefined)
    throw new CollectorError('malformed', '/proc/loadavg has too few fields');
  emit(load1, Number(one));
  emit(load5, Number(five));
  emit(load15, Number(fifteen));
  emit(threads, Number(tasks.split('/')[1]));
}

/** The `full` line of cpu is 0 by definition on the whole host and is left out. */
export function emitPressure(text: string, resource: string, emit: Emit): void {
  for (const line of text.split('\n')) {
    const seconds = Number(line.slice(line.lastIndexOf('=') + 1)) / 1e6;
    if (line.startsWith('some ')) emit(waiting, seconds, resource);
    else if (line.startsWith('full ') && resource !== 'cpu') emit(stalled, seconds, resource);
  }
}

export function emitUptime(text: string, nowMs: number, emit: Emit): void {
  emit(uptime, Number.parseFloat(text));
  emit(time, nowMs / 1000);
}

export function emitOpenFiles(text: string, emit: Emit): void {
  const [allocated, , max] = text.trim().split(/\s+/);
  if (max === undefined) throw new CollectorError('malformed', 'file-nr has too few fields');
  emit(filesAllocated, Number(allocated));
  // A kernel without a limit says 2^63 - 1, which is no number of files to divide by.
  if (Number(max) < 2 ** 53) emit(filesMax, Number(max));
}

export function emitTracked(count: string, max: string, emit: Emit): void {
  emit(tracked, Number.parseInt(count, 10));
  emit(trackedMax, Number.parseInt(max, 10));
}
