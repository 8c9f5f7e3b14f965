/**
 * The node collector of hosts that are not Linux: the core of the same series under the same names,
 * from what such systems tell without a process per scrape. What they do not tell is absent.
 */

import type { Collector, Emit, Family } from '../collector.ts';
import { readPortableFacts } from '../sources/portable-facts.ts';
import type { PortableFacts } from '../sources/portable-facts.ts';
import { cpuFamilies } from './node-cpu.ts';
import { emitFilesystems, filesystemFamilies } from './node-filesystem.ts';
import type { FilesystemState, Mount } from './node-filesystem.ts';
import { loadFamilies } from './node-load.ts';
import { memoryFamilies } from './node-memory.ts';
import { networkFamilies } from './node-network.ts';

export interface PortableCollectorOptions {
  readonly networksExclude: RegExp;
  readonly readSizes: (mounts: readonly Mount[]) => Promise<readonly FilesystemState[]>;
  readonly readFacts?: () => Promise<PortableFacts>;
}

const all = [...cpuFamilies, ...loadFamilies, ...memoryFamilies, ...networkFamilies];
/** The one file system that every host has: that of the running system. */
const rootMount: Mount = {
  device: 'root',
  mountpoint: '/',
  fstype: 'unknown',
  isReadonly: false,
  isRemote: false,
};

export function createPortableCollector(options: PortableCollectorOptions): Collector {
  const readFacts = options.readFacts ?? readPortableFacts;
  return {
    name: 'node',
    families: [...all, ...filesystemFamilies],
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    async collect(emit, signal) {
      const facts = await readFacts();
      signal.throwIfAborted();
      emitHost(facts, emit);
      for (const network of facts.networks) {
        if (!options.networksExclude.test(network.device)) emitNetwork(network, emit);
      }
      emitFilesystems(await options.readSizes([rootMount]), emit);
    },
  };
}

function emitHost(facts: PortableFacts, emit: Emit): void {
  emit(familyOf('cpus'), facts.cpus.length);
  for (const [index, { modesMs }] of facts.cpus.entries()) {
    for (const [mode, ms] of Object.entries(modesMs)) {
      emit(familyOf('cpu_seconds_total'), ms / 1000, String(index), mode);
    }
  }
  if (facts.loads !== null) {
    const [one, five, fifteen] = facts.loads;
    emit(familyOf('load1'), one);
    emit(familyOf('load5'), five);
    emit(familyOf('load15'), fifteen);
  }
  emit(familyOf('uptime_seconds'), facts.uptimeSeconds);
  const { memory } = facts;
  emit(familyOf('memory_total_bytes'), memory.totalBytes);
  emit(familyOf('memory_free_bytes'), memory.freeBytes);
  emit(familyOf('memory_available_bytes'), memory.availableBytes);
  emit(familyOf('swap_total_bytes'), memory.swapTotalBytes);
  emit(familyOf('swap_free_bytes'), memory.swapFreeBytes);
}

function emitNetwork(network: PortableFacts['networks'][number], emit: Emit): void {
  const { device } = network;
  emit(familyOf('network_receive_bytes_total'), network.receivedBytes, device);
  emit(familyOf('network_transmit_bytes_total'), network.sentBytes, device);
  emit(familyOf('network_receive_errors_total'), network.receiveErrors, device);
  emit(familyOf('network_transmit_errors_total'), network.sendErrors, device);
  emit(familyOf('network_receive_drops_total'), network.receiveDrops, device);
  emit(familyOf('network_transmit_drops_total'), network.sendDrops, device);
}

const byName = new Map(all.map((family) => [family.name, family]));

function familyOf(name: string): Family {
  const family = byName.get(`omnimind_node_${name}`);
  if (family === undefined) throw new TypeError(`no family ${name}`);
  return family;
}
