/**
 * Turns the environment into the configuration of one member, or says everything that is wrong with
 * it at once. Secrets are named by file and read here once; nothing else reads the environment, but
 * for OpenTelemetry's own OTEL_* variables.
 */

import { readFileSync } from 'node:fs';
import {
  CLUSTER_SECRET_BYTES_MIN,
  clusterProblems,
  parseFirstMembers,
  parseReachableUrl,
} from './cluster-config.ts';
import type { ClusterConfig, RaftConfig } from './cluster-config.ts';
import {
  Secret,
  duration,
  formatHostPort,
  matching,
  notEmpty,
  oneOf,
  parseDatabaseUrl,
  parseHostPort,
  parsePorts,
  parseReachable,
  parseUrl,
  readSecret,
  unreachable,
  whole,
} from './setting-values.ts';
import type { HostPort } from './setting-values.ts';
import {
  fileWith,
  parsePemCertificate,
  parsePemKey,
  prometheusProblems,
  withTenant,
} from './prometheus-config.ts';
import type { PrometheusConfig } from './prometheus-config.ts';
import { parseDockerUrl } from './schemas/engine-address.ts';
import type { EngineAddress } from './schemas/engine-address.ts';
import {
  parseBasicAuth,
  parseBearerToken,
  parseHeaderLines,
  parseHeaderList,
  parseTenant,
} from './schemas/request-headers.ts';
import { SETTINGS } from './settings.ts';
import type { SettingName } from './settings.ts';
import {
  parseDirectory,
  parseKinds,
  parseKubernetesAccess,
  parseNames,
  parseNomadAddress,
  withoutSwitch,
} from './target-config.ts';
import type { KubernetesConfig, NomadConfig, WebhookConfig } from './target-config.ts';

