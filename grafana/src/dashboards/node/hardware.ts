/** Sensors, memory modules and the limits of the kernel. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { FULLNESS } from '../../scales.ts';
import { OF, lines } from './parts.ts';

export const hardware: DashboardRow = {
  title: 'Hardware and limits',
  panels: [
    lines({
      title: 'Temperature',
      description: 'The hottest sensors of each host.',
      link: runbook('OmniMindNodeTemperatureCritical'),
      unit: 'celsius',
      noValue: 'These nodes show no sensors (as virtual machines do)',
      queries: [
        {
          expr: `topk(25, max by (node, chip, sensor) (omnimind_node_temperature_celsius{${OF}}))`,
          legend: '{{node}} {{chip}} {{sensor}}',
        },
      ],
    }),
    lines({
      title: 'Memory errors (ECC)',
      description:
        'Errors that memory modules corrected or could not correct, within an hour. Any uncorrected error calls for a new module.',
      link: runbook('OmniMindNodeMemoryHardwareError'),
      unit: 'count',
      min: 0,
      noValue: 'These nodes report no memory errors (no ECC, or a virtual machine)',
      queries: [
        {
          expr: `topk(25, sum by (node, kind) (increase(omnimind_node_memory_errors_total{${OF}}[1h])))`,
          legend: '{{node}} {{kind}}',
        },
      ],
    }),
    lines({
      title: 'Open files in use',
      description: 'Share of the file handles that the host allows.',
      link: runbook('OmniMindNodeOpenFilesAlmostFull'),
      unit: 'ratio',
      min: 0,
      max: 1,
      thresholds: FULLNESS,
      queries: [
        {
          expr: `topk(25, omnimind_node_open_files{${OF}} / (omnimind_node_open_files_max{${OF}} > 0))`,
          legend: '{{node}}',
        },
      ],
    }),
  ],
};
