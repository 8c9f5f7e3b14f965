/** The series of what Alertmanager told this member: the part of series-table.ts that is about alerts. */

import { ALERT_STATUSES } from '../model/alert.ts';
import type { SeriesMaker } from './instruments.ts';

export function alertSeries(make: SeriesMaker) {
  return {
    alertsReceived: make.counter({
      name: 'omnimind_alerts_received_total',
      help: 'Alerts that Alertmanager told this member of and that it kept, repetitions included.',
      labels: ['status'],
      known: ALERT_STATUSES.map((status) => ({ status })),
    }),
    alertsRefused: make.counter({
      name: 'omnimind_alerts_refused_total',
      help: 'Alerts that this member could not keep, by cause; Alertmanager tells of them again.',
      labels: ['cause'],
      known: [{ cause: 'full' }, { cause: 'failed' }],
    }),
    alertsWatchdogAge: make.gauge({
      name: 'omnimind_alerts_watchdog_age_seconds',
      help: 'Time since any member was told of the watchdog alert; absent while none is known to have been.',
      labels: [],
    }),
    alertStoreConnected: make.gauge({
      name: 'omnimind_alert_store_connected',
      help: '1 while the database of the alerts answers.',
      labels: [],
    }),
    alertStoreBuffered: make.gauge({
      name: 'omnimind_alert_store_buffered',
      help: 'Alerts that wait on disk for the database.',
      labels: [],
    }),
    alertStoreDropped: make.counter({
      name: 'omnimind_alert_store_dropped_total',
      help: 'Alerts given up: damaged on disk, or refused by the database for what they hold.',
      labels: [],
    }),
  };
}
