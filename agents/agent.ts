/**
 * Composes the agent: collectors as they are switched on, the scraper, the HTTP edge and the
 * registration. Each thing that starts leaves its stop on a stack, which is undone in reverse.
 */

import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Collector } from './collector.ts';
import type { GpuCollector } from './collectors/gpu.ts';
import { createNodeCollector } from './collectors/node.ts';
import { createSelfCollector } from './collectors/self.ts';
import type { AgentConfig } from './config.ts';
import { messageOf } from './log.ts';
import type { Log } from './log.ts';
import { createExposition } from './metrics.ts';
import { createRegistration, sleep } from './registration.ts';
import type { NodeRegistration, RegistrationOptions } from './registration.ts';
import { createScraper } from './scrape.ts';
import type { CollectorSlot, Scraper } from './scrape.ts';
import { createAgentServer } from './server.ts';
import { childEntry } from './sources/child-entry.ts';
import { createControlPlaneClient } from './sources/control-plane.ts';
import { countOpenFiles } from './sources/descriptors.ts';
import { createFilesystemSizes, measureHere } from './sources/filesystem-sizes.ts';
import { readHostFacts } from './sources/inventory.ts';
import type { HostFacts } from './sources/inventory.ts';
import { createTidying } from './sources/tidy.ts';
import { AGENT_VERSION } from './version.ts';

export interface Agent {
  readonly address: { readonly host: string; readonly port: number };
  /** Ends within a second, whatever hangs. */
  stop(): Promise<void>;
}

/** Parts of the agent that a test replaces. */
export interface AgentOverrides {
  readonly log: Log;
  /** Instead of the collectors that the config switches on. */
  readonly slots?: readonly CollectorSlot[];
}

const INVENTORY_BUDGET_MS = 10_000;
const OWN_DEADLINE_MS = 1000;
/** The longest scrape, and that of a client that names no timeout: above every collector's deadline. */
const SCRAPE_BUDGET_MS = 61_000;
const STOP_GRACE_MS = 300;
const STOP_LIMIT_MS = 900;
const GPUS_MAX = 64;

/**
 * Listens first, so that the process answers as alive while its collectors are being loaded.
 * Rejects when the port cannot be had or the cache targets are wrong.
 */
export async function startAgent(config: AgentConfig, overrides: AgentOverrides): Promise<Agent> {
  const { log } = overrides;
  const stops: (() => Promise<void> | void)[] = [];
  const stopping = new AbortController();
  stops.push(() => stopping.abort());
  const tidying = createTidying(stopping.signal);
  let parts: Parts | null = null;
  const server = createAgentServer({
    async collect(budgetMs) {
      await parts?.scraper.collect(budgetMs);
      tidying.afterScrape();
    },
    render: (format) => parts?.exposition.render(format) ?? '',
    unready: () => (stopping.signal.aborted ? 'stopping' : parts === null ? 'starting' : null),
    scrapesMax: config.scrapesMax,
    budgetMs: SCRAPE_BUDGET_MS,
  });
  try {
    const address = await server.listen(config.host, config.port);
    stops.push(() => server.close(STOP_GRACE_MS));
    const created = await createParts(config, overrides);
    for (const { collector } of created.slots) {
      stops.push(() => collector.stop());
      await collector.start();
    }
    parts = created;
    log('info', 'listening', { ...address, nodeId: config.nodeId });
    void created.register(address, stopping.signal);
    return { address, stop: () => unwind(stops, log) };
  } catch (error) {
    await unwind(stops, log);
    throw error;
  }
}

interface Parts {
  readonly slots: readonly CollectorSlot[];
  readonly scraper: Scraper;
  readonly exposition: ReturnType<typeof createExposition>;
  /** Reads the inventory, then begins to register if there is a control plane. Never rejects. */
  register(address: Agent['address'], signal: AbortSignal): Promise<void>;
}

async function createParts(config: AgentConfig, overrides: AgentOverrides): Promise<Parts> {
  const { log } = overrides;
  const gpu = await createGpu(config);
  const configured = overrides.slots ?? (await configuredSlots(config, gpu));
  let facts: HostFacts | null = null;
  let advertised = '';
  const registration = createNodeRegistration(config, log, {
    describe: () => describeNode(config, facts ?? emptyFacts, advertised, gpu),
    // The GPU collector answers even while its driver hangs: that must be known all the same.
    failingCollectors: () => [
      ...new Set([
        ...scraper.failing(),
        ...(gpu === null || gpu.lastError() === null ? [] : ['gpu']),
      ]),
    ],
  });
  const self = createSelfCollector({
    version: AGENT_VERSION,
    facts: () => facts,
    openFiles: countOpenFiles,
  });
  const own = registration === null ? [self] : [self, heldBack(registration)];
  const slots = [
    ...configured,
    ...own.map((collector) => ({ collector, deadlineMs: OWN_DEADLINE_MS })),
  ];
  const exposition = createExposition(config.seriesMax);
  const scraper = createScraper(slots, exposition, log);
  return {
    slots,
    scraper,
    exposition,
    async register(address, signal) {
      advertised = config.advertisedAddress ?? addressOf(address);
      facts = await readHostFacts({ budgetMs: INVENTORY_BUDGET_MS, signal });
      if (!signal.aborted) await registration?.start();
    },
  };
}

