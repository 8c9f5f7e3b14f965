/**
 * Turns the environment into the configuration of one member, or says everything that is wrong with
 * it at once. Secrets are named by file and read here once; nothing else reads the environment, but
 * for OpenTelemetry's own OTEL_* variables.
 */

import { readFileSync } from 'node:fs';
import { parseDuration } from './schemas/duration.ts';
import { SETTINGS } from './settings.ts';
import type { SettingName } from './settings.ts';

export interface Config {
  readonly listen: { readonly host: string; readonly port: number };
  readonly memberId: string;
  readonly dataDirectory: string;
  readonly prometheus: {
    readonly baseUrl: string;
    readonly tokenFile: string | null;
    readonly headers: Readonly<Record<string, string>>;
    readonly caFile: string | null;
    readonly certFile: string | null;
    readonly keyFile: string | null;
    readonly timeoutMs: number;
  };
  readonly tickIntervalMs: number;
  readonly actTimeoutMs: number;
  readonly upkeepIntervalMs: number;
  readonly documentsDirectory: string | null;
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
  readonly spoolBytesMax: number;
  readonly decisionsKeepMs: number;
  readonly localProcess: {
    readonly enabled: boolean;
    readonly portsFrom: number;
    readonly portsTo: number;
    readonly onStop: 'keep' | 'stop';
  };
  readonly snapshotEveryEntries: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** A value that must not be printed: it shows itself only when asked. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toJSON(): string {
    return '[redacted]';
  }

  toString(): string {
    return '[redacted]';
  }
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

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Parses the environment.
 * @throws ConfigError with every problem.
 */
export function parseConfig(environment: Environment): Config {
  const reader = new SettingsReader(environment);
  const config = readConfig(reader);
  checkOrder(config, reader);
  reader.throwProblems();
  return config;
}

function readConfig(reader: SettingsReader): Config {
  return {
    listen: reader.read('OMNIMIND_LISTEN', parseListen, { host: '', port: 0 }),
    memberId: reader.read(
      'OMNIMIND_MEMBER_ID',
      matching(/^[a-z0-9-]{1,63}$/, 'of [a-z0-9-], 1 to 63 characters'),
      '',
    ),
    dataDirectory: reader.read('OMNIMIND_DATA_DIR', notEmpty, ''),
    prometheus: readPrometheus(reader),
    tickIntervalMs: reader.read('OMNIMIND_TICK_INTERVAL', duration(1_000, 600_000), 0),
    actTimeoutMs: reader.read('OMNIMIND_ACT_TIMEOUT', duration(100, 60_000), 0),
    upkeepIntervalMs: reader.read('OMNIMIND_UPKEEP_INTERVAL', duration(500, 60_000), 0),
    documentsDirectory: reader.optional('OMNIMIND_DOCUMENTS_DIR', notEmpty),
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
    spoolBytesMax: reader.read('OMNIMIND_SPOOL_MAX_MIB', whole(1, 65_536), 0) * 1_048_576,
    decisionsKeepMs: reader.read(
      'OMNIMIND_DECISIONS_KEEP',
      duration(3_600_000, 10 * 365 * 86_400_000),
      0,
    ),
    localProcess: {
      enabled: reader.read('OMNIMIND_LOCAL_PROCESS', oneOf('on', 'off'), 'off') === 'on',
      ...reader.read('OMNIMIND_LOCAL_PROCESS_PORTS', parsePorts, { portsFrom: 0, portsTo: 0 }),
      onStop: reader.read('OMNIMIND_LOCAL_PROCESS_ON_STOP', oneOf('keep', 'stop'), 'keep'),
    },
    snapshotEveryEntries: reader.read('OMNIMIND_SNAPSHOT_ENTRIES', whole(100, 10_000_000), 0),
    logLevel: reader.read('OMNIMIND_LOG_LEVEL', oneOf('debug', 'info', 'warn', 'error'), 'info'),
  };
}

function readPrometheus(reader: SettingsReader): Config['prometheus'] {
  return {
    baseUrl: reader.read('OMNIMIND_PROMETHEUS_URL', parseUrl, ''),
    tokenFile: reader.optional('OMNIMIND_PROMETHEUS_TOKEN_FILE', notEmpty),
    headers: reader.optional('OMNIMIND_PROMETHEUS_HEADERS', parseHeaders) ?? {},
    caFile: reader.optional('OMNIMIND_PROMETHEUS_CA_FILE', notEmpty),
    certFile: reader.optional('OMNIMIND_PROMETHEUS_CERT_FILE', notEmpty),
    keyFile: reader.optional('OMNIMIND_PROMETHEUS_KEY_FILE', notEmpty),
    timeoutMs: reader.read('OMNIMIND_PROMETHEUS_TIMEOUT', duration(100, 300_000), 0),
  };
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
  return url === null ? null : new Secret(url);
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
  if ((prometheus.certFile === null) !== (prometheus.keyFile === null)) {
    reader.problem(
      'OMNIMIND_PROMETHEUS_CERT_FILE: give it together with OMNIMIND_PROMETHEUS_KEY_FILE',
    );
  }
}

/** Reads settings by name and collects what is wrong; an empty value counts as unset. */
class SettingsReader {
  readonly #environment: Environment;
  readonly #problems: string[];

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
      this.problem(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
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

function parseListen(text: string): Config['listen'] {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  const host = match?.[1];
  if (host === undefined || port > 65_535) {
    throw new Error(`expected host:port such as 127.0.0.1:7400; got ${JSON.stringify(text)}`);
  }
  return { host: host.replace(/^\[|\]$/g, ''), port };
}

function parsePorts(text: string): { portsFrom: number; portsTo: number } {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(text);
  const portsFrom = Number(match?.[1]);
  const portsTo = Number(match?.[2]);
  if (match === null || portsFrom < 1 || portsTo > 65_535 || portsFrom > portsTo) {
    throw new Error(`expected a range such as 21000-21099; got ${JSON.stringify(text)}`);
  }
  return { portsFrom, portsTo };
}

function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new Error(`expected an http:// or https:// URL; got ${JSON.stringify(text)}`);
  }
  return text;
}

function parseDatabaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    throw new Error('expected a postgres:// URL');
  }
  return text;
}

