/**
 * The agent's settings: one table (name, default, unit, meaning) and one function that turns the
 * environment into a config or into every problem at once. It opens no file and resolves no name;
 * a variable with the agent's prefix that is not in the table is a problem, never ignored.
 */

import { hostname } from 'node:os';

export const SETTING_PREFIX = 'OMNIMIND_AGENT_';

export interface Setting {
  readonly name: string;
  readonly default: string;
  /** Unit or form of the value, as shown to a person. */
  readonly unit: string;
  readonly meaning: string;
}

/** Secrets are read from the files that are named here; none is ever a value of the environment. */
export const SETTINGS = [
  setting('HOST', '127.0.0.1', 'address', 'Address to listen on'),
  setting('PORT', '7410', 'port, 0 for a free one', 'Port to listen on'),
  setting(
    'ADVERTISED_ADDRESS',
    '',
    'host:port',
    'Where Prometheus scrapes this agent; empty: the listening address, with the host name in place of a wildcard',
  ),
  setting(
    'NODE_ID',
    '',
    '1 to 128 of [A-Za-z0-9._-]',
    'Name of this node, the same after each restart; empty: the host name',
  ),
  setting('LABELS', '', 'name=value,…', 'Labels of the registration, at most 32'),
  setting(
    'CAPABILITIES',
    '',
    'slug,…',
    'What this node can do: inference, training, memory, agents, …; gpu is added when a device is seen',
  ),
  setting(
    'HOST_ROOT',
    '/',
    'path',
    'Where the root of the host is mounted, for an agent in a container',
  ),
  setting('COLLECTOR_NODE', 'on', 'on or off', 'Collect the metrics of the host'),
  setting(
    'COLLECTOR_GPU',
    'on',
    'on or off',
    'Collect the metrics of GPUs; absent hardware is no error',
  ),
  setting(
    'COLLECTOR_CACHE',
    'auto',
    'on, off or auto',
    'Collect the metrics of Redis; auto: when a targets file is named',
  ),
  setting(
    'COLLECTOR_NODE_DEADLINE',
    '5s',
    'duration',
    'Longest run of the node collector in one scrape',
  ),
  setting(
    'COLLECTOR_GPU_DEADLINE',
    '5s',
    'duration',
    'Longest run of the GPU collector in one scrape',
  ),
  setting(
    'COLLECTOR_CACHE_DEADLINE',
    '5s',
    'duration',
    'Longest run of the cache collector in one scrape',
  ),
  setting(
    'STALENESS',
    '60s',
    'duration',
    'Age from which a value that was read in the background is dropped',
  ),
  setting('SERIES_MAX', '1000', 'series per family', 'More are dropped and counted'),
  setting('SCRAPES_MAX', '16', 'requests', 'Scrapes at the same time; more are answered 503'),
  setting(
    'MOUNTS_EXCLUDE',
    '^/(dev|proc|sys|run/credentials/.+|run/k3s/containerd/.+|var/lib/docker/.+|var/lib/containers/storage/.+|var/lib/kubelet/pods/.+)($|/)',
    'regular expression',
    'Mount points without metrics',
  ),
  setting(
    'DISKS_EXCLUDE',
    '^(z?ram|loop|fd|(h|s|v|xv)d[a-z]+|nvme\\d+n\\d+p)\\d+$',
    'regular expression',
    'Block devices without metrics',
  ),
  setting(
    'NETWORKS_EXCLUDE',
    '^(veth|cali|lxc|ifb).*$',
    'regular expression',
    'Network devices without metrics',
  ),
  setting(
    'CONTROL_PLANE_URLS',
    '',
    'URL,…',
    'Members of the control plane, tried in turn; empty: the agent is an exporter only',
  ),
  setting('CONTROL_PLANE_DEADLINE', '5s', 'duration', 'Longest request to the control plane'),
  setting(
    'CONTROL_PLANE_RETRY_MAX',
    '30s',
    'duration',
    'Longest wait between two attempts to reach the control plane',
  ),
  setting(
    'KEY_FILE',
    '',
    'path',
    'File with the API key for the control plane, read at each request',
  ),
  setting(
    'CA_FILE',
    '',
    'path',
    'File with the certificates (PEM) that the control plane is checked against; empty: the well-known ones',
  ),
  setting('GPU_BACKEND', 'auto', 'auto, nvml, smi, amd or off', 'How GPUs are read'),
  setting('GPU_POLL_INTERVAL', '5s', 'duration', 'How often GPUs are read'),
  setting(
    'GPU_NVIDIA_SMI',
    'nvidia-smi',
    'path or name',
    'The tool that is used where the library is absent',
  ),
  setting(
    'GPU_NVML_LIBRARY',
    '',
    'path',
    'The library of NVML; empty: libnvidia-ml.so.1 where the loader finds it, then where containers mount it',
  ),
  setting(
    'GPU_PROCESSES_MAX',
    '0',
    'processes per GPU',
    'Compute processes exported one by one, the largest by memory',
  ),
  setting('CACHE_TARGETS_FILE', '', 'path', 'YAML file that names the Redis targets'),
] as const satisfies readonly Setting[];

