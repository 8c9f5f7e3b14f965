/** Whether there are GPUs, whether they can be read, and whether somebody must act. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook, toDashboard } from '../../links.ts';
import { stat, stateTimeline } from '../../panels.ts';
import { NONE_IS_WELL } from '../../scales.ts';
import { NO_GPU, OF } from './parts.ts';

export const health: DashboardRow = {
  title: 'Is it healthy',
  panels: [
    stat({
      title: 'GPUs',
      description: 'GPUs that agents of these hosts read. None is no fault on hosts without one.',
      unit: 'count',
      link: toDashboard('omnimind-fleet', 'Fleet'),
      noValue: 'No agent of these nodes reports',
      mappings: [[0, 'No GPU', 'neutral']],
      queries: [{ expr: `sum(omnimind_gpu_devices{${OF}})`, legend: 'GPUs' }],
    }),
    stat({
      title: 'GPUs lost',
      description:
        'GPUs that were seen before and are gone, fell off the bus or need a reset. Work on them has failed.',
      unit: 'count',
      link: runbook('OmniMindGpuMissing'),
      noValue: NO_GPU,
      thresholds: NONE_IS_WELL,
      queries: [{ expr: `sum(omnimind_gpu_lost{${OF}})`, legend: 'lost' }],
    }),
    stat({
      title: 'Drivers that hang',
      description:
        'Hosts on which a call into the GPU driver did not come back. Host metrics go on; GPU values are absent until the driver answers, often after a reboot.',
      unit: 'count',
      link: runbook('OmniMindGpuDriverHung'),
      noValue: 'No agent of these nodes reports',
      thresholds: NONE_IS_WELL,
      queries: [{ expr: `sum(omnimind_gpu_driver_hung{${OF}})`, legend: 'hanging' }],
    }),
    stat({
      title: 'XID errors in 10 minutes',
      description:
        'Errors that the driver reported, of any kind. Which ones call for a reset, and which are the program’s fault, is in the row about errors.',
      unit: 'count',
      decimals: 0,
      link: runbook('OmniMindGpuXidCritical'),
      noValue: NO_GPU,
      thresholds: NONE_IS_WELL,
      queries: [{ expr: `sum(node:gpu_xid_errors:increase10m{${OF}})`, legend: 'errors' }],
    }),
    stat({
      title: 'Hottest GPU',
      description: 'Temperature of the hottest die. Each model slows down at its own temperature.',
      unit: 'celsius',
      link: runbook('OmniMindGpuThermalSlowdown'),
      noValue: NO_GPU,
      thresholds: [
        [null, 'ok'],
        [83, 'warning'],
        [90, 'critical'],
      ],
      queries: [{ expr: `max(node:gpu_temperature_celsius:max{${OF}})`, legend: 'hottest' }],
    }),
    stat({
      title: 'Power',
      description: 'What these GPUs draw together.',
      unit: 'watts',
      link: toDashboard('omnimind-node', 'Nodes', { variables: ['node'] }),
      noValue: NO_GPU,
      queries: [{ expr: `sum(node:gpu_power_watts:sum{${OF}})`, legend: 'power' }],
    }),
    stateTimeline({
      title: 'GPUs can be read',
      description:
        'By host, whether the last reading of its GPUs is fresh. A host without a GPU shows “No values” throughout.',
      unit: 'plain',
      link: runbook('OmniMindGpuCollectionFailing'),
      size: { width: 12, height: 7 },
      noValue: 'No agent of these nodes reports',
      mappings: [
        [0, 'No values', 'neutral'],
        [1, 'Fresh', 'ok'],
      ],
      queries: [
        { expr: `topk(25, max by (node) (omnimind_gpu_available{${OF}}))`, legend: '{{node}}' },
      ],
    }),
    stateTimeline({
      title: 'Why there are no values',
      description:
        'Causes for which GPUs that should be there could not be read on any of these hosts; choose one host to see its own. A host without a GPU has no cause.',
      unit: 'plain',
      link: runbook('OmniMindGpuCollectionFailing'),
      size: { width: 12, height: 7 },
      noValue: 'No agent of these nodes reports',
      mappings: [
        [0, 'No', 'ok'],
        [1, 'Yes', 'critical'],
      ],
      queries: [
        {
          expr: `max by (reason) (omnimind_gpu_source_failed{${OF}})`,
          legend: '{{reason}}',
        },
      ],
    }),
  ],
};
