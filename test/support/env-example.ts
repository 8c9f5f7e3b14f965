/**
 * What `.env.example` says: every setting of the control plane and of the agent from their tables,
 * and those variables of OpenTelemetry that an operator of this product may want. Writes nothing.
 */

import { SETTINGS as AGENT_SETTINGS } from '../../agents/config.ts';
import { SETTINGS as PLANE_SETTINGS } from '../../control-plane/settings.ts';

interface Line {
  readonly name: string;
  /** Null: no default. */
  readonly fallback: string | null;
  readonly meaning: string;
}

/** Defaults are those of this product where it reads the variable itself, otherwise the SDK's. */
export const OTEL_VARIABLES: readonly Line[] = [
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    fallback: null,
    meaning: 'base URL of an OTLP/HTTP collector, /v1/traces is added; no trace is sent when unset',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
    fallback: null,
    meaning: 'whole URL for traces, instead of it',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_HEADERS',
    fallback: null,
    meaning:
      'headers for the collector as name=value, comma separated; a secret if they hold a key',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_CERTIFICATE',
    fallback: null,
    meaning: 'PEM file that the collector is checked against',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE',
    fallback: null,
    meaning: 'PEM client certificate for mutual TLS, with OTEL_EXPORTER_OTLP_CLIENT_KEY',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_CLIENT_KEY',
    fallback: null,
    meaning: 'PEM key of the client certificate',
  },
  {
    name: 'OTEL_SERVICE_NAME',
    fallback: 'omnimind-control-plane',
    meaning: 'name of this service in traces',
  },
  {
    name: 'OTEL_RESOURCE_ATTRIBUTES',
    fallback: null,
    meaning: 'further attributes of every span as name=value, comma separated',
  },
  {
    name: 'OTEL_TRACES_SAMPLER',
    fallback: 'parentbased_always_on',
    meaning:
      'which traces are sent: always_on, always_off, traceidratio or parentbased_ with one of these',
  },
  {
    name: 'OTEL_TRACES_SAMPLER_ARG',
    fallback: null,
    meaning: 'the share for traceidratio, 0 to 1',
  },
  {
    name: 'OTEL_TRACES_EXPORTER',
    fallback: 'otlp',
    meaning: 'otlp, or none: nothing is sent, decisions keep their trace ids',
  },
  {
    name: 'OTEL_SDK_DISABLED',
    fallback: 'false',
    meaning: 'true: nothing is sent, decisions keep their trace ids',
  },
  {
    name: 'OTEL_BSP_MAX_QUEUE_SIZE',
    fallback: '2048',
    meaning: 'spans that wait for the collector; more are dropped and counted',
  },
  { name: 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE', fallback: '512', meaning: 'spans in one request' },
  {
    name: 'OTEL_BSP_SCHEDULE_DELAY',
    fallback: '1000',
    meaning: 'ms until spans are sent that do not fill a request',
  },
  { name: 'OTEL_BSP_EXPORT_TIMEOUT', fallback: '10000', meaning: 'ms that one request may take' },
];

export function renderEnvExample(): string {
  return [
    '# Everything that the control plane and the agent read from their environment, with its default.',
    '# Copy it to .env, uncomment what you change, and start with `node --env-file=.env`. One file',
    '# serves both: each reads the names of its own, and refuses those that it does not know.',
    '# A secret is better named by file than written here.',
    ...section('control plane', PLANE_SETTINGS),
    ...section(
      'agent',
      AGENT_SETTINGS.map(({ name, default: fallback, unit, meaning }) => ({
        name,
        fallback,
        meaning: `${meaning} (${unit})`,
      })),
    ),
    ...section('traces of the control plane', OTEL_VARIABLES),
    '',
  ].join('\n');
}

function section(title: string, lines: readonly Line[]): readonly string[] {
  const entries = lines.flatMap(({ name, fallback, meaning }) => [
    '',
    `# ${meaning}`,
    `#${name}=${quoted(fallback ?? '')}`,
  ]);
  return ['', '', `# ---- ${title}`, ...entries];
}

/** Single quotes keep a shell, Node and Compose from reading anything into the value. */
function quoted(value: string): string {
  return /^[\w.:/,-]*$/.test(value) ? value : `'${value}'`;
}
