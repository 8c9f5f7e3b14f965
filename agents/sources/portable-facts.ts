/**
 * What a host that is not Linux tells: through Node itself, and through those functions of
 * systeminformation that start no process on a scrape. Loaded on such hosts alone.
 */

import { cpus, loadavg, uptime } from 'node:os';
import si from 'systeminformation';

export interface PortableFacts {
  readonly cpus: readonly { readonly modesMs: Readonly<Record<string, number>> }[];
  /** Over 1, 5 and 15 minutes; null where the system has none. */
  readonly loads: readonly [number, number, number] | null;
  readonly uptimeSeconds: number;
  readonly memory: {
    readonly totalBytes: number;
    readonly freeBytes: number;
    readonly availableBytes: number;
    readonly swapTotalBytes: number;
    readonly swapFreeBytes: number;
  };
  readonly networks: readonly {
    readonly device: string;
    readonly receivedBytes: number;
    readonly sentBytes: number;
    readonly receiveErrors: number;
    readonly sendErrors: number;
    readonly receiveDrops: number;
    readonly sendDrops: number;
  }[];
}

export async function readPortableFacts(): Promise<PortableFacts> {
  const memory = await si.mem();
  const networks = await si.networkStats('*');
  const [one = 0, five = 0, fifteen = 0] = loadavg();
  return {
    cpus: cpus().map(({ times }) => ({
      modesMs: {
        user: times.user,
        nice: times.nice,
        system: times.sys,
        idle: times.idle,
        irq: times.irq,
      },
    })),
    // Windows has no load average and Node says 0 for it.
    loads: process.platform === 'win32' ? null : [one, five, fifteen],
    uptimeSeconds: uptime(),
    memory: {
      totalBytes: memory.total,
      freeBytes: memory.free,
      availableBytes: memory.available,
      swapTotalBytes: memory.swaptotal,
      swapFreeBytes: memory.swapfree,
    },
    networks: networks.map((one) => ({
      device: one.iface,
      receivedBytes: one.rx_bytes,
      sentBytes: one.tx_bytes,
      receiveErrors: one.rx_errors,
      sendErrors: one.tx_errors,
      receiveDrops: one.rx_dropped,
      sendDrops: one.tx_dropped,
    })),
  };
}
