import assert from 'node:assert/strict';
import { emitHardware } from '../../../../agents/collectors/node-hardware.ts';
import { recordEmit } from '../../../support/recorded-emit.ts';

type Tree = Record<string, Record<string, Record<string, string>>>;

function samplesOf(tree: Tree): Record<string, number> {
  const texts = new Map(
    Object.entries(tree).map(([folder, entries]) => [
      folder,
      new Map(
        Object.entries(entries).map(([name, files]) => [name, new Map(Object.entries(files))]),
      ),
    ]),
  );
  const { emit, samples } = recordEmit();
  emitHardware(texts, /^veth/, emit);
  return Object.fromEntries(samples);
}

describe('hardware', () => {
  it('names a sensor by chip and label, and by number where the label is taken', () => {
    assert.deepEqual(
      samplesOf({
        'sys/class/hwmon': {
          hwmon0: {
            '@link': '../../devices/platform/coretemp.0/hwmon/hwmon0',
            name: 'coretemp',
            temp1_input: '41000',
            temp1_label: 'Package id 0',
            temp1_crit: '100000',
            temp2_input: '40500',
            temp2_label: 'Package id 0',
            temp3_input: '',
          },
          hwmon1: {
            '@link': '../../devices/pci0000:00/0000:01:00.0/nvme/nvme0/hwmon/hwmon1',
            name: 'nvme',
            temp1_input: '35850',
          },
          hwmon2: {
            '@link': '../../devices/virtual/x/hwmon2',
            name: 'acpitz',
            temp1_input: '-5000',
          },
        },
        'sys/class/thermal': { thermal_zone0: { type: 'x86_pkg_temp', temp: '42000' } },
      }),
      {
        'omnimind_node_temperature_celsius{chip="coretemp.0",sensor="Package id 0"}': 41,
        'omnimind_node_temperature_critical_celsius{chip="coretemp.0",sensor="Package id 0"}': 100,
        'omnimind_node_temperature_celsius{chip="coretemp.0",sensor="temp2"}': 40.5,
        'omnimind_node_temperature_celsius{chip="nvme0",sensor="temp1"}': 35.85,
        'omnimind_node_temperature_celsius{chip="acpitz-hwmon2",sensor="temp1"}': -5,
        'omnimind_node_temperature_celsius{chip="thermal_zone0",sensor="x86_pkg_temp"}': 42,
      },
    );
  });

  it('gives memory errors and network links, absent where they are not told', () => {
    assert.deepEqual(
      samplesOf({
        'sys/devices/system/edac/mc': { mc0: { ce_count: '3', ue_count: '0' } },
        'sys/class/net': {
          eth0: { operstate: 'up', mtu: '1500', speed: '10000', carrier_changes: '2' },
          eth1: { operstate: 'down', mtu: '1500', speed: '-1' },
          lo: { operstate: 'unknown', mtu: '65536' },
          veth0: { operstate: 'up' },
        },
      }),
      {
        'omnimind_node_memory_errors_total{controller="mc0",kind="corrected"}': 3,
        'omnimind_node_memory_errors_total{controller="mc0",kind="uncorrected"}': 0,
        'omnimind_node_network_up{device="eth0"}': 1,
        'omnimind_node_network_mtu_bytes{device="eth0"}': 1500,
        'omnimind_node_network_speed_bytes_per_second{device="eth0"}': 1.25e9,
        'omnimind_node_network_carrier_changes_total{device="eth0"}': 2,
        'omnimind_node_network_up{device="eth1"}': 0,
        'omnimind_node_network_mtu_bytes{device="eth1"}': 1500,
        'omnimind_node_network_up{device="lo"}': 1,
        'omnimind_node_network_mtu_bytes{device="lo"}': 65_536,
      },
    );
  });
});
