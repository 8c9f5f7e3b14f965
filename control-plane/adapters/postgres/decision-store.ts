/**
 * The decision record in Postgres. Appending ends at this member's disk; a writer behind it brings
 * the records to the database, in order, each once, whenever there is one. The plane never waits
 * for the database: it may be away at the start, for an hour, or be slow, and status() says so.
 */

import type { PoolClient } from 'pg';
import type { DecisionRecord } from '../../model/decision.ts';
import { DecisionStoreError } from '../../ports/decision-store.ts';
import type {
  DecisionFilter,
  DecisionPage,
  DecisionStore,
  DecisionStoreStatus,
} from '../../ports/decision-store.ts';
import { DatabaseWriter, messageOf } from './database-writer.ts';
import type { DatabaseOptions } from './database-writer.ts';
import { deleteElections } from './elections.ts';
import { deleteRecords, insertRecords, listRecords, readRecord } from './queries.ts';
import { recordText } from './record-text.ts';
import { handOn, writeRows } from './spool-batch.ts';
import type { BatchOptions, Losses } from './spool-batch.ts';
import { Spool } from './spool.ts';

export interface DecisionStoreOptions extends DatabaseOptions, BatchOptions {
  /** Where records wait, on this member's disk; no other process may use it. */
  readonly spoolDirectory: string;
  /** Bytes that may wait; 256 MiB. Past it the oldest holds are given up, then the oldest acts. */
  readonly spoolBytesMax?: number;
  /** Connections; 4, and 1 with PGlite, which serves one client at a time. */
  readonly connectionsMax?: number;
  /** Age from which a record is deleted, in ms; 90 days. */
  readonly keepMs?: number;
  /** Wall clock for that age. */
  readonly nowMs?: () => number;
}

export interface PostgresDecisionStore extends DecisionStore {
  /** Begins to write what waits; resolves at once, the database there or not. */
  start(): Promise<void>;
  /**
   * Writes what it can within the drain timeout and closes the connections; what is left is written
   * after the next start.
   */
  stop(): Promise<void>;
  /**
   * For what else is kept in this database: a connection to it, once it has the schema of this version.
   * @param doing what it is for, as a refusal names it
   * @throws DecisionStoreError
   */
  withConnection<T>(
    doing: string,
    signal: AbortSignal,
    work: (client: PoolClient) => Promise<T>,
  ): Promise<T>;
}

/** Opens the spool and finds what an earlier process left in it; connects to nothing yet. */
export async function createDecisionStore(
  options: DecisionStoreOptions,
): Promise<PostgresDecisionStore> {
  const losses: Losses = { dropped: 0, lastError: null };
  const spool = await Spool.open({
    directory: options.spoolDirectory,
    bytesMax: spoolBytesMaxOf(options),
    onDropped: (records, why) => {
      losses.dropped += records;
      losses.lastError = `gave up ${records} records: ${why}`;
    },
  });
  return new Store(options, spool, losses);
}

function spoolBytesMaxOf(options: DecisionStoreOptions): number {
  return options.spoolBytesMax ?? 256 * 1024 * 1024;
}

const CONNECTIONS_MAX = 4;
const KEEP_MS = 90 * 24 * 3_600_000;
/** Expired records deleted by one statement. */
const DELETE_BATCH = 1000;

class Store implements PostgresDecisionStore {
  readonly #options: DecisionStoreOptions;
  readonly #spool: Spool;
  readonly #losses: Losses;
  readonly #database: DatabaseWriter;

  constructor(options: DecisionStoreOptions, spool: Spool, losses: Losses) {
    this.#options = options;
    this.#spool = spool;
    this.#losses = losses;
    const { connectionsMax = CONNECTIONS_MAX } = options;
    this.#database = new DatabaseWriter(
      { ...options, connectionsMax },
      {
        waiting: () => spool.buffered,
        write: (client) => this.#write(client),
        lost: (why) => {
          losses.lastError = why;
        },
      },
    );
  }

  start(): Promise<void> {
    this.#database.start();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    await this.#database.stop();
    await this.#spool.close();
  }

  async append(records: readonly DecisionRecord[]): Promise<void> {
    try {
      await this.#spool.append(records.values().map(recordText));
    } catch (cause) {
      this.#losses.dropped += records.length;
      this.#losses.lastError = `the spool failed: ${messageOf(cause)}`;
      throw new DecisionStoreError('cannot write to the spool', { cause });
    }
    this.#database.wake();
  }

  async list(
    filter: DecisionFilter,
    limit: number,
    afterId: string | null,
    signal: AbortSignal,
  ): Promise<DecisionPage> {
    const found = await orStoreError(
      'list decisions',
      this.#database.read(signal, (client) => listRecords(client, filter, limit + 1, afterId)),
    );
    const records = found.slice(0, limit);
    const last = found.length > limit ? records.at(-1) : undefined;
    return { records, nextAfterId: last?.decisionId ?? null };
  }

  read(decisionId: string, signal: AbortSignal): Promise<DecisionRecord | null> {
    return orStoreError(
      'read a decision',
      this.#database.read(signal, (client) => readRecord(client, decisionId)),
    );
  }

  withConnection<T>(
    doing: string,
    signal: AbortSignal,
    work: (client: PoolClient) => Promise<T>,
  ): Promise<T> {
    return orStoreError(doing, this.#database.withSchema(signal, work));
  }

  status(): DecisionStoreStatus {
    return {
      connected: this.#database.connected,
      buffered: this.#spool.buffered,
      dropped: this.#losses.dropped,
      spoolBytes: this.#spool.bytes,
      spoolBytesMax: spoolBytesMaxOf(this.#options),
      lastError: this.#losses.lastError,
    };
  }

  /** False when nothing waits and nothing is left to delete; the database was asked all the same. */
  async #write(client: PoolClient): Promise<boolean> {
    if (this.#spool.buffered === 0) return this.#deleteExpired(client);
    await handOn(this.#spool, this.#options, (lines) =>
      writeRows(
        lines,
        (records) => insertRecords(client, records),
        this.#losses,
        (record) => record.slice(0, 120),
      ),
    );
    return true;
  }

  /** A little at a time, and only while nothing waits to be written. True when there may be more. */
  async #deleteExpired(client: PoolClient): Promise<boolean> {
    const { keepMs = KEEP_MS, nowMs = Date.now } = this.#options;
    const beforeMs = nowMs() - keepMs;
    const elections = await deleteElections(client, beforeMs, DELETE_BATCH);
    const records = await deleteRecords(client, beforeMs, DELETE_BATCH);
    return Math.max(elections, records) === DELETE_BATCH;
  }
}

/** The result, or what was tried and why it failed. @throws DecisionStoreError */
async function orStoreError<T>(doing: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new DecisionStoreError(`cannot ${doing}: ${messageOf(cause)}`, { cause });
  }
}
