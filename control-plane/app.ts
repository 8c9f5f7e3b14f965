/**
 * The composition root: makes the parts of one member, ties them together, starts them in order and
 * stops them in the reverse order. It decides nothing; each part that was started leaves its stop on
 * a stack, so that a start that fails half-way leaves nothing behind.
 */

import { mkdir } from 'node:fs/promises';
import type { Config } from './config.ts';
import { createCronerCalendar } from './adapters/calendar/croner.ts';
import { readDiskSpace } from './adapters/disk/space.ts';
import { loadApiKeys } from './http/api-keys.ts';
import type { ReloadableApiKeys } from './http/api-keys.ts';
import { DEFAULT_HTTP_LIMITS } from './http/limits.ts';
import { authIsOn } from './http/auth.ts';
import { createLeaderDirectory } from './http/leader.ts';
import { isLoopback } from './http/loopback.ts';
import { InsecureListenError, createHttpServer } from './http/server.ts';
import { NodeRegistry } from './loops/node-registry.ts';
import { ReplicaWatch } from './loops/replica-watch.ts';
import { Forecasts, runRefill } from './loops/forecasts.ts';
import { ScaleLoop } from './loops/scale-loop.ts';
import { ScaleTelemetry } from './loops/scale-telemetry.ts';
import { SloReader } from './loops/slo-reader.ts';
import { runUpkeep } from './loops/upkeep-loop.ts';
import type { UpkeepOptions } from './loops/upkeep-loop.ts';
import { isJoint } from './model/configuration.ts';
import { raiseFor } from './state/format.ts';
import type { ScaleTargets } from './loops/sight.ts';
import type { PrometheusSource } from './adapters/prometheus/source.ts';
import type { AlertStore } from './ports/alert-store.ts';
import type { PostgresDecisionStore } from './adapters/postgres/decision-store.ts';
import {
  openDatabase,
  openDecisionStore,
  openPublisher,
  openSource,
  readFiles,
  startTraces,
} from './composition/parts.ts';
import type { Context } from './composition/parts.ts';
import { openTargets } from './composition/targets.ts';
import type { Clock } from './ports/clock.ts';
import { openAlertStore } from './composition/alerts.ts';
import { startArchive } from './composition/archive.ts';
import { createBacktests } from './composition/backtests.ts';
import { openConsensus } from './composition/consensus.ts';
import type { OpenedConsensus } from './composition/consensus.ts';
import { proposeFiles } from './composition/files.ts';
import { readSloFiles } from './composition/slos.ts';
import { createReadinessChecks } from './composition/readiness.ts';
import { startLoop } from './composition/run-loop.ts';
import { StopStack } from './composition/stop-stack.ts';
import { renderMetrics } from './telemetry/exposition.ts';
import { createLogger } from './telemetry/logs.ts';
import type { LoggedLevel, Logger } from './telemetry/logs.ts';
import { createSeries } from './telemetry/series.ts';
import type { Tracing } from './telemetry/tracing.ts';
import { openVerticalReader } from './composition/vertical.ts';
import { createViews } from './composition/views.ts';
import { createDiskWatch } from './composition/watch-disk.ts';
import { observeRequests, watchParts } from './composition/watch-parts.ts';

/** The metrics source ends by its own deadline, and says so, before the look as a whole ends, in ms. */
const OBSERVE_MARGIN_MS = 250;

/** Of one commit of the scale loop, and of writing its records to the spool, in ms. */
const COMMIT_TIMEOUT_MS = 5_000;

/** Of each of the things that one run of the upkeep loop does, in ms. */
const UPKEEP_TIMEOUT_MS = 5_000;

/** Between two looks at the elections that wait to be recorded, and for each of them, in ms. */
const ELECTIONS_INTERVAL_MS = 500;
const ELECTIONS_TIMEOUT_MS = 5_000;

/** For reading what a policy asks for before it is saved, in ms. */
const PREVIEW_TIMEOUT_MS = 3_000;

/** Between two looks for histories to read, and for reading one, in ms. */
const FORECASTS_INTERVAL_MS = 2_000;
const REFILL_TIMEOUT_MS = 60_000;

/** Between two looks at the room on the disk, and for each of them, in ms. */
const DISK_INTERVAL_MS = 15_000;
const DISK_TIMEOUT_MS = 5_000;

