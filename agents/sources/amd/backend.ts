/**
 * Reads AMD GPUs from the files of the amdgpu driver in sysfs (kernel documentation, "GPU
 * monitoring" and hwmon): no tool and no library. A file that is absent, empty or not a number
 * leaves the value out. Runs in the GPU child, since a sick driver can block a read.
 */

import { readFileSync, readdirSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pause, type RunBackend } from '../gpu/backend.ts';
import { GPUS_MAX, labelText } from '../gpu/protocol.ts';
import {
  emptyReading,
  inBaseUnits,
  type GpuField,
  type GpuReading,
  type GpuValues,
} from '../gpu/snapshot.ts';

export interface AmdSettings {
  /** Where sysfs is mounted, `/sys`. */
  readonly sysRoot: string;
  readonly pollIntervalMs: number;
}

export function createAmdBackend(settings: AmdSettings): RunBackend {
  return async (report, signal) => {
    while (!signal.aborted) {
      const gpus = readAmdGpus(settings.sysRoot);
      if (gpus.length === 0) return { failure: 'not_installed', detail: 'sysfs shows no AMD GPU' };
      const driverVersion = readLine(join(settings.sysRoot, 'module/amdgpu/version')) ?? '';
      report({
        kind: 'snapshot',
        snapshot: { backend: 'amd', driverVersion, cudaVersion: '', gpus },
      });
      await pause(settings.pollIntervalMs, signal);
    }
    return { failure: 'driver_error', detail: 'stopped' };
  };
}

const AMD_VENDOR = '0x1002';

/** In the order of the kernel's card numbers. */
export function readAmdGpus(sysRoot: string): readonly GpuReading[] {
  const root = join(sysRoot, 'class/drm');
  return list(root)
    .filter((name) => /^card\d+$/.test(name))
    .sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)))
    .map((name) => join(root, name, 'device'))
    .filter((device) => readLine(join(device, 'vendor')) === AMD_VENDOR)
    .filter((device) => readLine(join(device, 'mem_info_vram_total')) !== null)
    .slice(0, GPUS_MAX)
    .map(readCard);
}

function readCard(device: string, index: number): GpuReading {
  const unreadable: GpuField[] = [];
  const values: GpuValues = {};
  const hwmon = list(join(device, 'hwmon'))[0];
  const sensors = hwmon === undefined ? null : join(device, 'hwmon', hwmon);

  function put(field: GpuField, file: string | null, scale: number): void {
    const line = file === null ? null : readLine(file);
    if (line === null || line === '') return;
    if (/^-?\d{1,20}$/.test(line)) values[field] = inBaseUnits(Number(line), scale);
    else unreadable.push(field);
  }

  put('utilization_ratio', join(device, 'gpu_busy_percent'), 0.01);
  put('memory_utilization_ratio', join(device, 'mem_busy_percent'), 0.01);
  put('memory_total_bytes', join(device, 'mem_info_vram_total'), 1);
  put('memory_used_bytes', join(device, 'mem_info_vram_used'), 1);
  put('temperature_celsius', sensor(sensors, 'temp', 'edge', 'junction'), 1e-3);
  put('memory_temperature_celsius', sensor(sensors, 'temp', 'mem'), 1e-3);
  put('power_watts', powerFile(sensors), 1e-6);
  put('power_limit_watts', sensors === null ? null : join(sensors, 'power1_cap'), 1e-6);
  put('fan_speed_ratio', sensors === null ? null : join(sensors, 'pwm1'), 1 / 255);
  put('clock_graphics_hertz', sensor(sensors, 'freq', 'sclk'), 1);
  put('clock_memory_hertz', sensor(sensors, 'freq', 'mclk'), 1);
  put('pcie_link_width', join(device, 'current_link_width'), 1);
  put('pcie_link_width_max', join(device, 'max_link_width'), 1);
  return { ...emptyReading(identityOf(device, index)), values, unreadable };
}

function identityOf(device: string, index: number): GpuReading['identity'] {
  const pciBusId = pciAddress(device);
  const uniqueId = readLine(join(device, 'unique_id'));
  const model = readLine(join(device, 'product_name'));
  return {
    uuid: uniqueId === null || uniqueId === '' ? `PCI-${pciBusId || index}` : `AMD-${uniqueId}`,
    name:
      model === null || model === ''
        ? `AMD GPU ${readLine(join(device, 'device')) ?? ''}`.trim()
        : model,
    index,
    pciBusId,
    serial: readLine(join(device, 'serial_number')) ?? '',
    vbiosVersion: readLine(join(device, 'vbios_version')) ?? '',
    minorNumber: '',
  };
}

/** The input file whose label is one of these, in order of preference. */
function sensor(
  folder: string | null,
  kind: 'temp' | 'freq',
  ...labels: readonly string[]
): string | null {
  if (folder === null) return null;
  const files = list(folder).filter((name) => name.startsWith(kind) && name.endsWith('_label'));
  for (const label of labels) {
    const file = files.find((name) => readLine(join(folder, name)) === label);
    if (file !== undefined) return join(folder, file.replace(/_label$/, '_input'));
  }
  return null;
}

/** Older kernels give the average, newer ones on some chips only the instantaneous power. */
function powerFile(folder: string | null): string | null {
  if (folder === null) return null;
  const average = join(folder, 'power1_average');
  return readLine(average) === null ? join(folder, 'power1_input') : average;
}

function pciAddress(device: string): string {
  try {
    return basename(realpathSync(device));
  } catch {
    return '';
  }
}

/** Trimmed and without control characters; null when it cannot be read. */
function readLine(path: string): string | null {
  try {
    return labelText(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
