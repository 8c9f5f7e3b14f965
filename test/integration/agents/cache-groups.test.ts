import assert from 'node:assert/strict';

import type { Collector } from '../../../agents/collector.ts';
import { parseCacheTargets } from '../../../agents/collectors/cache-targets.ts';
import { createCacheCollector } from '../../../agents/collectors/cache.ts';
import { freePort, pollUntil } from '../../support/process.ts';
import { scrapeOnce } from '../../support/redis-scrape.ts';
import { killRedisServers, startRedis } from '../../support/redis-server.ts';
import { skipWithout } from '../../support/skip.ts';
import type { RedisServer } from '../../support/redis-server.ts';

const QUICK = { backoffMinMs: 20, backoffMaxMs: 60, hangTimeoutMs: 600 };
const at = (server: RedisServer): string => `127.0.0.1:${server.port}`;
let collector: Collector | null = null;

async function watch(yaml: string): Promise<Collector> {
  collector = createCacheCollector({ targets: parseCacheTargets(yaml), limits: QUICK });
  await collector.start();
  return collector;
}

async function stopAll(): Promise<void> {
  await collector?.stop();
  collector = null;
  await killRedisServers();
}

/** A master with one replica whose link is up. */
async function startPair(): Promise<readonly [RedisServer, RedisServer]> {
  const master = await startRedis();
  const replica = await startRedis({ settings: [`replicaof 127.0.0.1 ${master.port}`] });
  await pollUntil('the replica is online', 15_000, async () =>
    String(await master.call('INFO', 'replication')).includes('state=online'),
  );
  return [master, replica];
}

describe('cache collector, replication', () => {
  before(function () {
    skipWithout(this, 'redis-server');
  });
  afterEach(stopAll);

  it('reports a stopped replica’s lag in bytes as it grows, and a lost master on the replica', async () => {
    const [master, replica] = await startPair();
    const watched = await watch(`targets:
      - { name: m, kind: standalone, address: '${at(master)}' }
      - { name: r, kind: standalone, address: '${at(replica)}', timeout: 150ms }`);
    const lag = { target: 'm', replica_address: at(replica) };
    const before = await scrapeOnce(watched);
    assert.equal(before.value('omnimind_cache_connected_replicas', { target: 'm' }), 1);
    assert.equal(before.value('omnimind_cache_role', { target: 'r', role: 'replica' }), 1);
    assert.equal(before.value('omnimind_cache_master_link_up', { target: 'r' }), 1);
    assert.equal(before.value('omnimind_cache_replica_online', lag), 1);
    assert.ok((before.value('omnimind_cache_replica_lag_seconds', lag) ?? 99) <= 2);
    replica.signal('SIGSTOP');
    await master.call('SET', 'big', 'x'.repeat(100_000));
    const during = await scrapeOnce(watched);
    assert.ok((during.value('omnimind_cache_replica_lag_bytes', lag) ?? 0) >= 100_000);
    replica.signal('SIGCONT');
    await pollUntil('the replica has caught up', 15_000, async () => {
      const scrape = await scrapeOnce(watched);
      return scrape.value('omnimind_cache_replica_lag_bytes', lag) === 0;
    });
    await master.kill();
    await pollUntil('the replica says that its master is gone', 15_000, async () => {
      const scrape = await scrapeOnce(watched);
      return scrape.value('omnimind_cache_master_link_up', { target: 'r' }) === 0;
    });
  });
});