function createNodeRegistration(
  config: AgentConfig,
  log: Log,
  node: Pick<RegistrationOptions, 'describe' | 'failingCollectors'>,
): Collector | null {
  const { urls, retryMaxMs } = config.controlPlane;
  if (urls.length === 0) return null;
  const client = createControlPlaneClient(config.controlPlane);
  return createRegistration({ ...node, client, retryMaxMs, random: Math.random, sleep, log });
}

/** The registration begins once the inventory is known, not with the collectors. */
function heldBack(registration: Collector): Collector {
  return { ...registration, start: () => Promise.resolve() };
}

function describeNode(
  config: AgentConfig,
  facts: HostFacts,
  address: string,
  gpu: GpuCollector | null,
): NodeRegistration {
  const gpus = gpu?.inventory().slice(0, GPUS_MAX) ?? [];
  const detected = gpus.length > 0 ? ['gpu'] : [];
  return {
    nodeId: config.nodeId,
    hostname: hostname(),
    address,
    capabilities: [...new Set([...config.capabilities, ...detected])],
    labels: config.labels,
    inventory: {
      operatingSystem: facts.operatingSystem,
      kernel: facts.kernel,
      architecture: facts.architecture,
      cpuModel: facts.cpuModel,
      cpuCores: facts.cpuCores,
      memoryBytes: facts.memoryBytes,
      gpus,
    },
    agentVersion: AGENT_VERSION,
  };
}

async function createGpu(config: AgentConfig): Promise<GpuCollector | null> {
  if (config.deadlinesMs.gpu === null || config.gpu.backend === 'off') return null;
  const { createGpuCollector } = await import('./collectors/gpu.ts');
  const { backend, pollIntervalMs, nvidiaSmi, nvmlLibrary } = config.gpu;
  const root = config.hostRoot.replace(/\/$/, '');
  return createGpuCollector({
    backend,
    pollIntervalMs,
    stalenessMs: Math.max(config.stalenessMs, 3 * pollIntervalMs),
    nvidiaSmiPath: nvidiaSmi,
    nvidiaSmiTimeoutMs: 10_000,
    nvmlLibraryPath: nvmlLibrary,
    sysRoot: `${root}/sys`,
    processesMax: config.gpu.processesMax,
    ...gpuChildEntry(),
  });
}

/** In a bundle all entries lie side by side; the GPU child is a module there. */
function gpuChildEntry(): { childEntry?: string } {
  const beside = childEntry(import.meta.filename, 'gpu-child');
  return beside.endsWith('.ts') ? {} : { childEntry: beside.replace(/\.cjs$/, '.mjs') };
}

async function configuredSlots(
  config: AgentConfig,
  gpu: GpuCollector | null,
): Promise<CollectorSlot[]> {
  const { deadlinesMs } = config;
  const slots: CollectorSlot[] = [];
  if (deadlinesMs.node !== null) {
    slots.push({ collector: await createNode(config), deadlineMs: deadlinesMs.node });
  }
  if (gpu !== null && deadlinesMs.gpu !== null) {
    slots.push({ collector: gpu, deadlineMs: deadlinesMs.gpu });
  }
  if (deadlinesMs.cache !== null && config.cacheTargetsFile !== null) {
    const { createCacheCollector } = await import('./collectors/cache.ts');
    const { parseCacheTargets } = await import('./collectors/cache-targets.ts');
    const targets = parseCacheTargets(readFileSync(config.cacheTargetsFile, 'utf8'));
    slots.push({ collector: createCacheCollector({ targets }), deadlineMs: deadlinesMs.cache });
  }
  return slots;
}

async function createNode(config: AgentConfig): Promise<Collector> {
  if (process.platform === 'linux') return createNodeCollector(config);
  const { createPortableCollector } = await import('./collectors/node-portable.ts');
  const sizes = createFilesystemSizes({
    hostRoot: config.hostRoot,
    stalenessMs: config.stalenessMs,
    patienceMs: 500,
    measureLocal: measureHere,
    measureRemote: measureHere,
    now: () => performance.now(),
  });
  return createPortableCollector({ ...config, readSizes: (mounts) => sizes.read(mounts) });
}

function addressOf({ host, port }: { readonly host: string; readonly port: number }): string {
  if (host === '0.0.0.0' || host === '::') return `${hostname()}:${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const emptyFacts: HostFacts = {
  operatingSystem: '',
  kernel: '',
  architecture: '',
  cpuModel: '',
  cpuCores: 0,
  memoryBytes: 0,
  model: '',
};

/** Undoes in reverse, each stop whatever became of the one before, and all of it in bounded time. */
async function unwind(stops: (() => Promise<void> | void)[], log: Log): Promise<void> {
  const limit = sleep(STOP_LIMIT_MS, new AbortController().signal);
  for (const stop of stops.splice(0).reverse()) {
    try {
      await Promise.race([stop(), limit]);
    } catch (error) {
      log('warn', 'stop_failed', { detail: messageOf(error) });
    }
  }
}
