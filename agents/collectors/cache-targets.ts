/**
 * Reads the operator's list of cache targets. Every fault is found before anything is refused, each
 * with the field that it is in; nothing is half-accepted. No file that it names is opened here.
 *
 *   targets:
 *     - name: sessions            # [a-z0-9-], unique
 *       kind: standalone          # standalone | sentinel | cluster
 *       address: 127.0.0.1:6379   # or socket: /run/redis.sock
 *       username: monitor         # optional, with passwordFile
 *       passwordFile: /etc/omnimind/redis-password
 *       tls: { ca: ca.pem, cert: c.pem, key: k.pem, servername: redis.internal }   # or tls: {}
 *       timeout: 800ms            # optional
 *     - name: locks
 *       kind: sentinel
 *       sentinels: ['10.0.0.1:26379', '10.0.0.2:26379']
 *       master: mymaster
 *       sentinelAccess: { username: …, passwordFile: …, tls: … }   # optional
 *     - name: features
 *       kind: cluster
 *       seeds: ['10.0.0.4:7000']
 *       instancesMax: 64          # optional
 *       addressMap: { '172.17.0.2:7000': '127.0.0.1:7000' }        # optional
 */

import { parseDocument } from 'yaml';

import { formatAddress, parseHostPort } from '../sources/redis-endpoint.ts';
import type {
  CacheTarget,
  RedisAccess,
  RedisAddress,
  RedisTls,
} from '../sources/redis-endpoint.ts';

export interface CacheTargetsFault {
  /** Path of the field, e.g. `targets[1].seeds[0]`; empty for the text as a whole. */
  readonly field: string;
  readonly message: string;
}

/** The list is not usable; carries every fault. */
export class CacheTargetsError extends Error {
  override readonly name = 'CacheTargetsError';
  readonly faults: readonly CacheTargetsFault[];

  constructor(faults: readonly CacheTargetsFault[]) {
    super(
      faults
        .map(({ field, message }) => (field === '' ? message : `${field}: ${message}`))
        .join('; '),
    );
    this.faults = faults;
  }
}

export const CACHE_TARGETS_MAX = 32;
export const TIMEOUT_DEFAULT_MS = 800;
export const INSTANCES_MAX_DEFAULT = 64;
const TEXT_CHARACTERS_MAX = 262_144;
const ADDRESSES_MAX = 64;
const FAULTS_MAX = 100;
const TIMEOUT_RANGE_MS = [10, 60_000] as const;
const INSTANCES_RANGE = [1, 1_024] as const;

/** @throws CacheTargetsError */
export function parseCacheTargets(yamlText: string): readonly CacheTarget[] {
  const faults: CacheTargetsFault[] = [];
  const root = new Reader(parseYaml(yamlText), '', faults);
  const list = root.mapping(['targets']).get('targets').list(CACHE_TARGETS_MAX);
  const targets = list.map(parseTarget);
  const names = new Map<string, number>();
  targets.forEach(({ name }, at) => {
    const first = names.get(name);
    if (name !== '' && first !== undefined) {
      faults.push({ field: `targets[${at}].name`, message: `is taken by targets[${first}]` });
    }
    if (first === undefined) names.set(name, at);
  });
  if (faults.length > 0) throw new CacheTargetsError(faults.slice(0, FAULTS_MAX));
  return targets;
}

function parseYaml(text: string): unknown {
  if (text.length > TEXT_CHARACTERS_MAX) {
    throw new CacheTargetsError([
      { field: '', message: `is longer than ${TEXT_CHARACTERS_MAX} characters` },
    ]);
  }
  const document = parseDocument(text);
  if (document.errors.length > 0) {
    throw new CacheTargetsError(
      document.errors.slice(0, FAULTS_MAX).map((error) => ({
        field: '',
        message: error.message.split('\n')[0] ?? 'is not YAML',
      })),
    );
  }
  try {
    // No aliases: the list needs none, and a few lines of them can expand to gigabytes.
    return document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new CacheTargetsError([{ field: '', message }]);
  }
}

const COMMON_FIELDS = [
  ...['name', 'kind', 'username', 'passwordFile', 'tls'],
  ...['timeout', 'instancesMax', 'addressMap'],
];

function parseTarget(reader: Reader): CacheTarget {
  const kind = reader.mapping(null).get('kind').oneOf(['standalone', 'sentinel', 'cluster']);
  const own = {
    standalone: ['address', 'socket'],
    sentinel: ['sentinels', 'master', 'sentinelAccess'],
    cluster: ['seeds'],
  }[kind];
  reader.mapping([...COMMON_FIELDS, ...own]);
  const head = {
    name: reader.get('name').matching(/^[a-z0-9-]{1,63}$/, '1 to 63 characters of [a-z0-9-]'),
    access: parseAccess(reader),
    timeoutMs: reader.get('timeout').durationMs(TIMEOUT_DEFAULT_MS, TIMEOUT_RANGE_MS),
    instancesMax: reader.get('instancesMax').integer(INSTANCES_MAX_DEFAULT, INSTANCES_RANGE),
    addressMap: parseAddressMap(reader.get('addressMap')),
  };
  switch (kind) {
    case 'standalone':
      return { ...head, kind, address: parseOwnAddress(reader) };
    case 'sentinel':
      return {
        ...head,
        kind,
        sentinels: reader
          .get('sentinels')
          .list(ADDRESSES_MAX)
          .map((each) => each.address()),
        masterName: reader
          .get('master')
          .matching(/^[\w.-]{1,128}$/, '1 to 128 characters of [A-Za-z0-9._-]'),
        sentinelAccess: parseSentinelAccess(reader.get('sentinelAccess')),
      };
    case 'cluster':
      return {
        ...head,
        kind,
        seeds: reader
          .get('seeds')
          .list(ADDRESSES_MAX)
          .map((each) => each.address()),
      };
  }
}

