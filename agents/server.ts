/**
 * The agent's HTTP edge: /metrics, /livez and /readyz, for GET and HEAD. It negotiates format and
 * encoding, caps concurrent scrapes, and knows no collector. On node:http alone, since whatever
 * comes with more would cost more memory than the agent itself.
 */

import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { CONTENT_TYPES, negotiateFormat } from './metrics.ts';
import type { ExpositionFormat } from './metrics.ts';

export interface AgentServerOptions {
  /** Collects; resolves within the budget, never rejects. */
  collect(budgetMs: number): Promise<void>;
  render(format: ExpositionFormat): string;
  /** Null when ready, otherwise why not; there are no metrics before. */
  unready(): string | null;
  readonly scrapesMax: number;
  /** Time for a scrape whose client names no timeout, in ms. */
  readonly budgetMs: number;
}

export interface AgentServer {
  /** Rejects when the port cannot be had. */
  listen(host: string, port: number): Promise<{ readonly host: string; readonly port: number }>;
  /** Lets requests in flight end for at most `graceMs`, then cuts them off. */
  close(graceMs: number): Promise<void>;
}

const GZIP_BYTES_MIN = 1024;
/** Level 1: text of this kind shrinks to a tenth anyway, at a third of the CPU of the default. */
const GZIP = { level: 1, memLevel: 7 } as const;
/** What is kept back of the scraper's timeout for rendering and the way back. */
const MARGIN_MS = 500;
const CONNECTIONS_MAX = 256;
const SERVER_OPTIONS = { maxHeaderSize: 8192, keepAliveTimeout: 65_000, requestTimeout: 10_000 };

export function createAgentServer(options: AgentServerOptions): AgentServer {
  let scrapes = 0;
  const metrics = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const full =
      scrapes < options.scrapesMax ? null : `${options.scrapesMax} scrapes are under way`;
    const refusal = options.unready() ?? full;
    if (refusal !== null) {
      answer(request, response, 503, `${refusal}\n`);
      return;
    }
    scrapes++;
    try {
      const budgetMs = scrapeBudgetMs(
        headerOf(request, 'x-prometheus-scrape-timeout-seconds'),
        options.budgetMs,
      );
      if (await withinBudget(options.collect(budgetMs), budgetMs)) {
        const format = negotiateFormat(request.headers.accept);
        answerMetrics(request, response, format, options.render(format));
      } else answer(request, response, 503, 'a scrape with a longer timeout is under way\n');
    } finally {
      scrapes--;
    }
  };
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (!KNOWN_PATHS.has(path)) {
      answer(request, response, 404, 'not found\n');
    } else if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      answer(request, response, 405, 'only GET and HEAD\n');
    } else if (path === '/metrics') {
      void metrics(request, response);
    } else {
      const unready = path === '/readyz' ? options.unready() : null;
      if (unready === null) answer(request, response, 200, 'ok\n');
      else answer(request, response, 503, `${unready}\n`);
    }
  };
  const server = createServer(SERVER_OPTIONS, handle);
  server.maxConnections = CONNECTIONS_MAX;
  // A client that speaks no HTTP gets a bare 400 from the default handler; nothing is logged for it.
  return {
    listen: (host, port) => listen(server, host, port),
    close: (graceMs) => close(server, graceMs),
  };
}

/** The client's timeout less a margin, never more than `longestMs`; what is no number is ignored. */
export function scrapeBudgetMs(header: string | undefined, longestMs: number): number {
  const timeoutMs = Number(header ?? NaN) * 1000;
  if (!(timeoutMs > 0)) return longestMs;
  return Math.min(longestMs, Math.max(timeoutMs - MARGIN_MS, timeoutMs / 2));
}

const KNOWN_PATHS = new Set(['/metrics', '/livez', '/readyz']);

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** False when the collection, begun by another scrape, outlasts this one's budget. */
function withinBudget(work: Promise<void>, budgetMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), budgetMs + MARGIN_MS / 5);
    void work.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}

function answerMetrics(
  request: IncomingMessage,
  response: ServerResponse,
  format: ExpositionFormat,
  text: string,
): void {
  const isGzip = text.length > GZIP_BYTES_MIN && acceptsGzip(headerOf(request, 'accept-encoding'));
  // Synchronous, since a hung thread pool must not keep a scrape from its answer.
  const body = isGzip ? gzipSync(encoded(text), GZIP) : Buffer.from(text);
  const headers: Record<string, string | number> = {
    'Content-Type': CONTENT_TYPES[format],
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    Vary: 'Accept, Accept-Encoding',
  };
  if (isGzip) headers['Content-Encoding'] = 'gzip';
  response.writeHead(200, headers);
  response.end(request.method === 'HEAD' ? undefined : body);
}

let encodeBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** Into one buffer that is used again by the next scrape: garbage of its size would stay for a while. */
function encoded(text: string): Buffer {
  const length = Buffer.byteLength(text);
  if (length > encodeBuffer.length) encodeBuffer = Buffer.allocUnsafeSlow(2 * length);
  return encodeBuffer.subarray(0, encodeBuffer.write(text));
}

/** Total over what clients send: `gzip;q=0` is a refusal. */
export function acceptsGzip(header: string | undefined): boolean {
  return (header ?? '').split(',').some((part) => {
    const [coding = '', ...parameters] = part.split(';').map((piece) => piece.trim());
    const isNamed = coding === 'gzip' || coding === '*';
    return isNamed && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
): void {
  response.writeHead(status, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function listen(
  server: Server,
  host: string,
  port: number,
): Promise<{ readonly host: string; readonly port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      resolve({
        host,
        port: typeof address === 'object' && address !== null ? address.port : port,
      });
    });
  });
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}
