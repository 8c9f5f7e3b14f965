/**
 * The alerts that the plane was told of, in Postgres. What is kept is on this member's disk first; a
 * writer brings it to the database whenever there is one. The disk's share is bounded, and what does
 * not fit is refused rather than given up: whoever tells of alerts tells again.
 */

import type { PoolClient } from 'pg';
import { alertIdOf, recordOfNotice, WATCHDOG_ALERT } from '../../model/alert.ts';
import type { AlertNotice } from '../../model/alert.ts';
import { AlertStoreError } from '../../ports/alert-store.ts';
import type {
  AlertFilter,
  AlertPage,
  AlertStore,
  AlertStoreStatus,
} from '../../ports/alert-store.ts';
import { deleteAlerts, lastToldMs, listAlerts, upsertAlerts } from './alert-queries.ts';
import { DatabaseWriter, messageOf } from './database-writer.ts';
import type { DatabaseOptions } from './database-writer.ts';
import { handOn, writeRows } from './spool-batch.ts';
import type { BatchOptions, Losses } from './spool-batch.ts';
import { Spool } from './spool.ts';
import { formatLines } from './spool-segment.ts';

export interface AlertStoreOptions extends DatabaseOptions, BatchOptions {
  /** Where notices wait, on this member's disk; no other process may use it. */
  readonly spoolDirectory: string;
  /** Bytes that may wait; 16 MiB. Beyond them nothing more is taken. */
  readonly spoolBytesMax?: number;
  /** Age from which an alert that nobody tells of any more is deleted, in ms; 90 days. */
  readonly keepMs?: number;
  /** Wall clock for that age. */
  readonly nowMs?: () => number;
}

export interface PostgresAlertStore extends AlertStore {
  /** Begins to write what waits; the database there or not. */
  start(): void;
  /** Writes what it can within the drain timeout and closes the connections. */
  stop(): Promise<void>;
}

/** Opens the spool and finds what an earlier process left in it; connects to nothing yet. */
export async function createAlertStore(options: AlertStoreOptions): Promise<PostgresAlertStore> {
  const losses: Losses = { dropped: 0, lastError: null };
  const { spoolBytesMax = SPOOL_BYTES_MAX } = options;
  const spool = await Spool.open({
    directory: options.spoolDirectory,
    // Room that this never uses: the spool's own way out of being full is to give up what it has.
    bytesMax: 2 * spoolBytesMax,
    onDropped: (notices, why) => {
      losses.dropped += notices;
      losses.lastError = `gave up ${notices} alerts: ${why}`;
    },
  });
  return new Store({ ...options, spoolBytesMax }, spool, losses);
}

const SPOOL_BYTES_MAX = 16 * 1024 * 1024;
const KEEP_MS = 90 * 24 * 3_600_000;
/** Expired alerts deleted by one statement. */
const DELETE_BATCH = 1000;

class Store implements PostgresAlertStore {
  readonly #options: AlertStoreOptions & { readonly spoolBytesMax: number };
  readonly #spool: Spool;
  readonly #losses: Losses;
  readonly #database: DatabaseWriter;
  /** Of appends that are under way. */
  #arrivingBytes = 0;
  #watchdogSeenMs: number | null = null;

  constructor(
    options: AlertStoreOptions & { readonly spoolBytesMax: number },
    spool: Spool,
    losses: Losses,
  ) {
    this.#options = options;
    this.#spool = spool;
    this.#losses = losses;
    this.#database = new DatabaseWriter(options, {
      waiting: () => spool.buffered,
      write: (client) => this.#write(client),
      lost: (why) => {
        losses.lastError = why;
      },
    });
  }

  start(): void {
    this.#database.start();
  }

  async stop(): Promise<void> {
    await this.#database.stop();
    await this.#spool.close();
  }

  async keep(notices: readonly AlertNotice[]): Promise<void> {
    const lines = notices.map((notice) => ({ act: true, json: JSON.stringify(notice) }));
    const bytes = formatLines(lines).length;
    const { spoolBytesMax } = this.#options;
    // What the spool holds on disk shrinks by whole segments: what is empty has room whatever it holds.
    const held = this.#spool.buffered === 0 ? 0 : this.#spool.bytes;
    if (held + this.#arrivingBytes + bytes > spoolBytesMax) {
      throw new AlertStoreError('full', `${this.#spool.buffered} alerts wait for the database`);
    }
    this.#arrivingBytes += bytes;
    try {
      await this.#spool.append(lines);
    } catch (cause) {
      this.#losses.lastError = `the spool failed: ${messageOf(cause)}`;
      throw new AlertStoreError('failed', 'cannot write to the spool', { cause });
    } finally {
      this.#arrivingBytes -= bytes;
    }
    for (const { name, receivedAtMs } of notices) {
      if (name === WATCHDOG_ALERT) this.#sawWatchdog(receivedAtMs);
    }
    this.#database.wake();
  }

  async list(
    filter: AlertFilter,
    limit: number,
    afterId: string | null,
    signal: AbortSignal,
  ): Promise<AlertPage> {
    try {
      const found = await this.#database.read(signal, (client) =>
        listAlerts(client, filter, limit + 1, afterId),
      );
      const records = found.slice(0, limit);
      const last = found.length > limit ? records.at(-1) : undefined;
      return { records, nextAfterId: last?.alertId ?? null };
    } catch (cause) {
      const why = `cannot list alerts: ${messageOf(cause)}`;
      throw new AlertStoreError('failed', why, { cause });
    }
  }

  status(): AlertStoreStatus {
    return {
      connected: this.#database.connected,
      buffered: this.#spool.buffered,
      dropped: this.#losses.dropped,
      watchdogSeenMs: this.#watchdogSeenMs,
      lastError: this.#losses.lastError,
    };
  }

  async #write(client: PoolClient): Promise<boolean> {
    if (this.#spool.buffered === 0) return this.#lookAfter(client);
    await handOn(this.#spool, this.#options, (lines) => this.#insert(client, lines));
    return true;
  }

  /** What other members were told of the watchdog, and what has expired. True when more may have. */
  async #lookAfter(client: PoolClient): Promise<boolean> {
    const { keepMs = KEEP_MS, nowMs = Date.now } = this.#options;
    const seenMs = await lastToldMs(client, WATCHDOG_ALERT);
    if (seenMs !== null) this.#sawWatchdog(seenMs);
    return (await deleteAlerts(client, nowMs() - keepMs, DELETE_BATCH)) === DELETE_BATCH;
  }

  #sawWatchdog(atMs: number): void {
    this.#watchdogSeenMs = Math.max(this.#watchdogSeenMs ?? atMs, atMs);
  }

  #insert(client: PoolClient, lines: readonly string[]): Promise<void> {
    return writeRows(
      lines.map(parseNotice),
      (notices) => upsertAlerts(client, notices.map(recordOfNotice)),
      this.#losses,
      ({ startsAtMs, fingerprint }) => alertIdOf(startsAtMs, fingerprint),
    );
  }
}

/** Trusts its shape: the text was written by `keep` and guarded by a checksum. */
function parseNotice(json: string): AlertNotice {
  return JSON.parse(json) as AlertNotice;
}
