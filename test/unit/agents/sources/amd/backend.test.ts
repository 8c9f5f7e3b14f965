import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readAmdGpus } from '../../../../../agents/sources/amd/backend.ts';

/** A card as the amdgpu driver shows it; `device` is a link into the PCI tree, as in real sysfs. */
function addCard(root: string, card: number, address: string, files: Record<string, string>): void {
  const device = join(root, 'devices/pci0000:00', address);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(device, path)), { recursive: true });
    writeFileSync(join(device, path), `${text}\n`);
  }
  mkdirSync(join(root, `class/drm/card${card}`), { recursive: true });
  symlinkSync(device, join(root, `class/drm/card${card}/device`));
}

const mi300: Record<string, string> = {
  vendor: '0x1002',
  device: '0x74a1',
  product_name: 'AMD Instinct MI300X',
  unique_id: 'a1b2c3d4e5f60718',
  vbios_version: '113-M3000100-102',
  gpu_busy_percent: '73',
  mem_busy_percent: '12',
  mem_info_vram_total: '206141652992',
  mem_info_vram_used: '1000000000',
  current_link_width: '16',
  'hwmon/hwmon5/temp1_label': 'edge',
  'hwmon/hwmon5/temp1_input': '48000',
  'hwmon/hwmon5/temp2_label': 'junction',
  'hwmon/hwmon5/temp2_input': '61000',
  'hwmon/hwmon5/temp3_label': 'mem',
  'hwmon/hwmon5/temp3_input': '52000',
  'hwmon/hwmon5/power1_average': '141000000',
  'hwmon/hwmon5/power1_cap': '750000000',
  'hwmon/hwmon5/freq1_label': 'sclk',
  'hwmon/hwmon5/freq1_input': '2100000000',
};

describe('readAmdGpus', () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'sysfs-'))));
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('reads a card in base units and leaves out what has no file', () => {
    addCard(root, 1, '0000:05:00.0', mi300);
    const [gpu, ...others] = readAmdGpus(root);
    assert.ok(gpu);
    assert.deepEqual(others, []);
    assert.deepEqual(gpu.values, {
      utilization_ratio: 0.73,
      memory_utilization_ratio: 0.12,
      memory_total_bytes: 206_141_652_992,
      memory_used_bytes: 1e9,
      temperature_celsius: 48,
      memory_temperature_celsius: 52,
      power_watts: 141,
      power_limit_watts: 750,
      clock_graphics_hertz: 2.1e9,
      pcie_link_width: 16,
    });
    assert.equal(gpu.identity.uuid, 'AMD-a1b2c3d4e5f60718');
    assert.equal(gpu.identity.name, 'AMD Instinct MI300X');
    assert.equal(gpu.identity.pciBusId, '0000:05:00.0');
  });

  it('orders cards by number, skips other vendors and names a card without a unique id by its address', () => {
    addCard(root, 10, '0000:0a:00.0', { ...mi300, unique_id: 'ten' });
    addCard(root, 2, '0000:02:00.0', {
      vendor: '0x1002',
      device: '0x7550',
      mem_info_vram_total: '1',
    });
    addCard(root, 0, '0000:00:02.0', { vendor: '0x8086', mem_info_vram_total: '1' });
    const gpus = readAmdGpus(root);
    assert.deepEqual(
      gpus.map(({ identity }) => [identity.uuid, identity.index, identity.name]),
      [
        ['PCI-0000:02:00.0', 0, 'AMD GPU 0x7550'],
        ['AMD-ten', 1, 'AMD Instinct MI300X'],
      ],
    );
  });

  it('falls back to junction temperature and instantaneous power', () => {
    addCard(root, 0, '0000:05:00.0', {
      vendor: '0x1002',
      mem_info_vram_total: '1',
      'hwmon/hwmon1/temp2_label': 'junction',
      'hwmon/hwmon1/temp2_input': '61000',
      'hwmon/hwmon1/power1_input': '99000000',
    });
    const [gpu] = readAmdGpus(root);
    assert.ok(gpu);
    assert.equal(gpu.values.temperature_celsius, 61);
    assert.equal(gpu.values.power_watts, 99);
  });

  it('reports a file that is not a number as unreadable and an empty one as absent', () => {
    addCard(root, 0, '0000:05:00.0', { ...mi300, gpu_busy_percent: 'error', mem_busy_percent: '' });
    const [gpu] = readAmdGpus(root);
    assert.ok(gpu);
    assert.deepEqual(gpu.unreadable, ['utilization_ratio']);
    assert.equal(gpu.values.memory_utilization_ratio, undefined);
  });

  it('finds nothing where there is no such tree', () => {
    assert.deepEqual(readAmdGpus(join(root, 'none')), []);
  });
});
