/** How busy, full, hot and hungry the GPU is. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { deviceLines, OF } from './parts.ts';

export const use: DashboardRow = {
  title: 'Use',
  panels: [
    deviceLines({
      title: 'Busy',
      description:
        'Share of time in which a kernel ran, memory was read or written, and the video engines worked.',
      unit: 'ratio',
      max: 1,
      queries: [
        { expr: `max(omnimind_gpu_utilization_ratio{${OF}})`, legend: 'kernels' },
        { expr: `max(omnimind_gpu_memory_utilization_ratio{${OF}})`, legend: 'memory traffic' },
        { expr: `max(omnimind_gpu_encoder_utilization_ratio{${OF}})`, legend: 'video encoder' },
        { expr: `max(omnimind_gpu_decoder_utilization_ratio{${OF}})`, legend: 'video decoder' },
      ],
    }),
    deviceLines({
      title: 'Memory',
      description: 'Device memory that programs use, that the driver reserves, and that is free.',
      unit: 'bytes',
      stack: true,
      queries: [
        { expr: `max(omnimind_gpu_memory_used_bytes{${OF}})`, legend: 'used' },
        { expr: `max(omnimind_gpu_memory_reserved_bytes{${OF}})`, legend: 'reserved' },
        { expr: `max(omnimind_gpu_memory_free_bytes{${OF}})`, legend: 'free' },
      ],
    }),
    deviceLines({
      title: 'Memory of the largest programs',
      description:
        'Device memory by process. Agents export it only when told to (OMNIMIND_AGENT_GPU_PROCESSES_MAX).',
      unit: 'bytes',
      noValue: 'No process, or agents are not told to name them',
      queries: [
        {
          expr: `topk(10, max by (pid, name) (omnimind_gpu_process_memory_bytes{${OF}}))`,
          legend: '{{name}} ({{pid}})',
        },
      ],
    }),
    deviceLines({
      title: 'Temperature',
      description:
        'Of die and memory, beside the temperatures at which the hardware slows down and shuts down.',
      unit: 'celsius',
      link: runbook('OmniMindGpuThermalSlowdown'),
      queries: [
        { expr: `max(omnimind_gpu_temperature_celsius{${OF}})`, legend: 'die' },
        { expr: `max(omnimind_gpu_memory_temperature_celsius{${OF}})`, legend: 'memory' },
        { expr: `max(omnimind_gpu_temperature_slowdown_celsius{${OF}})`, legend: 'slows down at' },
        { expr: `max(omnimind_gpu_temperature_shutdown_celsius{${OF}})`, legend: 'shuts down at' },
      ],
    }),
    deviceLines({
      title: 'Power',
      description: 'Power draw, and the limit in force.',
      unit: 'watts',
      queries: [
        { expr: `max(omnimind_gpu_power_watts{${OF}})`, legend: 'draw' },
        { expr: `max(omnimind_gpu_power_limit_watts{${OF}})`, legend: 'limit' },
      ],
    }),
    deviceLines({
      title: 'Clocks',
      description: 'Clocks of processors, memory and video engines, and the highest of processors.',
      unit: 'hertz',
      queries: [
        { expr: `max(omnimind_gpu_clock_sm_hertz{${OF}})`, legend: 'processors' },
        { expr: `max(omnimind_gpu_clock_sm_max_hertz{${OF}})`, legend: 'processors at most' },
        { expr: `max(omnimind_gpu_clock_memory_hertz{${OF}})`, legend: 'memory' },
        { expr: `max(omnimind_gpu_clock_video_hertz{${OF}})`, legend: 'video' },
      ],
    }),
  ],
};
