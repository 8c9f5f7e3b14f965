/**
 * Every series of the GPU collector, in one table. A series carries its GPU's uuid and nothing else
 * of its identity, which is in `omnimind_gpu_info`; a second label appears only where one GPU has
 * several of a thing (XID, reason, link, MIG instance, process). Units are base units.
 */

import type { Family } from '../collector.ts';
import { GPU_FIELDS, type GpuField } from '../sources/gpu/snapshot.ts';

export interface FieldDefinition {
  readonly family: Family;
  /** Readings outside are rejected: sentinels of the driver, corruption, a wrong unit. */
  readonly min: number;
  readonly max: number;
}

const RATIO = { min: 0, max: 1 };
/** One pebibyte. */
const BYTES = { min: 0, max: 2 ** 50 };
const CELSIUS = { min: 0, max: 150 };
const WATTS = { min: 0, max: 20_000 };
const HERTZ = { min: 0, max: 2e10 };
const FLAG = { min: 0, max: 1 };
/** NVML's 64-bit sentinels are above, every real count is below. */
const COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER };
/** 4294967295 is the 32-bit "not available". */
const COUNT_32 = { min: 0, max: 0xffff_fffe };

const definitions: Readonly<Record<GpuField, { help: string; min: number; max: number }>> = {
  utilization_ratio: {
    ...RATIO,
    help: 'Share of the sample period in which at least one kernel ran. It says nothing of how much of the GPU was used.',
  },
  memory_utilization_ratio: {
    ...RATIO,
    help: 'Share of the sample period in which device memory was read or written.',
  },
  encoder_utilization_ratio: { ...RATIO, help: 'Utilization of the video encoder.' },
  decoder_utilization_ratio: { ...RATIO, help: 'Utilization of the video decoder.' },
  memory_total_bytes: { min: 1, max: BYTES.max, help: 'Device memory.' },
  memory_used_bytes: { ...BYTES, help: 'Device memory in use, without what the driver reserves.' },
  memory_free_bytes: { ...BYTES, help: 'Device memory that can be allocated.' },
  memory_reserved_bytes: { ...BYTES, help: 'Device memory reserved by driver and firmware.' },
  temperature_celsius: { ...CELSIUS, help: 'Temperature of the GPU die.' },
  memory_temperature_celsius: { ...CELSIUS, help: 'Temperature of the device memory.' },
  temperature_shutdown_celsius: { ...CELSIUS, help: 'Temperature at which the GPU shuts down.' },
  temperature_slowdown_celsius: {
    ...CELSIUS,
    help: 'Temperature at which the hardware slows down.',
  },
  temperature_max_operating_celsius: {
    ...CELSIUS,
    help: 'Temperature above which clocks may fall below base.',
  },
  fan_speed_ratio: { min: 0, max: 2, help: 'Intended fan speed over its maximum; may exceed 1.' },
  power_watts: { ...WATTS, help: 'Power draw of the GPU and its circuitry.' },
  power_limit_watts: { ...WATTS, help: 'Power limit in force.' },
  energy_joules_total: { ...COUNT, help: 'Energy used since the driver was loaded.' },
  clock_graphics_hertz: { ...HERTZ, help: 'Graphics clock.' },
  clock_sm_hertz: { ...HERTZ, help: 'Clock of the streaming multiprocessors.' },
  clock_memory_hertz: { ...HERTZ, help: 'Memory clock.' },
  clock_video_hertz: { ...HERTZ, help: 'Clock of video encoder and decoder.' },
  clock_graphics_max_hertz: { ...HERTZ, help: 'Highest graphics clock.' },
  clock_sm_max_hertz: { ...HERTZ, help: 'Highest clock of the streaming multiprocessors.' },
  clock_memory_max_hertz: { ...HERTZ, help: 'Highest memory clock.' },
  clock_video_max_hertz: { ...HERTZ, help: 'Highest clock of video encoder and decoder.' },
  performance_state: {
    min: 0,
    max: 15,
    help: 'Performance state: 0 is the fastest, 15 the slowest.',
  },
  recovery_action: {
    min: 0,
    max: 15,
    help: 'What the driver asks for: 0 nothing, 1 GPU reset, 2 node reboot, 3 drain peers, 4 drain and reset, 5 recover the IMEX domain.',
  },
  ecc_enabled: { ...FLAG, help: '1 when ECC is on.' },
  ecc_corrected_volatile_errors_total: {
    ...COUNT,
    help: 'Corrected memory errors since the driver was loaded.',
  },
  ecc_uncorrected_volatile_errors_total: {
    ...COUNT,
    help: 'Uncorrected memory errors since the driver was loaded.',
  },
  ecc_corrected_aggregate_errors_total: {
    ...COUNT,
    help: 'Corrected memory errors in the life of the GPU.',
  },
  ecc_uncorrected_aggregate_errors_total: {
    ...COUNT,
    help: 'Uncorrected memory errors in the life of the GPU.',
  },
  retired_pages_single_bit: { ...COUNT, help: 'Pages retired for repeated single-bit errors.' },
  retired_pages_double_bit: { ...COUNT, help: 'Pages retired for a double-bit error.' },
  retired_pages_pending: { ...FLAG, help: '1 when pages wait for a reboot to be retired.' },
  remapped_rows_corrected: { ...COUNT_32, help: 'Rows remapped for correctable errors.' },
  remapped_rows_uncorrected: { ...COUNT_32, help: 'Rows remapped for uncorrectable errors.' },
  remapped_rows_pending: { ...FLAG, help: '1 when a row remapping waits for a GPU reset.' },
  remapped_rows_failed: {
    ...FLAG,
    help: '1 when a row remapping has ever failed: replace the GPU.',
  },
  pcie_link_generation: { min: 0, max: 16, help: 'PCIe generation of the link now.' },
  pcie_link_generation_max: { min: 0, max: 16, help: 'Highest PCIe generation of GPU and slot.' },
  pcie_link_width: { min: 0, max: 64, help: 'PCIe lanes of the link now.' },
  pcie_link_width_max: { min: 0, max: 64, help: 'Most PCIe lanes of GPU and slot.' },
  pcie_replays_total: { ...COUNT_32, help: 'PCIe packets that had to be sent again.' },
  pcie_transmit_bytes_total: {
    ...COUNT,
    help: 'Bytes sent over PCIe; the counter of the driver wraps.',
  },
  pcie_receive_bytes_total: {
    ...COUNT,
    help: 'Bytes received over PCIe; the counter of the driver wraps.',
  },
  nvlink_replay_errors_total: { ...COUNT, help: 'NVLink replays, all links.' },
  nvlink_recovery_errors_total: { ...COUNT, help: 'NVLink recoveries, all links.' },
  nvlink_crc_errors_total: { ...COUNT, help: 'NVLink flow control CRC errors, all links.' },
  nvlink_transmit_bytes_total: { ...COUNT, help: 'Bytes of data sent over NVLink, all links.' },
  nvlink_receive_bytes_total: { ...COUNT, help: 'Bytes of data received over NVLink, all links.' },
  mig_enabled: { ...FLAG, help: '1 when the GPU is split into MIG instances.' },
  compute_processes: { min: 0, max: 65_536, help: 'Processes with a compute context.' },
};

