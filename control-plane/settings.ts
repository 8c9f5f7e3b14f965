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
    'directory of the log, snapshots, spool and local replicas; each member has its own',
  ),
  setting(
    'OMNIMIND_CLUSTER_NAME',
    'omnimind',
    'name that all members of a cluster share, 1 to 63 characters of [a-z0-9-]; another is refused',
  ),
  setting(
    'OMNIMIND_CLUSTER_MEMBERS',
    null,
    'the first voters as id=host:port (their Raft addresses), comma separated, this member among them: 1, 3, 5 or 7, the same list for each; read at the first start alone, later changes go through the API; this member alone when unset',
  ),
  setting(
    'OMNIMIND_CLUSTER_JOIN',
    'off',
    'on or off: a new member that waits until the API of a running cluster adds it; not with OMNIMIND_CLUSTER_MEMBERS',
  ),
  setting(
    'OMNIMIND_CLUSTER_SECRET_FILE',
    null,
    'file with the secret that members prove to each other, 16 bytes or more, the same for all; needed where there is no OMNIMIND_RAFT_TLS_CA_FILE',
  ),
  setting(
    'OMNIMIND_RAFT_LISTEN',
    null,
    'host:port for the other members; no listener when unset, and then this member is alone',
  ),
  setting(
    'OMNIMIND_RAFT_ADVERTISE',
    null,
    'host:port that the other members reach it under; as OMNIMIND_CLUSTER_MEMBERS says when unset, else as OMNIMIND_RAFT_LISTEN does',
  ),
  setting(
    'OMNIMIND_RAFT_TLS_CA_FILE',
    null,
    'PEM file of the authority that signs the members’ certificates: mutual TLS between members, with the two below',
  ),
  setting('OMNIMIND_RAFT_TLS_CERT_FILE', null, 'PEM certificate of this member'),
  setting('OMNIMIND_RAFT_TLS_KEY_FILE', null, 'PEM key of that certificate'),
  setting(
    'OMNIMIND_RAFT_HEARTBEAT',
    '50ms',
    'how often a leader shows that it is there, 10ms to 10s, a third of the shortest election timeout at most',
  ),
  setting(
    'OMNIMIND_RAFT_ELECTION_MIN',
    '150ms',
    'silence of the leader from which a member may campaign, 30ms to 60s; each draws a time between this and the next',
  ),
  setting(
    'OMNIMIND_RAFT_ELECTION_MAX',
    '300ms',
    'silence by which it campaigns, 39ms to 120s, 1.3 times the shortest at least',
  ),
  setting(
    'OMNIMIND_RAFT_DISK_STALL',
    '2s',
    'a leader whose disk takes longer than this for one write resigns, 100ms to 5m',
  ),
  setting(
    'OMNIMIND_ADVERTISE_URL',
    null,
    'URL of the API that members tell each other and their clients; http:// and OMNIMIND_LISTEN when unset',
  ),
  setting(
    'OMNIMIND_PROMETHEUS_URL',
    'http://127.0.0.1:9090',
    'base URL of a server of the Prometheus query API: Prometheus, Thanos, Mimir, VictoriaMetrics; with its path prefix (https://mimir.example/prometheus) and parameters for every query, if any',
  ),
  setting(
    'OMNIMIND_PROMETHEUS_TOKEN_FILE',
    null,
    'file with a bearer token for it, read again for each request; off when unset',
  ),
  setting(
    'OMNIMIND_PROMETHEUS_BASIC_AUTH_FILE',
    null,
    'file with user:password for it, instead of a token, read again for each request; off when unset',
  ),
  setting(
    'OMNIMIND_PROMETHEUS_TENANT',
    null,
    'tenant to read, sent as X-Scope-OrgID: what Mimir wants; several with | between them',
  ),
  setting(
    'OMNIMIND_PROMETHEUS_HEADERS',
    null,
    'further headers as Name=value, comma separated, none of them secret (THANOS-TENANT=blue, say)',
  ),
  setting(
    'OMNIMIND_PROMETHEUS_HEADERS_FILE',
    null,
    'file with further headers that are secret, one Name=value a line, read again for each request',
  ),
  setting(
    'OMNIMIND_PROMETHEUS_CA_FILE',
    null,
    'PEM file that its certificate is checked against; the system store when unset',
  ),
  setting(
    'OMNIMIND_PROMETHEUS_SERVER_NAME',
    null,
    'name that its certificate must have; the host of OMNIMIND_PROMETHEUS_URL when unset',
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
    'OMNIMIND_SLOS_DIR',
    'prometheus/slos',
    'directory of YAML service level objectives that the API tells of, those that the rules of Prometheus were generated from; none when it is not there',
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
    'OMNIMIND_DATABASE_PASSWORD_FILE',
    null,
    'file with the password of that URL, which then has none itself',
  ),
  setting(
    'OMNIMIND_DATABASE_READER_PASSWORD_FILE',
    null,
    'file with a password for the role grafana_reader, 12 or more printable ASCII characters: the leader lets that role log in, to read the views of the dashboards; it cannot log in when unset',
  ),
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
    'OMNIMIND_ALERTS_SPOOL_MAX_MIB',
    '16',
    'MiB of alerts that wait on disk while the database is away, 1 to 4096; beyond them Alertmanager is told to come again',
  ),
  setting(
    'OMNIMIND_ALERTS_KEEP',
    '2160h',
    'age from which alerts that nobody tells of any more are deleted, 1h to 87600h; 2160h is 90 days',
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
    'keep or stop: what becomes of local replicas when the member that leads stops',
  ),
  setting(
    'OMNIMIND_LOCAL_PROCESS_DIR',
    null,
    'directory of local replicas, the same for all members of one host: the one that leads holds it; in the data directory when unset',
  ),
  setting(
    'OMNIMIND_DOCKER_URL',
    null,
    'Docker Engine of the scaling target docker, the same for all members: unix:///var/run/docker.sock, or an http:// or https:// URL; off when unset',
  ),
  setting(
    'OMNIMIND_KUBERNETES',
    null,
    'cluster of the scaling target kubernetes, the same for all members: in-cluster for the service account of the member’s own pod, or the path of a kubeconfig file; off when unset',
  ),
  setting(
    'OMNIMIND_KUBERNETES_CONTEXT',
    null,
    'context of the kubeconfig file; its current one when unset',
  ),
  setting(
    'OMNIMIND_KUBERNETES_NAMESPACES',
    'default',
    'namespaces in which workloads may be scaled, comma separated, 64 at most',
  ),
  setting(
    'OMNIMIND_KUBERNETES_KINDS',
    'apps/v1/Deployment,apps/v1/StatefulSet',
    'kinds that may be scaled as group/version/Kind, comma separated; each has a scale subresource',
  ),
  setting(
    'OMNIMIND_NOMAD_URL',
    null,
    'Nomad of the scaling target nomad, the same for all members: http:// or https:// URL of an agent; off when unset',
  ),
  setting(
    'OMNIMIND_NOMAD_TOKEN_FILE',
    null,
    'file with an ACL token for it, read again for each request; none is sent when unset',
  ),
  setting(
    'OMNIMIND_NOMAD_CA_FILE',
    null,
    'PEM file that its certificate is checked against; the system store when unset',
  ),
  setting(
    'OMNIMIND_NOMAD_CERT_FILE',
    null,
    'PEM client certificate for mutual TLS, with OMNIMIND_NOMAD_KEY_FILE',
  ),
  setting('OMNIMIND_NOMAD_KEY_FILE', null, 'PEM key of the client certificate'),
  setting(
    'OMNIMIND_NOMAD_NAMESPACES',
    'default',
    'namespaces of Nomad in which workloads may be scaled, comma separated, 64 at most',
  ),
  setting(
    'OMNIMIND_NOMAD_VARIABLES_NAMESPACE',
    'default',
    'namespace of Nomad whose variables remember what was told, under omnimind/groups/',
  ),
  setting(
    'OMNIMIND_WEBHOOK_SECRETS_DIR',
    null,
    'directory of the secrets that the scaling target webhook signs with, one file each, in it one secret a line (32 characters or more), the newest first; read again for each request; off when unset',
  ),
  setting(
    'OMNIMIND_WEBHOOK_CA_FILE',
    null,
    'PEM file that the certificates of receivers are checked against; the system store when unset',
  ),
  setting(
    'OMNIMIND_SNAPSHOT_ENTRIES',
    '10000',
    'least number of log entries between two snapshots, 100 to 10000000; more while they are less than four times the last snapshot, up to 32 MiB',
  ),
  setting(
    'OMNIMIND_METRICS_SERIES_MAX',
    '10000',
    'workloads that each family of metrics has room for, 100 to 1000000; what is beyond is left out, counted and alerted on',
  ),
  setting('OMNIMIND_LOG_LEVEL', 'info', 'debug, info, warn or error'),
] as const;

export type SettingName = (typeof SETTINGS)[number]['name'];

function setting<const Name extends string>(name: Name, fallback: string | null, meaning: string) {
  return { name, fallback, meaning } as const satisfies Setting;
}
