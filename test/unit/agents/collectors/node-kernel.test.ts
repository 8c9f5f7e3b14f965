/** The parsers of kernel texts, on small texts in the formats of real kernels. */

import assert from 'node:assert/strict';
import type { Emit } from '../../../../agents/collector.ts';
import { emitStat } from '../../../../agents/collectors/node-cpu.ts';
import type { CpuMemory } from '../../../../agents/collectors/node-cpu.ts';
import { emitDisks } from '../../../../agents/collectors/node-disk.ts';
import {
  emitLoad,
  emitOpenFiles,
  emitPressure,
  emitTracked,
  emitUptime,
} from '../../../../agents/collectors/node-load.ts';
import { emitMeminfo, emitVmstat } from '../../../../agents/collectors/node-memory.ts';
import {
  emitProtocols,
  emitSockets,
  emitSoftnet,
} from '../../../../agents/collectors/node-netstat.ts';
import type { HeaderCache } from '../../../../agents/collectors/node-netstat.ts';
import { emitNetwork } from '../../../../agents/collectors/node-network.ts';
import { CollectorError } from '../../../../agents/failures.ts';
import { recordEmit } from '../../../support/recorded-emit.ts';

/** Samples by name without the common prefix. */
function samplesOf(work: (emit: Emit) => void): Record<string, number> {
  const recorded = recordEmit();
  work(recorded.emit);
  const entries = [...recorded.samples].map(
    ([series, value]) => [series.replace('omnimind_node_', ''), value] as const,
  );
  return Object.fromEntries(entries);
}

function isMalformed(error: unknown): boolean {
  return error instanceof CollectorError && error.kind === 'malformed';
}

const STAT = `cpu  300 20 100 4000 50 1 2 3 7 0
cpu0 200 10 60 1900 30 1 1 2 7 0
cpu1 100 10 40 2100 20 0 1 1 0 0
intr 814188 0 0 12
ctxt 2223485
btime 1795257000
processes 13113
procs_running 3
procs_blocked 1
softirq 100 1 2
`;

function statWith(idle: number): string {
  return STAT.replace('1900', String(idle));
}

describe('/proc/stat', () => {
  it('gives seconds by CPU and mode, guest time apart, and the counts', () => {
    const samples = samplesOf((emit) => emitStat(STAT, emit, new Map(), 64));
    assert.equal(samples['cpus'], 2);
    assert.equal(samples['cpu_seconds_total{cpu="0",mode="user"}'], 2);
    assert.equal(samples['cpu_seconds_total{cpu="1",mode="idle"}'], 21);
    assert.equal(samples['cpu_guest_seconds_total{cpu="0",mode="user"}'], 0.07);
    assert.equal(samples['context_switches_total'], 2_223_485);
    assert.equal(samples['interrupts_total'], 814_188);
    assert.equal(samples['forks_total'], 13_113);
    assert.equal(samples['processes{state="running"}'], 3);
    assert.equal(samples['processes{state="blocked"}'], 1);
    assert.equal(samples['boot_time_seconds'], 1_795_257_000);
  });

  it('gives the sum of the CPUs when there are more than the limit', () => {
    const samples = samplesOf((emit) => emitStat(STAT, emit, new Map(), 1));
    assert.equal(samples['cpus'], 2);
    assert.equal(samples['cpu_seconds_total{cpu="all",mode="idle"}'], 40);
    assert.equal(samples['cpu_seconds_total{cpu="0",mode="idle"}'], undefined);
  });

  it('does not step back with the idle counter of the kernel', () => {
    const memory: CpuMemory = new Map();
    const idle = (ticks: number): number | undefined =>
      samplesOf((emit) => emitStat(statWith(ticks), emit, memory, 64))[
        'cpu_seconds_total{cpu="0",mode="idle"}'
      ];
    assert.equal(idle(1900), 19);
    assert.equal(idle(1895), 19);
    assert.equal(idle(1950), 19.5);
  });

  it('starts anew with a CPU that was taken away and came back', () => {
    const memory: CpuMemory = new Map();
    samplesOf((emit) => emitStat(statWith(1900), emit, memory, 64));
    const samples = samplesOf((emit) => emitStat(statWith(10), emit, memory, 64));
    assert.equal(samples['cpu_seconds_total{cpu="0",mode="idle"}'], 0.1);
  });

  it('leaves out modes that an old kernel does not have', () => {
    const samples = samplesOf((emit) => {
      emitStat('cpu  1 2 3 4\ncpu0 1 2 3 4\n', emit, new Map(), 64);
    });
    assert.deepEqual(Object.keys(samples).length, 5);
  });

  for (const text of ['', 'garbage\n', '<html></html>', 'cpu  1 2 3 4\n']) {
    it(`calls ${JSON.stringify(text)} malformed`, () => {
      assert.throws(() => samplesOf((emit) => emitStat(text, emit, new Map(), 64)), isMalformed);
    });
  }
});

