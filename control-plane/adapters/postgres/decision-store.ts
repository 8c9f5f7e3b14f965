/**
 * The decision record in Postgres. Appending ends at this member's disk; a writer behind it brings
 * the records to the database, in order, each once, whenever there is one. The plane never waits
 * for the database: it may be away at the start, for an hour, or be slow, and status() says so.
 */

import pg from 'pg';
import type { PoolClient } from 'pg';
import type { DecisionRecord } from '../../model/decision.ts';
import { DecisionStoreError } from '../../ports/decision-store.ts';
import type {
  DecisionFilter,
  DecisionPage,
  DecisionStore,
  DecisionStoreStatus,
} from '../../ports/decision-store.ts';
import { deleteElections } from './elections.ts';
import { migrate } from './migrate.ts';
import { deleteRecords, insertRecords, listRecords, readRecord } from './queries.ts';
import { recordText } from './record-text.ts';
import { Spool } from './spool.ts';

export interface DecisionStoreOptions {
  /** postgres://user:password@host:port/database, or a host parameter that names a socket's folder. */
  readonly connectionUrl: string;
  /** Where records wait, on this member's disk; no other process may use it. */
  readonly spoolDirectory: string;
  /** Bytes that may wait; 256 MiB. Past it the oldest holds are given up, then the oldest acts. */
  readonly spoolBytesMax?: number;
  /** Connections; 4, and 1 with PGlite, which serves one client at a time. */
  readonly connectionsMax?: number;
  /** Records per insert; 200. */
  readonly batchMax?: number;
  /** Bytes per insert, about; 1 MiB. */
  readonly batchBytesMax?: number;
  /** For a connection, and for each statement, in ms; 5000. */
  readonly queryTimeoutMs?: number;
  /** Reads at the same time; 16. More are refused. */
  readonly readsMax?: number;
  /** Longest pause between two attempts at a database that is away, in ms; 5000. */
  readonly retryDelayMaxMs?: number;
  /** Pause between two looks at an idle database, in ms; 5000. */
  readonly checkIntervalMs?: number;
  /** Age from which a record is deleted, in ms; 90 days. */
  readonly keepMs?: number;
  /** Wall clock for that age. */
  readonly nowMs?: () => number;
  /** How long stop() goes on writing what waits, in ms; 1000. What is left is written after the next start. */
  readonly drainTimeoutMs?: number;
  /** From 0 to 1, for the jitter of retries. */
  readonly random?: () => number;
  /** Called after each exchange of the writer with the database, with its duration in seconds. */
  readonly onBatch?: (outcome: 'ok' | 'failed', seconds: number) => void;
}

export interface PostgresDecisionStore extends DecisionStore {
  /** Begins to write what waits; resolves at once, the database there or not. */
  start(): Promise<void>;
  /** Writes what it can within the drain timeout and closes the connections. */
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
  const state: Losses = { dropped: 0, lastError: null };
  const spool = await Spool.open({
    directory: options.spoolDirectory,
    bytesMax: spoolBytesMaxOf(options),
    onDropped: (records, why) => {
      state.dropped += records;
      state.lastError = `gave up ${records} records: ${why}`;
    },
  });
  return new Store(options, spool, state);
}

function spoolBytesMaxOf(options: DecisionStoreOptions): number {
  return options.spoolBytesMax ?? 256 * 1024 * 1024;
}

/** Shared with the spool, which has losses of its own to report. */
interface Losses {
  dropped: number;
  lastError: string | null;
}

const RETRY_DELAY_MIN_MS = 200;
const STOP_SLACK_MS = 250;
const KEEP_MS = 90 * 24 * 3_600_000;
/** Expired records deleted by one statement. */
const DELETE_BATCH = 1000;

class Store implements PostgresDecisionStore {
  readonly #options: DecisionStoreOptions;
  readonly #spool: Spool;
  readonly #state: Losses;
  readonly #pool: pg.Pool;
  readonly #stopping = new AbortController();
  #writer: Promise<void> | null = null;
  #wake: () => void = () => undefined;
  #connected = false;
  #migrated = false;
  #reads = 0;

