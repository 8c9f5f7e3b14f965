/** How busy, full, hot and hungry the GPUs are, over time. */

import type { DashboardRow } from '../../dashboard.ts';
import { timeSeries, type TimeSeriesSpec, type PlacelessPanel } from '../../panels.ts';
import { FULLNESS } from '../../scales.ts';
import { byGpu, GPU_LEGEND, NO_GPU, OF, toDevice, toGpuRunbook } from './parts.ts';

function perGpu(
  series: string,
  spec: Pick<TimeSeriesSpec, 'title' | 'description' | 'unit'> & Partial<TimeSeriesSpec>,
): PlacelessPanel {
  return timeSeries({
    min: 0,
    link: toGpuRunbook,
    seriesLink: toDevice,
    noValue: NO_GPU,
    queries: [{ expr: byGpu(series), legend: GPU_LEGEND }],
    ...spec,
  });
}

export const use: DashboardRow = {
  title: 'Use',
  panels: [
    perGpu(`omnimind_gpu_utilization_ratio{${OF}}`, {
      title: 'Busy',
      description:
        'Share of time in which at least one kernel ran. It says nothing of how much of the GPU was used, and shows 100 % for a job that is stuck.',
      unit: 'ratio',
      max: 1,
    }),
    perGpu(`omnimind_gpu_memory_used_bytes{${OF}} / omnimind_gpu_memory_total_bytes{${OF}}`, {
      title: 'Memory in use',
      description: 'Share of the device memory in use.',
      unit: 'ratio',
      max: 1,
      thresholds: FULLNESS,
    }),
    perGpu(`omnimind_gpu_memory_utilization_ratio{${OF}}`, {
      title: 'Memory traffic',
      description: 'Share of time in which device memory was read or written.',
      unit: 'ratio',
      max: 1,
    }),
    perGpu(`omnimind_gpu_temperature_celsius{${OF}}`, {
      title: 'Temperature',
      description: 'Temperature of each die.',
      unit: 'celsius',
    }),
    perGpu(`omnimind_gpu_power_watts{${OF}} / omnimind_gpu_power_limit_watts{${OF}}`, {
      title: 'Power of the limit',
      description:
        'Power draw as a share of the limit in force. At 100 % clocks are held down to stay within it, which is normal under full load.',
      unit: 'ratio',
    }),
    perGpu(`omnimind_gpu_clock_sm_hertz{${OF}} / omnimind_gpu_clock_sm_max_hertz{${OF}}`, {
      title: 'Clock of the highest',
      description:
        'Clock of the processors as a share of the highest. Low under load: the row about errors says what holds it down.',
      unit: 'ratio',
      max: 1,
    }),
  ],
};
