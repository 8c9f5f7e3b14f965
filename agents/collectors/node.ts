/**
 * The node collector: reads the kernel's files one after another and hands their texts to the
 * parsers beside it. A section that the kernel does not have is absent; one that fails costs its own
 * values and says so, except for CPU and memory: without those the whole run has failed.
 */

import type { Collector, Emit } from '../collector.ts';
import { failureCauseOf } from '../failures.ts';
import type { FailureCause } from '../failures.ts';
import { gauge } from '../family.ts';
import { createFilesystemSizes, measureHere } from '../sources/filesystem-sizes.ts';
import type { MeasureFilesystem } from '../sources/filesystem-sizes.ts';
import { createKernelFiles } from '../sources/kernel-files.ts';
import { createSlowFiles } from '../sources/slow-files.ts';
import { createStatfsProcess } from '../sources/statfs-process.ts';
import type { StatfsProcess } from '../sources/statfs-process.ts';
import { cpuFamilies, emitStat } from './node-cpu.ts';
import type { CpuMemory } from './node-cpu.ts';
import { diskFamilies, emitDisks } from './node-disk.ts';
import { emitFilesystems, filesystemFamilies, parseMounts } from './node-filesystem.ts';
import type { Mount } from './node-filesystem.ts';
import { emitHardware, hardwareFamilies, hardwareRules } from './node-hardware.ts';
import {
  emitLoad,
  emitOpenFiles,
  emitPressure,
  emitTracked,
  emitUptime,
  loadFamilies,
  PRESSURE_RESOURCES,
} from './node-load.ts';
import { emitMeminfo, emitVmstat, memoryFamilies } from './node-memory.ts';
import { emitProtocols, emitSockets, emitSoftnet, netstatFamilies } from './node-netstat.ts';
import type { HeaderCache } from './node-netstat.ts';
import { emitNetwork, networkFamilies } from './node-network.ts';

export interface NodeCollectorOptions {
  /** Root of the host as this process sees it. */
  readonly hostRoot: string;
  /** Age in ms from which a value that was read in the background is dropped. */
  readonly stalenessMs: number;
  /** Series per family that the receiver takes: a host with more CPUs gives their sum. */
  readonly seriesMax: number;
  readonly mountsExclude: RegExp;
  readonly disksExclude: RegExp;
  readonly networksExclude: RegExp;
  /** How long a scrape waits for file systems, in ms; default 500. */
  readonly patienceMs?: number;
  /** How often sensors and links are read, in ms; default 15 000. */
  readonly slowIntervalMs?: number;
  readonly measureLocal?: MeasureFilesystem;
  readonly remote?: StatfsProcess;
}

const CPU_MODES = 8;
const REMOTE_CHECK_MS = 5000;

const sectionSuccess = gauge(
  'omnimind_node_section_success',
  'Whether a part of the node collector could be read, or is not there on this host (1), or failed (0).',
  'section',
);

interface Section {
  readonly name: string;
  readonly isRequired?: boolean;
  read(emit: Emit): void;
}

export function createNodeCollector(options: NodeCollectorOptions): Collector {
  const files = createKernelFiles(options.hostRoot);
  const remote = options.remote ?? createStatfsProcess();
  const now = (): number => performance.now();
  const slow = createSlowFiles({
    root: options.hostRoot,
    rules: hardwareRules,
    intervalMs: options.slowIntervalMs ?? 15_000,
    stalenessMs: options.stalenessMs,
    now,
  });
  const sizes = createFilesystemSizes({
    hostRoot: options.hostRoot,
    stalenessMs: options.stalenessMs,
    patienceMs: options.patienceMs ?? 500,
    measureLocal: options.measureLocal ?? measureHere,
    measureRemote: (path) => remote.measure(path),
    now,
  });
  const sections = [...kernelSections(files, options), hardwareSection(slow, options)];
  const mounts = createMountReader(files, options.mountsExclude);
  let remoteCheck: NodeJS.Timeout | null = null;

  function ensureRemote(): void {
    if (mounts.current().some((mount) => mount.isRemote)) remote.ensure();
  }

  return {
    name: 'node',
    families: [
      ...cpuFamilies,
      ...loadFamilies,
      ...memoryFamilies,
      ...diskFamilies,
      ...filesystemFamilies,
      ...networkFamilies,
      ...netstatFamilies,
      ...hardwareFamilies,
      sectionSuccess,
    ],
    start() {
      try {
        mounts.read();
        ensureRemote();
        slow.texts();
      } catch {
        // What cannot be read now is said by each scrape.
      }
      // Beside the scrapes, so that none of them spawns a process.
      remoteCheck = setInterval(ensureRemote, REMOTE_CHECK_MS).unref();
      return Promise.resolve();
    },
    async collect(emit, signal) {
      for (const section of sections) {
        const failure = readSection(section, emit);
        emit(sectionSuccess, failure === null ? 1 : 0, section.name);
      }
      const failure = attempt(() => mounts.read());
      emitFilesystems(await sizes.read(mounts.current()), emit);
      emit(sectionSuccess, failure === null ? 1 : 0, 'filesystem');
      signal.throwIfAborted();
    },
    stop() {
      if (remoteCheck !== null) clearInterval(remoteCheck);
      remote.stop();
      files.close();
      return Promise.resolve();
    },
  };
}