  constructor(options: DecisionStoreOptions, spool: Spool, state: Losses) {
    this.#options = options;
    this.#spool = spool;
    this.#state = state;
    const timeoutMs = this.#queryTimeoutMs;
    this.#pool = new pg.Pool({
      connectionString: options.connectionUrl,
      max: options.connectionsMax ?? 4,
      application_name: 'omnimind-control-plane',
      connectionTimeoutMillis: timeoutMs,
      statement_timeout: timeoutMs,
      query_timeout: timeoutMs,
      idleTimeoutMillis: 60_000,
      keepAlive: true,
    });
    // A connection that breaks while nobody uses it; without a listener it would end the process.
    this.#pool.on('error', (cause) => this.#lost(cause));
  }

  async append(records: readonly DecisionRecord[]): Promise<void> {
    try {
      await this.#spool.append(records.map(recordText));
    } catch (cause) {
      this.#state.dropped += records.length;
      this.#state.lastError = `the spool failed: ${messageOf(cause)}`;
      throw new DecisionStoreError('cannot write to the spool', { cause });
    }
    this.#wake();
  }

  async list(
    filter: DecisionFilter,
    limit: number,
    afterId: string | null,
    signal: AbortSignal,
  ): Promise<DecisionPage> {
    const found = await this.#read('list decisions', signal, (client) =>
      listRecords(client, filter, limit + 1, afterId),
    );
    const records = found.slice(0, limit);
    const last = found.length > limit ? records.at(-1) : undefined;
    return { records, nextAfterId: last?.decisionId ?? null };
  }

  read(decisionId: string, signal: AbortSignal): Promise<DecisionRecord | null> {
    return this.#read('read a decision', signal, (client) => readRecord(client, decisionId));
  }

  withConnection<T>(
    doing: string,
    signal: AbortSignal,
    work: (client: PoolClient) => Promise<T>,
  ): Promise<T> {
    return this.#read(doing, signal, async (client) => {
      await this.#migrate(client);
      return work(client);
    });
  }

  status(): DecisionStoreStatus {
    return {
      connected: this.#connected,
      buffered: this.#spool.buffered,
      dropped: this.#state.dropped,
      spoolBytes: this.#spool.bytes,
      spoolBytesMax: spoolBytesMaxOf(this.#options),
      lastError: this.#state.lastError,
    };
  }

  start(): Promise<void> {
    this.#writer ??= this.#write();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    this.#wake();
    // A statement that hangs ends with its own timeout; nobody waits for that here.
    const timeoutMs = this.#drainTimeoutMs + STOP_SLACK_MS;
    await within(timeoutMs, this.#writer ?? Promise.resolve());
    await within(STOP_SLACK_MS, this.#pool.end());
    await this.#spool.close();
  }

  get #queryTimeoutMs(): number {
    return this.#options.queryTimeoutMs ?? 5000;
  }

  get #drainTimeoutMs(): number {
    return this.#options.drainTimeoutMs ?? 1000;
  }

  /** Until stop(): writes what waits, looks at an idle database now and then, backs off when it is away. */
  async #write(): Promise<void> {
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      try {
        const wrote = await this.#writeBatch();
        this.#connected = true;
        failures = 0;
        if (!wrote) await this.#pause(this.#options.checkIntervalMs ?? 5000, true);
      } catch (cause) {
        this.#lost(cause);
        failures += 1;
        await this.#pause(this.#retryDelayMs(failures), false);
      }
    }
    await this.#drain();
  }

  /** After stop() was called: one batch after the other while they succeed and time is left. */
  async #drain(): Promise<void> {
    const endsAt = performance.now() + this.#drainTimeoutMs;
    try {
      while (this.#connected && this.#spool.buffered > 0 && performance.now() < endsAt) {
        await this.#writeBatch();
      }
    } catch (cause) {
      this.#lost(cause);
    }
  }

  /** False when nothing waits and nothing is left to delete; the database was asked all the same. */
  async #writeBatch(): Promise<boolean> {
    const startMs = performance.now();
    let outcome: 'ok' | 'failed' = 'failed';
    try {
      const wrote = await this.#exchange();
      outcome = 'ok';
      return wrote;
    } finally {
      this.#options.onBatch?.(outcome, (performance.now() - startMs) / 1_000);
    }
  }

  async #exchange(): Promise<boolean> {
    return this.#withClient(async (client) => {
      await this.#migrate(client);
      if (this.#spool.buffered === 0) return this.#deleteExpired(client);
      const { batchMax = 200, batchBytesMax = 1024 * 1024 } = this.#options;
      const { records, mark } = await this.#spool.read(batchMax, batchBytesMax);
      if (records.length > 0)
        await this.#insert(
          client,
          records.map(({ json }) => json),
        );
      await this.#spool.advance(mark);
      return true;
    });
  }

  async #migrate(client: PoolClient): Promise<void> {
    if (this.#migrated) return;
    await migrate(client);
    this.#migrated = true;
  }

  /** A little at a time, and only while nothing waits to be written. True when there may be more. */
  async #deleteExpired(client: PoolClient): Promise<boolean> {
    const { keepMs = KEEP_MS, nowMs = Date.now } = this.#options;
    const beforeMs = nowMs() - keepMs;
    const elections = await deleteElections(client, beforeMs, DELETE_BATCH);
    const records = await deleteRecords(client, beforeMs, DELETE_BATCH);
    return Math.max(elections, records) === DELETE_BATCH;
  }

  /** One record that the database refuses must not hold up the others: it alone is given up. */
  async #insert(client: PoolClient, records: readonly string[]): Promise<void> {
    try {
      await insertRecords(client, records);
    } catch (cause) {
      if (!isRefusedData(cause)) throw cause;
      const [record] = records;
      if (records.length === 1 && record !== undefined) {
        this.#state.dropped += 1;
        this.#state.lastError = `the database refused ${record.slice(0, 120)}: ${messageOf(cause)}`;
        return;
      }
      const half = Math.ceil(records.length / 2);
      await this.#insert(client, records.slice(0, half));
      await this.#insert(client, records.slice(half));
    }
  }

  async #read<T>(
    doing: string,
    signal: AbortSignal,
    query: (client: PoolClient) => Promise<T>,
  ): Promise<T> {
    const readsMax = this.#options.readsMax ?? 16;
    if (this.#reads >= readsMax) {
      throw new DecisionStoreError(`cannot ${doing}: ${readsMax} reads are under way`);
    }
    this.#reads += 1;
    try {
      return await aborted(signal, this.#withClient(query));
    } catch (cause) {
      throw new DecisionStoreError(`cannot ${doing}: ${messageOf(cause)}`, { cause });
    } finally {
      this.#reads -= 1;
    }
  }

  /** A connection that saw an error is not used again: what it still does is unknown. */
  async #withClient<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let broken = true;
    // Errors between two statements; the statement that follows fails with them.
    const ignore = () => undefined;
    client.on('error', ignore);
    try {
      const result = await work(client);
      broken = false;
      return result;
    } finally {
      client.off('error', ignore);
      client.release(broken);
    }
  }

  #lost(cause: unknown): void {
    this.#connected = false;
    this.#state.lastError = messageOf(cause);
    // The next database may be an empty one: a restored backup, a new PGlite directory.
    this.#migrated = false;
  }

  #retryDelayMs(failures: number): number {
    const max = this.#options.retryDelayMaxMs ?? 5000;
    const delay = Math.min(max, RETRY_DELAY_MIN_MS * 2 ** Math.min(failures - 1, 20));
    const random = this.#options.random ?? Math.random;
    return delay * (0.5 + random() / 2);
  }

  /** Ends early on stop(), and on an append where that is asked for. */
  async #pause(ms: number, untilAppend: boolean): Promise<void> {
    if (untilAppend && this.#spool.buffered > 0) return;
    const { promise, resolve } = Promise.withResolvers<null>();
    const timer = setTimeout(() => resolve(null), ms);
    this.#wake = () => {
      if (untilAppend || this.#stopping.signal.aborted) resolve(null);
    };
    if (!this.#stopping.signal.aborted) await promise;
    clearTimeout(timer);
    this.#wake = () => undefined;
  }
}

/** Waits for the work, but no longer than that; how it ends is not asked. */
async function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), timeoutMs);
  await Promise.race([work.catch(() => undefined), promise]);
  clearTimeout(timer);
}

/** SQLSTATE classes 22 (data exception) and 23 (integrity constraint): no retry will help. */
function isRefusedData(cause: unknown): boolean {
  if (!(cause instanceof Error) || !('code' in cause)) return cause instanceof SyntaxError;
  return typeof cause.code === 'string' && /^2[23]/.test(cause.code);
}

function messageOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') {
    return cause.errors.map(messageOf).join('; ');
  }
  return cause instanceof Error ? cause.message : String(cause);
}

/** The work's result, or a rejection as soon as the signal aborts; the work then ends unheard. */
async function aborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new Error('aborted', { cause: signal.reason }));
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
    work.catch(() => undefined);
  }
}
