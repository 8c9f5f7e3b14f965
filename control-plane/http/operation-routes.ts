/**
 * What machines ask: Prometheus for targets and metrics, an orchestrator whether to restart or to
 * send traffic. Liveness depends on nothing but this process; readiness reports each dependency and
 * fails only for those without which the member is of no use.
 */

import type { Consensus } from '../ports/consensus.ts';
import { discoveryQuery, nothing } from '../schemas/query.ts';
import { HttpRefusal } from './errors.ts';
import type { PlaneViews, ReadinessCheck } from './plane.ts';
import { liveness, readiness, targetGroups, versionView } from './representations.ts';
import { defineRoute, json, NO_BODY, type Route } from './route.ts';

export interface RenderedMetrics {
  readonly contentType: string;
  readonly body: string;
}

export interface OperationSources {
  readonly consensus: Pick<Consensus, 'readState'>;
  readonly views: PlaneViews;
  readonly renderMetrics: (accept: string) => Promise<RenderedMetrics>;
  readonly metricsTimeoutMs: number;
  readonly version: string;
  /** True from the moment at which the server stops accepting. */
  readonly isStopping: () => boolean;
}

export function operationRoutes(sources: OperationSources): readonly Route[] {
  return [discovery(sources.views), livez(), readyz(sources), metrics(sources), version(sources)];
}

function discovery(views: PlaneViews): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/discovery/prometheus',
    operationId: 'discoverTargets',
    tag: 'discovery',
    summary: 'Scrape targets in the format of Prometheus’ http_sd; always the whole list',
    description:
      'What the leader knows at that moment; refused while there is none, for Prometheus keeps the list that it has and would drop every target of a shorter one. With keys configured, give Prometheus one with the role viewer (http_sd_configs: authorization: credentials_file).',
    role: 'viewer',
    answeredBy: 'leader',
    pathSchema: nothing,
    querySchema: discoveryQuery,
    body: NO_BODY,
    responses: { 200: { description: 'The targets; [] when there is none', schema: targetGroups } },
    problems: ['targets_unknown'],
    answer: ({ query }) => {
      const groups = views.targetGroups(query.kind);
      if (groups !== null) return json(groups);
      throw new HttpRefusal('targets_unknown', `the ${query.kind} were not looked at yet`);
    },
  });
}

function livez(): Route {
  return defineRoute({
    method: 'get',
    path: '/livez',
    operationId: 'livez',
    tag: 'operation',
    summary: 'Answers while the process does; asks no dependency',
    role: 'open',
    answeredBy: 'member',
    pathSchema: nothing,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'Alive', schema: liveness } },
    answer: () => json({ status: 'ok' }),
  });
}

function readyz({ views, isStopping }: OperationSources): Route {
  return defineRoute({
    method: 'get',
    path: '/readyz',
    operationId: 'readyz',
    tag: 'operation',
    summary: 'Whether this member is of use, with each check',
    role: 'open',
    answeredBy: 'member',
    pathSchema: nothing,
    querySchema: nothing,
    body: NO_BODY,
    responses: {
      200: { description: 'Ready; `degraded` names what is missing', schema: readiness },
      503: { description: 'Not ready', schema: readiness },
    },
    answer: () => {
      const checks = [...views.readiness(), ...(isStopping() ? [STOPPING] : [])];
      const status = worstOf(checks);
      return json({ status, checks }, status === 'failed' ? 503 : 200);
    },
  });
}

const STOPPING: ReadinessCheck = { name: 'server', status: 'failed', detail: 'is stopping' };

function worstOf(checks: readonly ReadinessCheck[]): ReadinessCheck['status'] {
  if (checks.some((check) => check.status === 'failed')) return 'failed';
  return checks.some((check) => check.status === 'degraded') ? 'degraded' : 'ok';
}

function metrics({ renderMetrics, metricsTimeoutMs }: OperationSources): Route {
  return defineRoute({
    method: 'get',
    path: '/metrics',
    operationId: 'readMetrics',
    tag: 'operation',
    summary: 'This member’s own metrics, as text or OpenMetrics by the Accept header',
    description:
      'With keys configured, give Prometheus one with the role viewer (scrape_configs: authorization: credentials_file).',
    role: 'viewer',
    answeredBy: 'member',
    pathSchema: nothing,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The exposition', contentType: 'text/plain' } },
    problems: ['metrics_unavailable'],
    answer: async ({ raw }) => {
      const rendered = await within(metricsTimeoutMs, renderMetrics(raw.headers.accept ?? ''));
      const { contentType, body: text } = rendered;
      return { status: 200, body: { kind: 'text', contentType, text } };
    },
  });
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const detail = `The metrics were not rendered within ${timeoutMs} ms.`;
    timer = setTimeout(() => reject(new HttpRefusal('metrics_unavailable', detail)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function version({ consensus, version: text }: OperationSources): Route {
  return defineRoute({
    method: 'get',
    path: '/version',
    operationId: 'readVersion',
    tag: 'operation',
    summary: 'Which version runs here, and which format of the log it has met',
    role: 'open',
    answeredBy: 'member',
    pathSchema: nothing,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The version', schema: versionView } },
    answer: () =>
      json({
        name: 'omnimind-control-plane',
        version: text,
        node: process.versions.node,
        formatInForce: consensus.readState().formatVersion,
      }),
  });
}
