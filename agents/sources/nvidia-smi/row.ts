/**
 * The query given to `nvidia-smi --query-gpu` and the reading of one CSV row of its answer. Pure.
 * Text in brackets, `N/A` and blanks are absent values; any other text where a number belongs is
 * reported as unreadable, never guessed. It does not run the tool.
 */

import {
  emptyReading,
  inBaseUnits,
  type GpuField,
  type GpuReading,
  type GpuValues,
} from '../gpu/snapshot.ts';

/** Columns that name the GPU or the frame; a tool that lacks one of them is of no use. */
const IDENTITY_COLUMNS = [
  'count',
  'index',
  'uuid',
  'name',
  'driver_version',
  'pci.bus_id',
] as const;
const TEXT_COLUMNS = ['serial', 'vbios_version'] as const;
const REASON_COLUMNS = ['clocks_event_reasons.active', 'clocks_throttle_reasons.active'] as const;

const MIB = 1024 * 1024;

interface ValueColumn {
  readonly column: string;
  readonly field: GpuField;
  /** Unit of the tool in base units. */
  readonly scale: number;
}

const VALUE_COLUMNS: readonly ValueColumn[] = (
  [
    ['utilization.gpu', 'utilization_ratio', 0.01],
    ['utilization.memory', 'memory_utilization_ratio', 0.01],
    ['utilization.encoder', 'encoder_utilization_ratio', 0.01],
    ['utilization.decoder', 'decoder_utilization_ratio', 0.01],
    ['memory.total', 'memory_total_bytes', MIB],
    ['memory.used', 'memory_used_bytes', MIB],
    ['memory.free', 'memory_free_bytes', MIB],
    ['memory.reserved', 'memory_reserved_bytes', MIB],
    ['temperature.gpu', 'temperature_celsius', 1],
    ['temperature.memory', 'memory_temperature_celsius', 1],
    ['fan.speed', 'fan_speed_ratio', 0.01],
    ['power.draw', 'power_watts', 1],
    ['enforced.power.limit', 'power_limit_watts', 1],
    ['clocks.current.graphics', 'clock_graphics_hertz', 1e6],
    ['clocks.current.sm', 'clock_sm_hertz', 1e6],
    ['clocks.current.memory', 'clock_memory_hertz', 1e6],
    ['clocks.current.video', 'clock_video_hertz', 1e6],
    ['clocks.max.graphics', 'clock_graphics_max_hertz', 1e6],
    ['clocks.max.sm', 'clock_sm_max_hertz', 1e6],
    ['clocks.max.memory', 'clock_memory_max_hertz', 1e6],
    ['pstate', 'performance_state', 1],
    ['gpu_recovery_action', 'recovery_action', 1],
    ['ecc.mode.current', 'ecc_enabled', 1],
    ['ecc.errors.corrected.volatile.total', 'ecc_corrected_volatile_errors_total', 1],
    ['ecc.errors.uncorrected.volatile.total', 'ecc_uncorrected_volatile_errors_total', 1],
    ['ecc.errors.corrected.aggregate.total', 'ecc_corrected_aggregate_errors_total', 1],
    ['ecc.errors.uncorrected.aggregate.total', 'ecc_uncorrected_aggregate_errors_total', 1],
    ['retired_pages.single_bit_ecc.count', 'retired_pages_single_bit', 1],
    ['retired_pages.double_bit.count', 'retired_pages_double_bit', 1],
    ['retired_pages.pending', 'retired_pages_pending', 1],
    ['remapped_rows.correctable', 'remapped_rows_corrected', 1],
    ['remapped_rows.uncorrectable', 'remapped_rows_uncorrected', 1],
    ['remapped_rows.pending', 'remapped_rows_pending', 1],
    ['remapped_rows.failure', 'remapped_rows_failed', 1],
    ['pcie.link.gen.current', 'pcie_link_generation', 1],
    ['pcie.link.gen.max', 'pcie_link_generation_max', 1],
    ['pcie.link.width.current', 'pcie_link_width', 1],
    ['pcie.link.width.max', 'pcie_link_width_max', 1],
    ['mig.mode.current', 'mig_enabled', 1],
  ] as const
).map(([column, field, scale]) => ({ column, field, scale }));