describe('/proc/meminfo and /proc/vmstat', () => {
  it('gives bytes, and huge pages by state', () => {
    const text =
      'MemTotal:       24684084 kB\nMemAvailable:   24178256 kB\nActive(anon):    1568 kB\nUnknownField: 7 kB\nSwapTotal: 0 kB\nHugePages_Total:      12\nHugePages_Rsvd:        3\nHugepagesize:       2048 kB\n';
    assert.deepEqual(
      samplesOf((emit) => emitMeminfo(text, emit)),
      {
        memory_total_bytes: 24_684_084 * 1024,
        memory_available_bytes: 24_178_256 * 1024,
        memory_active_anonymous_bytes: 1568 * 1024,
        swap_total_bytes: 0,
        'huge_pages{state="all"}': 12,
        'huge_pages{state="reserved"}': 3,
        huge_page_size_bytes: 2048 * 1024,
      },
    );
  });

  it('calls a text without MemTotal malformed', () => {
    assert.throws(() => samplesOf((emit) => emitMeminfo('MemFree: 1 kB\n', emit)), isMalformed);
  });

  it('gives faults, paging in bytes and OOM kills', () => {
    const text = 'nr_free 1\npgpgin 10\npgpgout 20\npgfault 9475294\npgmajfault 1916\noom_kill 2\n';
    assert.deepEqual(
      samplesOf((emit) => emitVmstat(text, emit)),
      {
        page_faults_total: 9_475_294,
        major_page_faults_total: 1916,
        paged_in_bytes_total: 10_240,
        paged_out_bytes_total: 20_480,
        oom_kills_total: 2,
      },
    );
  });
});

describe('/proc/loadavg, pressure, uptime, file-nr', () => {
  it('gives the load averages and the threads', () => {
    assert.deepEqual(
      samplesOf((emit) => emitLoad('2.92 1.22 0.51 2/112 13113\n', emit)),
      { load1: 2.92, load5: 1.22, load15: 0.51, threads: 112 },
    );
  });

  it('gives pressure in seconds, and no stalled CPU', () => {
    const text =
      'some avg10=31.01 avg60=35.34 avg300=14.79 total=82003127\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\n';
    assert.deepEqual(
      samplesOf((emit) => {
        emitPressure(text, 'memory', emit);
        emitPressure(text, 'cpu', emit);
      }),
      {
        'pressure_waiting_seconds_total{resource="memory"}': 82.003127,
        'pressure_stalled_seconds_total{resource="memory"}': 1.5,
        'pressure_waiting_seconds_total{resource="cpu"}': 82.003127,
      },
    );
  });

  it('gives uptime and the clock', () => {
    assert.deepEqual(
      samplesOf((emit) => emitUptime('3434.02 5912.11\n', 1_795_260_000_500, emit)),
      { uptime_seconds: 3434.02, time_seconds: 1_795_260_000.5 },
    );
  });

  it('gives open files, without a limit that is none', () => {
    assert.deepEqual(
      samplesOf((emit) => emitOpenFiles('1184\t0\t2097152\n', emit)),
      { open_files: 1184, open_files_max: 2_097_152 },
    );
    assert.deepEqual(
      samplesOf((emit) => emitOpenFiles('1184\t0\t9223372036854775807\n', emit)),
      { open_files: 1184 },
    );
  });

  it('gives tracked connections', () => {
    assert.deepEqual(
      samplesOf((emit) => emitTracked('17\n', '262144\n', emit)),
      { tracked_connections: 17, tracked_connections_max: 262_144 },
    );
  });

  it('calls short texts malformed', () => {
    assert.throws(() => samplesOf((emit) => emitLoad('1 2\n', emit)), isMalformed);
    assert.throws(() => samplesOf((emit) => emitOpenFiles('1\n', emit)), isMalformed);
  });
});