function parseHeaders(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').map((pair): readonly [string, string] => {
    const match = /^\s*([A-Za-z0-9-]+)=(.*)$/.exec(pair);
    if (match?.[1] === undefined || match[2] === undefined) {
      throw new Error(`expected Name=value pairs; got ${JSON.stringify(pair)}`);
    }
    return [match[1], match[2].trim()];
  });
  return Object.fromEntries(pairs);
}

function duration(minimumMs: number, maximumMs: number): (text: string) => number {
  return (text) => {
    const ms = parseDuration(text);
    if (ms < minimumMs || ms > maximumMs) {
      throw new Error(`expected ${minimumMs} ms to ${maximumMs} ms; got ${text}`);
    }
    return ms;
  };
}

function whole(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < minimum || value > maximum) {
      throw new Error(
        `expected a whole number from ${minimum} to ${maximum}; got ${JSON.stringify(text)}`,
      );
    }
    return value;
  };
}

function oneOf<const Word extends string>(...words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const word = words.find((candidate) => candidate === text);
    if (word === undefined)
      throw new Error(`expected ${words.join(' or ')}; got ${JSON.stringify(text)}`);
    return word;
  };
}

function matching(pattern: RegExp, meaning: string): (text: string) => string {
  return (text) => {
    if (!pattern.test(text))
      throw new Error(`expected a name ${meaning}; got ${JSON.stringify(text)}`);
    return text;
  };
}

function notEmpty(text: string): string {
  if (text.trim() === '') throw new Error('expected a path; got blanks');
  return text;
}
