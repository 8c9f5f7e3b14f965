/**
 * Alerts: Alertmanager tells the plane what fires and what is over, and people read it. Any member
 * takes a message and any member answers, leader or not: the alerts that matter most are told while
 * there is none. Nothing here notifies anybody or decides anything.
 */

import type { Clock } from '../ports/clock.ts';
import type { AlertStore } from '../ports/alert-store.ts';
import { AlertStoreError } from '../ports/alert-store.ts';
import { alertmanagerMessage, parseAlertmanagerMessage } from '../schemas/alert.ts';
import { alertsQuery, nothing } from '../schemas/query.ts';
import { alertReceipt, alertView } from './alert-representations.ts';
import { PAGE_HEADERS, pageReply } from './page.ts';
import { pageOf } from './representations.ts';
import { defineRoute, json, NO_BODY, type Route } from './route.ts';

export function alertRoutes(
  store: AlertStore,
  clock: Pick<Clock, 'nowMs'>,
  storeTimeoutMs: number,
): readonly Route[] {
  return [receiveAlerts(store, clock), listAlerts(store, storeTimeoutMs)];
}

function receiveAlerts(store: AlertStore, clock: Pick<Clock, 'nowMs'>): Route {
  return defineRoute({
    method: 'post',
    path: '/v1/alerts/webhook',
    operationId: 'receiveAlerts',
    tag: 'alerts',
    summary: 'Takes a message of Alertmanager, and keeps its alerts',
    description:
      'For a webhook_config of Alertmanager. Answered once the alerts are on the disk of the member that was asked; told twice, they are kept once. While too many wait for the database it is refused, and Alertmanager tells it again.',
    role: 'operator',
    answeredBy: 'member',
    repeatable: true,
    pathSchema: nothing,
    querySchema: nothing,
    body: { schema: alertmanagerMessage, parse: parseAlertmanagerMessage },
    responses: { 202: { description: 'How many alerts were kept', schema: alertReceipt } },
    problems: ['alert_store_full', 'alert_store_unavailable'],
    answer: async ({ body }) => {
      const notices = body(clock.nowMs());
      await store.keep(notices);
      return json({ kept: notices.length }, 202);
    },
  });
}

function listAlerts(store: AlertStore, timeoutMs: number): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/alerts',
    operationId: 'listAlerts',
    tag: 'alerts',
    summary: 'Alerts that Alertmanager told of, those that started last first',
    description:
      'Each element is one time that an alert fired, from its start to its end. What was told a moment ago may follow.',
    role: 'viewer',
    answeredBy: 'member',
    pathSchema: nothing,
    querySchema: alertsQuery,
    body: NO_BODY,
    responses: {
      200: {
        description: 'A page of alerts',
        schema: pageOf(alertView, 'AlertPage'),
        headers: PAGE_HEADERS,
      },
    },
    problems: ['alert_store_unavailable'],
    answer: async ({ query, raw }) => {
      const filter = {
        status: query.status ?? null,
        name: query.name ?? null,
        severity: query.severity ?? null,
      };
      const signal = AbortSignal.any([raw.signal, AbortSignal.timeout(timeoutMs)]);
      const page = await bounded(signal, timeoutMs, () =>
        store.list(filter, query.limit, query.cursor ?? null, signal),
      );
      return pageReply(raw, page.records, page.nextAfterId);
    },
  });
}

async function bounded<T>(
  signal: AbortSignal,
  timeoutMs: number,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!signal.aborted || cause instanceof AlertStoreError) throw cause;
    throw new AlertStoreError('failed', `no answer within ${timeoutMs} ms`, { cause });
  }
}
