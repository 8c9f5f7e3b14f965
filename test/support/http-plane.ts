/** A real HTTP server on a free port over the ports in memory, and a client that sends what it is told. */

import { raiseFor } from '../../control-plane/state/format.ts';
import assert from 'node:assert/strict';
import { type IncomingHttpHeaders, request as httpRequest } from 'node:http';
import { connect } from 'node:net';

import { type ApiKeyStore, createKey, parseApiKeys } from '../../control-plane/http/api-keys.ts';
import type { AuthFailure } from '../../control-plane/http/auth.ts';
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from '../../control-plane/http/limits.ts';
import type { FinishedRequest, HttpLogger } from '../../control-plane/http/observer.ts';
import {
  createHttpServer,
  type HttpServer,
  type HttpServerOptions,
} from '../../control-plane/http/server.ts';
import { createLeaderDirectory } from '../../control-plane/http/leader.ts';
import type { ForwardOutcome } from '../../control-plane/model/leadership.ts';
import {
  createMemoryConsensus,
  createFailingDecisionStore,
  createMemoryGroup,
  createMemoryMembership,
  createMemoryViews,
  type MemoryConsensus,
  type MemoryGroup,
  type MemoryMembership,
  type FailingDecisionStore,
  type MemoryViews,
} from './http-fakes.ts';
import { createMemoryAlertStore, type MemoryAlertStore } from './memory-alert-store.ts';

export interface TestPlane {
  readonly port: number;
  readonly server: HttpServer;
  readonly group: MemoryGroup;
  readonly consensus: MemoryConsensus;
  readonly membership: MemoryMembership;
  readonly decisions: FailingDecisionStore;
  readonly alerts: MemoryAlertStore;
  readonly views: MemoryViews;
  /** How many requests have begun. */
  readonly started: () => number;
  readonly finished: FinishedRequest[];
  readonly authFailures: AuthFailure[];
  readonly forwarded: ForwardOutcome[];
  readonly logged: LogLine[];
  /** Keys by role; empty without keys. */
  readonly keys: Readonly<Record<'viewer' | 'operator' | 'admin', string>>;
  readonly send: (call: TestCall) => Promise<TestAnswer>;
  stop(): Promise<void>;
}

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

export interface TestCall {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON; text and bytes as they are, with the same Content-Type. */
  readonly body?: unknown;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Of a JSON answer; otherwise undefined. */
  readonly json: unknown;
}

export interface TestPlaneOptions {
  readonly withKeys?: boolean;
  readonly limits?: Partial<HttpLimits>;
  readonly renderMetrics?: HttpServerOptions['renderMetrics'];
  /** None by default. */
  readonly slos?: HttpServerOptions['slos'];
  /** Always busy by default. */
  readonly vertical?: HttpServerOptions['vertical'];
  /** Busy by default. */
  readonly backtests?: HttpServerOptions['backtests'];
  /** The cluster that it is a member of; one of its own by default. */
  readonly member?: {
    readonly id: string;
    readonly group: MemoryGroup;
    readonly membership: MemoryMembership;
    /** Null while it is not known. */
    readonly apiUrl: (memberId: string) => string | null;
  };
  /** Instead of keys of its own. */
  readonly keys?: TestKeys;
  readonly ca?: string;
}

export interface TestKeys {
  readonly keys: TestPlane['keys'];
  readonly store: ApiKeyStore | null;
}

