/**
 * The way to a database that may be away: one writer that goes on until it is stopped, backs off while
 * nobody answers and brings the schema up to date first, and reads beside it, each with a deadline. It
 * knows no table; what is written, and what is asked, is its owner's.
 */

import pg from 'pg';
import type { PoolClient } from 'pg';
import { migrate } from './migrate.ts';

export interface DatabaseOptions {
  /** postgres://user:password@host:port/database, or a host parameter that names a socket's folder. */
  readonly connectionUrl: string;
  /** Connections; 2, and 1 with PGlite, which serves one client at a time. */
  readonly connectionsMax?: number;
  /** For a connection, and for each statement, in ms; 5000. */
  readonly queryTimeoutMs?: number;
  /** Reads at the same time; 16. More are refused. */
  readonly readsMax?: number;
  /** Longest pause between two attempts at a database that is away, in ms; 5000. */
  readonly retryDelayMaxMs?: number;
  /** Pause between two looks at an idle database, in ms; 5000. */
  readonly checkIntervalMs?: number;
  /** How long stop() goes on writing what waits, in ms; 1000. */
  readonly drainTimeoutMs?: number;
  /** From 0 to 1, for the jitter of retries. */
  readonly random?: () => number;
  /** Called after each exchange of the writer with the database, with its duration in seconds. */
  readonly onBatch?: (outcome: 'ok' | 'failed', seconds: number) => void;
}

/** What the owner has to write. */
export interface WriterWork {
  /** How much waits. */
  waiting(): number;
  /** Writes a part of what waits, or looks after the rest; true when there is more to do at once. */
  write(client: PoolClient): Promise<boolean>;
  /** The database could not be reached, or the exchange with it failed; with why. */
  lost(why: string): void;
}

const RETRY_DELAY_MIN_MS = 200;
const STOP_SLACK_MS = 250;

export class DatabaseWriter {
  readonly #options: DatabaseOptions;
  readonly #work: WriterWork;
  readonly #pool: pg.Pool;
  readonly #stopping = new AbortController();
  #writer: Promise<void> | null = null;
  #wake: () => void = () => undefined;
  #connected = false;
  #migrated = false;
  #ended: Promise<void> | null = null;
  #reads = 0;

  /** Connects to nothing yet. */
  constructor(options: DatabaseOptions, work: WriterWork) {
    this.#options = options;
    this.#work = work;
    const { queryTimeoutMs = 5000 } = options;
    this.#pool = new pg.Pool({
      connectionString: options.connectionUrl,
      max: options.connectionsMax ?? 2,
      application_name: 'omnimind-control-plane',
      connectionTimeoutMillis: queryTimeoutMs,
      statement_timeout: queryTimeoutMs,
      query_timeout: queryTimeoutMs,
      idleTimeoutMillis: 60_000,
      keepAlive: true,
    });
    // A connection that breaks while nobody uses it; without a listener it would end the process.
    this.#pool.on('error', (cause) => this.#lost(cause));
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Begins to write; the database there or not. */
  start(): void {
    this.#writer ??= this.#run();
  }

  /** There is something to write. */
  wake(): void {
    this.#wake();
  }

  /** Writes what it can within the drain timeout and closes the connections. */
  stop(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  /** @throws Error when the database is away, too slow or asked too much, and when the signal aborts */
  async read<T>(signal: AbortSignal, query: (client: PoolClient) => Promise<T>): Promise<T> {
    const { readsMax = 16 } = this.#options;
    if (this.#reads >= readsMax) throw new Error(`${readsMax} reads are under way`);
    this.#reads += 1;
    try {
      return await aborted(signal, this.#withClient(query));
    } finally {
      this.#reads -= 1;
    }
  }

  /** As read(), of a database that has the schema of this version; it may write, too. */
  withSchema<T>(signal: AbortSignal, work: (client: PoolClient) => Promise<T>): Promise<T> {
    return this.read(signal, async (client) => {
      await this.#migrate(client);
      return work(client);
    });
  }

  async #end(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    // A statement that hangs ends with its own timeout; nobody waits for that here.
    await within(this.#drainTimeoutMs + STOP_SLACK_MS, this.#writer ?? Promise.resolve());
    await within(STOP_SLACK_MS, this.#pool.end());
  }

  get #drainTimeoutMs(): number {
    return this.#options.drainTimeoutMs ?? 1000;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopping.signal.aborted) {
      try {
        const more = await this.#write();
        failures = 0;
        if (!more) await this.#pause(this.#options.checkIntervalMs ?? 5000, true);
      } catch (cause) {
        this.#lost(cause);
        failures += 1;
        await this.#pause(this.#retryDelayMs(failures), false);
      }
    }
    await this.#drain();
  }

  async #write(): Promise<boolean> {
    const startMs = performance.now();
    let outcome: 'ok' | 'failed' = 'failed';
    try {
      const more = await this.#withClient(async (client) => {
        await this.#migrate(client);
        return this.#work.write(client);
      });
      this.#connected = true;
      outcome = 'ok';
      return more;
    } finally {
      this.#options.onBatch?.(outcome, (performance.now() - startMs) / 1_000);
    }
  }

  async #migrate(client: PoolClient): Promise<void> {
    if (this.#migrated) return;
    await migrate(client);
    this.#migrated = true;
  }

  /** After stop() was called: one part after the other while they succeed and time is left. */
  async #drain(): Promise<void> {
    const endsAt = performance.now() + this.#drainTimeoutMs;
    try {
      while (this.#connected && this.#work.waiting() > 0 && performance.now() < endsAt) {
        await this.#write();
      }
    } catch (cause) {
      this.#lost(cause);
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
    this.#work.lost(messageOf(cause));
    // The next database may be an empty one: a restored backup, a new PGlite directory.
    this.#migrated = false;
  }

  #retryDelayMs(failures: number): number {
    const { retryDelayMaxMs = 5000, random = Math.random } = this.#options;
    const delay = Math.min(retryDelayMaxMs, RETRY_DELAY_MIN_MS * 2 ** Math.min(failures - 1, 20));
    return delay * (0.5 + random() / 2);
  }

  /** Ends early on stop(), and on wake() where that is asked for. */
  async #pause(ms: number, untilWoken: boolean): Promise<void> {
    if (untilWoken && this.#work.waiting() > 0) return;
    const { promise, resolve } = Promise.withResolvers<null>();
    const timer = setTimeout(() => resolve(null), ms);
    this.#wake = () => {
      if (untilWoken || this.#stopping.signal.aborted) resolve(null);
    };
    if (!this.#stopping.signal.aborted) await promise;
    clearTimeout(timer);
    this.#wake = () => undefined;
  }
}

export function messageOf(cause: unknown): string {
  if (cause instanceof AggregateError && cause.message === '') {
    return cause.errors.map(messageOf).join('; ');
  }
  return cause instanceof Error ? cause.message : String(cause);
}

/** Waits for the work, but no longer than that; how it ends is not asked. */
async function within(timeoutMs: number, work: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), timeoutMs);
  await Promise.race([work.catch(() => undefined), promise]);
  clearTimeout(timer);
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