describe('cache collector, Sentinel', () => {
  before(function () {
    skipWithout(this, 'redis-server');
  });
  afterEach(stopAll);

  it('sees a failover: the new master is read, the old one is down, the epoch is higher', async () => {
    const [master, replica] = await startPair();
    const sentinels: RedisServer[] = [];
    for (let nth = 0; nth < 3; nth += 1) {
      sentinels.push(
        await startRedis({
          sentinel: true,
          settings: [
            `sentinel monitor mymaster 127.0.0.1 ${master.port} 2`,
            'sentinel down-after-milliseconds mymaster 600',
            'sentinel failover-timeout mymaster 3000',
          ],
        }),
      );
    }
    const watched = await watch(`targets:
      - name: locks
        kind: sentinel
        sentinels: [${sentinels.map((sentinel) => `'${at(sentinel)}'`).join(', ')}]
        master: mymaster`);
    await pollUntil('the sentinels know each other and the replica', 15_000, async () => {
      const scrape = await scrapeOnce(watched);
      const known = scrape.values('omnimind_cache_sentinel_sentinels');
      const quorum = scrape.values('omnimind_cache_sentinel_quorum_ok');
      const replicas = scrape.values('omnimind_cache_sentinel_replicas');
      return (
        known.length === 3 &&
        known.every((count) => count === 3) &&
        quorum.every((ok) => ok === 1) &&
        replicas.every((count) => count === 1)
      );
    });
    const before = await scrapeOnce(watched);
    assert.equal(before.value('omnimind_cache_up'), 1);
    assert.equal(before.value('omnimind_cache_instances'), 2);
    assert.deepEqual(
      before.values('omnimind_cache_sentinel_master_state', { state: 'ok' }),
      [1, 1, 1],
    );
    const role = 'omnimind_cache_role';
    assert.equal(before.value(role, { instance_address: at(replica), role: 'replica' }), 1);
    const epoch = Math.max(...before.values('omnimind_cache_sentinel_config_epoch'));

    await master.kill();
    await pollUntil('a sentinel sees the master objectively down', 15_000, async () => {
      const scrape = await scrapeOnce(watched);
      const state = { state: 'objectively_down' };
      return scrape.values('omnimind_cache_sentinel_master_state', state).includes(1);
    });
    await pollUntil('the replica is master by every sentinel’s word', 15_000, async () => {
      const scrape = await scrapeOnce(watched);
      const named = { master_address: at(replica) };
      return (
        scrape.values('omnimind_cache_sentinel_master_info', named).length === 3 &&
        scrape.value(role, { instance_address: at(replica), role: 'master' }) === 1 &&
        scrape.value('omnimind_cache_up') === 1
      );
    });
    const after = await scrapeOnce(watched);
    assert.equal(after.value('omnimind_cache_instance_up', { instance_address: at(master) }), 0);
    assert.ok(Math.max(...after.values('omnimind_cache_sentinel_config_epoch')) > epoch);

    await Promise.all(sentinels.slice(1).map((sentinel) => sentinel.kill()));
    await pollUntil('the one sentinel left says that there is no quorum', 15_000, async () => {
      const scrape = await scrapeOnce(watched);
      return scrape.value('omnimind_cache_sentinel_quorum_ok') === 0;
    });
  });

  it('says master_unknown for a name that the sentinel does not watch', async () => {
    const sentinel = await startRedis({ sentinel: true });
    const watched = await watch(
      `targets: [{ name: locks, kind: sentinel, sentinels: ['${at(sentinel)}'], master: other }]`,
    );
    const scrape = await scrapeOnce(watched);
    assert.equal(scrape.value('omnimind_cache_up'), 0);
    const cause = { cause: 'master_unknown' };
    assert.equal(scrape.value('omnimind_cache_read_failures_total', cause), 1);
  });
});