/** For requests in flight when the member stops, in ms: all of a stop shall take less than 3 s. */
const HTTP_STOP_GRACE_MS = 1_000;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface App {
  /** Resolves once the API listens. Rejects, with everything stopped again, when a part cannot start. Once. */
  start(): Promise<Address>;
  /** Reads the API keys again, and says so in the log; a wrong file keeps the old ones. */
  reload(): Promise<void>;
  /** Ends a start that is under way, and stops everything, newest first. Never rejects. */
  stop(): Promise<void>;
}

export interface AppOptions {
  readonly version: string;
  /** For OpenTelemetry's own OTEL_* variables. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Instead of the scaling targets that the settings switch on: for benchmarks and tests. */
  readonly targets?: ScaleTargets;
}

export function createApp(config: Config, options: AppOptions): App {
  const { version, environment, clock } = options;
  const lines = new Map<LoggedLevel, number>();
  const logger = createLogger({
    level: config.logLevel,
    service: 'omnimind-control-plane',
    version,
    member: config.memberId,
    onLine: (level) => void lines.set(level, (lines.get(level) ?? 0) + 1),
  });
  const stops = new StopStack((part, err) => {
    logger.warn({ part, err }, 'a part did not stop cleanly');
  });
  const stopping = new AbortController();
  let keys: ReloadableApiKeys | null = null;
  let starting: Promise<Address> | null = null;
  const start = async (): Promise<Address> => {
    try {
      keys = config.apiKeysFile === null ? null : await loadApiKeys(config.apiKeysFile);
      const { host } = config.listen;
      // Said before anything is started; the server would say the same when everything is.
      if (!authIsOn(keys) && !isLoopback(host)) throw new InsecureListenError(host);
      const series = createSeries({
        version,
        seriesMax: config.metricsSeriesMax,
        onFull: (family, seriesMax) =>
          logger.warn({ family, seriesMax }, 'a family of metrics is full: series are left out'),
      });
      stops.push('series', () => series.stop());
      series.onScrape(() => {
        for (const [level, written] of lines) series.loggedLines.raiseTo({ level }, written);
      });
      const context = { config, version, environment, clock, series, logger, stops };
      return await startMember(
        { ...context, givenTargets: options.targets },
        keys,
        stopping.signal,
      );
    } catch (error) {
      await stops.unwind();
      throw error;
    }
  };
  return {
    start: () => (starting ??= start()),
    reload: () => reloadKeys(keys, logger),
    stop: async () => {
      stopping.abort();
      await Promise.allSettled([starting]);
      await stops.unwind();
    },
  };
}

async function reloadKeys(keys: ReloadableApiKeys | null, logger: Logger): Promise<void> {
  if (keys === null) {
    logger.info({}, 'there is no file of API keys to read again');
    return;
  }
  try {
    await keys.reload();
    logger.info({ keys: keys.size }, 'read the API keys again');
  } catch (err) {
    logger.error({ err, keys: keys.size }, 'the API keys are wrong; those from before stay');
  }
}

/** @param signal ends the start between two of its steps */
async function startMember(
  context: MemberContext,
  keys: ReloadableApiKeys | null,
  signal: AbortSignal,
): Promise<Address> {
  const { config, clock, logger, stops } = context;
  const documents = await readFiles(context, signal);
  const declared = await readSloFiles(context, signal);
  stops.layer();
  const tracing = startTraces(context);
  await mkdir(config.dataDirectory, { recursive: true });
  const registry = new NodeRegistry(clock, config.nodes);
  const outside = await openOutside(context, { tracing, registry }, signal);
  const { consensus, elections } = outside;
  await proposeFiles(context, documents, consensus, signal);
  const forecasts = createForecasts(context, outside);
  const loop = createScaleLoop(context, outside, forecasts);
  stops.layer();
  const slos = new SloReader({ ...outside, slos: declared, clock });
  const address = await listen(context, { ...outside, loop, forecasts, registry, slos }, keys);
  signal.throwIfAborted();
  startLoop(context, 'scale', config.tickIntervalMs, (ended) => loop.tick(ended));
  const refill = { ...context, forecasts, consensus };
  startLoop(context, 'forecasts', FORECASTS_INTERVAL_MS, (ended) => runRefill(refill, ended));
  const upkeep: UpkeepOptions = {
    ...outside,
    ...context,
    registry,
    publisher: openPublisher(context),
    forgetAfterMs: config.nodes.forgetAfterMs,
    timeoutMs: UPKEEP_TIMEOUT_MS,
  };
  const recorder = { consensus, clock, timeoutMs: ELECTIONS_TIMEOUT_MS };
  startLoop(context, 'elections', ELECTIONS_INTERVAL_MS, (ended) => elections.run(recorder, ended));
  startArchive(context, consensus, outside.decisions);
  startLoop(context, 'upkeep', config.upkeepIntervalMs, (ended) => runUpkeep(upkeep, ended));
  const watchDisk = createDiskWatch({
    ...context,
    readSpace: () => readDiskSpace(config.dataDirectory),
    timeoutMs: DISK_TIMEOUT_MS,
  });
  startLoop(context, 'disk', DISK_INTERVAL_MS, watchDisk);
  logger.info({ ...address, data: config.dataDirectory }, 'listening');
  return address;
}

