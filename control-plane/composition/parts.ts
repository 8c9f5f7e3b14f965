/**
 * Opens the adapters of one member, each with its settings, its stop and its series. Which part
 * comes first, and who talks to whom, is the composition root's.
 */

import { join } from 'node:path';
import { readDocuments } from '../adapters/document-files/documents.ts';
import { createFileSdPublisher } from '../adapters/file-sd/publisher.ts';
import { createDecisionStore } from '../adapters/postgres/decision-store.ts';
import type { PostgresDecisionStore } from '../adapters/postgres/decision-store.ts';
import { startPgliteProcess } from '../adapters/postgres/pglite-process.ts';
import { createPrometheusSource } from '../adapters/prometheus/source.ts';
import type { PrometheusSource } from '../adapters/prometheus/source.ts';
import type { Config } from '../config.ts';
import { isLoopback } from '../http/loopback.ts';
import { within } from '../loops/deadline.ts';
import type { Documents } from '../loops/documents.ts';
import { exposedCredentials } from '../prometheus-config.ts';
import type { Clock } from '../ports/clock.ts';
import type { TargetPublisher } from '../ports/target-publisher.ts';
import type { StopStack } from './stop-stack.ts';
import type { Logger } from '../telemetry/logs.ts';
import type { Series } from '../telemetry/series.ts';
import { traceHeaders } from '../telemetry/span.ts';
import { startTracing } from '../telemetry/tracing.ts';
import type { Tracing } from '../telemetry/tracing.ts';

/** For reading all documents, in ms. */
const FILES_TIMEOUT_MS = 10_000;

/** What every part is made with. */
export interface Context {
  readonly config: Config;
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly series: Series;
  readonly logger: Logger;
  readonly stops: StopStack;
}

export function startTraces(context: Context): Tracing {
  const { config, version, environment, series } = context;
  const tracing = startTracing({
    serviceName: 'omnimind-control-plane',
    serviceVersion: version,
    instanceId: config.memberId,
    environment,
    onDropped: (spans) => series.tracesDropped.inc({}, spans),
  });
  return tracing;
}

export function openSource({ config, clock, series, logger, stops }: Context): PrometheusSource {
  const exposed = exposedCredentials(config.prometheus, isLoopback);
  if (exposed !== null) logger.warn({}, exposed);
  const source = createPrometheusSource({
    ...config.prometheus,
    monotonicMs: () => clock.monotonicMs(),
    requestHeaders: traceHeaders,
    onRequest: ({ outcome, durationMs }) => {
      series.metricsSourceRequests.inc({ outcome });
      series.metricsSourceRequestDuration.observe({}, durationMs / 1_000);
    },
  });
  stops.push('prometheus', () => source.close());
  return source;
}

export async function openDecisionStore(
  context: Context,
  database: Database,
): Promise<PostgresDecisionStore> {
  const { config, series, stops } = context;
  const store = await createDecisionStore({
    ...database,
    spoolDirectory: join(config.dataDirectory, 'spool'),
    spoolBytesMax: config.spoolBytesMax,
    keepMs: config.decisionsKeepMs,
    nowMs: () => context.clock.nowMs(),
    onBatch: (outcome, seconds) => {
      series.decisionStoreBatches.inc({ outcome });
      series.decisionStoreBatchDuration.observe({}, seconds);
    },
  });
  // Before its database: what waits is still written.
  stops.layer();
  stops.push('decision store', () => store.stop());
  await store.start();
  return store;
}

/** Where a database is, for the stores that share it. */
export interface Database {
  readonly connectionUrl: string;
  /** Of each store; theirs when left out. */
  readonly connectionsMax?: number;
}

/** The URL that is configured, or a PGlite process of this member's own. */
export async function openDatabase({ config, logger, stops }: Context): Promise<Database> {
  if (config.databaseUrl !== null) return { connectionUrl: config.databaseUrl.reveal() };
  const pglite = await startPgliteProcess({
    directory: join(config.dataDirectory, 'pglite'),
    onExit: (detail) => logger.warn({ detail }, 'PGlite ended and is started anew'),
  });
  stops.push('pglite', () => pglite.stop());
  return { connectionUrl: pglite.url, connectionsMax: pglite.connectionsMax };
}

export function openPublisher({ config }: Context): TargetPublisher | null {
  const { discoveryDirectory } = config;
  return discoveryDirectory === null
    ? null
    : createFileSdPublisher({ directory: discoveryDirectory });
}

export async function readFiles({ config }: Context, signal: AbortSignal): Promise<Documents> {
  const { documentsDirectory } = config;
  if (documentsDirectory === null) return { workloads: [], policies: [] };
  return within(FILES_TIMEOUT_MS, signal, (deadline) =>
    readDocuments(documentsDirectory, deadline),
  );
}
