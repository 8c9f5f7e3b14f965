import assert from 'node:assert/strict';

import type { Emit } from '../../../../agents/collector.ts';
import { CACHE_FAMILIES } from '../../../../agents/collectors/cache-families.ts';
import {
  chooseCommands,
  emitData,
  emitSentinel,
} from '../../../../agents/collectors/cache-samples.ts';
import { parseFields } from '../../../../agents/sources/redis-replies.ts';

const LIMITS = { commandsMax: 2, databasesMax: 2, replicasMax: 2 };
const MASTER = `# Server
redis_version:7.0.15
redis_mode:standalone
run_id:aaa
# Memory
used_memory:965704
maxmemory:0
mem_fragmentation_ratio:nan
# Persistence
rdb_last_bgsave_status:err
aof_last_write_status:ok
# Stats
keyspace_hits:12
# Replication
role:master
master_repl_offset:1000
connected_slaves:3
slave0:ip=10.0.0.1,port=6379,state=online,offset=400,lag=1
slave1:ip=10.0.0.2,port=6379,state=wait_bgsave,offset=0,lag=0
slave2:ip=10.0.0.3,port=6379,state=online,offset=1000,lag=0
# CPU
used_cpu_sys:1.5
used_cpu_user:2.5
# Commandstats
cmdstat_get:calls=10,usec=2000,usec_per_call=200,rejected_calls=1,failed_calls=2
cmdstat_set:calls=4,usec=5000,usec_per_call=1250,rejected_calls=0,failed_calls=0
cmdstat_config|get:calls=1,usec=7,usec_per_call=7,rejected_calls=0,failed_calls=0
cmdstat_ping:calls=2,usec=3,usec_per_call=1.5,rejected_calls=0,failed_calls=0
# Latencystats
latency_percentiles_usec_set:p50=8.031,p99.9=16000
latency_percentiles_usec_ping:p50=1
# Keyspace
db0:keys=5,expires=2,avg_ttl=1500
db1:keys=1,expires=0,avg_ttl=0
db2:keys=1,expires=0,avg_ttl=0
`;

function collect(run: (emit: Emit) => void): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  run((family, value, ...labels) => {
    assert.ok(CACHE_FAMILIES.includes(family), family.name);
    assert.equal(labels.length, family.labels.length, family.name);
    const key = `${family.name.replace('omnimind_cache_', '')}(${labels.slice(2).join(',')})`;
    assert.ok(!samples.has(key), `${key} twice`);
    samples.set(key, value);
  });
  return samples;
}

function collectInfo(text: string, choice = { runId: '', commands: new Set<string>() }) {
  return collect((emit) => {
    const reading = {
      pingSeconds: 0.001,
      info: parseFields(text),
      slowlogLength: null,
      cluster: null,
      nodes: null,
    };
    emitData(emit, ['t', 'a:1'], reading, LIMITS, choice);
  });
}