function readSection(section: Section, emit: Emit): FailureCause | null {
  if (section.isRequired !== true) return attempt(() => section.read(emit));
  section.read(emit);
  return null;
}

function attempt(work: () => void): FailureCause | null {
  try {
    work();
    return null;
  } catch (error) {
    const cause = failureCauseOf(error);
    if (cause === 'internal') throw error;
    return cause;
  }
}

type KernelFiles = ReturnType<typeof createKernelFiles>;

type UseText = (file: string, use: (text: string) => void) => void;

function kernelSections(files: KernelFiles, options: NodeCollectorOptions): readonly Section[] {
  const proc: UseText = (file, use) => {
    const text = files.read(`proc/${file}`);
    if (text !== null) use(text);
  };
  return [
    ...memorySections(files, proc, options),
    ...loadSections(proc),
    {
      name: 'disk',
      read: (emit) => proc('diskstats', (text) => emitDisks(text, options.disksExclude, emit)),
    },
    ...networkSections(files, options),
  ];
}

function memorySections(
  files: KernelFiles,
  proc: UseText,
  options: NodeCollectorOptions,
): readonly Section[] {
  const memory: CpuMemory = new Map();
  const cpusMax = Math.floor(options.seriesMax / CPU_MODES);
  return [
    {
      name: 'cpu',
      isRequired: true,
      read: (emit) => emitStat(required(files, 'proc/stat'), emit, memory, cpusMax),
    },
    {
      name: 'memory',
      isRequired: true,
      read: (emit) => emitMeminfo(required(files, 'proc/meminfo'), emit),
    },
    { name: 'vmstat', read: (emit) => proc('vmstat', (text) => emitVmstat(text, emit)) },
  ];
}

function loadSections(proc: UseText): readonly Section[] {
  return [
    { name: 'load', read: (emit) => proc('loadavg', (text) => emitLoad(text, emit)) },
    {
      name: 'pressure',
      read(emit) {
        for (const resource of PRESSURE_RESOURCES) {
          proc(`pressure/${resource}`, (text) => emitPressure(text, resource, emit));
        }
      },
    },
    {
      name: 'uptime',
      read: (emit) => proc('uptime', (text) => emitUptime(text, Date.now(), emit)),
    },
    {
      name: 'open_files',
      read: (emit) => proc('sys/fs/file-nr', (text) => emitOpenFiles(text, emit)),
    },
    {
      name: 'tracked_connections',
      read: (emit) =>
        proc('sys/net/netfilter/nf_conntrack_count', (count) => {
          proc('sys/net/netfilter/nf_conntrack_max', (max) => emitTracked(count, max, emit));
        }),
    },
  ];
}

function networkSections(files: KernelFiles, options: NodeCollectorOptions): readonly Section[] {
  const headers: HeaderCache = new Map();
  // In a container /proc/net is the container's own; the host's network is that of process 1.
  const roots = options.hostRoot === '/' ? ['proc/net'] : ['proc/1/net', 'proc/net'];
  const net: UseText = (file, use) => {
    const text = files.readFirst(roots.map((root) => `${root}/${file}`));
    if (text !== null) use(text);
  };
  return [
    {
      name: 'network',
      read: (emit) => net('dev', (text) => emitNetwork(text, options.networksExclude, emit)),
    },
    {
      name: 'netstat',
      read(emit) {
        net('snmp', (text) => emitProtocols(text, headers, emit));
        net('netstat', (text) => emitProtocols(text, headers, emit));
      },
    },
    {
      name: 'sockets',
      read(emit) {
        net('sockstat', (text) => emitSockets(text, emit));
        net('sockstat6', (text) => emitSockets(text, emit));
        net('softnet_stat', (text) => emitSoftnet(text, emit));
      },
    },
  ];
}

function hardwareSection(
  slow: ReturnType<typeof createSlowFiles>,
  options: NodeCollectorOptions,
): Section {
  return {
    name: 'hardware',
    read(emit) {
      emitHardware(slow.texts(), options.networksExclude, emit);
      if (slow.isHanging()) throw new DOMException('a sensor does not answer', 'TimeoutError');
    },
  };
}

function required(files: KernelFiles, path: string): string {
  const text = files.read(path);
  if (text !== null) return text;
  throw Object.assign(new Error(`there is no ${path}`), { code: 'ENOENT' });
}

/** Mounts change seldom and are parsed only when they did. */
function createMountReader(files: KernelFiles, exclude: RegExp) {
  let text: string | null = null;
  let mounts: readonly Mount[] = [];
  return {
    current: () => mounts,
    read() {
      const now = files.readFirst(['proc/1/mounts', 'proc/self/mounts']);
      if (now === text) return;
      text = now;
      mounts = now === null ? [] : parseMounts(now, exclude);
    },
  };
}