export type GpuBackend = 'auto' | 'nvml' | 'smi' | 'amd' | 'off';

export interface AgentConfig {
  readonly host: string;
  readonly port: number;
  readonly advertisedAddress: string | null;
  readonly nodeId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capabilities: readonly string[];
  readonly hostRoot: string;
  readonly deadlinesMs: {
    /** Null where the collector is switched off. */
    readonly node: number | null;
    readonly gpu: number | null;
    readonly cache: number | null;
  };
  readonly stalenessMs: number;
  readonly seriesMax: number;
  readonly scrapesMax: number;
  readonly mountsExclude: RegExp;
  readonly disksExclude: RegExp;
  readonly networksExclude: RegExp;
  readonly controlPlane: {
    readonly urls: readonly URL[];
    readonly deadlineMs: number;
    readonly retryMaxMs: number;
    readonly keyFile: string | null;
    readonly caFile: string | null;
  };
  readonly gpu: {
    readonly backend: GpuBackend;
    readonly pollIntervalMs: number;
    readonly nvidiaSmi: string;
    readonly nvmlLibrary: string | null;
    readonly processesMax: number;
  };
  readonly cacheTargetsFile: string | null;
}

export type ParsedConfig =
  | { readonly kind: 'valid'; readonly config: AgentConfig }
  /** One line per problem, each naming its variable. */
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

