/**
 * The HTTP server: the sockets, their limits, and how it stops. Refuses to listen beyond loopback
 * while no API key is configured. What is asked and answered is the application's affair.
 */

import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

import type { AlertStore } from '../ports/alert-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { DecisionStore } from '../ports/decision-store.ts';
import type { Membership } from '../ports/membership.ts';
import { alertRoutes } from './alert-routes.ts';
import type { ApiKeyStore } from './api-keys.ts';
import { createApplication } from './application.ts';
import { authIsOn } from './auth.ts';
import { backtestRoutes } from './backtest-routes.ts';
import type { Backtests } from './backtest-routes.ts';
import { declaresTooMuch } from './body.ts';
import { budgetRoutes } from './budget-routes.ts';
import { createCommitter } from './committer.ts';
import type { Precede } from './committer.ts';
import { decisionRoutes } from './decision-routes.ts';
import { withDocumentation } from './documentation-routes.ts';
import { electionRoutes } from './election-routes.ts';
import { HttpRefusal, problemEntry } from './errors.ts';
import { createForwarder } from './forwarder.ts';
import { interventionRoutes } from './intervention-routes.ts';
import type { LeaderDirectory } from './leader.ts';
import type { HttpLimits } from './limits.ts';
import { isLoopback } from './loopback.ts';
import { memberRoutes } from './member-routes.ts';
import { modeRoutes } from './mode-routes.ts';
import { nodeRoutes } from './node-routes.ts';
import type { HttpLogger, RequestObserver } from './observer.ts';
import { operationRoutes, type RenderedMetrics } from './operation-routes.ts';
import { createPlacement } from './placement.ts';
import type { PlaneViews } from './plane.ts';
import { policyRoutes } from './policy-routes.ts';
import { policyVersionRoutes } from './policy-version-routes.ts';
import { problemDocument, problemHeaders } from './problem.ts';
import { recommendationRoutes, type VerticalReports } from './recommendation-routes.ts';
import type { Route } from './route.ts';
import { shadowRoutes } from './shadow-routes.ts';
import { type SloReports, sloRoutes } from './slo-routes.ts';
import { workloadRoutes } from './workload-routes.ts';

/** The other members, as the edge needs to know them. */
export interface ClusterOptions {
  readonly membership: Membership;
  readonly directory: LeaderDirectory;
  /** Whether a change of the voters is under way: the configuration in force is joint. */
  readonly isJoint: () => boolean;
  /**
   * PEM of the authorities that sign the certificates of the members' APIs, where these are https;
   * null for those that the system trusts.
   */
  readonly ca: string | null;
}

export interface HttpServerOptions {
  readonly consensus: Consensus;
  readonly cluster: ClusterOptions;
  readonly views: PlaneViews;
  readonly decisions: DecisionStore;
  readonly slos: SloReports;
  readonly backtests: Backtests;
  readonly vertical: VerticalReports;
  readonly alerts: AlertStore;
  readonly clock: Clock;
  readonly precede: Precede;
  /** Null when no key file is configured. */
  readonly auth: ApiKeyStore | null;
  readonly renderMetrics: (accept: string) => Promise<RenderedMetrics>;
  readonly observe: RequestObserver;
  readonly logger: HttpLogger;
  /** Of the product. */
  readonly version: string;
  readonly limits: HttpLimits;
}

export interface HttpServer {
  /**
   * Binds; port 0 takes a free one. Resolves with what was bound.
   * @throws InsecureListenError, or the system's error (EADDRINUSE, EACCES)
   */
  listen(host: string, port: number): Promise<{ readonly host: string; readonly port: number }>;
  /**
   * Accepts nothing more, lets requests in flight finish for `limits.stopGraceMs`, then cuts what is
   * left. Resolves when the port is free. Safe to call twice.
   */
  stop(): Promise<void>;
}

/** Without keys everybody who reaches the port is an admin: only this machine may. */
export class InsecureListenError extends Error {
  override readonly name = 'InsecureListenError';

  constructor(host: string) {
    super(
      `refusing to listen on ${host} without API keys: configure a key file ` +
        '(node control-plane/api-key.ts --name … --role admin --file …) or listen on 127.0.0.1',
    );
  }
}

