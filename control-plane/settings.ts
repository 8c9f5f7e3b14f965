/**
 * The settings table of the control plane: each environment variable with its default and its
 * meaning, in one place. `.env.example` and the README are held against it by a test. How a value
 * is parsed stands in config.ts.
 */

export interface Setting {
  readonly name: string;
  /** Null when there is none; then the setting is off or required, as the meaning says. */
  readonly fallback: string | null;
  /** Unit and range, and what it is for. */
  readonly meaning: string;
}

export const SETTINGS = [
  setting(
    'OMNIMIND_LISTEN',
    '127.0.0.1:7400',
    'host:port of the HTTP API; beyond loopback API keys are required',
  ),
  setting('OMNIMIND_MEMBER_ID', 'member-1', 'name of this member, 1 to 63 characters of [a-z0-9-]'),
  setting(
    'OMNIMIND_DATA_DIR',
    '.data/control-plane',
    'directory of the log, snapshots, spool and local replicas',
  ),
  setting(
    'OMNIMIND_PROMETHEUS_URL',
    'http://127.0.0.1:9090',
    'base URL of a server of the Prometheus query API',
  ),
  setting(
    'OMNIMIND_PROMETHEUS_TOKEN_FILE',
    null,
    'file with a bearer token for it; off when unset',
  ),
  setting(
    'OMNIMIND_PROMETHEUS_HEADERS',
    null,
    'further headers as Name=value, comma separated (a tenant header, say)',
  ),
  setting(
    'OMNIMIND_PROMETHEUS_CA_FILE',
    null,
    'PEM file that its certificate is checked against; the system store when unset',
  ),
  setting(
    'OMNIMIND_PROMETHEUS_CERT_FILE',
    null,
    'PEM client certificate for mutual TLS, with OMNIMIND_PROMETHEUS_KEY_FILE',
  ),
  setting('OMNIMIND_PROMETHEUS_KEY_FILE', null, 'PEM key of the client certificate'),
  setting(
    'OMNIMIND_PROMETHEUS_TIMEOUT',
    '4s',
    'deadline of all queries of one tick, less than the tick interval',
  ),
  setting('OMNIMIND_TICK_INTERVAL', '15s', 'time between two ticks of the scale loop, 1s to 10m'),
  setting('OMNIMIND_ACT_TIMEOUT', '5s', 'deadline of telling the scaling targets, 100ms to 1m'),
  setting(
    'OMNIMIND_UPKEEP_INTERVAL',
    '2s',
    'time between two looks at nodes, replicas and discovery, 500ms to 1m',
  ),
  setting(
    'OMNIMIND_DOCUMENTS_DIR',
    null,
    'directory of YAML workloads and policies, read at start; off when unset',
  ),
  setting(
    'OMNIMIND_DISCOVERY_DIR',
    null,
    'directory for file_sd copies of the scrape targets; off when unset',
  ),
  setting('OMNIMIND_API_KEYS_FILE', null, 'file of hashed API keys; off on loopback when unset'),
  setting('OMNIMIND_HEARTBEAT_INTERVAL', '5s', 'how often agents send heartbeats, 1s to 5m'),
  setting('OMNIMIND_NODE_STALE_AFTER', '15s', 'heartbeat age from which a node is stale'),
  setting(
    'OMNIMIND_NODE_UNREACHABLE_AFTER',
    '60s',
    'heartbeat age from which a node is unreachable',
  ),
  setting(
    'OMNIMIND_NODE_FORGET_AFTER',
    '24h',
    'heartbeat age from which a node is removed from the registry and discovery',
  ),
  setting(
    'OMNIMIND_DATABASE_URL',
    null,
    'postgres:// URL of the decision record; PGlite in the data directory when unset',
  ),
  setting('OMNIMIND_DATABASE_URL_FILE', null, 'file with that URL, instead of it'),
  setting(
    'OMNIMIND_SPOOL_MAX_MIB',
    '256',
    'MiB of decisions that wait on disk while the database is away, 1 to 65536',
  ),
  setting(
    'OMNIMIND_DECISIONS_KEEP',
    '2160h',
    'age from which decision records are deleted, 1h to 87600h; 2160h is 90 days',
  ),
  setting(
    'OMNIMIND_LOCAL_PROCESS',
    'off',
    'on or off: the scaling target that runs replicas as processes of this host',
  ),
  setting(
    'OMNIMIND_LOCAL_PROCESS_PORTS',
    '21000-21099',
    'range of loopback ports given to local replicas',
  ),
  setting(
    'OMNIMIND_LOCAL_PROCESS_ON_STOP',
    'keep',
    'keep or stop: what becomes of local replicas when this member stops',
  ),
  setting(
    'OMNIMIND_SNAPSHOT_ENTRIES',
    '10000',
    'log entries between two snapshots, 100 to 10000000',
  ),
  setting('OMNIMIND_LOG_LEVEL', 'info', 'debug, info, warn or error'),
] as const;

export type SettingName = (typeof SETTINGS)[number]['name'];

function setting<const Name extends string>(name: Name, fallback: string | null, meaning: string) {
  return { name, fallback, meaning } as const satisfies Setting;
}