export function parseConfig(
  environment: Readonly<Record<string, string | undefined>>,
): ParsedConfig {
  const problems = unknownNames(environment);
  const read = createReader(environment, problems);
  const nodeId = read('NODE_ID', oneOfPattern(/^[A-Za-z0-9._-]{1,128}$/, true));
  const cacheTargetsFile = read('CACHE_TARGETS_FILE', optional);
  const cache = read('COLLECTOR_CACHE', choice(['on', 'off', 'auto']));
  if (cache === 'on' && cacheTargetsFile === null) {
    problems.push(
      `${SETTING_PREFIX}COLLECTOR_CACHE is on: ${SETTING_PREFIX}CACHE_TARGETS_FILE must name a file`,
    );
  }
  const backend = read('GPU_BACKEND', choice(['auto', 'nvml', 'smi', 'amd', 'off']));
  const nodeDeadlineMs = read('COLLECTOR_NODE_DEADLINE', duration(10, 60_000));
  const gpuDeadlineMs = read('COLLECTOR_GPU_DEADLINE', duration(10, 60_000));
  const cacheDeadlineMs = read('COLLECTOR_CACHE_DEADLINE', duration(10, 60_000));
  const nodeOn = read('COLLECTOR_NODE', choice(['on', 'off'])) === 'on';
  const gpuOn = read('COLLECTOR_GPU', choice(['on', 'off'])) === 'on' && backend !== 'off';
  const cacheOn = cache !== 'off' && cacheTargetsFile !== null;
  const config: AgentConfig = {
    host: read('HOST', nonEmpty),
    port: read('PORT', integer(0, 65_535)),
    advertisedAddress: read('ADVERTISED_ADDRESS', hostAndPort),
    nodeId: nodeId === '' ? defaultNodeId() : nodeId,
    labels: read('LABELS', labelPairs),
    capabilities: read('CAPABILITIES', slugs),
    hostRoot: read('HOST_ROOT', oneOfPattern(/^\//, false)),
    deadlinesMs: {
      node: nodeOn ? nodeDeadlineMs : null,
      gpu: gpuOn ? gpuDeadlineMs : null,
      cache: cacheOn ? cacheDeadlineMs : null,
    },
    stalenessMs: read('STALENESS', duration(1000, 3_600_000)),
    seriesMax: read('SERIES_MAX', integer(1, 100_000)),
    scrapesMax: read('SCRAPES_MAX', integer(1, 1000)),
    mountsExclude: read('MOUNTS_EXCLUDE', pattern),
    disksExclude: read('DISKS_EXCLUDE', pattern),
    networksExclude: read('NETWORKS_EXCLUDE', pattern),
    controlPlane: {
      urls: read('CONTROL_PLANE_URLS', urls),
      deadlineMs: read('CONTROL_PLANE_DEADLINE', duration(10, 60_000)),
      retryMaxMs: read('CONTROL_PLANE_RETRY_MAX', duration(100, 3_600_000)),
      keyFile: read('KEY_FILE', optional),
      caFile: read('CA_FILE', optional),
    },
    gpu: {
      backend,
      pollIntervalMs: read('GPU_POLL_INTERVAL', duration(100, 600_000)),
      nvidiaSmi: read('GPU_NVIDIA_SMI', nonEmpty),
      nvmlLibrary: read('GPU_NVML_LIBRARY', optional),
      processesMax: read('GPU_PROCESSES_MAX', integer(0, 1000)),
    },
    cacheTargetsFile,
  };
  return problems.length === 0 ? { kind: 'valid', config } : { kind: 'invalid', problems };
}

type SettingSuffix = (typeof SETTINGS)[number]['name'] extends `OMNIMIND_AGENT_${infer S}`
  ? S
  : never;

/** A value, or what is wrong with it together with a stand-in that lets the parse go on. */
type Parsed<T> = { readonly value: T; readonly problem?: string };
type Parser<T> = (text: string) => Parsed<T>;

function setting<const S extends string>(
  suffix: S,
  fallback: string,
  unit: string,
  meaning: string,
) {
  return { name: `OMNIMIND_AGENT_${suffix}` as const, default: fallback, unit, meaning };
}

function createReader(
  environment: Readonly<Record<string, string | undefined>>,
  problems: string[],
): <T>(suffix: SettingSuffix, parse: Parser<T>) => T {
  const defaults = new Map<string, string>(SETTINGS.map((entry) => [entry.name, entry.default]));
  return (suffix, parse) => {
    const name = `${SETTING_PREFIX}${suffix}`;
    const { value, problem } = parse(environment[name]?.trim() ?? defaults.get(name) ?? '');
    if (problem !== undefined) problems.push(`${name} ${problem}`);
    return value;
  };
}

function unknownNames(environment: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set<string>(SETTINGS.map((entry) => entry.name));
  return Object.keys(environment)
    .filter((name) => name.startsWith(SETTING_PREFIX) && !known.has(name))
    .map((name) => `${name} is no setting of the agent`);
}

function defaultNodeId(): string {
  return (
    hostname()
      .replaceAll(/[^A-Za-z0-9._-]/g, '-')
      .slice(0, 128) || 'node'
  );
}

const optional: Parser<string | null> = (text) => ({ value: text === '' ? null : text });

const nonEmpty: Parser<string> = (text) =>
  text === '' ? { value: text, problem: 'must not be empty' } : { value: text };

function choice<const T extends string>(values: readonly [T, ...T[]]): Parser<T> {
  return (text) => {
    const value = values.find((candidate) => candidate === text);
    if (value !== undefined) return { value };
    return { value: values[0], problem: `must be one of ${values.join(', ')}, not "${text}"` };
  };
}

function oneOfPattern(shape: RegExp, mayBeEmpty: boolean): Parser<string> {
  return (text) =>
    shape.test(text) || (mayBeEmpty && text === '')
      ? { value: text }
      : { value: text, problem: `must match ${shape.source}, not "${text}"` };
}

function integer(min: number, max: number): Parser<number> {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return { value };
    return { value: min, problem: `must be an integer from ${min} to ${max}, not "${text}"` };
  };
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function duration(minMs: number, maxMs: number): Parser<number> {
  return (text) => {
    const match = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)$/.exec(text);
    const value = match === null ? NaN : Number(match[1]) * (unitsMs[match[2] ?? ''] ?? NaN);
    if (value >= minMs && value <= maxMs) return { value };
    const range = `from ${minMs} ms to ${maxMs} ms`;
    return {
      value: minMs,
      problem: `must be a duration such as 500ms, 5s or 1.5m, ${range}, not "${text}"`,
    };
  };
}

const pattern: Parser<RegExp> = (text) => {
  try {
    // An empty setting excludes nothing, although an empty expression matches everything.
    return { value: text === '' ? /^(?!)/ : new RegExp(text) };
  } catch {
    return { value: /^(?!)/, problem: `is no regular expression: "${text}"` };
  }
};

const hostAndPort: Parser<string | null> = (text) => {
  if (text === '') return { value: null };
  const port = Number(
    /^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})$/.exec(text)?.[1],
  );
  if (port >= 1 && port <= 65_535) return { value: text };
  return { value: null, problem: `must be host:port, not "${text}"` };
};

