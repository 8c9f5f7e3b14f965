/**
 * Lets several connections share the one session that PGlite is. Each has it for a turn: from a
 * request to the moment at which the session is idle again, a whole transaction included, so that
 * nobody's statement comes between two of somebody else's, nor between a statement and its values.
 * Who holds a transaction open and says nothing loses it, as in a database that is told to.
 *
 * It is no database server: what belongs to a session (SET, temporary tables, named statements,
 * session-level advisory locks) belongs to all connections here, and nobody may rely on it.
 */

import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { FrameError, FrameReader, fatalFrame, queryFrame, statusAfter } from './wire-frames.ts';
import type { ClientFrame } from './wire-frames.ts';

/** What the gate needs of PGlite. */
export interface SessionDatabase {
  execProtocolRawStream(
    message: Uint8Array,
    options: { readonly onRawData: (data: Uint8Array) => void },
  ): Promise<void>;
}

export interface GateOptions {
  /** Of the Unix socket. */
  readonly path: string;
  /** More are closed at once; 64. */
  readonly connectionsMax?: number;
  /** Silence within a transaction until it is rolled back and its connection closed, in ms; 5000. */
  readonly transactionIdleMs?: number;
  /** Of one request, and of answers that a client does not read; 64 MiB. */
  readonly bytesMax?: number;
  /** The session itself has failed: nothing can be asked of it any more. */
  readonly onBroken: (cause: unknown) => void;
}

export interface PgliteGate {
  /** Closes all connections; resolves when the request under way has ended. */
  close(): Promise<void>;
}

const CONNECTIONS_MAX = 64;
const TRANSACTION_IDLE_MS = 5_000;
const BYTES_MAX = 64 * 1024 * 1024;
/** Requests of one connection that wait before no more is read from it. */
const REQUESTS_MAX = 16;

/** Resolves once it listens. */
export async function openGate(
  database: SessionDatabase,
  options: GateOptions,
): Promise<PgliteGate> {
  const gate = new Gate(database, options);
  await gate.listen();
  return gate;
}

interface Connection {
  readonly socket: Socket;
  readonly reader: FrameReader;
  /** Frames that are not a whole request yet. */
  partial: Buffer[];
  partialBytes: number;
  /** Whole requests that wait for a turn. */
  readonly requests: Buffer[];
  /** What was left behind by a client that has gone is for nobody. */
  gone: boolean;
}

class Gate implements PgliteGate {
  readonly #database: SessionDatabase;
  readonly #options: GateOptions;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  /** Who waits with a whole request, in order of arrival. */
  readonly #waiting: Connection[] = [];
  /** Whose transaction, or half-sent request, is open in the session. */
  #holder: Connection | null = null;
  /** The holder was not told that its request has ended: a COPY, or a Flush before the Sync. */
  #midRequest = false;
  #holderTimer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #broken = false;

  constructor(database: SessionDatabase, options: GateOptions) {
    this.#database = database;
    this.#options = options;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = options.connectionsMax ?? CONNECTIONS_MAX;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(this.#options.path, () => {
        this.#server.off('error', reject);
        // A connection that cannot be accepted is the client's to try again.
        this.#server.on('error', () => undefined);
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const { socket } of this.#connections) socket.destroy();
    await closed;
    await this.#running;
  }

