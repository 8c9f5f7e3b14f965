/**
 * What the agent says of itself and of its host's make: version, cost of its own process, and the
 * inventory as an info metric. It reads nothing but what this process knows.
 */

import type { Collector } from '../collector.ts';
import { counter, gauge } from '../family.ts';
import type { HostFacts } from '../sources/inventory.ts';

export interface SelfCollectorOptions {
  readonly version: string;
  /** Null until the inventory is known. */
  readonly facts: () => HostFacts | null;
  /** Open descriptors of this process; null where the system does not tell. */
  readonly openFiles: () => number | null;
}

const build = gauge(
  'omnimind_agent_build_info',
  'Version of the agent and of its runtime.',
  'version',
  'node_version',
);
const inventory = gauge(
  'omnimind_node_inventory_info',
  'What the host is; its numbers are in other series.',
  'operating_system',
  'kernel',
  'architecture',
  'cpu_model',
  'model',
);
const cpuSeconds = counter('process_cpu_seconds_total', 'CPU time of the agent, user and system.');
const residentBytes = gauge('process_resident_memory_bytes', 'Resident memory of the agent.');
const heapBytes = gauge('omnimind_agent_heap_used_bytes', 'JavaScript heap of the agent in use.');
const openFiles = gauge('process_open_fds', 'Open file descriptors of the agent.');
const startTime = gauge('process_start_time_seconds', 'When the agent started, in Unix time.');

export function createSelfCollector(options: SelfCollectorOptions): Collector {
  const startedSeconds = Math.round(performance.timeOrigin) / 1000;
  return {
    name: 'agent',
    families: [build, inventory, cpuSeconds, residentBytes, heapBytes, openFiles, startTime],
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    collect(emit) {
      emit(build, 1, options.version, process.versions.node);
      const facts = options.facts();
      if (facts !== null) {
        const { operatingSystem, kernel, architecture, cpuModel, model } = facts;
        emit(inventory, 1, operatingSystem, kernel, architecture, cpuModel, model);
      }
      const { user, system } = process.cpuUsage();
      emit(cpuSeconds, (user + system) / 1e6);
      const { rss, heapUsed } = process.memoryUsage();
      emit(residentBytes, rss);
      emit(heapBytes, heapUsed);
      const descriptors = options.openFiles();
      if (descriptors !== null) emit(openFiles, descriptors);
      emit(startTime, startedSeconds);
      return Promise.resolve();
    },
  };
}
