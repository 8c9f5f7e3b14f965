/**
 * Temperatures, memory errors and network links, from the texts of sysfs that slow-files.ts read.
 * A sensor is named by its chip and label, or by its number where it has none.
 */

import type { Emit } from '../collector.ts';
import { counter, gauge } from '../family.ts';
import type { SlowFileRule, SlowFileTexts } from '../sources/slow-files.ts';

const HWMON = 'sys/class/hwmon';
const THERMAL = 'sys/class/thermal';
const EDAC = 'sys/devices/system/edac/mc';
const NET = 'sys/class/net';

export const hardwareRules: readonly SlowFileRule[] = [
  {
    folder: HWMON,
    entries: /^hwmon\d+$/,
    files: /^(name|temp\d+_(input|label|crit))$/,
    withLink: true,
  },
  { folder: THERMAL, entries: /^thermal_zone\d+$/, files: /^(type|temp)$/ },
  { folder: EDAC, entries: /^mc\d+$/, files: /^(ce|ue)_count$/ },
  { folder: NET, entries: /./, files: /^(operstate|mtu|speed|carrier_changes)$/ },
];

const temperature = gauge(
  'omnimind_node_temperature_celsius',
  'Temperature of a sensor.',
  'chip',
  'sensor',
);
const critical = gauge(
  'omnimind_node_temperature_critical_celsius',
  'Temperature at which the hardware is in danger, as it says itself.',
  'chip',
  'sensor',
);
const memoryErrors = counter(
  'omnimind_node_memory_errors_total',
  'Errors of the main memory that the controller corrected or could not correct.',
  'controller',
  'kind',
);
const linkUp = gauge('omnimind_node_network_up', 'Whether the link of the device is up.', 'device');
const linkMtu = gauge('omnimind_node_network_mtu_bytes', 'Largest packet of the device.', 'device');
const linkSpeed = gauge(
  'omnimind_node_network_speed_bytes_per_second',
  'Speed of the link; absent where the device has none.',
  'device',
);
const carrierChanges = counter(
  'omnimind_node_network_carrier_changes_total',
  'Times that the carrier came or went.',
  'device',
);

export const hardwareFamilies = [
  temperature,
  critical,
  memoryErrors,
  linkUp,
  linkMtu,
  linkSpeed,
  carrierChanges,
];

export function emitHardware(texts: SlowFileTexts, networksExclude: RegExp, emit: Emit): void {
  for (const [entry, files] of texts.get(HWMON) ?? []) emitChip(entry, files, emit);
  for (const [zone, files] of texts.get(THERMAL) ?? []) {
    emitMilli(files.get('temp'), (celsius) => {
      emit(temperature, celsius, zone, files.get('type') ?? '');
    });
  }
  for (const [controller, files] of texts.get(EDAC) ?? []) {
    emitNumber(files.get('ce_count'), (count) =>
      emit(memoryErrors, count, controller, 'corrected'),
    );
    emitNumber(files.get('ue_count'), (count) =>
      emit(memoryErrors, count, controller, 'uncorrected'),
    );
  }
  for (const [device, files] of texts.get(NET) ?? []) {
    if (!networksExclude.test(device)) emitLink(device, files, emit);
  }
}

type Texts = ReadonlyMap<string, string>;

function emitChip(entry: string, files: Texts, emit: Emit): void {
  const chip = chipName(entry, files);
  const labelled = new Set<string>();
  for (const [file, text] of files) {
    const sensor = /^(temp\d+)_input$/.exec(file)?.[1];
    if (sensor === undefined) continue;
    const label = files.get(`${sensor}_label`);
    // Two sensors of one chip may have the same label: the second keeps its number.
    const name = label === undefined || labelled.has(label) ? sensor : label;
    labelled.add(name);
    emitMilli(text, (celsius) => emit(temperature, celsius, chip, name));
    emitMilli(files.get(`${sensor}_crit`), (celsius) => emit(critical, celsius, chip, name));
  }
}

/** `hwmonN` is numbered anew at each boot, the device behind it is not: coretemp.0, nvme-nvme0. */
function chipName(entry: string, files: Texts): string {
  const device = /([^/]+)\/hwmon\/hwmon\d+$/.exec(files.get('@link') ?? '')?.[1];
  const name = files.get('name');
  if (device === undefined) return name === undefined ? entry : `${name}-${entry}`;
  return name === undefined || device.startsWith(name) ? device : `${name}-${device}`;
}

function emitLink(device: string, files: Texts, emit: Emit): void {
  const state = files.get('operstate');
  // The loopback says `unknown` while it works.
  if (state !== undefined) emit(linkUp, state === 'up' || state === 'unknown' ? 1 : 0, device);
  emitNumber(files.get('mtu'), (bytes) => emit(linkMtu, bytes, device));
  emitNumber(files.get('speed'), (megabits) => {
    if (megabits > 0) emit(linkSpeed, (megabits * 1e6) / 8, device);
  });
  emitNumber(files.get('carrier_changes'), (count) => emit(carrierChanges, count, device));
}

function emitNumber(text: string | undefined, give: (value: number) => void): void {
  if (text !== undefined && /^-?\d+$/.test(text)) give(Number(text));
}

function emitMilli(text: string | undefined, give: (value: number) => void): void {
  emitNumber(text, (value) => give(value / 1000));
}
