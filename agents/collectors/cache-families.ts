/**
 * Every series that the cache collector can emit, in one table. Names carry base units; `target`
 * is the operator's name for what is watched, `instance_address` where one instance is reached.
 */

import type { Family } from '../collector.ts';

const TARGET = ['target'] as const;
const INSTANCE = ['target', 'instance_address'] as const;

function gauge(name: string, help: string, labels: readonly string[] = INSTANCE): Family {
  return { name: `omnimind_cache_${name}`, help, type: 'gauge', labels };
}

function counter(name: string, help: string, labels: readonly string[] = INSTANCE): Family {
  return { name: `omnimind_cache_${name}`, help, type: 'counter', labels };
}

export const TARGET_FAMILIES = {
  up: gauge(
    'up',
    '1 when the target could be read: the server, the master behind the sentinels, or any node of the cluster.',
    TARGET,
  ),
  targetInfo: gauge(
    'target_info',
    'Kind of the target: standalone, sentinel or cluster; always 1.',
    ['target', 'kind'],
  ),
  instances: gauge('instances', 'Data instances that are watched.', TARGET),
  instancesLeftOut: gauge(
    'instances_left_out',
    'Data instances that are not watched because the target has more than its maximum.',
    TARGET,
  ),
  readDuration: gauge(
    'read_duration_seconds',
    'Duration of the last reading of the target.',
    TARGET,
  ),
  failures: counter('read_failures_total', 'Readings of an instance that failed, by cause.', [
    'target',
    'cause',
  ]),
} as const;

export const INSTANCE_FAMILIES = {
  up: gauge('instance_up', '1 when the instance answered PING and INFO in time.'),
  info: gauge('info', 'Software and version of the instance; always 1.', [
    ...INSTANCE,
    'server',
    'version',
    'mode',
  ]),
  ping: gauge('ping_duration_seconds', 'Round trip of a PING.'),
  connect: gauge(
    'connect_duration_seconds',
    'Duration of the last connect, TLS and AUTH included.',
  ),
  slowlog: gauge('slowlog_length', 'Entries in the slow log.'),
  role: gauge('role', '1 for the role that the instance has, 0 for the others.', [
    ...INSTANCE,
    'role',
  ]),
  commandCalls: counter(
    'command_calls_total',
    'Calls of a command; "other" sums those beyond the limit.',
    [...INSTANCE, 'command'],
  ),
  commandSeconds: counter(
    'command_duration_seconds_total',
    'Seconds that the server spent in a command.',
    [...INSTANCE, 'command'],
  ),
  commandFailures: counter(
    'command_failures_total',
    'Calls of a command that failed or were rejected.',
    [...INSTANCE, 'command'],
  ),
  commandLatency: gauge(
    'command_latency_seconds',
    'Latency percentile of a command since the start of the server.',
    [...INSTANCE, 'command', 'percentile'],
  ),
  keys: gauge('keyspace_keys', 'Keys in a database.', [...INSTANCE, 'db']),
  keysExpiring: gauge('keyspace_expiring_keys', 'Keys in a database that have a time to live.', [
    ...INSTANCE,
    'db',
  ]),
  keysTtl: gauge('keyspace_average_ttl_seconds', 'Average time to live of the expiring keys.', [
    ...INSTANCE,
    'db',
  ]),
  cpu: counter('cpu_seconds_total', 'CPU time of the server, by mode.', [...INSTANCE, 'mode']),
  replicaOnline: gauge('replica_online', '1 when the master sends its stream to the replica.', [
    ...INSTANCE,
    'replica_address',
  ]),
  replicaLagBytes: gauge(
    'replica_lag_bytes',
    'Bytes of the replication stream that the replica has not acknowledged.',
    [...INSTANCE, 'replica_address'],
  ),
  replicaLagSeconds: gauge(
    'replica_lag_seconds',
    'Time since the last acknowledgement of the replica.',
    [...INSTANCE, 'replica_address'],
  ),
} as const;

const SENTINEL = [...INSTANCE, 'master'];

