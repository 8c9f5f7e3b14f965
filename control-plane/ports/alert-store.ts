/**
 * The alerts that Alertmanager told the plane, kept where people and dashboards read them. What was
 * taken is not lost: it waits on this member's disk while the database is away. What cannot be taken
 * is refused, so that Alertmanager tells it again.
 */

import type { AlertNotice, AlertRecord, AlertSeverity, AlertStatus } from '../model/alert.ts';

export interface AlertFilter {
  readonly status: AlertStatus | null;
  readonly name: string | null;
  readonly severity: AlertSeverity | null;
}

export interface AlertPage {
  /** Those that started last first. */
  readonly records: readonly AlertRecord[];
  /** alertId of the last record, to pass as `afterId`; null on the last page. */
  readonly nextAfterId: string | null;
}

export interface AlertStoreStatus {
  readonly connected: boolean;
  /** Notices that wait on disk for the database. */
  readonly buffered: number;
  /** Notices given up: damaged on disk, or refused by the database for what they hold. */
  readonly dropped: number;
  /** UNIX ms at which any member was told of the watchdog last; null when none is known to have been. */
  readonly watchdogSeenMs: number | null;
  readonly lastError: string | null;
}

export interface AlertStore {
  /**
   * Resolves once the notices are durable on this member's disk; writes to the database follow.
   * Idempotent: a notice told twice changes the time it was told at, and nothing else.
   * @throws AlertStoreError `full` when too much waits already, `failed` when the disk fails; nothing was kept
   */
  keep(notices: readonly AlertNotice[]): Promise<void>;
  /** @throws AlertStoreError `failed` */
  list(
    filter: AlertFilter,
    limit: number,
    afterId: string | null,
    signal: AbortSignal,
  ): Promise<AlertPage>;
  status(): AlertStoreStatus;
}

/** `full`: later it may work. `failed`: the disk or the database is away, too slow, or refused. */
export class AlertStoreError extends Error {
  override readonly name = 'AlertStoreError';
  readonly kind: 'full' | 'failed';

  constructor(kind: AlertStoreError['kind'], message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.kind = kind;
  }
}