const LABELS_MAX = 32;

const labelPairs: Parser<Readonly<Record<string, string>>> = (text) => {
  const value: Record<string, string> = {};
  const bad: string[] = [];
  for (const pair of split(text)) {
    const match = /^([a-z][a-z0-9_]{0,62})=(.{0,128})$/.exec(pair);
    const name = match?.[1];
    if (name === undefined || Object.hasOwn(value, name)) bad.push(pair);
    else value[name] = match?.[2] ?? '';
  }
  if (bad.length > 0) return { value, problem: `has bad or repeated labels: ${bad.join(', ')}` };
  const count = Object.keys(value).length;
  return count <= LABELS_MAX ? { value } : { value, problem: `has more than ${LABELS_MAX} labels` };
};

/** The control plane takes 32; one is kept for what is detected. */
const CAPABILITIES_MAX = 31;

const slugs: Parser<readonly string[]> = (text) => {
  const value = [...new Set(split(text))];
  const bad = value.filter((slug) => !/^[a-z0-9_-]{1,32}$/.test(slug));
  if (value.length > CAPABILITIES_MAX) {
    return { value, problem: `has more than ${CAPABILITIES_MAX} entries` };
  }
  if (bad.length === 0) return { value };
  return { value, problem: `has entries that are no slugs of [a-z0-9_-]: ${bad.join(', ')}` };
};

const urls: Parser<readonly URL[]> = (text) => {
  const parsed = split(text).map((entry) => URL.parse(entry));
  const isSound = (url: URL | null): url is URL =>
    url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '';
  const value = parsed.filter(isSound);
  if (value.length === parsed.length) return { value };
  // By number: a URL with a password in it must not be repeated in a log.
  const bad = parsed.flatMap((url, index) => (isSound(url) ? [] : [index + 1]));
  return {
    value,
    problem: `has entries that are no plain http or https URLs: number ${bad.join(', ')}`,
  };
};

function split(text: string): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
