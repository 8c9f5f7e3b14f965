/**
 * CPU time and the scheduler's counts, from the text of /proc/stat (proc(5)). Time that a guest
 * used is contained in `user` and `nice`, as the kernel counts it, and given apart as well. Idle and
 * iowait may step back a little in the kernel's books; a counter here does not.
 */

import type { Emit } from '../collector.ts';
import { CollectorError } from '../failures.ts';
import { counter, gauge } from '../family.ts';

const MODES = ['user', 'nice', 'system', 'idle', 'iowait', 'irq', 'softirq', 'steal'] as const;
/** USER_HZ is 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;
/** A larger step back means that the CPU was taken away and came back from zero. */
const STEP_BACK_SECONDS_MAX = 3;

const cpuSeconds = counter(
  'omnimind_node_cpu_seconds_total',
  'Time that each CPU spent in each mode; cpu="all" when the host has more CPUs than are given one by one.',
  'cpu',
  'mode',
);
const guestSeconds = counter(
  'omnimind_node_cpu_guest_seconds_total',
  'Time that each CPU spent on guests, contained in the modes user and nice as well.',
  'cpu',
  'mode',
);
const cpus = gauge('omnimind_node_cpus', 'CPUs that are online.');
const contextSwitches = counter('omnimind_node_context_switches_total', 'Context switches.');
const interrupts = counter('omnimind_node_interrupts_total', 'Interrupts served.');
const forks = counter('omnimind_node_forks_total', 'Processes and threads created.');
const processes = gauge(
  'omnimind_node_processes',
  'Processes that are running (or could be) and that are blocked waiting for I/O.',
  'state',
);
const bootTime = gauge('omnimind_node_boot_time_seconds', 'When the host booted, in Unix time.');

export const cpuFamilies = [
  cpuSeconds,
  guestSeconds,
  cpus,
  contextSwitches,
  interrupts,
  forks,
  processes,
  bootTime,
];

/** Highest values given so far, by series: what keeps the counters from stepping back. */
export type CpuMemory = Map<string, Float64Array>;

/** @param cpusMax more CPUs than this are given as their sum, cpu="all", so that no cap cuts some of them off. */
export function emitStat(text: string, emit: Emit, memory: CpuMemory, cpusMax: number): void {
  const lines = text.split('\n');
  const single = lines.filter((line) => line.startsWith('cpu') && line[3] !== ' ');
  const total = lines[0];
  if (total?.startsWith('cpu ') !== true || single.length === 0) {
    throw new CollectorError('malformed', '/proc/stat does not begin with CPU times');
  }
  emit(cpus, single.length);
  if (single.length > cpusMax) emitCpu('all', total.slice(5), emit, memory);
  else {
    for (const line of single) {
      const end = line.indexOf(' ');
      emitCpu(line.slice(3, end), line.slice(end + 1), emit, memory);
    }
  }
  // The counts follow the CPU lines, in an order that kernels have changed over time.
  for (let index = single.length + 1; index < lines.length; index++) {
    emitCount(lines[index] ?? '', emit);
  }
}

function emitCpu(cpu: string, text: string, emit: Emit, memory: CpuMemory): void {
  const fields = text.split(' ');
  let highest = memory.get(cpu);
  if (highest === undefined) {
    highest = new Float64Array(MODES.length + 2);
    memory.set(cpu, highest);
  }
  for (let index = 0; index < highest.length; index++) {
    const field = fields[index];
    if (field === undefined) continue; // An old kernel that does not know the mode.
    const now = Number(field) / TICKS_PER_SECOND;
    const before = highest[index] ?? 0;
    const value = now < before && before - now < STEP_BACK_SECONDS_MAX ? before : now;
    highest[index] = value;
    const mode = MODES[index];
    if (mode !== undefined) emit(cpuSeconds, value, cpu, mode);
    else emit(guestSeconds, value, cpu, index === MODES.length ? 'user' : 'nice');
  }
}

function emitCount(line: string, emit: Emit): void {
  const space = line.indexOf(' ');
  const value = Number.parseInt(line.slice(space + 1, space + 24), 10);
  switch (line.slice(0, space)) {
    case 'ctxt':
      emit(contextSwitches, value);
      return;
    case 'intr':
      emit(interrupts, value);
      return;
    case 'processes':
      emit(forks, value);
      return;
    case 'procs_running':
      emit(processes, value, 'running');
      return;
    case 'procs_blocked':
      emit(processes, value, 'blocked');
      return;
    case 'btime':
      emit(bootTime, value);
      return;
  }
}
