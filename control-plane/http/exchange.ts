/**
 * One request and its answer, from the first header to the last byte: its span, its trace id, its
 * place in the metrics, its abort signal, and how an answer or a refusal is written. Decides nothing
 * about routes.
 */

import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { unreachable } from '../model/reasons.ts';
import { type OpenSpan, openSpan } from '../telemetry/span.ts';
import { drain } from './body.ts';
import type { HttpRefusal } from './errors.ts';
import { problemEntry } from './errors.ts';
import type { HttpLimits } from './limits.ts';
import { boundedMethod, type RequestObserver, UNMATCHED } from './observer.ts';
import { problemDocument, problemHeaders } from './problem.ts';
import type { Reply } from './route.ts';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly traceId: string;
  /** Without query. */
  readonly path: string;
  /** Without question mark. */
  readonly search: string;
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal;
  readonly span: OpenSpan;
  /** Names the route that took the request; until then it is `unmatched`. */
  matched(route: string): void;
  /** Whether a route took it. */
  readonly route: () => string;
}

export interface ExchangeContext {
  readonly observe: RequestObserver;
  readonly limits: HttpLimits;
  readonly monotonicMs: () => number;
  readonly isStopping: () => boolean;
}

/** Every answer carries these; what a route adds comes on top. */
const COMMON_HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

const NO_TRACE = /^0*$/u;

/** The client left before the answer: the status that nginx made known. */
const CLIENT_GONE = 499;

export function beginExchange(
  request: IncomingMessage,
  response: ServerResponse,
  context: ExchangeContext,
): Exchange {
  const startedMs = context.monotonicMs();
  const method = boundedMethod(request.method);
  const [path = '/', search = ''] = splitOnce(request.url ?? '/');
  const span = openSpan(method, attributesOf(request, method, path), {
    kind: 'server',
    carrier: request.headers,
  });
  // Without tracing a problem and its log line still need something in common.
  const traceId = NO_TRACE.test(span.traceId) ? randomBytes(16).toString('hex') : span.traceId;
  const gone = new AbortController();
  let route = UNMATCHED;
  context.observe.requestStarted();
  response.once('close', () => {
    const finished = response.writableFinished;
    if (!finished) gone.abort();
    const status = finished ? response.statusCode : CLIENT_GONE;
    span.setAttributes({ 'http.response.status_code': status });
    const durationMs = context.monotonicMs() - startedMs;
    span.run(() => context.observe.requestFinished({ method, route, status, durationMs, traceId }));
    span.end();
  });
  const matched = (name: string): void => {
    route = name;
    span.rename(`${method} ${name}`);
    span.setAttributes({ 'http.route': name });
  };
  const signal = gone.signal;
  return { request, response, traceId, path, search, signal, span, matched, route: () => route };
}

export function sendReply(exchange: Exchange, reply: Reply, context: ExchangeContext): void {
  const { type, content } = contentOf(reply.body);
  const headers = { ...(type !== null && { 'content-type': type }), ...reply.headers };
  send(exchange, reply.status, headers, content, context);
}

function contentOf(body: Reply['body']): {
  readonly type: string | null;
  readonly content: string | Uint8Array | null;
} {
  switch (body.kind) {
    case 'empty':
      return { type: null, content: null };
    case 'text':
      return { type: body.contentType, content: body.text };
    case 'bytes':
      return { type: null, content: body.bytes };
    case 'json':
      return { type: 'application/json', content: JSON.stringify(body.value) };
    default:
      return unreachable(body);
  }
}

export function sendRefusal(
  exchange: Exchange,
  refusal: HttpRefusal,
  context: ExchangeContext,
): void {
  const document = problemDocument(refusal, {
    path: exchange.path,
    traceId: exchange.traceId,
    faultsMax: context.limits.faultsMax,
  });
  const { status } = problemEntry(refusal.code);
  if (status >= 500) exchange.span.fail(refusal.cause ?? refusal);
  send(exchange, status, problemHeaders(refusal), JSON.stringify(document), context);
}

function send(
  { request, response }: Exchange,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array | null,
  { limits, isStopping }: ExchangeContext,
): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
  response.writeHead(status, {
    ...COMMON_HEADERS,
    ...(isStopping() && { connection: 'close' }),
    ...(bytes !== null && { 'content-length': String(bytes.length) }),
    ...headers,
  });
  drain(request, limits);
  response.end(bytes ?? undefined);
}

/** Stable HTTP semantic conventions; the query is left out, as it may hold what nobody should log. */
function attributesOf(request: IncomingMessage, method: string, path: string) {
  const { remoteAddress, localAddress, localPort } = request.socket;
  return {
    'http.request.method': method,
    ...(method === '_OTHER' && { 'http.request.method_original': request.method ?? '' }),
    'url.path': path,
    'url.scheme': 'http',
    'network.protocol.version': request.httpVersion,
    ...(remoteAddress !== undefined && { 'client.address': remoteAddress }),
    ...(localAddress !== undefined && { 'server.address': localAddress }),
    ...(localPort !== undefined && { 'server.port': localPort }),
    ...(request.headers['user-agent'] !== undefined && {
      'user_agent.original': request.headers['user-agent'],
    }),
  };
}

function splitOnce(url: string): readonly string[] {
  const at = url.indexOf('?');
  return at < 0 ? [url] : [url.slice(0, at), url.slice(at + 1)];
}