describe('/proc/diskstats', () => {
  const line =
    ' 254       0 vda 52362 7625 3225202 14144 11619 39742 2795496 5214 1 5768 19705 6007 64 268248 322 750 23\n';

  it('gives bytes of sectors and seconds of milliseconds', () => {
    const samples = samplesOf((emit) => emitDisks(line, /^loop/, emit));
    assert.equal(samples['disk_reads_total{device="vda"}'], 52_362);
    assert.equal(samples['disk_read_bytes_total{device="vda"}'], 3_225_202 * 512);
    assert.equal(samples['disk_read_time_seconds_total{device="vda"}'], 14.144);
    assert.equal(samples['disk_written_bytes_total{device="vda"}'], 2_795_496 * 512);
    assert.equal(samples['disk_io_in_progress{device="vda"}'], 1);
    assert.equal(samples['disk_io_time_seconds_total{device="vda"}'], 5.768);
    assert.equal(samples['disk_flush_time_seconds_total{device="vda"}'], 0.023);
  });

  it('leaves out excluded devices, and discards where the kernel has none', () => {
    const old =
      '   7       0 loop0 1 0 0 0 0 0 0 0 0 0 0\n   8       0 sda 1 2 3 4 5 6 7 8 9 10 11\n';
    const samples = samplesOf((emit) => emitDisks(old, /^loop/, emit));
    assert.equal(Object.keys(samples).length, 11);
    assert.ok(Object.keys(samples).every((series) => series.includes('"sda"')));
  });

  it('calls a short line malformed', () => {
    assert.throws(() => samplesOf((emit) => emitDisks('8 0 sda 1\n', /^$/, emit)), isMalformed);
  });
});

const HEAD =
  'Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n';

describe('/proc/net/dev', () => {
  it('gives the counts of each device that is not excluded', () => {
    const text = `${HEAD}    lo: 10 1 0 0 0 0 0 0 10 1 0 0 0 0 0 0\n  eth0:4294967296 7 1 2 3 4 5 6 20 8 1 2 3 4 5 6\n veth1: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n`;
    const samples = samplesOf((emit) => emitNetwork(text, /^veth/, emit));
    assert.equal(Object.keys(samples).length, 32);
    assert.equal(samples['network_receive_bytes_total{device="eth0"}'], 4_294_967_296);
    assert.equal(samples['network_receive_multicast_total{device="eth0"}'], 6);
    assert.equal(samples['network_transmit_collisions_total{device="eth0"}'], 4);
    assert.equal(samples['network_transmit_bytes_total{device="lo"}'], 10);
  });

  it('calls a short line malformed', () => {
    assert.throws(
      () => samplesOf((emit) => emitNetwork(`${HEAD}eth0: 1 2\n`, /^$/, emit)),
      isMalformed,
    );
  });
});

describe('/proc/net/snmp, netstat, sockstat, softnet_stat', () => {
  it('finds fields by their names, whatever stands between them', () => {
    const text =
      'Tcp: RtoAlgorithm MaxConn CurrEstab RetransSegs NewField\nTcp: 1 -1 5 3 9\nTcpExt: A ListenDrops\nTcpExt: 1 4\nMPTcpExt: B\nMPTcpExt: 0\n';
    const headers: HeaderCache = new Map();
    for (let round = 0; round < 2; round++) {
      assert.deepEqual(
        samplesOf((emit) => emitProtocols(text, headers, emit)),
        {
          tcp_established_connections: 5,
          tcp_retransmitted_segments_total: 3,
          tcp_listen_drops_total: 4,
        },
      );
    }
  });

  it('calls values without their names malformed', () => {
    assert.throws(
      () => samplesOf((emit) => emitProtocols('Tcp: A\nUdp: 1\n', new Map(), emit)),
      isMalformed,
    );
  });

  it('gives sockets by protocol', () => {
    const text =
      'sockets: used 16\nTCP: inuse 1 orphan 2 tw 11 alloc 4 mem 211\nUDP: inuse 3 mem 5\n';
    assert.deepEqual(
      samplesOf((emit) => emitSockets(text, emit)),
      {
        sockets: 16,
        'sockets_in_use{protocol="tcp"}': 1,
        tcp_orphans: 2,
        tcp_time_wait: 11,
        tcp_allocated: 4,
        'socket_memory_pages{protocol="tcp"}': 211,
        'sockets_in_use{protocol="udp"}': 3,
        'socket_memory_pages{protocol="udp"}': 5,
      },
    );
  });

  it('sums the CPUs of softnet_stat', () => {
    const text = '0000b9b3 00000001 00000002 00000000\n00012959 00000010 00000000 00000000\n';
    assert.deepEqual(
      samplesOf((emit) => emitSoftnet(text, emit)),
      {
        softnet_processed_total: 0xb9b3 + 0x12959,
        softnet_dropped_total: 17,
        softnet_squeezed_total: 2,
      },
    );
  });
});