export const FIELDS: ReadonlyMap<GpuField, FieldDefinition> = new Map(
  GPU_FIELDS.map((field) => {
    const { help, min, max } = definitions[field];
    const type = field.endsWith('_total') ? 'counter' : 'gauge';
    return [field, { family: family(field, help, type, 'uuid'), min, max }];
  }),
);

export const AVAILABLE = family(
  'available',
  '1 when the values of at least one GPU are no older than the staleness limit.',
  'gauge',
);
export const DEVICES = family('devices', 'GPUs in the last reading.', 'gauge');
export const DRIVER_HUNG = family(
  'driver_hung',
  '1 from a call into the driver that did not come back until values are read again.',
  'gauge',
);
export const LAST_SUCCESS = family(
  'last_success_timestamp_seconds',
  'When values were last read; absent before the first time.',
  'gauge',
);
export const CHILD_RESTARTS = family(
  'child_restarts_total',
  'Times that the collecting process was started anew.',
  'counter',
);
export const CHILD_GARBAGE = family(
  'child_garbage_lines_total',
  'Lines of the collecting process that were no message.',
  'counter',
);
export const BACKEND_INFO = family(
  'backend_info',
  'Where the values come from: nvml, smi or amd.',
  'gauge',
  'backend',
);
export const SOURCE_FAILED = family(
  'source_failed',
  '1 for the reason why no values are read now; 0 for every other.',
  'gauge',
  'reason',
);
export const INVALID_SAMPLES = family(
  'invalid_samples_total',
  'Values rejected as impossible (sentinels, corruption), by field.',
  'counter',
  'field',
);
export const INFO = family(
  'info',
  'Identity of a GPU, kept as long as the process knows it.',
  'gauge',
  ...['uuid', 'name', 'index', 'driver_version', 'cuda_version', 'pci_bus_id', 'serial'],
  ...['vbios_version', 'minor_number'],
);
export const LOST = family(
  'lost',
  '1 when a GPU that was seen before is gone, fell off the bus or needs a reset.',
  'gauge',
  'uuid',
);
export const READ_ERRORS = family(
  'read_errors_total',
  'Reads of single values that failed for another reason than not being supported.',
  'counter',
  'uuid',
);
export const CLOCK_EVENT_REASON = family(
  'clock_event_reason',
  '1 when this reason holds the clocks down now.',
  'gauge',
  ...['uuid', 'reason'],
);
export const NVLINK_UP = family(
  'nvlink_up',
  '1 when the NVLink is active.',
  'gauge',
  'uuid',
  'link',
);
export const XID_ERRORS = family(
  'xid_errors_total',
  'XID errors reported by the driver since the agent started.',
  'counter',
  ...['uuid', 'xid'],
);
export const XID_LAST = family(
  'xid_last_timestamp_seconds',
  'When the XID error was last reported; absent while it never was.',
  'gauge',
  ...['uuid', 'xid'],
);
export const MIG_INFO = family(
  'mig_info',
  'Identity of a MIG instance.',
  'gauge',
  ...['uuid', 'mig_uuid', 'name', 'gpu_instance', 'compute_instance'],
);
export const MIG_MEMORY_TOTAL = family(
  'mig_memory_total_bytes',
  'Memory of a MIG instance.',
  'gauge',
  ...['uuid', 'mig_uuid'],
);
export const MIG_MEMORY_USED = family(
  'mig_memory_used_bytes',
  'Memory in use in a MIG instance.',
  'gauge',
  ...['uuid', 'mig_uuid'],
);
export const PROCESS_MEMORY = family(
  'process_memory_bytes',
  'Device memory of the largest compute processes.',
  'gauge',
  ...['uuid', 'pid', 'name'],
);

export const GPU_FAMILIES: readonly Family[] = [
  ...[AVAILABLE, DEVICES, DRIVER_HUNG, LAST_SUCCESS, CHILD_RESTARTS, CHILD_GARBAGE, BACKEND_INFO],
  ...[SOURCE_FAILED, INVALID_SAMPLES, INFO, LOST, READ_ERRORS, CLOCK_EVENT_REASON, NVLINK_UP],
  ...[XID_ERRORS, XID_LAST, MIG_INFO, MIG_MEMORY_TOTAL, MIG_MEMORY_USED, PROCESS_MEMORY],
  ...[...FIELDS.values()].map((definition) => definition.family),
];

function family(
  name: string,
  help: string,
  type: Family['type'],
  ...labels: readonly string[]
): Family {
  return { name: `omnimind_gpu_${name}`, help, type, labels };
}
