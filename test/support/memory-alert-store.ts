/**
 * An alert store in memory, for tests of what stands before the port. It passes the contract suite of
 * the real one.
 */

import { mergeRecords, recordOfNotice, WATCHDOG_ALERT } from '../../control-plane/model/alert.ts';
import type { AlertRecord } from '../../control-plane/model/alert.ts';
import { AlertStoreError } from '../../control-plane/ports/alert-store.ts';
import type { AlertFilter, AlertStore } from '../../control-plane/ports/alert-store.ts';

export interface MemoryAlertStore extends AlertStore {
  /** From now on `keep` and `list` fail in this way; null: as usual. */
  failWith(kind: AlertStoreError['kind'] | null): void;
}

export function createMemoryAlertStore(): MemoryAlertStore {
  const records = new Map<string, AlertRecord>();
  let failure: AlertStoreError['kind'] | null = null;
  let watchdogSeenMs: number | null = null;
  const requireWell = (): void => {
    if (failure !== null) throw new AlertStoreError(failure, 'as the test says');
  };
  return {
    keep: async (notices) => {
      await Promise.resolve();
      requireWell();
      for (const notice of notices) {
        const told = recordOfNotice(notice);
        const known = records.get(told.alertId);
        records.set(told.alertId, known === undefined ? told : mergeRecords(known, told));
        endOlder(records, told.fingerprint);
        if (notice.name !== WATCHDOG_ALERT) continue;
        watchdogSeenMs = Math.max(watchdogSeenMs ?? 0, notice.receivedAtMs);
      }
    },
    list: async (filter, limit, afterId, signal) => {
      await Promise.resolve();
      requireWell();
      if (signal.aborted) throw new AlertStoreError('failed', 'aborted');
      const found = newestFirst(records)
        .filter((record) => matches(record, filter))
        .filter(({ alertId }) => afterId === null || alertId < afterId);
      const page = found.slice(0, limit);
      const last = found.length > limit ? page.at(-1) : undefined;
      return { records: page, nextAfterId: last?.alertId ?? null };
    },
    status: () => ({
      connected: failure === null,
      buffered: 0,
      dropped: 0,
      watchdogSeenMs,
      lastError: failure,
    }),
    failWith: (kind) => {
      failure = kind;
    },
  };
}

function newestFirst(records: ReadonlyMap<string, AlertRecord>): AlertRecord[] {
  return [...records.values()].sort((a, b) => (a.alertId < b.alertId ? 1 : -1));
}

function matches({ name, status, labels }: AlertRecord, filter: AlertFilter): boolean {
  return (
    (filter.status === null || filter.status === status) &&
    (filter.name === null || filter.name === name) &&
    (filter.severity === null || filter.severity === labels['severity'])
  );
}

/** What began anew has ended before. */
function endOlder(records: Map<string, AlertRecord>, fingerprint: string): void {
  let newer: AlertRecord | null = null;
  for (const record of newestFirst(records).filter((one) => one.fingerprint === fingerprint)) {
    if (newer !== null && record.status === 'firing') {
      const endsAtMs: number = newer.startsAtMs;
      records.set(record.alertId, { ...record, status: 'resolved', endsAtMs });
    }
    newer = record;
  }
}
