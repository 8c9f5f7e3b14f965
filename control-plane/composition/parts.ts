/**
 * Opens the adapters of one member, each with its settings, its stop and its series. Which part
 * comes first, and who talks to whom, is the composition root's.
 */

import { join } from 'node:path';
import { readDocuments } from '../adapters/document-files/documents.ts';
import { createFileSdPublisher } from '../adapters/file-sd/publisher.ts';
import type { LocalProcessEvent } from '../adapters/local-process/settings.ts';
import { createLocalProcessTarget } from '../adapters/local-process/target.ts';
import { createDecisionStore } from '../adapters/postgres/decision-store.ts';
import { startPgliteProcess } from '../adapters/postgres/pglite-process.ts';
import { createPrometheusSource } from '../adapters/prometheus/source.ts';
import type { PrometheusSource } from '../adapters/prometheus/source.ts';
import type { Config } from '../config.ts';
import { within } from '../loops/deadline.ts';
import type { Documents } from '../loops/documents.ts';
import type { ScaleTargets } from '../loops/sight.ts';
import type { Clock } from '../ports/clock.ts';
import type { DecisionStore } from '../ports/decision-store.ts';
import type { TargetPublisher } from '../ports/target-publisher.ts';
import type { Consensus } from '../ports/consensus.ts';
import { createLeaderScaleTarget } from './leadership-scale-target.ts';
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

export function openSource({ config, clock, series, stops }: Context): PrometheusSource {
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

/** The URL that is configured, or a PGlite process of this member's own. */
export async function openDecisionStore(context: Context): Promise<DecisionStore> {
  const { config, stops } = context;
  const store = await createDecisionStore({
    ...(await databaseOf(context)),
    spoolDirectory: join(config.dataDirectory, 'spool'),
    spoolBytesMax: config.spoolBytesMax,
    keepMs: config.decisionsKeepMs,
    nowMs: () => context.clock.nowMs(),
  });
  // Before its database: what waits is still written.
  stops.layer();
  stops.push('decision store', () => store.stop());
  await store.start();
  return store;
}

async function databaseOf({ config, logger, stops }: Context) {
  if (config.databaseUrl !== null) return { connectionUrl: config.databaseUrl.reveal() };
  const pglite = await startPgliteProcess({
    directory: join(config.dataDirectory, 'pglite'),
    onExit: (detail) => logger.warn({ detail }, 'PGlite ended and is started anew'),
  });
  stops.push('pglite', () => pglite.stop());
  return { connectionUrl: pglite.url, connectionsMax: pglite.connectionsMax };
}

export interface OpenedTargets {
  readonly targets: ScaleTargets;
  /** Leadership has come or gone: what only the leader has open follows. */
  leadershipChanged(): void;
}

/** Targets that are switched off are null: their workloads hold with `actual_unknown`. */
export async function openTargets(
  context: Context,
  consensus: Pick<Consensus, 'status' | 'leaseTerm'>,
): Promise<OpenedTargets> {
  const { config, clock, logger, stops } = context;
  const { enabled, portsFrom, portsTo, onStop, directory } = config.localProcess;
  const nothing = (): void => undefined;
  if (!enabled) return { targets: { local_process: null }, leadershipChanged: nothing };
  const mayAct = (): boolean => consensus.leaseTerm() !== null;
  const create = () =>
    createLocalProcessTarget({
      directory: directory ?? join(config.dataDirectory, 'replicas'),
      portsFrom,
      portsTo,
      nowMs: () => clock.nowMs(),
      onEvent: (event) => logReplica(logger, event),
      mayAct,
    });
  // How long replicas may take to stop is said by their workloads.
  const timeoutMs = onStop === 'stop' ? null : undefined;
  if (config.raft.listen === null) {
    const target = create();
    await target.start();
    stops.push('local replicas', () => target.stop(onStop), timeoutMs);
    return { targets: { local_process: target }, leadershipChanged: nothing };
  }
  const target = createLeaderScaleTarget({
    leads: () => consensus.status().leadership.kind === 'leader',
    mayAct,
    create,
    onTrouble: (doing, err) => {
      logger.warn({ err }, `could not ${doing} the replicas of this host`);
    },
  });
  stops.push('local replicas', () => target.stop(onStop), timeoutMs);
  return {
    targets: { local_process: target },
    leadershipChanged: () => target.leadershipChanged(),
  };
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

function logReplica(logger: Logger, event: LocalProcessEvent): void {
  switch (event.kind) {
    case 'trouble':
      logger.warn({ workload: event.workloadId, err: event.error }, 'local replicas: trouble');
      break;
    case 'failed':
    case 'overdue':
    case 'killed':
    case 'orphan_killed':
    case 'ports_exhausted':
      logger.warn({ ...event }, `local replica ${event.kind}`);
      break;
    case 'started':
    case 'adopted':
    case 'ready':
    case 'unready':
    case 'stopped':
      logger.info({ ...event }, `local replica ${event.kind}`);
  }
}
