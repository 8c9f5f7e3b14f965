/**
 * The composition root: makes the parts of one member, ties them together, starts them in order and
 * stops them in the reverse order. It decides nothing; each part that was started leaves its stop on
 * a stack, so that a start that fails half-way leaves nothing behind.
 */

import { mkdir } from 'node:fs/promises';
import type { Config } from './config.ts';
import { loadApiKeys } from './http/api-keys.ts';
import type { ReloadableApiKeys } from './http/api-keys.ts';
import { DEFAULT_HTTP_LIMITS } from './http/limits.ts';
import { createHttpServer } from './http/server.ts';
import { proposeDocuments } from './loops/documents.ts';
import { NodeRegistry } from './loops/node-registry.ts';
import { ReplicaWatch } from './loops/replica-watch.ts';
import { ScaleLoop } from './loops/scale-loop.ts';
import { ScaleTelemetry } from './loops/scale-telemetry.ts';
import { runUpkeep } from './loops/upkeep-loop.ts';
import type { UpkeepOptions } from './loops/upkeep-loop.ts';
import type { ScaleTargets } from './loops/sight.ts';
import type { SingleMember } from './adapters/log/single-member.ts';
import type { PrometheusSource } from './adapters/prometheus/source.ts';
import type { DecisionStore } from './ports/decision-store.ts';
import {
  openDecisionStore,
  openLog,
  openPublisher,
  openSource,
  openTargets,
  readFiles,
  startTraces,
} from './composition/parts.ts';
import type { Context } from './composition/parts.ts';
import type { Clock } from './ports/clock.ts';
import { createReadinessChecks } from './composition/readiness.ts';
import { startLoop } from './composition/run-loop.ts';
import { StopStack } from './composition/stop-stack.ts';
import { renderMetrics } from './telemetry/exposition.ts';
import { createLogger } from './telemetry/logs.ts';
import { createSeries } from './telemetry/series.ts';
import { createViews } from './composition/views.ts';
import { observeRequests, watchParts } from './composition/watch-parts.ts';

/** From the first document proposed to the last one committed, in ms. */
const DOCUMENTS_TIMEOUT_MS = 30_000;

/** The metrics source ends by its own deadline, and says so, before the look as a whole ends, in ms. */
const OBSERVE_MARGIN_MS = 250;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface App {
  /** Resolves once the API listens. Rejects, with everything stopped again, when a part cannot start. */
  start(): Promise<Address>;
  /** Reads the API keys again; a wrong file keeps the old ones. */
  reload(): Promise<void>;
  /** Stops everything, newest first. */
  stop(): Promise<void>;
}

export interface AppOptions {
  readonly version: string;
  /** For OpenTelemetry's own OTEL_* variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

export function createApp(config: Config, options: AppOptions): App {
  const { version, environment, clock } = options;
  const logger = createLogger({
    level: config.logLevel,
    service: 'omnimind-control-plane',
    version,
    member: config.memberId,
  });
  const stops = new StopStack((part, err) => {
    logger.warn({ part, err }, 'a part did not stop cleanly');
  });
  let keys: ReloadableApiKeys | null = null;
  return {
    start: async () => {
      try {
        keys = config.apiKeysFile === null ? null : await loadApiKeys(config.apiKeysFile);
        const series = createSeries({ version });
        stops.push('series', () => series.stop());
        const context = { config, version, environment, clock, series, logger, stops };
        return await startMember(context, keys);
      } catch (error) {
        await stops.unwind();
        throw error;
      }
    },
    reload: async () => keys?.reload(),
    stop: () => stops.unwind(),
  };
}

async function startMember(context: Context, keys: ReloadableApiKeys | null): Promise<Address> {
  const { config, clock, logger } = context;
  const documents = await readFiles(context);
  startTraces(context);
  await mkdir(config.dataDirectory, { recursive: true });
  const consensus = await openLog(context);
  const outside = {
    consensus,
    source: openSource(context),
    targets: await openTargets(context),
    decisions: await openDecisionStore(context),
    replicas: new ReplicaWatch(),
  };
  await proposeDocuments(documents, consensus, clock, AbortSignal.timeout(DOCUMENTS_TIMEOUT_MS));
  const loop = createScaleLoop(context, outside);
  const registry = new NodeRegistry(clock, config.nodes);
  const address = await listen(context, { ...outside, loop, registry }, keys);
  startLoop(context, 'scale', config.tickIntervalMs, (signal) => loop.tick(signal));
  const upkeep: UpkeepOptions = {
    ...outside,
    ...context,
    registry,
    publisher: openPublisher(context),
    forgetAfterMs: config.nodes.forgetAfterMs,
  };
  startLoop(context, 'upkeep', config.upkeepIntervalMs, (signal) => runUpkeep(upkeep, signal));
  logger.info({ ...address, data: config.dataDirectory }, 'listening');
  return address;
}

interface Outside {
  readonly consensus: SingleMember;
  readonly source: PrometheusSource;
  readonly targets: ScaleTargets;
  readonly decisions: DecisionStore;
  readonly replicas: ReplicaWatch;
}

function createScaleLoop(context: Context, outside: Outside): ScaleLoop {
  const { config, clock, series, logger } = context;
  return new ScaleLoop({
    ...outside,
    clock,
    telemetry: new ScaleTelemetry(series, clock),
    logger,
    observeTimeoutMs: config.prometheus.timeoutMs + OBSERVE_MARGIN_MS,
    actTimeoutMs: config.actTimeoutMs,
  });
}

async function listen(
  context: Context,
  parts: Outside & { readonly loop: ScaleLoop; readonly registry: NodeRegistry },
  keys: ReloadableApiKeys | null,
): Promise<Address> {
  const { config, clock, series, logger, stops, version } = context;
  const checks = createReadinessChecks({
    ...parts,
    clock,
    tickIntervalMs: config.tickIntervalMs,
    lastTickEndedMs: () => parts.loop.lastEndedMs,
  });
  watchParts(series, { ...parts, checks });
  const { heartbeatIntervalMs } = config.nodes;
  const http = createHttpServer({
    ...parts,
    views: createViews({ ...parts, series, heartbeatIntervalMs, checks }),
    clock,
    auth: keys,
    renderMetrics: (accept) => renderMetrics(series.registry, accept),
    observe: observeRequests(series),
    logger,
    version,
    limits: DEFAULT_HTTP_LIMITS,
  });
  const address = await http.listen(config.listen.host, config.listen.port);
  stops.push('http', () => http.stop());
  return address;
}
