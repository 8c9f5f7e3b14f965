/**
 * What this host is: systeminformation's answer from a short-lived child, or Node's own knowledge
 * where that fails or takes longer than its budget. Never rejects. GPUs are told by their collector.
 */

import { execFile } from 'node:child_process';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { childEntry } from './child-entry.ts';

export interface HostFacts {
  readonly operatingSystem: string;
  readonly kernel: string;
  readonly architecture: string;
  readonly cpuModel: string;
  /** Logical CPUs. */
  readonly cpuCores: number;
  readonly memoryBytes: number;
  /** Of the machine; empty where it does not tell. */
  readonly model: string;
}

export interface HostFactsOptions {
  readonly budgetMs: number;
  readonly signal: AbortSignal;
  /** Script of the child; a test may name another. */
  readonly entry?: string;
}

const OUTPUT_BYTES_MAX = 64 * 1024;
const TEXT_MAX = 128;

export function readHostFacts(options: HostFactsOptions): Promise<HostFacts> {
  const entry = options.entry ?? childEntry(import.meta.filename, 'inventory-child');
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...process.execArgv, entry],
      {
        timeout: options.budgetMs,
        killSignal: 'SIGKILL',
        maxBuffer: OUTPUT_BYTES_MAX,
        signal: options.signal,
      },
      (error, stdout) => resolve(mergeFacts(error === null ? stdout : '', ownFacts())),
    );
  });
}

/** What Node itself knows, at once. */
export function ownFacts(): HostFacts {
  const all = cpus();
  return {
    operatingSystem: type(),
    kernel: release(),
    architecture: arch(),
    cpuModel: all[0]?.model.trim() ?? '',
    cpuCores: all.length,
    memoryBytes: totalmem(),
    model: '',
  };
}

/** The child's facts; each one that is missing or not of its type is taken from the fallback. */
export function mergeFacts(line: string, fallback: HostFacts): HostFacts {
  const told = parseObject(line);
  const text = (name: keyof HostFacts, otherwise: string): string => {
    const value = told[name];
    return typeof value === 'string' && value !== '' ? value.slice(0, TEXT_MAX) : otherwise;
  };
  const count = (name: keyof HostFacts, otherwise: number): number => {
    const value = told[name];
    return Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : otherwise;
  };
  return {
    operatingSystem: text('operatingSystem', fallback.operatingSystem),
    kernel: text('kernel', fallback.kernel),
    architecture: text('architecture', fallback.architecture),
    cpuModel: text('cpuModel', fallback.cpuModel),
    cpuCores: count('cpuCores', fallback.cpuCores),
    memoryBytes: count('memoryBytes', fallback.memoryBytes),
    model: text('model', fallback.model),
  };
}

function parseObject(line: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