function parseOwnAddress(reader: Reader): RedisAddress {
  const [address, socket] = [reader.get('address'), reader.get('socket')];
  if (address.present === socket.present) {
    reader.fault('needs exactly one of address and socket');
    return NO_ADDRESS;
  }
  if (address.present) return address.address();
  return {
    kind: 'socket',
    path: socket.matching(/^\/[^\0]{0,106}$/, 'an absolute path of at most 107 characters'),
  };
}

function parseSentinelAccess(reader: Reader): RedisAccess {
  if (!reader.present) return { username: null, passwordFile: null, tls: null };
  return parseAccess(reader.mapping(['username', 'passwordFile', 'tls']));
}

function parseAccess(reader: Reader): RedisAccess {
  const username = reader.get('username').optionalText();
  const passwordFile = reader.get('passwordFile').optionalText();
  if (username !== null && passwordFile === null) {
    reader.get('passwordFile').fault('is required with username');
  }
  const tls = reader.get('tls');
  return { username, passwordFile, tls: tls.present ? parseTls(tls) : null };
}

function parseTls(reader: Reader): RedisTls {
  reader.mapping(['ca', 'cert', 'key', 'servername']);
  const certFile = reader.get('cert').optionalText();
  const keyFile = reader.get('key').optionalText();
  if ((certFile === null) !== (keyFile === null)) reader.fault('cert and key belong together');
  return {
    caFile: reader.get('ca').optionalText(),
    certFile,
    keyFile,
    servername: reader.get('servername').optionalText(),
  };
}

function parseAddressMap(reader: Reader): Readonly<Record<string, string>> {
  if (!reader.present) return {};
  reader.mapping(null);
  const entries = reader.fields().slice(0, INSTANCES_RANGE[1]);
  return Object.fromEntries(
    entries.map((field) => {
      const value = reader.get(field);
      if (parseHostPort(field) === null) value.fault('the key must be host:port');
      const address = value.address();
      return [field, formatAddress(address)];
    }),
  );
}

/** Stands in for an address that is at fault, so that the search for faults goes on. */
const NO_ADDRESS: RedisAddress = { kind: 'tcp', host: '', port: 0 };

/** One value of the document with its path; reports what is wrong with it and carries on. */
class Reader {
  readonly #value: unknown;
  readonly #path: string;
  readonly #faults: CacheTargetsFault[];

  constructor(value: unknown, path: string, faults: CacheTargetsFault[]) {
    this.#value = value;
    this.#path = path;
    this.#faults = faults;
  }

  get present(): boolean {
    return this.#value !== undefined;
  }

  fault(message: string): void {
    this.#faults.push({ field: this.#path, message });
  }

  fields(): readonly string[] {
    return isMapping(this.#value) ? Object.keys(this.#value) : [];
  }

  /** Checks that it is a mapping of no other fields than these (null: any). */
  mapping(allowed: readonly string[] | null): this {
    if (!isMapping(this.#value)) {
      this.fault('must be a mapping');
      return this;
    }
    for (const field of this.fields()) {
      if (allowed !== null && !allowed.includes(field))
        this.get(field).fault('is not a known field');
    }
    return this;
  }

  get(field: string): Reader {
    const value =
      isMapping(this.#value) && Object.hasOwn(this.#value, field) ? this.#value[field] : undefined;
    return new Reader(value, this.#path === '' ? field : `${this.#path}.${field}`, this.#faults);
  }

  list(itemsMax: number): readonly Reader[] {
    if (!Array.isArray(this.#value) || this.#value.length === 0) {
      this.fault(this.present ? 'must be a list with at least one item' : 'is required');
      return [];
    }
    if (this.#value.length > itemsMax) this.fault(`has more than ${itemsMax} items`);
    const items: readonly unknown[] = this.#value;
    return items
      .slice(0, itemsMax)
      .map((item, at) => new Reader(item, `${this.#path}[${at}]`, this.#faults));
  }

  oneOf<T extends string>(choices: readonly [T, ...T[]]): T {
    const found = choices.find((choice) => choice === this.#value);
    if (found === undefined) this.fault(`must be one of ${choices.join(', ')}`);
    return found ?? choices[0];
  }

  matching(pattern: RegExp, meaning: string): string {
    if (typeof this.#value === 'string' && pattern.test(this.#value)) return this.#value;
    this.fault(this.present ? `must be ${meaning}` : 'is required');
    return '';
  }

  optionalText(): string | null {
    return this.present
      ? this.matching(/^[^\0\r\n]{1,1024}$/, 'a text of 1 to 1024 characters')
      : null;
  }

  address(): RedisAddress {
    const address = typeof this.#value === 'string' ? parseHostPort(this.#value) : null;
    if (address === null)
      this.fault(this.present ? 'must be host:port or [v6]:port' : 'is required');
    return address ?? NO_ADDRESS;
  }

  integer(ifAbsent: number, [min, max]: readonly [number, number]): number {
    if (!this.present) return ifAbsent;
    const value = this.#value;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max)
      return value;
    this.fault(`must be a whole number from ${min} to ${max}`);
    return ifAbsent;
  }

  durationMs(ifAbsent: number, [min, max]: readonly [number, number]): number {
    if (!this.present) return ifAbsent;
    const match =
      typeof this.#value === 'string' ? /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(this.#value) : null;
    const unitMs = { ms: 1, s: 1_000, m: 60_000 }[match?.[2] ?? ''] ?? Number.NaN;
    const value = Number(match?.[1]) * unitMs;
    if (value >= min && value <= max) return value;
    this.fault(`must be a duration with its unit (800ms, 2s) from ${min}ms to ${max}ms`);
    return ifAbsent;
  }
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