export const SENTINEL_FAMILIES = {
  masterState: gauge(
    'sentinel_master_state',
    '1 for the state in which the sentinel sees the master (ok, subjectively_down, objectively_down), 0 for the others.',
    [...SENTINEL, 'state'],
  ),
  masterAddress: gauge(
    'sentinel_master_info',
    'Address of the master by the word of the sentinel; always 1.',
    [...SENTINEL, 'master_address'],
  ),
  quorumOk: gauge(
    'sentinel_quorum_ok',
    '1 when the sentinels that can be reached suffice to agree on and to carry out a failover.',
    SENTINEL,
  ),
  quorum: gauge('sentinel_quorum', 'Sentinels that must agree that the master is down.', SENTINEL),
  sentinels: gauge(
    'sentinel_sentinels',
    'Sentinels known for the master, the asked one included.',
    SENTINEL,
  ),
  replicas: gauge('sentinel_replicas', 'Replicas known for the master.', SENTINEL),
  failover: gauge(
    'sentinel_failover_in_progress',
    '1 while this sentinel carries out a failover.',
    SENTINEL,
  ),
  epoch: gauge(
    'sentinel_config_epoch',
    'Configuration epoch of the master; each failover raises it.',
    SENTINEL,
  ),
} as const;

/** A field of INFO or CLUSTER INFO that is a sample as it stands. */
export interface FieldSample {
  readonly field: string;
  readonly family: Family;
  /** Factor from the unit of the field to the base unit. */
  readonly scale: number;
}

function sample(field: string, family: Family, scale = 1): FieldSample {
  return { field, family, scale };
}

/** Numeric fields of INFO. */
export const INFO_SAMPLES: readonly FieldSample[] = [
  sample('uptime_in_seconds', gauge('uptime_seconds', 'Time since the start of the server.')),
  sample('used_memory', gauge('memory_used_bytes', 'Memory allocated.')),
  sample(
    'used_memory_peak',
    gauge('memory_used_peak_bytes', 'Largest memory allocated since the start.'),
  ),
  sample(
    'used_memory_rss',
    gauge('memory_used_rss_bytes', 'Memory resident as the operating system sees it.'),
  ),
  sample(
    'used_memory_dataset',
    gauge('memory_used_dataset_bytes', 'Memory allocated for the data set.'),
  ),
  sample(
    'mem_fragmentation_ratio',
    gauge('memory_fragmentation_ratio', 'Resident memory divided by memory allocated.'),
  ),
  sample('keyspace_hits', counter('keyspace_hits_total', 'Lookups of a key that found it.')),
  sample(
    'keyspace_misses',
    counter('keyspace_misses_total', 'Lookups of a key that did not find it.'),
  ),
  sample('evicted_keys', counter('evicted_keys_total', 'Keys evicted because memory was full.')),
  sample(
    'expired_keys',
    counter('expired_keys_total', 'Keys that reached the end of their time to live.'),
  ),
  sample('connected_clients', gauge('clients_connected', 'Client connections.')),
  sample('blocked_clients', gauge('clients_blocked', 'Clients that wait in a blocking command.')),
  sample('maxclients', gauge('clients_max', 'Client connections that the server allows.')),
  sample(
    'rejected_connections',
    counter('connections_rejected_total', 'Connections rejected because there were too many.'),
  ),
  sample(
    'total_connections_received',
    counter('connections_received_total', 'Connections accepted.'),
  ),
  sample('total_commands_processed', counter('commands_processed_total', 'Commands processed.')),
  sample('total_error_replies', counter('error_replies_total', 'Replies that were errors.')),
  sample(
    'total_net_input_bytes',
    counter('network_receive_bytes_total', 'Bytes read from the network.'),
  ),
  sample(
    'total_net_output_bytes',
    counter('network_transmit_bytes_total', 'Bytes written to the network.'),
  ),
  sample('loading', gauge('loading', '1 while the data set is loaded from disk.')),
  sample(
    'rdb_changes_since_last_save',
    gauge('rdb_changes_since_last_save', 'Changes that no snapshot holds yet.'),
  ),
  sample('rdb_bgsave_in_progress', gauge('rdb_save_in_progress', '1 while a snapshot is written.')),
  sample(
    'rdb_last_save_time',
    gauge('rdb_last_save_timestamp_seconds', 'Time of the last snapshot that succeeded.'),
  ),
  sample('aof_enabled', gauge('aof_enabled', '1 when the append-only file is on.')),
  sample('connected_slaves', gauge('connected_replicas', 'Replicas connected.')),
  sample('slave_read_only', gauge('replica_read_only', '1 when the replica refuses writes.')),
  sample(
    'master_sync_in_progress',
    gauge('master_sync_in_progress', '1 while the replica copies the whole data set.'),
  ),
  sample('cluster_enabled', gauge('cluster_enabled', '1 when the instance runs in cluster mode.')),
];

