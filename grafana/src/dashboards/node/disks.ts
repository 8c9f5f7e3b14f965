/** Disks and file systems: how full, how busy, how slow, and at fault. */

import type { DashboardRow } from '../../dashboard.ts';
import { runbook } from '../../links.ts';
import { FULLNESS } from '../../scales.ts';
import { OF, lines } from './parts.ts';

export const disks: DashboardRow = {
  title: 'Disks',
  panels: [
    lines({
      title: 'File systems in use',
      description: 'Share of each file system that programs can no longer use; the 25 fullest.',
      unit: 'ratio',
      min: 0,
      max: 1,
      link: runbook('OmniMindFilesystemAlmostFull'),
      thresholds: FULLNESS,
      queries: [
        {
          expr: `topk(25, 1 - omnimind_node_filesystem_available_bytes{${OF}} / (omnimind_node_filesystem_size_bytes{${OF}} > 0))`,
          legend: '{{node}} {{mountpoint}}',
        },
      ],
    }),
    lines({
      title: 'Inodes in use',
      description:
        'Share of the files that a file system can hold at all. Full of small files, it takes no more though space is left.',
      link: runbook('OmniMindFilesystemOutOfInodes'),
      unit: 'ratio',
      min: 0,
      max: 1,
      thresholds: FULLNESS,
      noValue: 'These file systems have no fixed number of files',
      queries: [
        {
          expr: `topk(25, 1 - omnimind_node_filesystem_files_free{${OF}} / (omnimind_node_filesystem_files{${OF}} > 0))`,
          legend: '{{node}} {{mountpoint}}',
        },
      ],
    }),
    lines({
      title: 'File systems at fault',
      description:
        'File systems that are read-only, that could not be measured, or whose measurement hangs (a dead network mount). 0 is well; read-only may be meant.',
      link: runbook('OmniMindFilesystemStuck'),
      unit: 'count',
      min: 0,
      queries: [
        {
          expr: `sum(omnimind_node_filesystem_readonly{${OF}})`,
          legend: 'read-only',
        },
        { expr: `sum(omnimind_node_filesystem_error{${OF}})`, legend: 'not measured' },
        { expr: `sum(omnimind_node_filesystem_stuck{${OF}})`, legend: 'hanging' },
      ],
    }),
    lines({
      title: 'Disk time in use',
      description:
        'Share of time in which a disk had something to do; the busiest disk of each host. At 100 % a disk of old kind is full; an SSD can still take more.',
      unit: 'ratio',
      min: 0,
      max: 1,
      noValue: 'These nodes have no disk of their own (as in a container)',
      queries: [{ expr: `topk(25, node:disk_busy_ratio:max_rate1m{${OF}})`, legend: '{{node}}' }],
    }),
    lines({
      title: 'Read and written',
      description: 'Bytes per second read from and written to the disks of each host.',
      unit: 'bytesPerSecond',
      min: 0,
      noValue: 'These nodes have no disk of their own (as in a container)',
      queries: [
        {
          expr: `topk(12, sum by (node) (rate(omnimind_node_disk_read_bytes_total{${OF}}[$__rate_interval])))`,
          legend: '{{node}} read',
        },
        {
          expr: `topk(12, sum by (node) (rate(omnimind_node_disk_written_bytes_total{${OF}}[$__rate_interval])))`,
          legend: '{{node}} written',
        },
      ],
    }),
    lines({
      title: 'Time per request to a disk',
      description:
        'Average time that a read or a write took, the wait in the queue included, by disk; the 12 slowest. No line while there was none.',
      unit: 'seconds',
      min: 0,
      noValue: 'Nothing was read or written, or there is no disk of their own',
      queries: [
        {
          expr: `topk(12, rate(omnimind_node_disk_read_time_seconds_total{${OF}}[$__rate_interval]) / (rate(omnimind_node_disk_reads_total{${OF}}[$__rate_interval]) > 0))`,
          legend: '{{node}} {{device}} read',
        },
        {
          expr: `topk(12, rate(omnimind_node_disk_write_time_seconds_total{${OF}}[$__rate_interval]) / (rate(omnimind_node_disk_writes_total{${OF}}[$__rate_interval]) > 0))`,
          legend: '{{node}} {{device}} write',
        },
      ],
    }),
  ],
};
