/** What the GPU is, and whether it is there. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook, toDashboard } from '../../links.ts';
import { stat, table } from '../../panels.ts';
import { NONE_IS_WELL } from '../../scales.ts';
import { deviceStat, OF } from './parts.ts';

export const identity: DashboardRow = {
  title: 'Is it healthy',
  panels: [
    stat({
      title: 'Is it there',
      description:
        'Whether the GPU answers. Lost: it was seen before and is gone or needs a reset.',
      unit: 'plain',
      graph: false,
      link: runbook('OmniMindGpuMissing'),
      noValue: 'No GPU reports',
      mappings: [
        [0, 'Yes', 'ok'],
        [1, 'Lost', 'critical'],
      ],
      queries: [{ expr: `max(omnimind_gpu_lost{${OF}})`, legend: 'is it there' }],
    }),
    deviceStat({
      title: 'What the driver asks for',
      description: 'What has to be done before the GPU works again, in the driver’s own judgement.',
      unit: 'plain',
      graph: false,
      link: runbook('OmniMindGpuRecoveryActionRequired'),
      mappings: [
        [0, 'Nothing', 'ok'],
        [1, 'GPU reset', 'critical'],
        [2, 'Node reboot', 'critical'],
        [3, 'Drain peers', 'critical'],
        [4, 'Drain and reset', 'critical'],
        [5, 'Recover the IMEX domain', 'critical'],
      ],
      queries: [{ expr: `max(omnimind_gpu_recovery_action{${OF}})`, legend: 'asked for' }],
    }),
    deviceStat({
      title: 'Device memory',
      description: 'All of the device memory.',
      unit: 'bytes',
      graph: false,
      queries: [{ expr: `max(omnimind_gpu_memory_total_bytes{${OF}})`, legend: 'memory' }],
    }),
    deviceStat({
      title: 'Processes',
      description: 'Processes with a compute context on the GPU.',
      unit: 'count',
      queries: [{ expr: `max(omnimind_gpu_compute_processes{${OF}})`, legend: 'processes' }],
    }),
    deviceStat({
      title: 'Performance state',
      description: 'P0 is the fastest, P15 the slowest. An idle GPU is in a slow one.',
      unit: 'plain',
      queries: [{ expr: `max(omnimind_gpu_performance_state{${OF}})`, legend: 'state' }],
    }),
    deviceStat({
      title: 'Reads that failed',
      description:
        'Values within the last hour that the driver failed to give, other than those that it does not support.',
      unit: 'count',
      decimals: 0,
      link: runbook('OmniMindGpuCollectionFailing'),
      thresholds: NONE_IS_WELL,
      queries: [
        { expr: `sum(increase(omnimind_gpu_read_errors_total{${OF}}[1h]))`, legend: 'failed' },
      ],
    }),
    table({
      title: 'What it is',
      description: 'Model, place, and the versions of driver and firmware.',
      link: toDashboard('omnimind-gpu', 'GPU fleet'),
      noValue: 'No GPU reports',
      size: { width: 24, height: 4 },
      labels: [
        {
          label: 'node',
          title: 'Node',
          link: toDashboard('omnimind-node', 'This node', { values: { node: '${__value.raw}' } }),
        },
        { label: 'index', title: 'Index' },
        { label: 'name', title: 'Model' },
        { label: 'serial', title: 'Serial number' },
        { label: 'pci_bus_id', title: 'PCI address' },
        { label: 'driver_version', title: 'Driver' },
        { label: 'cuda_version', title: 'CUDA' },
        { label: 'vbios_version', title: 'VBIOS' },
      ],
      columns: [
        {
          expr: `max by (node, index, name, serial, pci_bus_id, driver_version, cuda_version, vbios_version) (omnimind_gpu_info{${OF}})`,
          title: 'Known',
          unit: 'yesNo',
        },
      ],
    }),
  ],
};
