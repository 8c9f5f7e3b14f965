import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Collector } from '../../../agents/collector.ts';
import { parseCacheTargets } from '../../../agents/collectors/cache-targets.ts';
import { createCacheCollector } from '../../../agents/collectors/cache.ts';
import { freePort, pollUntil } from '../../support/process.ts';
import { scrapeOnce } from '../../support/redis-scrape.ts';
import { killRedisServers, startRedis } from '../../support/redis-server.ts';
import { skipWithout } from '../../support/skip.ts';

const QUICK = { backoffMinMs: 20, backoffMaxMs: 60, hangTimeoutMs: 600 };

describe('cache collector, standalone', () => {
  let directory: string;
  let collector: Collector | null = null;

  before(function () {
    skipWithout(this, 'redis-server');
  });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-cache-'));
  });
  afterEach(async () => {
    await collector?.stop();
    collector = null;
    await killRedisServers();
    await rm(directory, { recursive: true, force: true });
  });

  async function watch(yaml: string, limits = {}): Promise<Collector> {
    const targets = parseCacheTargets(yaml);
    collector = createCacheCollector({ targets, limits: { ...QUICK, ...limits } });
    await collector.start();
    return collector;
  }

  it('reads what the server counted, over TCP', async () => {
    const redis = await startRedis({ settings: ['maxmemory 64mb'] });
    await redis.call('SET', 'a', '1');
    await redis.call('SET', 'b', '2', 'EX', '100');
    await redis.call('GET', 'a');
    await redis.call('GET', 'nothing');
    const scrape = await scrapeOnce(
      await watch(`targets: [{ name: one, kind: standalone, address: '127.0.0.1:${redis.port}' }]`),
    );
    const at = { target: 'one', instance_address: `127.0.0.1:${redis.port}` };
    assert.equal(scrape.value('omnimind_cache_up', { target: 'one' }), 1);
    assert.equal(scrape.value('omnimind_cache_keyspace_hits_total', at), 1);
    assert.equal(scrape.value('omnimind_cache_keyspace_misses_total', at), 1);
    assert.equal(scrape.value('omnimind_cache_keyspace_keys', { ...at, db: '0' }), 2);
    assert.equal(scrape.value('omnimind_cache_keyspace_expiring_keys', { ...at, db: '0' }), 1);
    assert.equal(scrape.value('omnimind_cache_command_calls_total', { ...at, command: 'set' }), 2);
    assert.equal(scrape.value('omnimind_cache_memory_max_bytes', at), 64 * 1024 * 1024);
    assert.equal(scrape.value('omnimind_cache_role', { ...at, role: 'master' }), 1);
    assert.equal(scrape.value('omnimind_cache_role', { ...at, role: 'replica' }), 0);
    assert.ok((scrape.value('omnimind_cache_ping_duration_seconds', at) ?? 1) < 0.5);
    assert.ok((scrape.value('omnimind_cache_memory_used_rss_bytes', at) ?? 0) > 1e6);
    assert.equal(scrape.value('omnimind_cache_master_link_up', at), undefined);
    assert.equal(scrape.value('omnimind_cache_cluster_state_ok', at), undefined);
    const latency = { ...at, command: 'set', percentile: '99' };
    assert.ok((scrape.value('omnimind_cache_command_latency_seconds', latency) ?? 1) < 0.1);
  });

  it('gives promtool nothing to complain of', async function () {
    skipWithout(this, 'promtool');
    const redis = await startRedis();
    await redis.call('SET', 'a', '1');
    const scrape = await scrapeOnce(
      await watch(`targets: [{ name: one, kind: standalone, address: '127.0.0.1:${redis.port}' }]`),
    );
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: scrape.text });
    assert.equal(`${checked.stdout.toString()}${checked.stderr.toString()}`, '');
    assert.equal(checked.status, 0);
  });

  it('reads over a unix socket', async () => {
    const socket = join(directory, 'redis.sock');
    await startRedis({ settings: [`unixsocket ${socket}`] });
    const scrape = await scrapeOnce(
      await watch(`targets: [{ name: one, kind: standalone, socket: ${socket} }]`),
    );
    assert.equal(scrape.value('omnimind_cache_instance_up', { instance_address: socket }), 1);
  });

  it('says unauthenticated for a wrong password, and recovers once the file has the right one', async () => {
    const redis = await startRedis({
      settings: ['user monitor on >first +info +ping +slowlog|len'],
    });
    const file = join(directory, 'password');
    await writeFile(file, 'wrong\n');
    const watched = await watch(
      `targets: [{ name: one, kind: standalone, address: '127.0.0.1:${redis.port}', username: monitor, passwordFile: ${file} }]`,
    );
    const refused = await scrapeOnce(watched);
    assert.equal(refused.value('omnimind_cache_up'), 0);
    const failures = 'omnimind_cache_read_failures_total';
    assert.equal(refused.value(failures, { cause: 'unauthenticated' }), 1);
    assert.equal(refused.value('omnimind_cache_memory_used_bytes'), undefined);
    await writeFile(file, 'first\n');
    await pollUntil('the password is taken up', 15_000, async () => {
      return (await scrapeOnce(watched)).value('omnimind_cache_up') === 1;
    });
    const after = await scrapeOnce(watched);
    assert.equal(after.value('omnimind_cache_slowlog_length'), 0);
  });

  it('says forbidden when the ACL allows no INFO', async () => {
    const redis = await startRedis({ settings: ['user monitor on >first +ping'] });
    const file = join(directory, 'password');
    await writeFile(file, 'first');
    const scrape = await scrapeOnce(
      await watch(
        `targets: [{ name: one, kind: standalone, address: '127.0.0.1:${redis.port}', username: monitor, passwordFile: ${file} }]`,
      ),
    );
    assert.equal(scrape.value('omnimind_cache_up'), 0);
    assert.equal(scrape.value('omnimind_cache_read_failures_total', { cause: 'forbidden' }), 1);
  });

  it('reports a killed server as down beside one that is well, and sees it return', async () => {
    const [well, sick] = [await startRedis(), await startRedis()];
    const watched = await watch(`targets:
      - { name: well, kind: standalone, address: '127.0.0.1:${well.port}' }
      - { name: sick, kind: standalone, address: '127.0.0.1:${sick.port}' }`);
    assert.deepEqual((await scrapeOnce(watched)).values('omnimind_cache_up'), [1, 1]);
    await sick.kill();
    const down = await scrapeOnce(watched);
    assert.equal(down.value('omnimind_cache_up', { target: 'well' }), 1);
    assert.equal(down.value('omnimind_cache_up', { target: 'sick' }), 0);
    assert.equal(down.value('omnimind_cache_memory_used_bytes', { target: 'sick' }), undefined);
    await startRedis({ port: sick.port });
    await pollUntil('the server is seen again', 15_000, async () => {
      const scrape = await scrapeOnce(watched);
      return scrape.value('omnimind_cache_up', { target: 'sick' }) === 1;
    });
  });

  it('answers by the timeout while a server hangs, at once from then on, and recovers', async () => {
    const [well, hung] = [await startRedis(), await startRedis()];
    const watched = await watch(`targets:
      - { name: well, kind: standalone, address: '127.0.0.1:${well.port}' }
      - { name: hung, kind: standalone, address: '127.0.0.1:${hung.port}', timeout: 200ms }`);
    await scrapeOnce(watched);
    hung.signal('SIGSTOP');
    const first = await scrapeOnce(watched);
    assert.equal(first.value('omnimind_cache_up', { target: 'well' }), 1);
    assert.equal(first.value('omnimind_cache_up', { target: 'hung' }), 0);
    assert.ok(first.durationMs < 400, `${first.durationMs} ms`);
    const second = await scrapeOnce(watched);
    assert.equal(second.value('omnimind_cache_up', { target: 'hung' }), 0);
    assert.ok(second.durationMs < 150, `${second.durationMs} ms`);
    const cause = { target: 'hung', cause: 'timeout' };
    assert.equal(second.value('omnimind_cache_read_failures_total', cause), 2);
    hung.signal('SIGCONT');
    await pollUntil('the server is seen again', 15_000, async () => {
      const scrape = await scrapeOnce(watched);
      return scrape.value('omnimind_cache_up', { target: 'hung' }) === 1;
    });
  });

  it('rejects when the agent’s deadline passes first', async () => {
    const hung = await startRedis();
    const watched = await watch(
      `targets: [{ name: hung, kind: standalone, address: '127.0.0.1:${hung.port}', timeout: 5s }]`,
    );
    hung.signal('SIGSTOP');
    await assert.rejects(scrapeOnce(watched, 100), /timeout/i);
  });

  it('fails as a whole only when every target names a file that cannot be read', async () => {
    const redis = await startRedis();
    const broken = `{ name: broken, kind: standalone, address: '127.0.0.1:${redis.port}', passwordFile: ${directory}/none }`;
    const alone = await watch(`targets: [${broken}]`);
    await assert.rejects(scrapeOnce(alone), /no cache target is usable.*none/);
    await alone.stop();
    const both = await watch(
      `targets: [${broken}, { name: well, kind: standalone, address: '127.0.0.1:${redis.port}' }]`,
    );
    const scrape = await scrapeOnce(both);
    assert.equal(scrape.value('omnimind_cache_up', { target: 'broken' }), 0);
    assert.equal(scrape.value('omnimind_cache_up', { target: 'well' }), 1);
  });

  it('speaks TLS with a client certificate, and refuses a server that it cannot verify', async function () {
    skipWithout(this, 'openssl');
    const make = (...args: readonly string[]): void => {
      const made = spawnSync('openssl', args, { cwd: directory });
      assert.equal(made.status, 0, made.stderr.toString());
    };
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    make(
      'req',
      '-x509',
      ...key,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-days',
      '2',
      '-subj',
      '/CN=ca',
    );
    make(
      'req',
      '-x509',
      ...key,
      '-keyout',
      'other.key',
      '-out',
      'other.pem',
      '-days',
      '2',
      '-subj',
      '/CN=other',
    );
    await writeFile(join(directory, 'san.cnf'), 'subjectAltName=DNS:redis.internal\n');
    make('req', ...key, '-keyout', 's.key', '-out', 's.csr', '-subj', '/CN=redis.internal');
    make(
      'x509',
      '-req',
      '-in',
      's.csr',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      'san.cnf',
      '-out',
      's.pem',
    );
    const callPort = await freePort();
    const tlsPort = await freePort();
    await startRedis({
      port: callPort,
      settings: [
        `tls-port ${tlsPort}`,
        ...['cert-file s.pem', 'key-file s.key', 'ca-cert-file ca.pem'].map((line) => {
          const [name = '', file = ''] = line.split(' ');
          return `tls-${name} ${join(directory, file)}`;
        }),
      ],
    });
    const address = `127.0.0.1:${tlsPort}`;
    const files = `cert: ${directory}/s.pem, key: ${directory}/s.key, servername: redis.internal`;
    const watched = await watch(`targets:
      - { name: trusted, kind: standalone, address: '${address}', tls: { ca: ${directory}/ca.pem, ${files} } }
      - { name: untrusted, kind: standalone, address: '${address}', tls: { ca: ${directory}/other.pem, ${files} } }
      - { name: plain, kind: standalone, address: '${address}' }`);
    const scrape = await scrapeOnce(watched);
    assert.equal(scrape.value('omnimind_cache_up', { target: 'trusted' }), 1);
    assert.equal(scrape.value('omnimind_cache_up', { target: 'untrusted' }), 0);
    assert.equal(scrape.value('omnimind_cache_up', { target: 'plain' }), 0);
    const failures = 'omnimind_cache_read_failures_total';
    assert.equal(scrape.value(failures, { target: 'untrusted', cause: 'tls' }), 1);
  });
});