/** How often Node looks for requests beyond their timeouts. */
const TIMEOUT_CHECK_MS = 1_000;

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { limits } = options;
  let stopped: Promise<void> | null = null;
  const stopping = new AbortController();
  const isStopping = (): boolean => stopped !== null;
  const { consensus, cluster, observe } = options;
  const { directory, ca } = cluster;
  const memberId = (): string => consensus.status().memberId;
  const forwarder = createForwarder({ memberId, limits, ca, observe });
  const app = createApplication({
    routes: apiRoutes(options, isStopping),
    keys: options.auth,
    logger: options.logger,
    observe,
    limits,
    monotonicMs: () => options.clock.monotonicMs(),
    isStopping,
    placement: createPlacement({ consensus, directory, forwarder, limits }),
    stopSignal: stopping.signal,
  });
  const server = createServer({
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, limits.headersTimeoutMs),
  });
  server.maxConnections = limits.connectionsMax;
  server.setTimeout(limits.socketIdleTimeoutMs);
  server.on('request', app);
  server.on('checkContinue', (request, response) => {
    if (!declaresTooMuch(request, limits)) response.writeContinue();
    app(request, response);
  });
  server.on('clientError', answerUnreadable);
  return {
    listen: (host, port) => {
      if (!authIsOn(options.auth) && !isLoopback(host)) {
        return Promise.reject(new InsecureListenError(host));
      }
      return bind(server, host, port);
    },
    stop: () =>
      (stopped ??= close(server, stopping, limits.stopGraceMs).finally(() => forwarder.stop())),
  };
}

/** Every route of the API, those that document it included. */
export function apiRoutes(options: HttpServerOptions, isStopping: () => boolean): readonly Route[] {
  const { consensus, cluster, views, decisions, clock, limits, renderMetrics, version } = options;
  const committer = createCommitter(consensus, clock, limits.commitTimeoutMs, options.precede);
  const { metricsTimeoutMs, membershipTimeoutMs } = limits;
  return withDocumentation(
    [
      ...nodeRoutes(consensus, views, committer),
      ...workloadRoutes(consensus, views, committer),
      ...policyRoutes(consensus, views, committer),
      ...shadowRoutes(consensus, committer),
      ...policyVersionRoutes(consensus),
      ...interventionRoutes(consensus, committer),
      ...budgetRoutes(consensus, committer),
      ...decisionRoutes(decisions, views, limits.storeTimeoutMs),
      ...backtestRoutes(options.backtests, consensus),
      ...modeRoutes(consensus, committer),
      ...memberRoutes({ ...cluster, consensus, membershipTimeoutMs }),
      ...electionRoutes(consensus),
      ...sloRoutes(options.slos),
      ...recommendationRoutes(consensus, options.vertical, clock),
      ...alertRoutes(options.alerts, clock, limits.storeTimeoutMs),
      ...operationRoutes({
        ...{ consensus, views, renderMetrics },
        ...{ metricsTimeoutMs, version, isStopping },
      }),
    ],
    version,
  );
}

function bind(server: Server, host: string, port: number): Promise<{ host: string; port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      const bound = server.address();
      resolve({ host, port: isAddressInfo(bound) ? bound.port : port });
    });
  });
}

function isAddressInfo(bound: AddressInfo | string | null): bound is AddressInfo {
  return typeof bound === 'object' && bound !== null;
}

async function close(server: Server, stopping: AbortController, graceMs: number): Promise<void> {
  if (!server.listening) return;
  const closed = new Promise<void>((resolve) => {
    server.close(() => {
      resolve();
    });
  });
  const timer = setTimeout(() => {
    stopping.abort();
    server.closeAllConnections();
  }, graceMs);
  await closed;
  clearTimeout(timer);
}

/** What could not be read as HTTP has no request to answer: the problem goes to the socket itself. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = unreadable(error.code);
  const { status, title } = problemEntry(refusal.code);
  const traceId = randomBytes(16).toString('hex');
  const body = JSON.stringify(problemDocument(refusal, { path: '', traceId, faultsMax: 0 }));
  const headers = Object.entries(problemHeaders(refusal)).map(
    ([name, value]) => `${name}: ${value}`,
  );
  socket.end(
    [
      `HTTP/1.1 ${status} ${title}`,
      ...headers,
      `content-length: ${Buffer.byteLength(body)}`,
      'cache-control: no-store',
      'connection: close',
      '',
      body,
    ].join('\r\n'),
    () => socket.destroy(),
  );
}

function unreadable(code: string | undefined): HttpRefusal {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new HttpRefusal('headers_too_large', 'The request line and headers are too large.');
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new HttpRefusal('request_timeout', 'The request did not arrive in time.');
  }
  return new HttpRefusal('malformed_request', 'The HTTP message cannot be read.');
}