export async function startTestPlane(options: TestPlaneOptions = {}): Promise<TestPlane> {
  const group = options.member?.group ?? createMemoryGroup();
  const consensus = createMemoryConsensus(group, options.member?.id);
  const { memberId } = consensus.status();
  const membership = options.member?.membership ?? createMemoryMembership(group, [memberId]);
  const directory = createLeaderDirectory({
    status: () => consensus.status(),
    apiUrl: options.member?.apiUrl ?? (() => null),
  });
  const decisions = createFailingDecisionStore();
  const alerts = createMemoryAlertStore();
  const views = createMemoryViews(consensus);
  let started = 0;
  const finished: FinishedRequest[] = [];
  const authFailures: AuthFailure[] = [];
  const forwarded: ForwardOutcome[] = [];
  const logged: LogLine[] = [];
  const { keys, store } = options.keys ?? (options.withKeys === true ? makeKeys() : NO_KEYS);
  const server = createHttpServer({
    consensus,
    cluster: { membership, directory, isJoint: () => false, ca: options.ca ?? null },
    decisions,
    alerts,
    slos: options.slos ?? { slos: [], read: () => Promise.resolve([]) },
    backtests: options.backtests ?? { run: () => Promise.resolve({ kind: 'busy' }) },
    vertical: options.vertical ?? { read: () => Promise.resolve({ kind: 'busy' }) },
    views,
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
    precede: raiseFor,
    auth: store,
    renderMetrics:
      options.renderMetrics ??
      ((accept) => Promise.resolve({ contentType: 'text/plain', body: `# ${accept}\n` })),
    observe: {
      requestStarted: () => void (started += 1),
      requestFinished: (request) => void finished.push(request),
      authFailed: (cause) => void authFailures.push(cause),
      requestForwarded: (end) => void forwarded.push(end),
    },
    logger: loggerInto(logged),
    version: '0.0.0-test',
    limits: { ...DEFAULT_HTTP_LIMITS, ...options.limits },
  });
  const { port } = await server.listen('127.0.0.1', 0);
  return {
    port,
    server,
    group,
    consensus,
    membership,
    decisions,
    alerts,
    views,
    started: () => started,
    finished,
    authFailures,
    forwarded,
    logged,
    keys,
    send: (call) => sendTo(port, call),
    stop: () => server.stop(),
  };
}

/** Sends one request on a connection of its own. */
export function sendTo(port: number, call: TestCall): Promise<TestAnswer> {
  const body = bytesOf(call.body);
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        port,
        method: call.method ?? 'GET',
        path: call.path,
        agent: false,
        headers: {
          ...(body !== null && {
            'content-type': 'application/json',
            ...(call.headers?.['transfer-encoding'] === undefined && {
              'content-length': body.length,
            }),
          }),
          ...call.headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const { statusCode = 0, headers } = response;
          resolve({ status: statusCode, headers, text, json: jsonOf(headers, text) });
          request.destroy();
        });
      },
    );
    request.once('error', reject);
    request.end(body ?? undefined);
  });
}

/** Writes bytes to a socket and returns everything that comes back until the end. */
export function sendRaw(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('close', () => {
      resolve(Buffer.concat(chunks).toString('utf8'));
    });
    socket.once('error', reject);
  });
}

/** The answer as problem details, checked for what every problem has. */
export function problemOf(answer: TestAnswer): {
  readonly code: string;
  readonly status: number;
  readonly detail: string;
  readonly trace_id: string;
  readonly pointers: readonly string[];
  readonly messages: string;
} {
  assert.equal(answer.headers['content-type'], 'application/problem+json', answer.text);
  const document = membersOf(answer.json);
  assert.equal(document['status'], answer.status);
  assert.match(String(document['type']), /^urn:omnimind:problem:[a-z0-9_]+$/u);
  assert.match(String(document['trace_id']), /^[0-9a-f]{32}$/u);
  assert.doesNotMatch(answer.text, /node_modules|\.ts:\d+|at Object\./u);
  const listed: unknown = document['errors'] ?? [];
  assert.ok(Array.isArray(listed));
  const errors = listed.map((error: unknown) => {
    const fault = membersOf(error);
    return { pointer: String(fault['pointer']), message: String(fault['message']) };
  });
  return {
    code: String(document['code']),
    status: answer.status,
    detail: String(document['detail']),
    trace_id: String(document['trace_id']),
    pointers: errors.map((error) => error.pointer),
    messages: errors.map((error) => error.message).join('\n'),
  };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

export function bearer(key: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${key}` };
}

const NO_KEYS: TestKeys = {
  keys: { viewer: '', operator: '', admin: '' },
  store: null,
};

export function makeKeys(): TestKeys {
  const viewer = createKey('v', 'viewer', 0);
  const operator = createKey('o', 'operator', 0);
  const admin = createKey('a', 'admin', 0);
  return {
    keys: { viewer: viewer.key, operator: operator.key, admin: admin.key },
    store: parseApiKeys(viewer.line + operator.line + admin.line),
  };
}

function loggerInto(logged: LogLine[]): HttpLogger {
  const at = (level: LogLine['level']) => (fields: LogLine['fields'], message: string) =>
    void logged.push({ level, fields, message });
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

function bytesOf(body: unknown): Buffer | null {
  if (body === undefined) return null;
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body), 'utf8');
}

function jsonOf(headers: IncomingHttpHeaders, text: string): unknown {
  const type = headers['content-type'] ?? '';
  return type.includes('json') && text !== '' ? JSON.parse(text) : undefined;
}