describe('cache collector, Cluster', () => {
  before(function () {
    skipWithout(this, 'redis-server');
  });
  afterEach(stopAll);

  async function startCluster(): Promise<readonly RedisServer[]> {
    const nodes: RedisServer[] = [];
    const busPorts: number[] = [];
    for (let nth = 0; nth < 3; nth += 1) {
      const busPort = await freePort();
      busPorts.push(busPort);
      const settings = [
        'cluster-enabled yes',
        `cluster-port ${busPort}`,
        'cluster-node-timeout 500',
      ];
      nodes.push(await startRedis({ settings }));
    }
    const [first, ...others] = nodes;
    assert.ok(first);
    const ranges = [
      [0, 5460],
      [5461, 10922],
      [10923, 16383],
    ] as const;
    for (const [nth, node] of nodes.entries()) {
      const [from, to] = ranges[nth] ?? [0, 0];
      await node.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
      await node.call('CLUSTER', 'SET-CONFIG-EPOCH', String(nth + 1));
    }
    for (const [nth, node] of others.entries()) {
      await first.call(
        'CLUSTER',
        'MEET',
        '127.0.0.1',
        String(node.port),
        String(busPorts[nth + 1]),
      );
    }
    await pollUntil('the cluster is ok on every node', 15_000, async () => {
      const states = await Promise.all(nodes.map((node) => node.call('CLUSTER', 'INFO')));
      return states.every((state) => String(state).includes('cluster_state:ok'));
    });
    return nodes;
  }

  it('finds every node from one seed, and reports the slots of a killed node as failed', async () => {
    const nodes = await startCluster();
    const [first, second, third] = nodes;
    assert.ok(first && second && third);
    const watched = await watch(
      `targets: [{ name: features, kind: cluster, seeds: ['localhost:${second.port}'] }]`,
    );
    const before = await scrapeOnce(watched);
    assert.equal(before.value('omnimind_cache_up'), 1);
    assert.deepEqual(before.values('omnimind_cache_instance_up'), [1, 1, 1]);
    for (const node of nodes) {
      const one = { instance_address: at(node) };
      assert.equal(before.value('omnimind_cache_cluster_state_ok', one), 1);
      assert.equal(before.value('omnimind_cache_cluster_slots_ok', one), 16_384);
      assert.equal(before.value('omnimind_cache_cluster_known_nodes', one), 3);
      assert.equal(before.value('omnimind_cache_cluster_size', one), 3);
    }
    // The very seed dies: the nodes that were found lead on.
    await second.kill();
    await pollUntil('both others hold the cluster for failed', 15_000, async () => {
      const scrape = await scrapeOnce(watched);
      const states = scrape.values('omnimind_cache_cluster_state_ok');
      const failed = scrape.values('omnimind_cache_cluster_slots_fail');
      return states.length === 2 && states.every((ok) => ok === 0) && failed.includes(5_462);
    });
    const after = await scrapeOnce(watched);
    assert.equal(after.value('omnimind_cache_up'), 1);
    assert.equal(after.value('omnimind_cache_instance_up', { instance_address: at(second) }), 0);
    const ok = after.values('omnimind_cache_cluster_slots_ok');
    assert.deepEqual(ok, [10_922, 10_922]);
  });

  it('watches no more nodes than the maximum and counts those left out', async () => {
    const [first] = await startCluster();
    assert.ok(first);
    const watched = await watch(
      `targets: [{ name: features, kind: cluster, seeds: ['${at(first)}'], instancesMax: 2 }]`,
    );
    const scrape = await scrapeOnce(watched);
    assert.equal(scrape.value('omnimind_cache_instances'), 2);
    assert.equal(scrape.value('omnimind_cache_instances_left_out'), 1);
  });

  it('forgets a node that the others have forgotten', async () => {
    const nodes = await startCluster();
    const [first, second, third] = nodes;
    assert.ok(first && second && third);
    const watched = await watch(
      `targets: [{ name: features, kind: cluster, seeds: ['${at(first)}'] }]`,
    );
    assert.equal((await scrapeOnce(watched)).value('omnimind_cache_instances'), 3);
    const id = String(await third.call('CLUSTER', 'MYID'));
    await third.kill();
    await Promise.all([first, second].map((node) => node.call('CLUSTER', 'FORGET', id)));
    await pollUntil('two instances are left', 15_000, async () => {
      return (await scrapeOnce(watched)).value('omnimind_cache_instances') === 2;
    });
  });
});
