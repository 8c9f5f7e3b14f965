/** Every GPU in one table. */

import type { DashboardRow } from '../../dashboard.ts';
import { toDashboard } from '../../links.ts';
import { table } from '../../panels.ts';
import { FULLNESS } from '../../scales.ts';
import { NO_GPU, OF } from './parts.ts';

/** Per GPU, under the labels by which the table has its rows. */
function column(series: string): string {
  return `max by (node, uuid) (${series}{${OF}})`;
}

export const devices: DashboardRow = {
  title: 'Devices',
  panels: [
    table({
      title: 'GPUs at a glance',
      description:
        'One row per GPU. Lost: seen before and gone. Memory: share of the device memory in use. Asks for: what the driver wants done, 0 is nothing (1 reset, 2 reboot, 3 drain peers, 4 drain and reset).',
      link: toDashboard('omnimind-gpu-device', 'One GPU'),
      noValue: NO_GPU,
      labels: [
        {
          label: 'node',
          title: 'Node',
          link: toDashboard('omnimind-node', 'This node', { values: { node: '${__value.raw}' } }),
        },
        {
          label: 'uuid',
          title: 'GPU',
          link: toDashboard('omnimind-gpu-device', 'This GPU', {
            values: { device: '${__value.raw}' },
          }),
        },
      ],
      columns: [
        {
          expr: column('omnimind_gpu_lost'),
          title: 'Lost',
          unit: 'yesNo',
          thresholds: [
            [null, 'ok'],
            [1, 'critical'],
          ],
        },
        { expr: column('omnimind_gpu_utilization_ratio'), title: 'Busy', unit: 'ratio' },
        {
          expr: `max by (node, uuid) (omnimind_gpu_memory_used_bytes{${OF}} / omnimind_gpu_memory_total_bytes{${OF}})`,
          title: 'Memory',
          unit: 'ratio',
          decimals: 0,
          thresholds: FULLNESS,
        },
        { expr: column('omnimind_gpu_memory_total_bytes'), title: 'Of', unit: 'bytes' },
        { expr: column('omnimind_gpu_temperature_celsius'), title: 'Temperature', unit: 'celsius' },
        { expr: column('omnimind_gpu_power_watts'), title: 'Power', unit: 'watts' },
        { expr: column('omnimind_gpu_compute_processes'), title: 'Processes', unit: 'count' },
        {
          expr: column('omnimind_gpu_recovery_action'),
          title: 'Asks for',
          unit: 'plain',
          thresholds: [
            [null, 'ok'],
            [1, 'critical'],
          ],
        },
      ],
      sortBy: 'Busy',
      descending: true,
    }),
  ],
};