export interface Config {
  readonly listen: HostPort;
  readonly memberId: string;
  readonly cluster: ClusterConfig;
  readonly raft: RaftConfig;
  readonly dataDirectory: string;
  readonly prometheus: PrometheusConfig;
  readonly tickIntervalMs: number;
  readonly actTimeoutMs: number;
  readonly upkeepIntervalMs: number;
  readonly documentsDirectory: string | null;
  readonly slosDirectory: string;
  readonly discoveryDirectory: string | null;
  readonly apiKeysFile: string | null;
  readonly nodes: {
    readonly heartbeatIntervalMs: number;
    readonly staleAfterMs: number;
    readonly unreachableAfterMs: number;
    readonly forgetAfterMs: number;
  };
  /** Null: PGlite. */
  readonly databaseUrl: Secret | null;
  /** Of the role that dashboards read with; null: the role has none. */
  readonly databaseReaderPassword: Secret | null;
  readonly spoolBytesMax: number;
  readonly decisionsKeepMs: number;
  readonly alerts: { readonly spoolBytesMax: number; readonly keepMs: number };
  readonly localProcess: {
    readonly enabled: boolean;
    /** Of members on one host the same; null: `replicas` in the data directory. */
    readonly directory: string | null;
    readonly portsFrom: number;
    readonly portsTo: number;
    readonly onStop: 'keep' | 'stop';
  };
  /** Null: the target docker is off. */
  readonly dockerEngine: EngineAddress | null;
  /** Each null where the target is off. */
  readonly kubernetes: KubernetesConfig | null;
  readonly nomad: NomadConfig | null;
  readonly webhook: WebhookConfig | null;
  readonly snapshotEveryEntries: number;
  readonly metricsSeriesMax: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** Names every wrong setting; `problems` has one line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`the configuration is wrong:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** A password that panels log in with and that nobody types. */
const READER_PASSWORD_BYTES_MIN = 12;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Parses the environment.
 * @throws ConfigError with every problem.
 */
export function parseConfig(environment: Environment): Config {
  const reader = new SettingsReader(environment);
  const config = readConfig(reader);
  checkOrder(config, reader);
  for (const line of clusterProblems(config, (name) => reader.isWrong(name))) reader.problem(line);
  reader.throwProblems();
  return config;
}

function readConfig(reader: SettingsReader): Config {
  return {
    listen: reader.read('OMNIMIND_LISTEN', parseHostPort, { host: '', port: 0 }),
    memberId: reader.read('OMNIMIND_MEMBER_ID', memberName, ''),
    cluster: readCluster(reader),
    raft: readRaft(reader),
    dataDirectory: reader.read('OMNIMIND_DATA_DIR', notEmpty, ''),
    prometheus: readPrometheus(reader),
    tickIntervalMs: reader.read('OMNIMIND_TICK_INTERVAL', duration(1_000, 600_000), 0),
    actTimeoutMs: reader.read('OMNIMIND_ACT_TIMEOUT', duration(100, 60_000), 0),
    upkeepIntervalMs: reader.read('OMNIMIND_UPKEEP_INTERVAL', duration(500, 60_000), 0),
    documentsDirectory: reader.optional('OMNIMIND_DOCUMENTS_DIR', notEmpty),
    slosDirectory: reader.read('OMNIMIND_SLOS_DIR', notEmpty, ''),
    discoveryDirectory: reader.optional('OMNIMIND_DISCOVERY_DIR', notEmpty),
    apiKeysFile: reader.optional('OMNIMIND_API_KEYS_FILE', notEmpty),
    nodes: {
      heartbeatIntervalMs: reader.read('OMNIMIND_HEARTBEAT_INTERVAL', duration(1_000, 300_000), 0),
      staleAfterMs: reader.read('OMNIMIND_NODE_STALE_AFTER', duration(1_000, 3_600_000), 0),
      unreachableAfterMs: reader.read(
        'OMNIMIND_NODE_UNREACHABLE_AFTER',
        duration(1_000, 86_400_000),
        0,
      ),
      forgetAfterMs: reader.read(
        'OMNIMIND_NODE_FORGET_AFTER',
        duration(10_000, 30 * 86_400_000),
        0,
      ),
    },
    databaseUrl: readDatabaseUrl(reader),
    databaseReaderPassword: readReaderPassword(reader),
    spoolBytesMax: reader.read('OMNIMIND_SPOOL_MAX_MIB', whole(1, 65_536), 0) * 1_048_576,
    decisionsKeepMs: reader.read(
      'OMNIMIND_DECISIONS_KEEP',
      duration(3_600_000, 10 * 365 * 86_400_000),
      0,
    ),
    alerts: {
      spoolBytesMax: reader.read('OMNIMIND_ALERTS_SPOOL_MAX_MIB', whole(1, 4_096), 0) * 1_048_576,
      keepMs: reader.read('OMNIMIND_ALERTS_KEEP', duration(3_600_000, 10 * 365 * 86_400_000), 0),
    },
    localProcess: {
      enabled: reader.read('OMNIMIND_LOCAL_PROCESS', oneOf('on', 'off'), 'off') === 'on',
      directory: reader.optional('OMNIMIND_LOCAL_PROCESS_DIR', notEmpty),
      ...reader.read('OMNIMIND_LOCAL_PROCESS_PORTS', parsePorts, { portsFrom: 0, portsTo: 0 }),
      onStop: reader.read('OMNIMIND_LOCAL_PROCESS_ON_STOP', oneOf('keep', 'stop'), 'keep'),
    },
    dockerEngine: reader.optional('OMNIMIND_DOCKER_URL', parseDockerUrl),
    kubernetes: readKubernetes(reader),
    nomad: readNomad(reader),
    webhook: readWebhook(reader),
    snapshotEveryEntries: reader.read('OMNIMIND_SNAPSHOT_ENTRIES', whole(100, 10_000_000), 0),
    metricsSeriesMax: reader.read('OMNIMIND_METRICS_SERIES_MAX', whole(100, 1_000_000), 0),
    logLevel: reader.read('OMNIMIND_LOG_LEVEL', oneOf('debug', 'info', 'warn', 'error'), 'info'),
  };
}

const parseServerName = matching(
  /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/,
  'such as mimir.example',
);
const memberName = matching(/^[a-z0-9-]{1,63}$/, 'of [a-z0-9-], 1 to 63 characters');

function readCluster(reader: SettingsReader): ClusterConfig {
  const listen = reader.read('OMNIMIND_LISTEN', parseHostPort, { host: '', port: 0 });
  const own = unreachable(listen) === null ? `http://${formatHostPort(listen)}` : null;
  return {
    name: reader.read('OMNIMIND_CLUSTER_NAME', memberName, ''),
    members: reader.optional('OMNIMIND_CLUSTER_MEMBERS', parseFirstMembers),
    join: reader.read('OMNIMIND_CLUSTER_JOIN', oneOf('on', 'off'), 'off') === 'on',
    advertiseUrl: reader.optional('OMNIMIND_ADVERTISE_URL', parseReachableUrl) ?? own,
  };
}

