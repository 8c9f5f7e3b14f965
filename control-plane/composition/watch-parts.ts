/** Ties what the parts know of themselves to the series that show it, read at each scrape. */

import type { PrometheusSource } from '../adapters/prometheus/source.ts';
import type { ReadinessCheck } from '../http/plane.ts';
import type { RequestObserver } from '../http/observer.ts';
import type { Command, Committed } from '../model/command.ts';
import type { DecisionStore } from '../ports/decision-store.ts';
import type { Series } from '../telemetry/series.ts';

export interface WatchedParts {
  readonly source: PrometheusSource;
  readonly decisions: DecisionStore;
  readonly checks: readonly (() => ReadinessCheck)[];
}

const STATUSES = ['ok', 'degraded', 'failed'] as const;

export function watchParts(series: Series, parts: WatchedParts): void {
  series.onScrape(() => {
    series.metricsSourceBreakerOpen.set({}, parts.source.status().breaker === 'open' ? 1 : 0);
    const store = parts.decisions.status();
    series.decisionStoreConnected.set({}, store.connected ? 1 : 0);
    series.decisionStoreBuffered.set({}, store.buffered);
    series.decisionStoreDropped.raiseTo({}, store.dropped);
    series.decisionStoreSpoolBytes.set({}, store.spoolBytes);
    series.decisionStoreSpoolLimit.set({}, store.spoolBytesMax);
    for (const check of parts.checks) {
      const found = check();
      for (const status of STATUSES) {
        const labels = { check: found.name, status };
        series.readinessChecks.set(labels, status === found.status ? 1 : 0);
      }
    }
  });
}

/** Counts a command that was applied or refused. */
export function countCommand(series: Series, command: Command, { result }: Committed): void {
  const { kind } = command;
  if (result.kind === 'refused') {
    series.commands.inc({ kind, result: 'refused' });
    series.commandRefusals.inc({ refusal: result.refusal });
  } else {
    series.commands.inc({ kind, result: result.repeated ? 'repeated' : 'applied' });
  }
}

export function observeRequests(series: Series): RequestObserver {
  return {
    requestStarted: () => series.httpRequestsInFlight.add({}, 1),
    requestFinished: ({ method, route, status, durationMs }) => {
      series.httpRequestsInFlight.add({}, -1);
      series.httpRequests.inc({ method, route, status: String(status) });
      if (isClients(route) && status !== CLIENT_GONE) {
        series.httpAnswers.inc({ result: status >= 500 ? 'failed' : 'served' });
      }
      series.httpRequestDuration.observe({ method, route }, durationMs / 1_000);
    },
    authFailed: (cause) => series.httpAuthFailures.inc({ cause }),
    requestForwarded: (outcome) => series.httpForwards.inc({ outcome }),
  };
}

/** The client left before the answer: whether it would have been one, nobody knows. */
const CLIENT_GONE = 499;

/** Asked by machines that look after the plane; a failed one is its answer. */
const PROBES: readonly string[] = ['/livez', '/readyz', '/metrics'];

function isClients(route: string): boolean {
  return !PROBES.includes(route);
}