const valueColumns: ReadonlyMap<string, ValueColumn> = new Map(
  VALUE_COLUMNS.map((entry) => [entry.column, entry]),
);

/** All that is asked of a tool of which nothing is known yet. */
export const ALL_COLUMNS: readonly string[] = [
  ...IDENTITY_COLUMNS,
  ...TEXT_COLUMNS,
  ...VALUE_COLUMNS.map((entry) => entry.column),
  REASON_COLUMNS[0],
];

/**
 * The columns without one that this tool does not know, or null when it cannot go without it. The
 * reasons were called throttle reasons before driver 535.
 */
export function withoutColumn(
  columns: readonly string[],
  unknown: string,
): readonly string[] | null {
  if (!columns.includes(unknown)) return null;
  if (IDENTITY_COLUMNS.some((name) => name === unknown)) return null;
  const rest = columns.filter((name) => name !== unknown);
  return unknown === REASON_COLUMNS[0] ? [...rest, REASON_COLUMNS[1]] : rest;
}

export interface SmiRow {
  /** GPUs that the tool sees, as it says in every row. */
  readonly count: number;
  readonly driverVersion: string;
  readonly reading: GpuReading;
}

/** Null when the line is not a row of that query. */
export function parseRow(line: string, columns: readonly string[]): SmiRow | null {
  const cells = line.split(',').map((cell) => cell.trim());
  if (cells.length !== columns.length) return null;
  const byColumn = new Map(columns.map((column, at) => [column, cells[at] ?? '']));
  const text = (column: string): string => textOf(byColumn.get(column) ?? '');
  const count = Number(byColumn.get('count'));
  const index = Number(byColumn.get('index'));
  const uuid = text('uuid');
  if (!Number.isSafeInteger(count) || !Number.isSafeInteger(index) || index < 0) return null;
  if (!/^(GPU|MIG)-[0-9a-zA-Z-]{1,90}$/.test(uuid)) return null;
  const read = readValues(byColumn);
  const reasons = REASON_COLUMNS.map((column) => byColumn.get(column)).find(Boolean) ?? '';
  return {
    count,
    driverVersion: text('driver_version'),
    reading: {
      ...emptyReading({
        uuid,
        index,
        name: text('name'),
        pciBusId: text('pci.bus_id'),
        serial: text('serial'),
        vbiosVersion: text('vbios_version'),
        minorNumber: '',
      }),
      ...read,
      clockEventReasons: /^0x[0-9a-f]{1,13}$/i.test(reasons.replace(/^0x0+(?=.)/i, '0x'))
        ? Number(reasons)
        : null,
      isLost: cells.some((cell) => /^\[GPU (is lost|requires reset)/i.test(cell)),
    },
  };
}

function readValues(
  cells: ReadonlyMap<string, string>,
): Pick<GpuReading, 'values' | 'unreadable' | 'readErrors'> {
  const values: GpuValues = {};
  const unreadable: GpuField[] = [];
  let readErrors = 0;
  for (const [column, cell] of cells) {
    const known = valueColumns.get(column);
    if (known === undefined) continue;
    if (/^\[Unknown Error\]$/i.test(cell)) readErrors += 1;
    if (isAbsentText(cell)) continue;
    const number = numberOf(cell);
    if (number === null) unreadable.push(known.field);
    else values[known.field] = inBaseUnits(number, known.scale);
  }
  return { values, unreadable, readErrors };
}

function isAbsentText(cell: string): boolean {
  return cell === '' || /^N\/A$/i.test(cell) || /^\[.*\]$/.test(cell);
}

function textOf(cell: string): string {
  return isAbsentText(cell) ? '' : cell.slice(0, 100);
}

const words: ReadonlyMap<string, number> = new Map([
  ['enabled', 1],
  ['disabled', 0],
  ['yes', 1],
  ['no', 0],
  ['none', 0],
  ['reset', 1],
  ['reboot', 2],
  ['drain p2p', 3],
  ['drain and reset', 4],
]);

function numberOf(cell: string): number | null {
  if (/^-?\d{1,20}(\.\d{1,6})?$/.test(cell)) return Number(cell);
  const state = /^P(\d{1,2})$/.exec(cell);
  return state === null ? (words.get(cell.toLowerCase()) ?? null) : Number(state[1]);
}