/** What others reach the listener under: as said, or as the list of members says, or as it listens. */
function readRaft(reader: SettingsReader): RaftConfig {
  const listen = reader.optional('OMNIMIND_RAFT_LISTEN', parseHostPort);
  const members = reader.optional('OMNIMIND_CLUSTER_MEMBERS', parseFirstMembers) ?? [];
  const memberId = reader.optional('OMNIMIND_MEMBER_ID', memberName);
  const advertise = reader.optional('OMNIMIND_RAFT_ADVERTISE', parseReachable);
  const named = members.find((member) => member.memberId === memberId)?.address ?? null;
  const heard = listen !== null && unreachable(listen) === null ? formatHostPort(listen) : null;
  const said = advertise === null ? null : formatHostPort(advertise);
  return {
    listen,
    advertise: said ?? (listen === null ? null : (named ?? heard)),
    secret: reader.optional('OMNIMIND_CLUSTER_SECRET_FILE', (path) =>
      readSecret(path, CLUSTER_SECRET_BYTES_MIN),
    ),
    tls: {
      caFile: reader.optional('OMNIMIND_RAFT_TLS_CA_FILE', notEmpty),
      certFile: reader.optional('OMNIMIND_RAFT_TLS_CERT_FILE', notEmpty),
      keyFile: reader.optional('OMNIMIND_RAFT_TLS_KEY_FILE', notEmpty),
    },
    heartbeatIntervalMs: reader.read('OMNIMIND_RAFT_HEARTBEAT', duration(10, 10_000), 0),
    electionTimeoutMinMs: reader.read('OMNIMIND_RAFT_ELECTION_MIN', duration(30, 60_000), 0),
    electionTimeoutMaxMs: reader.read('OMNIMIND_RAFT_ELECTION_MAX', duration(39, 120_000), 0),
    diskStallMs: reader.read('OMNIMIND_RAFT_DISK_STALL', duration(100, 300_000), 0),
  };
}

function readPrometheus(reader: SettingsReader): PrometheusConfig {
  const headers = reader.optional('OMNIMIND_PROMETHEUS_HEADERS', parseHeaderList) ?? {};
  const tenant = reader.optional('OMNIMIND_PROMETHEUS_TENANT', parseTenant);
  const pem = fileWith(parsePemCertificate);
  const config = {
    baseUrl: reader.read('OMNIMIND_PROMETHEUS_URL', parseUrl, ''),
    tokenFile: reader.optional('OMNIMIND_PROMETHEUS_TOKEN_FILE', fileWith(parseBearerToken)),
    basicAuthFile: reader.optional('OMNIMIND_PROMETHEUS_BASIC_AUTH_FILE', fileWith(parseBasicAuth)),
    headers: withTenant(headers, tenant),
    headersFile: reader.optional('OMNIMIND_PROMETHEUS_HEADERS_FILE', fileWith(parseHeaderLines)),
    caFile: reader.optional('OMNIMIND_PROMETHEUS_CA_FILE', pem),
    certFile: reader.optional('OMNIMIND_PROMETHEUS_CERT_FILE', pem),
    keyFile: reader.optional('OMNIMIND_PROMETHEUS_KEY_FILE', fileWith(parsePemKey)),
    serverName: reader.optional('OMNIMIND_PROMETHEUS_SERVER_NAME', parseServerName),
    timeoutMs: reader.read('OMNIMIND_PROMETHEUS_TIMEOUT', duration(100, 300_000), 0),
  };
  const isWrong =
    reader.isWrong('OMNIMIND_PROMETHEUS_CERT_FILE') ||
    reader.isWrong('OMNIMIND_PROMETHEUS_KEY_FILE');
  const checked = isWrong ? { ...config, certFile: null, keyFile: null } : config;
  for (const line of prometheusProblems(checked, { tenant, headers })) reader.problem(line);
  return config;
}