describe('cache samples', () => {
  it('turns INFO into base units', () => {
    const samples = collectInfo(MASTER);
    assert.equal(samples.get('memory_used_bytes()'), 965_704);
    assert.equal(samples.get('keyspace_hits_total()'), 12);
    assert.equal(samples.get('keyspace_average_ttl_seconds(0)'), 1.5);
    assert.equal(samples.get('command_duration_seconds_total(set)'), 0.005);
    assert.equal(samples.get('command_failures_total(get)'), 3);
    assert.equal(samples.get('command_latency_seconds(set,99.9)'), 0.016);
    assert.equal(samples.get('cpu_seconds_total(user)'), 2.5);
    assert.equal(samples.get('info(redis,7.0.15,standalone)'), 1);
    assert.equal(samples.get('rdb_last_save_ok()'), 0);
    assert.equal(samples.get('aof_last_write_ok()'), 1);
  });

  it('emits nothing for what is absent, unlimited, not a number or not sampled', () => {
    const samples = collectInfo(MASTER);
    for (const key of [
      'memory_max_bytes()',
      'memory_fragmentation_ratio()',
      'keyspace_average_ttl_seconds(1)',
      'keyspace_misses_total()',
      'slowlog_length()',
      'cluster_state_ok()',
      'master_link_up()',
    ]) {
      assert.ok(!samples.has(key), key);
    }
    assert.deepEqual([...collectInfo('').keys()], ['ping_duration_seconds()']);
  });

  it('gives an online replica its lag, and one that is still copying none', () => {
    const samples = collectInfo(MASTER);
    assert.equal(samples.get('replica_lag_bytes(10.0.0.1:6379)'), 600);
    assert.equal(samples.get('replica_lag_seconds(10.0.0.1:6379)'), 1);
    assert.equal(samples.get('replica_online(10.0.0.2:6379)'), 0);
    assert.ok(!samples.has('replica_lag_bytes(10.0.0.2:6379)'));
  });

  it('bounds databases and replicas', () => {
    const samples = collectInfo(MASTER);
    assert.ok(samples.has('keyspace_keys(1)') && !samples.has('keyspace_keys(2)'));
    assert.ok(!samples.has('replica_online(10.0.0.3:6379)'));
  });

  it('sums the commands beyond the limit, the cheapest ones', () => {
    const samples = collectInfo(MASTER);
    assert.equal(samples.get('command_calls_total(get)'), 10);
    assert.equal(samples.get('command_calls_total(other)'), 3);
    assert.ok(!samples.has('command_calls_total(ping)'));
    assert.ok(!samples.has('command_latency_seconds(ping,50)'));
  });

  it('keeps its choice of commands until the server starts anew, so that no counter falls', () => {
    const choice = { runId: '', commands: new Set<string>() };
    collectInfo(MASTER, choice);
    const busier = MASTER.replace('calls=2,usec=3', 'calls=900,usec=900000');
    assert.equal(collectInfo(busier, choice).get('command_calls_total(other)'), 901);
    const restarted = busier.replace('run_id:aaa', 'run_id:bbb');
    const chosen = chooseCommands(parseFields(restarted), choice, 2);
    assert.deepEqual([...chosen].sort(), ['ping', 'set']);
  });

  it('strips from a label what cannot be printed', () => {
    const samples = collectInfo('redis_version:7\u0007.0"\nredis_mode:standalone');
    assert.ok(samples.has('info(redis,7.0",standalone)'));
  });

  it('reads a replica’s link and offset', () => {
    const samples = collectInfo(
      'role:slave\nmaster_link_status:down\nmaster_link_down_since_seconds:7\nmaster_last_io_seconds_ago:-1\nslave_repl_offset:5\nmaster_repl_offset:9',
    );
    assert.equal(samples.get('master_link_up()'), 0);
    assert.equal(samples.get('master_link_down_seconds()'), 7);
    assert.equal(samples.get('replication_offset_bytes()'), 5);
    assert.equal(samples.get('role(replica)'), 1);
    assert.ok(!samples.has('master_last_io_seconds()'));
  });

  it('tells a suspected master from one that the quorum holds for down', () => {
    const view = (flags: string, quorumOk: boolean | null) =>
      collect((emit) => {
        const master = new Map([
          ...[
            ['flags', flags],
            ['ip', '10.0.0.1'],
            ['port', '1'],
          ],
          ...[
            ['num-slaves', '2'],
            ['num-other-sentinels', '2'],
            ['quorum', '2'],
          ],
          ['config-epoch', '4'],
        ] as [string, string][]);
        const info = parseFields('redis_mode:sentinel\nredis_version:7.0.15');
        const reading = { pingSeconds: 0.001, info, master, replicas: [], quorumOk };
        emitSentinel(emit, ['t', 'a:1'], reading, 'm');
      });
    const suspected = view('s_down,master', false);
    assert.equal(suspected.get('sentinel_master_state(m,subjectively_down)'), 1);
    assert.equal(suspected.get('sentinel_master_state(m,ok)'), 0);
    assert.equal(suspected.get('sentinel_quorum_ok(m)'), 0);
    assert.equal(suspected.get('sentinel_sentinels(m)'), 3);
    assert.equal(suspected.get('sentinel_replicas(m)'), 2);
    assert.equal(suspected.get('sentinel_config_epoch(m)'), 4);
    assert.equal(suspected.get('sentinel_master_info(m,10.0.0.1:1)'), 1);
    assert.equal(suspected.get('role(sentinel)'), 1);
    const down = view('s_down,o_down,master,failover_in_progress', null);
    assert.equal(down.get('sentinel_master_state(m,objectively_down)'), 1);
    assert.equal(down.get('sentinel_failover_in_progress(m)'), 1);
    assert.ok(!down.has('sentinel_quorum_ok(m)'));
  });

  it('declares each family once, with names that Prometheus recommends', () => {
    const names = CACHE_FAMILIES.map((family) => family.name);
    assert.equal(new Set(names).size, names.length);
    for (const family of CACHE_FAMILIES) {
      assert.match(family.name, /^omnimind_cache_[a-z0-9_]+$/);
      assert.equal(family.name.endsWith('_total'), family.type === 'counter', family.name);
      assert.ok(family.help.length > 10);
    }
  });
});
