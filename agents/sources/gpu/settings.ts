/**
 * What the GPU child is told, once, through its argv. The parent writes it, the child parses it:
 * a bundle and its child may differ in version for the length of an upgrade. Units are in the
 * names. No secret is ever in it: argv is public on the host.
 */

import { GPU_BACKENDS, type GpuBackendName } from './snapshot.ts';

export interface ChildSettings {
  /** Tried in this order; the first that sees a GPU is used. */
  readonly backends: readonly GpuBackendName[];
  readonly pollIntervalMs: number;
  /** How often limits, health counters and links are read. */
  readonly slowIntervalMs: number;
  /** How often the child says that its loop turns. */
  readonly aliveIntervalMs: number;
  readonly nvidiaSmiPath: string;
  readonly nvidiaSmiTimeoutMs: number;
  readonly nvmlLibraryPath: string | null;
  /** Where sysfs is mounted, `/sys`. */
  readonly sysRoot: string;
  readonly processesMax: number;
  /** A lost GPU is looked for again by a fresh process after this long. */
  readonly reopenMs: number;
}

/** Throws TypeError. */
export function parseChildSettings(text: string | undefined): ChildSettings {
  const value: unknown = JSON.parse(text ?? 'null');
  if (typeof value !== 'object' || value === null)
    throw new TypeError('settings are not an object');
  const fields = value as Readonly<Record<string, unknown>>;
  const library = fields['nvmlLibraryPath'];
  return {
    backends: backendsOf(fields['backends']),
    pollIntervalMs: positive(fields, 'pollIntervalMs'),
    slowIntervalMs: positive(fields, 'slowIntervalMs'),
    aliveIntervalMs: positive(fields, 'aliveIntervalMs'),
    nvidiaSmiPath: string(fields, 'nvidiaSmiPath'),
    nvidiaSmiTimeoutMs: positive(fields, 'nvidiaSmiTimeoutMs'),
    nvmlLibraryPath: library === null ? null : string(fields, 'nvmlLibraryPath'),
    sysRoot: string(fields, 'sysRoot'),
    processesMax: number(fields, 'processesMax'),
    reopenMs: positive(fields, 'reopenMs'),
  };
}

function backendsOf(value: unknown): readonly GpuBackendName[] {
  if (!Array.isArray(value)) throw new TypeError('backends is not a list');
  return value.map((entry) => {
    const found = GPU_BACKENDS.find((name) => name === entry);
    if (found === undefined) throw new TypeError('unknown back-end');
    return found;
  });
}

function number(fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number' || !(value >= 0)) throw new TypeError(`${name} is not a number`);
  return value;
}

function positive(fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = number(fields, name);
  if (value === 0) throw new TypeError(`${name} is 0`);
  return value;
}

function string(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw new TypeError(`${name} is not a text`);
  return value;
}