function readKubernetes(reader: SettingsReader): KubernetesConfig | null {
  const access = reader.optional('OMNIMIND_KUBERNETES', parseKubernetesAccess);
  const context = reader.optional('OMNIMIND_KUBERNETES_CONTEXT', notEmpty);
  const namespaces = reader.read('OMNIMIND_KUBERNETES_NAMESPACES', parseNames, []);
  const kinds = reader.read('OMNIMIND_KUBERNETES_KINDS', parseKinds, []);
  withoutSwitch(reader, {
    switch: 'OMNIMIND_KUBERNETES',
    others: ['OMNIMIND_KUBERNETES_CONTEXT'],
  });
  if (access === null) return null;
  if (access.kind === 'kubeconfig') return { access: { ...access, context }, namespaces, kinds };
  if (context !== null) {
    reader.problem('OMNIMIND_KUBERNETES_CONTEXT: in-cluster has no contexts; unset it');
  }
  return { access, namespaces, kinds };
}

function readNomad(reader: SettingsReader): NomadConfig | null {
  const pem = fileWith(parsePemCertificate);
  const address = reader.optional('OMNIMIND_NOMAD_URL', parseNomadAddress);
  const certificateFile = reader.optional('OMNIMIND_NOMAD_CERT_FILE', pem);
  const keyFile = reader.optional('OMNIMIND_NOMAD_KEY_FILE', fileWith(parsePemKey));
  const own = ['OMNIMIND_NOMAD_CERT_FILE', 'OMNIMIND_NOMAD_KEY_FILE'] as const;
  if (own.filter((name) => reader.isGiven(name)).length === 1) {
    reader.problem(`${own[0]}: give it together with ${own[1]}`);
  }
  const config = {
    tokenFile: reader.optional('OMNIMIND_NOMAD_TOKEN_FILE', fileWith(parseBearerToken)),
    tls: { caFile: reader.optional('OMNIMIND_NOMAD_CA_FILE', pem), certificateFile, keyFile },
    namespaces: reader.read('OMNIMIND_NOMAD_NAMESPACES', parseNames, []),
    variablesNamespace: reader.read('OMNIMIND_NOMAD_VARIABLES_NAMESPACE', notEmpty, ''),
  };
  const others = ['OMNIMIND_NOMAD_TOKEN_FILE', 'OMNIMIND_NOMAD_CA_FILE', ...own];
  withoutSwitch(reader, { switch: 'OMNIMIND_NOMAD_URL', others });
  return address === null ? null : { address, ...config };
}

function readWebhook(reader: SettingsReader): WebhookConfig | null {
  const secretsDirectory = reader.optional('OMNIMIND_WEBHOOK_SECRETS_DIR', parseDirectory);
  const caFile = reader.optional('OMNIMIND_WEBHOOK_CA_FILE', fileWith(parsePemCertificate));
  withoutSwitch(reader, {
    switch: 'OMNIMIND_WEBHOOK_SECRETS_DIR',
    others: ['OMNIMIND_WEBHOOK_CA_FILE'],
  });
  return secretsDirectory === null ? null : { secretsDirectory, caFile };
}

function readDatabaseUrl(reader: SettingsReader): Secret | null {
  const direct = reader.optional('OMNIMIND_DATABASE_URL', parseDatabaseUrl);
  const fromFile = reader.optional('OMNIMIND_DATABASE_URL_FILE', (path) =>
    parseDatabaseUrl(readFileSync(path, 'utf8').trim()),
  );
  if (direct !== null && fromFile !== null) {
    reader.problem('OMNIMIND_DATABASE_URL_FILE: give this or OMNIMIND_DATABASE_URL, not both');
  }
  const url = direct ?? fromFile;
  const password = reader.optional('OMNIMIND_DATABASE_PASSWORD_FILE', (path) =>
    readSecret(path, 1),
  );
  if (url === null || password === null) return withoutPassword(url, password, reader);
  const complete = new URL(url);
  if (complete.password !== '') {
    reader.problem(
      'OMNIMIND_DATABASE_PASSWORD_FILE: the URL of the database has a password already',
    );
  }
  complete.password = encodeURIComponent(password.reveal());
  return new Secret(complete.href);
}

