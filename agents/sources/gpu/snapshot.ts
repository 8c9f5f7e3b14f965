/**
 * What one look at a host's GPUs returns, whichever back-end took it: plain data in base units
 * (ratio 0 to 1, bytes, celsius, watts, joules, hertz). A value that could not be read is left out,
 * never 0. Nothing here judges whether a value is plausible: collectors/gpu-sanity.ts does.
 */

/** Where values come from: NVML through koffi, the `nvidia-smi` tool, AMD's sysfs files. */
export const GPU_BACKENDS = ['nvml', 'smi', 'amd'] as const;
export type GpuBackendName = (typeof GPU_BACKENDS)[number];

/** One number per GPU; the exported series is `omnimind_gpu_<field>`. */
export const GPU_FIELDS = [
  'utilization_ratio',
  'memory_utilization_ratio',
  'encoder_utilization_ratio',
  'decoder_utilization_ratio',
  'memory_total_bytes',
  'memory_used_bytes',
  'memory_free_bytes',
  'memory_reserved_bytes',
  'temperature_celsius',
  'memory_temperature_celsius',
  'temperature_shutdown_celsius',
  'temperature_slowdown_celsius',
  'temperature_max_operating_celsius',
  'fan_speed_ratio',
  'power_watts',
  'power_limit_watts',
  'energy_joules_total',
  'clock_graphics_hertz',
  'clock_sm_hertz',
  'clock_memory_hertz',
  'clock_video_hertz',
  'clock_graphics_max_hertz',
  'clock_sm_max_hertz',
  'clock_memory_max_hertz',
  'clock_video_max_hertz',
  'performance_state',
  'recovery_action',
  'ecc_enabled',
  'ecc_corrected_volatile_errors_total',
  'ecc_uncorrected_volatile_errors_total',
  'ecc_corrected_aggregate_errors_total',
  'ecc_uncorrected_aggregate_errors_total',
  'retired_pages_single_bit',
  'retired_pages_double_bit',
  'retired_pages_pending',
  'remapped_rows_corrected',
  'remapped_rows_uncorrected',
  'remapped_rows_pending',
  'remapped_rows_failed',
  'pcie_link_generation',
  'pcie_link_generation_max',
  'pcie_link_width',
  'pcie_link_width_max',
  'pcie_replays_total',
  'pcie_transmit_bytes_total',
  'pcie_receive_bytes_total',
  'nvlink_replay_errors_total',
  'nvlink_recovery_errors_total',
  'nvlink_crc_errors_total',
  'nvlink_transmit_bytes_total',
  'nvlink_receive_bytes_total',
  'mig_enabled',
  'compute_processes',
] as const;
export type GpuField = (typeof GPU_FIELDS)[number];

const fieldNames: ReadonlySet<string> = new Set(GPU_FIELDS);

export function isGpuField(name: string): name is GpuField {
  return fieldNames.has(name);
}

export type GpuValues = Partial<Record<GpuField, number>>;

/** Why a GPU's clocks are held down, by bit of NVML's mask (nvml.h, nvmlClocksEventReason*). */
export const CLOCK_EVENT_REASONS = [
  'gpu_idle',
  'applications_clocks_setting',
  'sw_power_cap',
  'hw_slowdown',
  'sync_boost',
  'sw_thermal_slowdown',
  'hw_thermal_slowdown',
  'hw_power_brake_slowdown',
  'display_clock_setting',
] as const;

export interface GpuIdentity {
  /** As the driver prints it (`GPU-…`); for AMD `AMD-<unique_id>` or `PCI-<address>`. */
  readonly uuid: string;
  readonly name: string;
  /** The driver's enumeration order; not stable over a reboot. */
  readonly index: number;
  readonly pciBusId: string;
  /** Empty when the board has none, or it may not be read. */
  readonly serial: string;
  readonly vbiosVersion: string;
  /** N of /dev/nvidiaN; empty when unknown. */
  readonly minorNumber: string;
}

export interface NvLinkState {
  readonly link: number;
  readonly isUp: boolean;
}

export interface MigInstance {
  readonly uuid: string;
  /** With the profile, as in `NVIDIA H200 MIG 1g.18gb`; empty when the driver does not say. */
  readonly name: string;
  readonly gpuInstance: number;
  readonly computeInstance: number;
  readonly memoryTotalBytes: number | null;
  readonly memoryUsedBytes: number | null;
}

export interface GpuProcess {
  readonly pid: number;
  /** Base name of the executable; empty when it may not be read. */
  readonly name: string;
  readonly memoryBytes: number;
}

export interface GpuReading {
  readonly identity: GpuIdentity;
  readonly values: GpuValues;
  /** NVML's mask of clock event reasons; null when it is not supported. */
  readonly clockEventReasons: number | null;
  readonly nvLinks: readonly NvLinkState[];
  readonly migInstances: readonly MigInstance[];
  /** The largest by memory, at most `processesMax`. */
  readonly processes: readonly GpuProcess[];
  /** Fields whose text or number was no number at all; counted as invalid samples. */
  readonly unreadable: readonly GpuField[];
  /** Reads that failed for another reason than "not supported". */
  readonly readErrors: number;
  /** True when the driver says that the GPU fell off the bus or needs a reset. */
  readonly isLost: boolean;
}

export interface GpuSnapshot {
  readonly backend: GpuBackendName;
  readonly driverVersion: string;
  /** Highest CUDA version of the driver, as `13.0`; empty when unknown. */
  readonly cudaVersion: string;
  readonly gpus: readonly GpuReading[];
}

/** `value` units of `scale` each, in base units; divides where it can, since 41 × 0.01 is not 0.41. */
export function inBaseUnits(value: number, scale: number): number {
  return scale < 1 ? value / Math.round(1 / scale) : value * scale;
}

/** A reading with nothing in it but who it is; the reader adds what it could read. */
export function emptyReading(identity: GpuIdentity): GpuReading {
  return {
    identity,
    values: {},
    clockEventReasons: null,
    nvLinks: [],
    migInstances: [],
    processes: [],
    unreadable: [],
    readErrors: 0,
    isLost: false,
  };
}
