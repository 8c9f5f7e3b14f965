/**
 * Starts OpenTelemetry for this process, as the OTEL_* variables say. Where no collector is named,
 * nothing is sent, but spans still have ids and W3C context still passes through: a decision
 * record always names its trace. Refuses to instrument libraries behind the reader's back; every
 * span is opened by name (span.ts).
 */

import { Agent } from 'node:http';
import { Socket } from 'node:net';
import { hostname } from 'node:os';
import { context, diag, propagation, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import { SpanQueue } from './span-queue.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface TracingOptions {
  /** Defaults that OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES overrule. */
  readonly serviceName: string;
  readonly serviceVersion: string;
  readonly instanceId: string;
  /** process.env: the SDK reads sampler, headers, timeout and certificates from there itself. */
  readonly environment: Environment;
  /** Called with the number of spans that were given up. */
  readonly onDropped: (spans: number) => void;
}

export interface Tracing {
  /** Where spans go; null when nothing is sent. */
  readonly endpoint: string | null;
  /**
   * Has what waits sent within some ms, and returns at once; what fails is told to onDropped. For what
   * must be at the collector should this process be killed: an election, a vote.
   */
  flush(): void;
  /** Sends what waits, within 2 s, and gives up the rest. */
  stop(): Promise<void>;
}

/** From the call of stop() to its end at most, in ms. */
const STOP_TIMEOUT_MS = 1200;

/** From flush() to the request, in ms: a vote and what comes of it go together, and wait for nobody. */
const FLUSH_DELAY_MS = 10;

/** One per process and at a time: the API's registrations are global. */
export function startTracing(options: TracingOptions): Tracing {
  const { environment } = options;
  const endpoint = endpointOf(environment);
  const agent = new CollectorAgent({ keepAlive: true });
  const queue = new SpanQueue({
    exporter: endpoint === null ? null : createExporter(endpoint, agent),
    queueMax: positive(environment['OTEL_BSP_MAX_QUEUE_SIZE'], 2048),
    batchMax: positive(environment['OTEL_BSP_MAX_EXPORT_BATCH_SIZE'], 512),
    delayMs: positive(environment['OTEL_BSP_SCHEDULE_DELAY'], 1000),
    hurryDelayMs: FLUSH_DELAY_MS,
    exportTimeoutMs: positive(environment['OTEL_BSP_EXPORT_TIMEOUT'], 10_000),
    onDropped: options.onDropped,
  });
  withSdkEnabled(() => createSdk(options, queue).start());
  return {
    endpoint,
    flush: () => queue.hurry(),
    stop: async () => {
      await within(STOP_TIMEOUT_MS, queue.forceFlush());
      await queue.shutdown();
      agent.stop();
      trace.disable();
      context.disable();
      propagation.disable();
      diag.disable();
    },
  };
}

/** Connections that stop() can cut: the exporter's own retries would go on for seconds. */
class CollectorAgent extends Agent {
  #stopped = false;

  stop(): void {
    this.#stopped = true;
    this.destroy();
  }

  override createConnection(...[options, callback]: Parameters<Agent['createConnection']>) {
    if (!this.#stopped) return super.createConnection(options, callback);
    // Without a network error's code, and so not worth a retry.
    callback?.(new Error('tracing has stopped'), new Socket());
    return null;
  }
}

/** The collector's address as the specification finds it; null when none is named or all is off. */
function endpointOf(environment: Environment): string | null {
  const off =
    environment['OTEL_SDK_DISABLED']?.trim().toLowerCase() === 'true' ||
    environment['OTEL_TRACES_EXPORTER']?.trim() === 'none';
  if (off) return null;
  const own = environment['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']?.trim() ?? '';
  if (own !== '') return own;
  const shared = environment['OTEL_EXPORTER_OTLP_ENDPOINT']?.trim() ?? '';
  return shared === '' ? null : `${shared.replace(/\/+$/, '')}/v1/traces`;
}

function createExporter(endpoint: string, agent: Agent): OTLPTraceExporter {
  // Our own agent, so that stop() can cut a request to a collector that hangs. For https the
  // exporter builds one itself, from the certificates that OTEL_EXPORTER_OTLP_* name.
  return endpoint.startsWith('http://')
    ? new OTLPTraceExporter({ url: endpoint, httpAgentOptions: () => agent })
    : new OTLPTraceExporter({ url: endpoint });
}

function createSdk(options: TracingOptions, queue: SpanQueue): NodeSDK {
  return new NodeSDK({
    resource: defaultResource().merge(
      resourceFromAttributes({
        [ATTR_SERVICE_NAME]: options.serviceName,
        [ATTR_SERVICE_VERSION]: options.serviceVersion,
        'service.instance.id': options.instanceId,
        'host.name': hostname(),
      }),
    ),
    // Not the process detector: it reports the command line, which may hold secrets.
    resourceDetectors: [resourceAttributesEnvDetector, serviceNameEnvDetector],
    spanProcessors: [queue],
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
  });
}

/**
 * A disabled NodeSDK leaves no-op tracers behind, whose spans have no id, and the decision record
 * needs one. So the SDK always starts; `OTEL_SDK_DISABLED` takes its exporter away.
 */
function withSdkEnabled(start: () => void): void {
  const disabled = process.env['OTEL_SDK_DISABLED'];
  delete process.env['OTEL_SDK_DISABLED'];
  try {
    start();
  } finally {
    if (disabled !== undefined) process.env['OTEL_SDK_DISABLED'] = disabled;
  }
}

function positive(text: string | undefined, fallback: number): number {
  const value = Number(text ?? '');
  return Number.isFinite(value) && value > 0 ? value : fallback;
}

async function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), timeoutMs);
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
