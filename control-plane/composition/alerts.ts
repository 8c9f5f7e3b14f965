/** Opens the store of the alerts with its settings, its stop and its series. */

import { join } from 'node:path';
import { createAlertStore } from '../adapters/postgres/alert-store.ts';
import type { AlertNotice } from '../model/alert.ts';
import { AlertStoreError } from '../ports/alert-store.ts';
import type { AlertStore } from '../ports/alert-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Series } from '../telemetry/series.ts';
import type { Context, Database } from './parts.ts';

/** Call it after openDecisionStore, whose layer of stops it shares: both end before the database does. */
export async function openAlertStore(
  { config, clock, series, stops }: Context,
  database: Database,
): Promise<AlertStore> {
  const store = await createAlertStore({
    ...database,
    spoolDirectory: join(config.dataDirectory, 'alerts'),
    spoolBytesMax: config.alerts.spoolBytesMax,
    keepMs: config.alerts.keepMs,
    nowMs: () => clock.nowMs(),
  });
  stops.push('alert store', () => store.stop());
  store.start();
  watchAlerts(series, store, clock);
  return countedAlertStore(store, series);
}

/** Shows what the store knows of itself, read at each scrape. */
export function watchAlerts(
  series: Series,
  store: Pick<AlertStore, 'status'>,
  clock: Pick<Clock, 'nowMs'>,
): void {
  series.onScrape(() => {
    const { connected, buffered, dropped, watchdogSeenMs } = store.status();
    series.alertStoreConnected.set({}, connected ? 1 : 0);
    series.alertStoreBuffered.set({}, buffered);
    series.alertStoreDropped.raiseTo({}, dropped);
    // Clocks of members differ a little: what another was told just now may lie ahead.
    const ageMs = watchdogSeenMs === null ? 0 : Math.max(0, clock.nowMs() - watchdogSeenMs);
    series.alertsWatchdogAge.set({}, ageMs / 1_000);
    // A family without labels is there at 0 from the start, which would read as "just now".
    if (watchdogSeenMs === null) series.alertsWatchdogAge.remove({});
  });
}

/** The store, with what it keeps and refuses counted. */
export function countedAlertStore(store: AlertStore, series: Series): AlertStore {
  return {
    keep: async (notices) => {
      try {
        await store.keep(notices);
      } catch (cause) {
        if (cause instanceof AlertStoreError) {
          series.alertsRefused.inc({ cause: cause.kind }, notices.length);
        }
        throw cause;
      }
      count(series, notices);
    },
    list: (...asked) => store.list(...asked),
    status: () => store.status(),
  };
}

function count(series: Series, notices: readonly AlertNotice[]): void {
  for (const { status } of notices) series.alertsReceived.inc({ status });
}