  get #bytesMax(): number {
    return this.#options.bytesMax ?? BYTES_MAX;
  }

  #accept(socket: Socket): void {
    const connection: Connection = {
      ...{ socket, reader: new FrameReader(this.#bytesMax), gone: false },
      ...{ partial: [], partialBytes: 0, requests: [] },
    };
    this.#connections.add(connection);
    socket.on('data', (bytes) => this.#receive(connection, bytes));
    // What follows an error is a close.
    socket.on('error', () => undefined);
    socket.once('close', () => this.#leave(connection));
  }

  #receive(connection: Connection, bytes: Buffer): void {
    connection.reader.push(bytes);
    try {
      for (;;) {
        const frame = connection.reader.next();
        if (frame === null) break;
        this.#take(connection, frame);
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#dismiss(connection, '08P01', error.message);
    }
    this.#run();
  }

  #take(connection: Connection, frame: ClientFrame): void {
    if (frame.kind === 'opening' && frame.opening !== 'startup') {
      // There is nothing to encrypt on a Unix socket, and no second session that could cancel one.
      if (frame.opening === 'encryption') connection.socket.write('N');
      else connection.socket.destroy();
      return;
    }
    if (frame.kind === 'message' && frame.type === TERMINATE) {
      connection.socket.end();
      return;
    }
    connection.partial.push(frame.bytes);
    connection.partialBytes += frame.bytes.length;
    if (connection.partialBytes > this.#bytesMax) {
      throw new FrameError(`a request of more than ${this.#bytesMax} bytes`);
    }
    const whole = frame.kind === 'opening' || ENDS_REQUEST.includes(frame.type);
    if (!whole && !(this.#holder === connection && this.#midRequest)) return;
    this.#queue(connection);
  }

  #queue(connection: Connection): void {
    connection.requests.push(Buffer.concat(connection.partial));
    connection.partial = [];
    connection.partialBytes = 0;
    if (connection.requests.length >= REQUESTS_MAX) connection.socket.pause();
    if (this.#holder !== connection && !this.#waiting.includes(connection)) {
      this.#waiting.push(connection);
    }
  }

  #run(): void {
    this.#running ??= this.#runTurns().finally(() => {
      this.#running = null;
    });
  }

  async #runTurns(): Promise<void> {
    for (;;) {
      const connection = this.#holder ?? this.#waiting.shift() ?? null;
      if (connection === null) return;
      if (connection.gone) await this.#release();
      else if (connection.requests.length > 0) await this.#runTurn(connection);
      // The holder's next request is still to come.
      else return;
    }
  }

  async #runTurn(connection: Connection): Promise<void> {
    this.#hold(connection, false);
    const request = connection.requests.shift();
    const answer = request === undefined ? null : await this.#execute(request);
    if (answer === null) return;
    this.#tell(connection, answer);
    const status = statusAfter(answer);
    if (status === 'I') {
      this.#hold(null, false);
      if (connection.requests.length > 0) this.#waiting.push(connection);
      return;
    }
    this.#hold(connection, status === null);
    if (this.#midRequest && connection.partialBytes > 0) this.#queue(connection);
    if (connection.requests.length === 0) this.#boundSilence(connection);
  }

  #tell(connection: Connection, answer: Buffer): void {
    if (connection.gone) return;
    const { socket, requests } = connection;
    socket.write(answer);
    if (socket.writableLength > this.#bytesMax) socket.destroy();
    if (requests.length < REQUESTS_MAX) socket.resume();
  }

  /** The session's transaction belongs to nobody any more. */
  async #release(): Promise<void> {
    this.#hold(null, false);
    // Sync ends a request that was cut off, after which a rollback is heard.
    await this.#execute(Buffer.concat([SYNC, queryFrame('rollback')]));
  }

  /** Null when the session has failed. */
  async #execute(request: Buffer): Promise<Buffer | null> {
    if (this.#broken) return null;
    const answer: Buffer[] = [];
    try {
      await this.#database.execProtocolRawStream(request, {
        onRawData: (data) => void answer.push(Buffer.from(data)),
      });
      return Buffer.concat(answer);
    } catch (cause) {
      this.#broken = true;
      this.#options.onBroken(cause);
      for (const { socket } of this.#connections) socket.destroy();
      return null;
    }
  }

  #hold(connection: Connection | null, midRequest: boolean): void {
    if (this.#holderTimer !== null) clearTimeout(this.#holderTimer);
    this.#holderTimer = null;
    this.#holder = connection;
    this.#midRequest = midRequest;
  }

  #boundSilence(connection: Connection): void {
    const idleMs = this.#options.transactionIdleMs ?? TRANSACTION_IDLE_MS;
    this.#holderTimer = setTimeout(() => {
      this.#dismiss(connection, '25P03', `the transaction was idle for ${idleMs} ms`);
    }, idleMs);
  }

  #dismiss(connection: Connection, sqlState: string, message: string): void {
    connection.socket.write(fatalFrame(sqlState, message));
    connection.socket.destroySoon();
    this.#leave(connection);
  }

  #leave(connection: Connection): void {
    connection.gone = true;
    connection.requests.length = 0;
    this.#connections.delete(connection);
    const place = this.#waiting.indexOf(connection);
    if (place >= 0) this.#waiting.splice(place, 1);
    if (this.#holder === connection) this.#run();
  }
}

const TERMINATE = 'X';
/** Query, Sync, Flush, FunctionCall: after these a client waits for an answer. */
const ENDS_REQUEST: readonly string[] = ['Q', 'S', 'H', 'F'];
const SYNC = Buffer.from([0x53, 0, 0, 0, 4]);