/** Fields of INFO that hold a word: 1 when it is the good one. */
export const INFO_WORDS: readonly { field: string; good: string; family: Family }[] = [
  {
    field: 'rdb_last_bgsave_status',
    good: 'ok',
    family: gauge('rdb_last_save_ok', '1 when the last attempt to write a snapshot succeeded.'),
  },
  {
    field: 'aof_last_write_status',
    good: 'ok',
    family: gauge('aof_last_write_ok', '1 when the last write to the append-only file succeeded.'),
  },
  {
    field: 'aof_last_bgrewrite_status',
    good: 'ok',
    family: gauge(
      'aof_last_rewrite_ok',
      '1 when the last rewrite of the append-only file succeeded.',
    ),
  },
  {
    field: 'master_link_status',
    good: 'up',
    family: gauge('master_link_up', '1 when the replica is connected to its master.'),
  },
];

/** Fields of INFO for which a special value means absence. */
export const INFO_OPTIONAL: readonly (FieldSample & { readonly absentBelow: number })[] = [
  {
    ...sample(
      'maxmemory',
      gauge('memory_max_bytes', 'Limit of memory; absent when there is none.'),
    ),
    absentBelow: 1,
  },
  {
    ...sample(
      'master_last_io_seconds_ago',
      gauge('master_last_io_seconds', 'Time since the replica last heard of its master.'),
    ),
    absentBelow: 0,
  },
  {
    ...sample(
      'master_link_down_since_seconds',
      gauge('master_link_down_seconds', 'Time since the replica lost its master.'),
    ),
    absentBelow: 0,
  },
];

export const REPLICATION_OFFSET = gauge(
  'replication_offset_bytes',
  'Position in the replication stream: written by a master, received by a replica.',
);

/** Numeric fields of CLUSTER INFO, each node's own view. */
export const CLUSTER_SAMPLES: readonly FieldSample[] = [
  sample(
    'cluster_slots_assigned',
    gauge('cluster_slots_assigned', 'Slots that some node serves, of 16384.'),
  ),
  sample('cluster_slots_ok', gauge('cluster_slots_ok', 'Slots whose node is well.')),
  sample(
    'cluster_slots_pfail',
    gauge('cluster_slots_pfail', 'Slots whose node this one suspects.'),
  ),
  sample(
    'cluster_slots_fail',
    gauge('cluster_slots_fail', 'Slots whose node the majority holds for failed.'),
  ),
  sample('cluster_known_nodes', gauge('cluster_known_nodes', 'Nodes known, failed ones included.')),
  sample('cluster_size', gauge('cluster_size', 'Masters that serve slots.')),
  sample(
    'cluster_current_epoch',
    gauge('cluster_current_epoch', 'Largest epoch seen in the cluster; each failover raises it.'),
  ),
  sample('cluster_my_epoch', gauge('cluster_my_epoch', 'Epoch of the configuration of this node.')),
];

export const CLUSTER_STATE = gauge(
  'cluster_state_ok',
  '1 when the node holds the cluster for able to serve.',
);

export const CACHE_FAMILIES: readonly Family[] = [
  ...Object.values(TARGET_FAMILIES),
  ...Object.values(INSTANCE_FAMILIES),
  ...Object.values(SENTINEL_FAMILIES),
  ...[...INFO_SAMPLES, ...INFO_WORDS, ...INFO_OPTIONAL, ...CLUSTER_SAMPLES].map(
    ({ family }) => family,
  ),
  REPLICATION_OFFSET,
  CLUSTER_STATE,
];
