/** What is wrong with GPUs, or holds them down. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { stateTimeline, timeSeries } from '../../panels.ts';
import { byGpu, GPU_LEGEND, NO_GPU, OF, toDevice } from './parts.ts';

export const errors: DashboardRow = {
  title: 'Errors and limits',
  panels: [
    timeSeries({
      title: 'XID errors by number',
      description:
        'Errors that the driver reported within 10 minutes. 48, 62, 64, 74, 79, 95, 119, 120: drain the host, then reset or reboot. 94: the job is lost, the GPU is well. 13, 31, 43: the program’s fault. 63, 92: for information.',
      unit: 'count',
      min: 0,
      link: runbook('OmniMindGpuXidCritical'),
      noValue: NO_GPU,
      queries: [
        {
          expr: `topk(25, sum by (node, xid) (node:gpu_xid_errors:increase10m{${OF}}))`,
          legend: '{{node}} XID {{xid}}',
        },
      ],
    }),
    timeSeries({
      title: 'Uncorrected memory errors',
      description:
        'Since the driver was loaded. Each one cost a job; more of them on one GPU call for its replacement.',
      unit: 'count',
      min: 0,
      link: runbook('OmniMindGpuUncorrectableEcc'),
      seriesLink: toDevice,
      noValue: `${NO_GPU}, or they have no ECC`,
      queries: [
        {
          expr: byGpu(`omnimind_gpu_ecc_uncorrected_volatile_errors_total{${OF}}`),
          legend: GPU_LEGEND,
        },
      ],
    }),
    timeSeries({
      title: 'Rows waiting to be remapped, or failed',
      description:
        'Bad rows of memory that wait for a reset of the GPU to be replaced, and GPUs that have no spare row left (replace them).',
      unit: 'count',
      min: 0,
      link: runbook('OmniMindGpuRowRemapFailed'),
      noValue: `${NO_GPU}, or they do not remap rows`,
      queries: [
        { expr: `sum(omnimind_gpu_remapped_rows_pending{${OF}})`, legend: 'waiting for a reset' },
        { expr: `sum(omnimind_gpu_remapped_rows_failed{${OF}})`, legend: 'no spare row' },
      ],
    }),
    stateTimeline({
      title: 'What holds clocks down',
      description:
        'By host and cause, whether it holds the clock of some GPU down now. sw_power_cap is normal under full load; hw_ and thermal ones are not: look at cooling and power supply.',
      unit: 'plain',
      link: runbook('OmniMindGpuThermalSlowdown'),
      size: { width: 16, height: 9 },
      noValue: NO_GPU,
      mappings: [
        [0, 'No', 'neutral'],
        [1, 'Yes', 'warning'],
      ],
      queries: [
        {
          expr: `topk(25, max by (node, reason) (omnimind_gpu_clock_event_reason{${OF}, reason!~"gpu_idle|applications_clocks_setting|display_clock_setting"}))`,
          legend: '{{node}} {{reason}}',
        },
      ],
    }),
    timeSeries({
      title: 'Readings refused',
      description:
        'Values that the driver gave and that cannot be true (sentinels, corruption), per second, by host and field. They are not exported.',
      unit: 'perSecond',
      min: 0,
      size: { width: 8, height: 9 },
      link: runbook('OmniMindGpuCollectionFailing'),
      noValue: 'None was refused',
      queries: [
        {
          expr: `topk(25, sum by (node, field) (rate(omnimind_gpu_invalid_samples_total{${OF}}[$__rate_interval])))`,
          legend: '{{node}} {{field}}',
        },
      ],
    }),
  ],
};