/** A password alone is a mistake, unless the URL for it is there and wrong, which has been said. */
function withoutPassword(
  url: string | null,
  password: Secret | null,
  reader: SettingsReader,
): Secret | null {
  const said =
    reader.isWrong('OMNIMIND_DATABASE_URL') || reader.isWrong('OMNIMIND_DATABASE_URL_FILE');
  if (url === null && password !== null && !said) {
    reader.problem('OMNIMIND_DATABASE_PASSWORD_FILE: give OMNIMIND_DATABASE_URL with it');
  }
  return url === null ? null : new Secret(url);
}

function readReaderPassword(reader: SettingsReader): Secret | null {
  const password = reader.optional('OMNIMIND_DATABASE_READER_PASSWORD_FILE', parseReaderPassword);
  const database = ['OMNIMIND_DATABASE_URL', 'OMNIMIND_DATABASE_URL_FILE'] as const;
  if (password !== null && !database.some((name) => reader.isGiven(name))) {
    reader.problem(
      'OMNIMIND_DATABASE_READER_PASSWORD_FILE: give OMNIMIND_DATABASE_URL with it, or unset it: PGlite serves this member alone and asks for no password',
    );
  }
  return password;
}

/** Printable ASCII is the same in every way to write it, which the way PostgreSQL hashes it relies on. */
function parseReaderPassword(path: string): Secret {
  const password = readSecret(path, READER_PASSWORD_BYTES_MIN);
  if (/[^\x20-\x7e]/.test(password.reveal())) {
    throw new Error(`${path} holds other characters than printable ASCII`);
  }
  return password;
}

function checkOrder(config: Config, reader: SettingsReader): void {
  const { nodes, prometheus } = config;
  if (nodes.staleAfterMs > 0 && nodes.staleAfterMs <= nodes.heartbeatIntervalMs) {
    reader.problem('OMNIMIND_NODE_STALE_AFTER: must be longer than OMNIMIND_HEARTBEAT_INTERVAL');
  }
  if (nodes.unreachableAfterMs > 0 && nodes.unreachableAfterMs <= nodes.staleAfterMs) {
    reader.problem(
      'OMNIMIND_NODE_UNREACHABLE_AFTER: must be longer than OMNIMIND_NODE_STALE_AFTER',
    );
  }
  if (nodes.forgetAfterMs > 0 && nodes.forgetAfterMs <= nodes.unreachableAfterMs) {
    reader.problem(
      'OMNIMIND_NODE_FORGET_AFTER: must be longer than OMNIMIND_NODE_UNREACHABLE_AFTER',
    );
  }
  if (config.tickIntervalMs > 0 && prometheus.timeoutMs >= config.tickIntervalMs) {
    reader.problem('OMNIMIND_PROMETHEUS_TIMEOUT: must be shorter than OMNIMIND_TICK_INTERVAL');
  }
}

/** Reads settings by name and collects what is wrong; an empty value counts as unset. */
class SettingsReader {
  readonly #environment: Environment;
  readonly #problems: string[];
  readonly #wrong = new Set<SettingName>();

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#problems = unknownNames(environment);
  }

  read<T>(name: SettingName, parse: (text: string) => T, onProblem: T): T {
    return this.optional(name, parse) ?? onProblem;
  }

  optional<T>(name: SettingName, parse: (text: string) => T): T | null {
    const given = this.#environment[name];
    const text = given === undefined || given === '' ? fallbackOf(name) : given;
    if (text === null) return null;
    try {
      return parse(text);
    } catch (error) {
      if (!this.#wrong.has(name)) {
        this.problem(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
      this.#wrong.add(name);
      return null;
    }
  }

  isGiven(name: string): boolean {
    return (this.#environment[name] ?? '') !== '';
  }

  /** True for a setting that was read and could not be parsed. */
  isWrong(name: SettingName): boolean {
    return this.#wrong.has(name);
  }

  problem(line: string): void {
    this.#problems.push(line);
  }

  throwProblems(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }
}

function fallbackOf(name: SettingName): string | null {
  return SETTINGS.find((setting) => setting.name === name)?.fallback ?? null;
}

function unknownNames(environment: Environment): string[] {
  const known = new Set<string>(SETTINGS.map((setting) => setting.name));
  return Object.keys(environment)
    .filter((name) => name.startsWith('OMNIMIND_') && !name.startsWith('OMNIMIND_AGENT_'))
    .filter((name) => !known.has(name))
    .map((name) => `${name}: unknown setting; remove it or check its spelling`);
}
