/**
 * Memory, swap and paging, from the texts of /proc/meminfo and /proc/vmstat. Fields that a kernel
 * does not have are absent; fields that this table does not know are left out.
 */

import type { Emit, Family } from '../collector.ts';
import { CollectorError } from '../failures.ts';
import { counter, gauge } from '../family.ts';

const meminfo: ReadonlyMap<string, Family> = new Map(
  (
    [
      ['MemTotal', 'memory_total', 'Memory that the kernel can use.'],
      ['MemFree', 'memory_free', 'Memory used for nothing.'],
      [
        'MemAvailable',
        'memory_available',
        'Memory that can be had without swapping, as estimated by the kernel.',
      ],
      ['Buffers', 'memory_buffers', 'Memory used for buffers of block devices.'],
      [
        'Cached',
        'memory_cached',
        'Memory used for the page cache, tmpfs and shared memory included.',
      ],
      ['Active', 'memory_active', 'Memory used recently.'],
      ['Inactive', 'memory_inactive', 'Memory not used recently.'],
      ['Active(anon)', 'memory_active_anonymous', 'Anonymous memory used recently.'],
      ['Inactive(anon)', 'memory_inactive_anonymous', 'Anonymous memory not used recently.'],
      ['Active(file)', 'memory_active_file', 'Page cache used recently.'],
      ['Inactive(file)', 'memory_inactive_file', 'Page cache not used recently.'],
      ['Unevictable', 'memory_unevictable', 'Memory that cannot be reclaimed.'],
      ['Mlocked', 'memory_locked', 'Memory locked with mlock.'],
      ['Dirty', 'memory_dirty', 'Memory waiting to be written to disk.'],
      ['Writeback', 'memory_writeback', 'Memory being written to disk.'],
      ['AnonPages', 'memory_anonymous', 'Anonymous memory mapped by processes.'],
      ['Mapped', 'memory_mapped', 'Files mapped by processes.'],
      ['Shmem', 'memory_shared', 'Shared memory and tmpfs.'],
      [
        'KReclaimable',
        'memory_kernel_reclaimable',
        'Kernel memory that can be reclaimed under pressure.',
      ],
      ['Slab', 'memory_slab', 'Kernel data structures.'],
      ['SReclaimable', 'memory_slab_reclaimable', 'Kernel data structures that can be reclaimed.'],
      [
        'SUnreclaim',
        'memory_slab_unreclaimable',
        'Kernel data structures that cannot be reclaimed.',
      ],
      ['KernelStack', 'memory_kernel_stack', 'Kernel stacks.'],
      ['PageTables', 'memory_page_tables', 'Page tables.'],
      [
        'CommitLimit',
        'memory_commit_limit',
        'Memory that can be promised under strict overcommit.',
      ],
      ['Committed_AS', 'memory_committed', 'Memory promised to processes.'],
      ['VmallocUsed', 'memory_vmalloc', 'Memory used by vmalloc.'],
      ['Percpu', 'memory_per_cpu', 'Memory of the per-CPU allocator.'],
      [
        'HardwareCorrupted',
        'memory_hardware_corrupted',
        'Memory taken out of use because of errors.',
      ],
      ['AnonHugePages', 'memory_anonymous_huge', 'Anonymous memory in transparent huge pages.'],
      ['ShmemHugePages', 'memory_shared_huge', 'Shared memory in transparent huge pages.'],
      ['Hugepagesize', 'huge_page_size', 'Size of a huge page of the pool.'],
      ['Hugetlb', 'memory_hugetlb', 'Memory held by the pools of huge pages, of all sizes.'],
      ['SwapTotal', 'swap_total', 'Swap space.'],
      ['SwapFree', 'swap_free', 'Swap space not in use.'],
      [
        'SwapCached',
        'swap_cached',
        'Memory that was swapped out, is back in, and still has its copy in swap.',
      ],
      ['Zswap', 'zswap', 'Memory taken by the compressed pool of zswap.'],
      ['Zswapped', 'zswap_stored', 'Memory stored in zswap before compression.'],
    ] as const
  ).map(([field, name, help]) => [field, gauge(`omnimind_node_${name}_bytes`, help)]),
);

const hugePages = gauge(
  'omnimind_node_huge_pages',
  'Huge pages of the pool by state; free contains reserved.',
  'state',
);
const hugePageStates: Readonly<Record<string, string>> = {
  HugePages_Total: 'all',
  HugePages_Free: 'free',
  HugePages_Rsvd: 'reserved',
  HugePages_Surp: 'surplus',
};

/** Value, and the factor to the unit in the name. */
const vmstat: ReadonlyMap<string, readonly [Family, number]> = new Map([
  ['pgfault', [counter('omnimind_node_page_faults_total', 'Page faults, major ones included.'), 1]],
  [
    'pgmajfault',
    [counter('omnimind_node_major_page_faults_total', 'Page faults that needed I/O.'), 1],
  ],
  [
    'pgpgin',
    [counter('omnimind_node_paged_in_bytes_total', 'Bytes read from block devices.'), 1024],
  ],
  [
    'pgpgout',
    [counter('omnimind_node_paged_out_bytes_total', 'Bytes written to block devices.'), 1024],
  ],
  ['pswpin', [counter('omnimind_node_swapped_in_pages_total', 'Pages swapped in.'), 1]],
  ['pswpout', [counter('omnimind_node_swapped_out_pages_total', 'Pages swapped out.'), 1]],
  [
    'oom_kill',
    [counter('omnimind_node_oom_kills_total', 'Processes killed for lack of memory.'), 1],
  ],
  [
    'allocstall_normal',
    [
      counter(
        'omnimind_node_allocation_stalls_total',
        'Allocations that had to reclaim memory themselves, zone Normal.',
      ),
      1,
    ],
  ],
]);

export const memoryFamilies: readonly Family[] = [
  ...meminfo.values(),
  hugePages,
  ...[...vmstat.values()].map(([family]) => family),
];

export function emitMeminfo(text: string, emit: Emit): void {
  if (!text.startsWith('MemTotal:')) {
    throw new CollectorError('malformed', '/proc/meminfo does not begin with MemTotal');
  }
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    const field = line.slice(0, colon);
    const family = meminfo.get(field);
    if (family !== undefined) emit(family, Number.parseInt(line.slice(colon + 1), 10) * 1024);
    else {
      const state = hugePageStates[field];
      if (state !== undefined) emit(hugePages, Number.parseInt(line.slice(colon + 1), 10), state);
    }
  }
}

export function emitVmstat(text: string, emit: Emit): void {
  // Some 170 lines of which 8 are wanted: searching costs less than splitting.
  for (const [field, [family, factor]] of vmstat) {
    const start = text.indexOf(`\n${field} `);
    if (start < 0) continue;
    emit(
      family,
      Number.parseInt(text.slice(start + field.length + 2, start + field.length + 24), 10) * factor,
    );
  }
}