interface MemberContext extends Context {
  readonly givenTargets: ScaleTargets | undefined;
}

interface Outside extends Omit<OpenedConsensus, 'member'> {
  readonly consensus: OpenedConsensus['member'];
  readonly source: PrometheusSource;
  readonly targets: ScaleTargets;
  readonly decisions: PostgresDecisionStore;
  readonly alerts: AlertStore;
  readonly replicas: ReplicaWatch;
}

async function openOutside(
  context: MemberContext,
  { tracing, registry }: { readonly tracing: Tracing; readonly registry: NodeRegistry },
  signal: AbortSignal,
): Promise<Outside> {
  const replicas = new ReplicaWatch();
  let leadershipChanged = (): void => undefined;
  const { member: consensus, ...group } = await openConsensus(context, tracing, {
    onLeads: () => {
      registry.restart();
      replicas.restart(context.clock.monotonicMs());
    },
    onLeadershipChanged: () => leadershipChanged(),
  });
  signal.throwIfAborted();
  const source = openSource(context);
  const opened =
    context.givenTargets === undefined
      ? await openTargets(context, consensus)
      : { targets: context.givenTargets, leadershipChanged: () => undefined };
  const { targets } = opened;
  leadershipChanged = () => opened.leadershipChanged();
  signal.throwIfAborted();
  const database = await openDatabase(context);
  const decisions = await openDecisionStore(context, database);
  const alerts = await openAlertStore(context, database);
  signal.throwIfAborted();
  return { consensus, ...group, source, targets, decisions, alerts, replicas };
}

function createForecasts({ clock, logger }: Context, { source }: Outside): Forecasts {
  return new Forecasts({ source, clock, logger, refillTimeoutMs: REFILL_TIMEOUT_MS });
}

function createScaleLoop(context: Context, outside: Outside, forecasts: Forecasts): ScaleLoop {
  const { config, clock, series, logger } = context;
  return new ScaleLoop({
    ...outside,
    clock,
    calendar: createCronerCalendar(),
    forecasts,
    telemetry: new ScaleTelemetry(series, clock),
    logger,
    observeTimeoutMs: config.prometheus.timeoutMs + OBSERVE_MARGIN_MS,
    commitTimeoutMs: COMMIT_TIMEOUT_MS,
    actTimeoutMs: config.actTimeoutMs,
    onLed: (...tick) => outside.tracer.firstTick(...tick),
  });
}

async function listen(
  context: Context,
  parts: Outside & {
    readonly loop: ScaleLoop;
    readonly forecasts: Forecasts;
    readonly registry: NodeRegistry;
    readonly slos: SloReader;
  },
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
  const backtests = createBacktests(config.prometheus);
  stops.push('backtests', () => backtests.stop());
  const http = createHttpServer({
    ...parts,
    backtests,
    cluster: {
      membership: parts.consensus,
      directory: createLeaderDirectory({
        status: () => parts.consensus.status(),
        apiUrl: (memberId) => parts.apiUrl(memberId),
      }),
      isJoint: () => isJoint(parts.consensus.raftStatus().configuration),
      ca: null,
    },
    vertical: openVerticalReader(context),
    views: createViews({
      ...parts,
      series,
      heartbeatIntervalMs,
      checks,
      preview: {
        ...parts,
        clock,
        beside: {
          calendar: createCronerCalendar(),
          forecastOf: (...asked) => parts.forecasts.peek(...asked),
        },
        timeoutMs: PREVIEW_TIMEOUT_MS,
      },
    }),
    clock,
    precede: raiseFor,
    auth: keys,
    renderMetrics: (accept) => renderMetrics(series.registry, accept),
    observe: observeRequests(series),
    logger,
    version,
    limits: { ...DEFAULT_HTTP_LIMITS, stopGraceMs: HTTP_STOP_GRACE_MS },
  });
  stops.push('http', () => http.stop());
  return http.listen(config.listen.host, config.listen.port);
}
