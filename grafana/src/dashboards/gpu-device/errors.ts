/** Errors of the GPU, and what holds it down. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { stateTimeline } from '../../panels.ts';
import { deviceLines, OF } from './parts.ts';

export const errors: DashboardRow = {
  title: 'Errors and limits',
  panels: [
    stateTimeline({
      title: 'What holds clocks down',
      description:
        'Each cause that the driver knows. gpu_idle and sw_power_cap are normal; hw_ and thermal ones are not.',
      unit: 'plain',
      link: runbook('OmniMindGpuThermalSlowdown'),
      size: { width: 16, height: 8 },
      noValue: 'No GPU, or it does not say',
      mappings: [
        [0, 'No', 'neutral'],
        [1, 'Yes', 'warning'],
      ],
      queries: [
        {
          expr: `max by (reason) (omnimind_gpu_clock_event_reason{${OF}})`,
          legend: '{{reason}}',
        },
      ],
    }),
    deviceLines({
      title: 'XID errors since the agent started',
      description: 'By number; the runbook says what each asks for.',
      unit: 'count',
      link: runbook('OmniMindGpuXidCritical'),
      queries: [
        {
          expr: `topk(25, max by (xid) (omnimind_gpu_xid_errors_total{${OF}}))`,
          legend: 'XID {{xid}}',
        },
      ],
    }),
    deviceLines({
      title: 'Memory errors (ECC)',
      description: 'Since the driver was loaded, and in the life of the GPU.',
      unit: 'count',
      noValue: 'No GPU, or it has no ECC',
      link: runbook('OmniMindGpuUncorrectableEcc'),
      queries: [
        {
          expr: `max(omnimind_gpu_ecc_corrected_volatile_errors_total{${OF}})`,
          legend: 'corrected since load',
        },
        {
          expr: `max(omnimind_gpu_ecc_uncorrected_volatile_errors_total{${OF}})`,
          legend: 'uncorrected since load',
        },
        {
          expr: `max(omnimind_gpu_ecc_corrected_aggregate_errors_total{${OF}})`,
          legend: 'corrected ever',
        },
        {
          expr: `max(omnimind_gpu_ecc_uncorrected_aggregate_errors_total{${OF}})`,
          legend: 'uncorrected ever',
        },
      ],
    }),
    deviceLines({
      title: 'Memory rows replaced',
      description:
        'Rows of device memory that were remapped, that wait for a reset, and whether one could not be (then replace the GPU).',
      unit: 'count',
      noValue: 'No GPU, or it does not remap rows',
      link: runbook('OmniMindGpuRowRemapFailed'),
      queries: [
        { expr: `max(omnimind_gpu_remapped_rows_corrected{${OF}})`, legend: 'for correctable' },
        { expr: `max(omnimind_gpu_remapped_rows_uncorrected{${OF}})`, legend: 'for uncorrectable' },
        { expr: `max(omnimind_gpu_remapped_rows_pending{${OF}})`, legend: 'waiting' },
        { expr: `max(omnimind_gpu_remapped_rows_failed{${OF}})`, legend: 'failed' },
      ],
    }),
  ],
};
