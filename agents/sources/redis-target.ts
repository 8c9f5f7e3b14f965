/**
 * One target as a whole: a standalone server, a master with its replicas and sentinels, or a
 * cluster. A reading begins at the instances that are known, follows what they say of others, and
 * ends by the target's timeout with what had answered. It holds one connection per instance and
 * watches no more than the target's maximum.
 */

import { formatAddress } from './redis-endpoint.ts';
import type { CacheTarget, RedisAddress } from './redis-endpoint.ts';
import { createRedisInstance } from './redis-instance.ts';
import type { InstanceReading, RedisInstance, RedisLimits } from './redis-instance.ts';
import { RedisPool } from './redis-pool.ts';
import { readClusterNodes, readSentinel } from './redis-questions.ts';
import type { DataReading, SentinelReading } from './redis-questions.ts';
import { numberOf, sentinelAddress } from './redis-replies.ts';
import type { ClusterNode } from './redis-replies.ts';

export interface TargetReading {
  readonly data: readonly InstanceReading<DataReading>[];
  readonly sentinels: readonly InstanceReading<SentinelReading>[];
  /** Seeds asked for the way in, when no node was known or none answered. */
  readonly seeds: readonly InstanceReading<readonly ClusterNode[]>[];
  /** The master by the sentinels' newest word; null when none said. */
  readonly masterAddress: string | null;
  /** Instances beyond the target's maximum, which are not watched. */
  readonly leftOut: number;
  readonly durationSeconds: number;
}

export interface RedisTarget {
  readonly target: CacheTarget;
  /** Never rejects; resolves within the target's timeout. Callers at the same time share one reading. */
  read(): Promise<TargetReading>;
  close(): void;
}

interface Finding {
  readonly data: readonly InstanceReading<DataReading>[];
  readonly sentinels: readonly InstanceReading<SentinelReading>[];
  readonly seeds: readonly InstanceReading<readonly ClusterNode[]>[];
  readonly masterAddress: string | null;
}

export function createRedisTarget(target: CacheTarget, limits: RedisLimits): RedisTarget {
  const pool = new RedisPool(target, limits);
  const find = finderOf(target, pool, limits);
  let outstanding: Promise<TargetReading> | null = null;

  const perform = async (): Promise<TargetReading> => {
    const startedAt = performance.now();
    const finding = await find.read(startedAt + target.timeoutMs);
    const durationSeconds = (performance.now() - startedAt) / 1000;
    return { ...finding, leftOut: pool.leftOut, durationSeconds };
  };

  return {
    target,
    read() {
      outstanding ??= perform().finally(() => {
        outstanding = null;
      });
      return outstanding;
    },
    close() {
      find.close();
      pool.close();
    },
  };
}

/** How the instances of one kind of target are found. */
interface Finder {
  read(deadlineMs: number): Promise<Finding>;
  close(): void;
}

function finderOf(target: CacheTarget, pool: RedisPool, limits: RedisLimits): Finder {
  switch (target.kind) {
    case 'standalone':
      return standaloneFinder(target.address, pool);
    case 'sentinel':
      return sentinelFinder(target, pool, limits);
    case 'cluster':
      return clusterFinder(target, pool, limits);
  }
}

function standaloneFinder(address: RedisAddress, pool: RedisPool): Finder {
  return {
    async read(deadlineMs) {
      pool.begin(deadlineMs);
      pool.visit(address);
      return { data: await pool.settle(null), sentinels: [], seeds: [], masterAddress: null };
    },
    close: () => undefined,
  };
}

function sentinelFinder(
  target: Extract<CacheTarget, { kind: 'sentinel' }>,
  pool: RedisPool,
  limits: RedisLimits,
): Finder {
  const sentinels = target.sentinels.map((address) =>
    createRedisInstance(
      { address, access: target.sentinelAccess },
      (connection) => readSentinel(connection, target.masterName),
      limits,
    ),
  );
  return {
    async read(deadlineMs) {
      pool.begin(deadlineMs);
      const readings = await Promise.all(
        sentinels.map(async (sentinel) => {
          const outcome = await sentinel.read(deadlineMs);
          if (outcome.kind === 'read') visitAll(addressesOf(outcome.value), pool);
          return { address: sentinel.address, outcome };
        }),
      );
      const newest = newestView(readings);
      const members = newest === null ? null : addressesOf(newest);
      const masterAddress = members?.[0] === undefined ? null : pool.reachable(members[0]);
      return {
        data: await pool.settle(members),
        sentinels: readings,
        seeds: [],
        masterAddress: masterAddress === null ? null : formatAddress(masterAddress),
      };
    },
    close: () => sentinels.forEach((sentinel) => sentinel.close()),
  };
}

/** Addresses in a sentinel's view, the master first. */
function addressesOf(view: SentinelReading): readonly RedisAddress[] {
  return [view.master, ...view.replicas].map(sentinelAddress).filter((address) => address !== null);
}

/** Sentinels may differ while a failover spreads: the largest configuration epoch is the newest. */
function newestView(readings: readonly InstanceReading<SentinelReading>[]): SentinelReading | null {
  let newest: SentinelReading | null = null;
  for (const { outcome } of readings) {
    if (outcome.kind !== 'read') continue;
    if (newest === null || epochOf(outcome.value) > epochOf(newest)) newest = outcome.value;
  }
  return newest;
}

function epochOf(view: SentinelReading): number {
  return numberOf(view.master, 'config-epoch') ?? -1;
}

function clusterFinder(
  target: Extract<CacheTarget, { kind: 'cluster' }>,
  pool: RedisPool,
  limits: RedisLimits,
): Finder {
  let open: readonly RedisInstance<readonly ClusterNode[]>[] = [];
  let viewsLast = 0;
  const closeSeeds = (): void => {
    open.forEach((seed) => seed.close());
    open = [];
  };
  const askSeeds = async (
    deadlineMs: number,
    members: RedisAddress[],
  ): Promise<readonly InstanceReading<readonly ClusterNode[]>[]> => {
    if (open.length === 0) {
      open = target.seeds.map((address) =>
        createRedisInstance(
          { address, access: target.access },
          (connection) => readClusterNodes(connection, address),
          limits,
        ),
      );
    }
    return Promise.all(
      open.map(async (seed) => {
        const outcome = await seed.read(deadlineMs);
        if (outcome.kind === 'read') members.push(...visitNodes(outcome.value, pool));
        return { address: seed.address, outcome };
      }),
    );
  };

  return {
    async read(deadlineMs) {
      const members: RedisAddress[] = [];
      pool.begin(deadlineMs, (nodes) => members.push(...visitNodes(nodes, pool)));
      const seeds = viewsLast === 0 ? await askSeeds(deadlineMs, members) : [];
      await pool.settled();
      viewsLast = members.length;
      if (viewsLast > 0) closeSeeds();
      return {
        data: await pool.settle(viewsLast > 0 ? members : null),
        sentinels: [],
        seeds,
        masterAddress: null,
      };
    },
    close: closeSeeds,
  };
}

function visitNodes(nodes: readonly ClusterNode[], pool: RedisPool): readonly RedisAddress[] {
  const addresses = nodes.map((node) => node.address).filter((address) => address !== null);
  visitAll(addresses, pool);
  return addresses;
}

function visitAll(addresses: readonly RedisAddress[], pool: RedisPool): void {
  for (const address of addresses) pool.visit(address);
}
