/**
 * A Prometheus that misbehaves on command. Alone it answers queries from a function; in front of a
 * real server it is a proxy that passes requests on and spoils the answers. The mode changes at run
 * time and holds for the requests that come after.
 */

import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';

export const FAKE_MODES = [
  /** Right answers. */
  'ok',
  /** Accepts the request and never answers, as a stopped process does. */
  'hang',
  /** Nobody listens. */
  'refuse',
  /** Resets the connection once the request is read. */
  'reset',
  /** Resets it within the answer. */
  'reset_mid_body',
  /** Speaks something that is not HTTP. */
  'not_http',
  /** 200 and a page, as a login proxy would. */
  'html',
  /** 200, the right content type, and a page. */
  'html_as_json',
  /** Right answers cut in the middle, with a matching length. */
  'truncated',
  /** Success, with values as numbers instead of texts. */
  'wrong_json',
  /** Success without data. */
  'no_data',
  /** Success with samples that lack `metric`. */
  'no_labels',
  /** 200 with status error. */
  'error_200',
  /** 400 and bad_data for every query. */
  'rejected',
  /** Right answers, compressed although not asked to. */
  'gzip',
  /** The same, cut in the middle. */
  'gzip_cut',
  /** 10 MB of valid JSON in some 30 KB. */
  'gzip_oversized',
  /** Compressed in a way that nobody asked for either, and that is not read. */
  'brotli',
  /** Right answers that the server marks as lacking data, as VictoriaMetrics does. */
  'partial',
  /** Right answers with a warning of a store that is away, as Thanos gives. */
  'warned',
  /** Right answers with what Prometheus remarks about the query. */
  'remarked',
  /** 422 for every query with the status as the type, as VictoriaMetrics refuses one. */
  'rejected_422',
  /** The same for a query that took too long. */
  'timeout_422',
  /** 429 in JSON, as Mimir has it. */
  'too_many',
  /** Bytes that are not UTF-8. */
  'bad_utf8',
  /** No series. */
  'empty',
  /** Every value NaN. */
  'nan',
  /** Two series for each one. */
  'two_series',
  /** Queries for timestamps answer with a time 30 minutes ago. */
  'old_samples',
  /** 10 MB of valid JSON, length unannounced. */
  'oversized',
  /** The same, announced. */
  'oversized_announced',
  /** A byte every 20 ms, for ever. */
  'slow_drip',
  '503',
  '500_html',
  '401',
  '404',
  '204',
  /** To a place that would answer rightly. */
  'redirect',
] as const;
export type FakeMode = (typeof FAKE_MODES)[number];

export interface FakeSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
}

export interface FakeRequest {
  readonly path: string;
  readonly form: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
}

export interface PrometheusFakeOptions {
  /** Base URL of the real server behind it; alone without one. */
  readonly upstream?: string;
  /** What a single query answers when alone; one sample of 1 unless given. Throws to reject it. */
  readonly samples?: (query: string, atMs: number) => readonly FakeSample[];
  /** Ranges are asked of `samples` at each step; without it each series has three points. */
  readonly stepsThrough?: true;
  /** Its clock, UNIX time in ms; the host's unless given. */
  readonly nowMs?: () => number;
  /** Path prefix, as behind a reverse proxy. */
  readonly prefix?: string;
}

export interface PrometheusFake {
  readonly url: string;
  /** Everything asked since the start or the last `forget`. */
  readonly requests: readonly FakeRequest[];
  /** Resolves once the mode holds; only to and from `refuse` takes time. */
  setMode(mode: FakeMode): Promise<void>;
  forget(): void;
  stop(): Promise<void>;
}

/** Thrown by `samples` to have a query refused as Prometheus would refuse it. */
export class FakeRejection extends Error {
  readonly errorType: 'execution' | 'timeout';

  constructor(message: string, errorType: 'execution' | 'timeout' = 'execution') {
    super(message);
    this.errorType = errorType;
  }
}

const REJECTION_STATUS = { execution: 422, timeout: 503 } as const;

const THIRTY_MINUTES_S = 30 * 60;
const OVERSIZED_BYTES = 10 * 1024 * 1024;

export async function startPrometheusFake(
  options: PrometheusFakeOptions = {},
): Promise<PrometheusFake> {
  const fake = new Fake(options);
  await fake.listen(0);
  return fake;
}

class Fake implements PrometheusFake {
  readonly requests: FakeRequest[] = [];
  readonly #options: PrometheusFakeOptions;
  readonly #sockets = new Set<Socket>();
  #server = http.createServer();
  #port = 0;
  #mode: FakeMode = 'ok';

  constructor(options: PrometheusFakeOptions) {
    this.#options = options;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}${this.#options.prefix ?? ''}`;
  }

  async setMode(mode: FakeMode): Promise<void> {
    if (mode === 'refuse' && this.#mode !== 'refuse') await this.stop();
    if (mode !== 'refuse' && this.#mode === 'refuse') await this.listen(this.#port);
    this.#mode = mode;
  }

  forget(): void {
    this.requests.length = 0;
  }

  async listen(port: number): Promise<void> {
    const server = http.createServer((request, response) => void this.#serve(request, response));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    for (const socket of this.#sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const path = (request.url ?? '').slice((this.#options.prefix ?? '').length);
    const form = new URLSearchParams(body);
    this.requests.push({ path, form, headers: request.headers });
    const { nowMs } = this.#options;
    if (nowMs !== undefined) response.setHeader('date', new Date(nowMs()).toUTCString());
    try {
      const misbehaviour = MISBEHAVIOURS[this.#mode];
      if (misbehaviour !== undefined) await misbehaviour(response, () => this.#answer(path, form));
      else await this.#behave(path, form, response);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const errorType = error instanceof FakeRejection ? error.errorType : 'internal';
      const status = error instanceof FakeRejection ? REJECTION_STATUS[error.errorType] : 500;
      sendJson(response, status, { status: 'error', errorType, error: message });
    }
  }

  async #behave(path: string, form: URLSearchParams, response: ServerResponse): Promise<void> {
    const answer = await this.#answer(path, form);
    const spoil = SPOILS[this.#mode];
    sendJson(response, answer.status, spoil === undefined ? answer.body : spoil(answer.body, form));
  }

  async #answer(path: string, form: URLSearchParams): Promise<Answer> {
    const { upstream } = this.#options;
    return upstream === undefined ? this.#invent(path, form) : forward(`${upstream}${path}`, form);
  }

  #invent(path: string, form: URLSearchParams): Answer {
    const samples = this.#options.samples ?? (() => [{ labels: {}, value: '1' }]);
    const query = form.get('query') ?? '';
    const marked = (atMs: number): readonly FakeSample[] =>
      markedQueries(query).flatMap(({ mark, text }) =>
        samples(text, atMs).map(({ labels, value }) => ({
          labels: mark === null ? labels : { ...labels, omnimind_query: mark },
          value,
        })),
      );
    if (path.endsWith('/query_range')) {
      const start = Number(form.get('start'));
      const step = Number(form.get('step'));
      if (this.#options.stepsThrough === true) {
        const result = matrixOf(start, Number(form.get('end')), step, marked);
        return { status: 200, body: success('matrix', result) };
      }
      const values = [0, 1, 2].map((n) => [start + n * step, `${n}`]);
      const result = marked(start * 1_000).map(({ labels }) => ({ metric: labels, values }));
      return { status: 200, body: success('matrix', result) };
    }
    const time = Number(form.get('time') ?? Date.now() / 1_000);
    if (query === '1') return { status: 200, body: success('scalar', [time, '1']) };
    const result = marked(time * 1_000).map(({ labels, value }) => ({
      metric: labels,
      value: [time, value],
    }));
    return { status: 200, body: success('vector', result) };
  }
}

interface Matrix {
  readonly metric: FakeSample['labels'];
  readonly values: [number, string][];
}

function matrixOf(
  start: number,
  end: number,
  step: number,
  samples: (atMs: number) => readonly FakeSample[],
): readonly Matrix[] {
  const series = new Map<string, Matrix>();
  for (let at = start; at <= end; at += step) {
    for (const { labels, value } of samples(at * 1_000)) {
      const key = JSON.stringify(labels);
      const one = series.get(key) ?? { metric: labels, values: [] };
      one.values.push([at, value]);
      series.set(key, one);
    }
  }
  return [...series.values()];
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface MarkedQuery {
  readonly mark: string | null;
  readonly text: string;
}

/** The queries of a union, or the one query as it is. */
export function markedQueries(query: string): readonly MarkedQuery[] {
  const union =
    /label_replace\((?:vector)?\(\n([\s\S]*?)\n\), "omnimind_query", "(\d+)", "", ""\)/g;
  const found = [...query.matchAll(union)].map(([, text, mark]) => ({
    mark: mark ?? null,
    text: text ?? '',
  }));
  return found.length > 0 ? found : [{ mark: null, text: query }];
}

type Misbehave = (response: ServerResponse, answer: () => Promise<Answer>) => void | Promise<void>;

const PAGE = '<!DOCTYPE html><html><body><h1>Please sign in</h1></body></html>';

const MISBEHAVIOURS: Partial<Record<FakeMode, Misbehave>> = {
  hang: () => undefined,
  refuse: (response) => void response.destroy(),
  reset: (response) => void response.socket?.resetAndDestroy(),
  reset_mid_body(response) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1_000 });
    response.write('{"status":"success","data":', () => response.socket?.resetAndDestroy());
  },
  not_http: (response) => void response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n'),
  html: (response) => send(response, 200, 'text/html; charset=utf-8', PAGE),
  html_as_json: (response) => send(response, 200, 'application/json', PAGE),
  async truncated(response, answer) {
    const text = JSON.stringify((await answer()).body);
    send(response, 200, 'application/json', text.slice(0, text.length >> 1));
  },
  wrong_json: (response) =>
    sendJson(response, 200, success('vector', [{ metric: {}, value: [1, 2] }])),
  no_data: (response) => sendJson(response, 200, { status: 'success' }),
  no_labels: (response) => sendJson(response, 200, success('vector', [{ value: [1, '2'] }])),
  error_200: (response) =>
    sendJson(response, 200, { status: 'error', errorType: 'bad_data', error: 'no such thing' }),
  rejected: (response) =>
    sendJson(response, 400, { status: 'error', errorType: 'bad_data', error: 'parse error' }),
  async gzip(response, answer) {
    const bytes = gzipSync(JSON.stringify((await answer()).body));
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end(bytes);
  },
  async gzip_cut(response, answer) {
    const bytes = gzipSync(JSON.stringify((await answer()).body));
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end(bytes.subarray(0, bytes.length >> 1));
  },
  gzip_oversized(response) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end((oversizedPacked ??= gzipSync([...oversizedChunks()].join(''))));
  },
  async brotli(response, answer) {
    const bytes = brotliCompressSync(JSON.stringify((await answer()).body));
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'br' });
    response.end(bytes);
  },
  rejected_422: (response) =>
    sendJson(response, 422, { status: 'error', errorType: '422', error: 'unknown func "nope"' }),
  timeout_422: (response) =>
    sendJson(response, 422, {
      status: 'error',
      errorType: '422',
      error: 'timeout exceeded while fetching data block #1 from storage: 4.000 seconds',
    }),
  too_many: (response) =>
    sendJson(response, 429, {
      status: 'error',
      errorType: 'too_many_requests',
      error: 'the request has been rejected because the tenant exceeded the request rate limit',
    }),
  bad_utf8(response) {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]));
  },
  oversized(response) {
    response.writeHead(200, { 'content-type': 'application/json' });
    pour(response, oversizedChunks());
  },
  oversized_announced(response) {
    const bytes = Buffer.from([...oversizedChunks()].join(''));
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': bytes.length,
    });
    response.end(bytes);
  },
  slow_drip(response) {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write('{"status":"success","data":');
    const timer = setInterval(() => response.write(' '), 20);
    response.on('close', () => clearInterval(timer));
  },
  '503': (response) => send(response, 503, 'text/plain', 'Service Unavailable'),
  '500_html': (response) => send(response, 500, 'text/html', PAGE),
  '401': (response) => send(response, 401, 'text/plain', 'Unauthorized'),
  '404': (response) => send(response, 404, 'text/plain', '404 page not found'),
  '204': (response) => void response.writeHead(204).end(),
  redirect(response) {
    response.writeHead(307, { location: '/api/v1/elsewhere' });
    response.end();
  },
};

type Spoil = (body: unknown, form: URLSearchParams) => unknown;

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

const SPOILS: Partial<Record<FakeMode, Spoil>> = {
  partial: (body) => ({ ...asObject(body), isPartial: true }),
  warned: (body) => ({ ...asObject(body), warnings: ['fetch series for store-1: no answer'] }),
  remarked: (body) => ({
    ...asObject(body),
    isPartial: false,
    warnings: ['PromQL warning: quantile value should be between 0 and 1, got 2 (1:10)'],
    infos: ['PromQL info: metric might not be a counter: "left" (1:6)'],
  }),
  empty: (body) => withResult(body, () => []),
  nan: (body) =>
    withResult(body, (result) =>
      result.map(({ metric, value }) => ({ metric, value: [value[0], 'NaN'] as const })),
    ),
  two_series: (body) =>
    withResult(body, (result) =>
      result.flatMap((series) => [
        series,
        { ...series, metric: { ...series.metric, twin: 'second' } },
      ]),
    ),
  old_samples(body, form) {
    const ages = markedQueries(form.get('query') ?? '')
      .filter(({ text }) => text.includes('timestamp'))
      .map(({ mark }) => mark);
    return withResult(body, (result) =>
      result.map((series) =>
        ages.includes(series.metric['omnimind_query'] ?? null)
          ? {
              ...series,
              value: [series.value[0], `${series.value[0] - THIRTY_MINUTES_S}`] as const,
            }
          : series,
      ),
    );
  },
};

function asObject(body: unknown): object {
  return typeof body === 'object' && body !== null ? body : {};
}

/** Vectors are rewritten; scalars (a probe) and errors pass. */
function withResult(body: unknown, rewrite: (result: readonly Series[]) => unknown): unknown {
  const { status, data } = body as {
    status: string;
    data?: { resultType: string; result: unknown };
  };
  if (data?.resultType !== 'vector') return body;
  return { status, data: { ...data, result: rewrite(data.result as readonly Series[]) } };
}

function success(resultType: string, result: unknown): unknown {
  return { status: 'success', data: { resultType, result } };
}

/** Made once: packing it takes longer than the deadlines of some tests. */
let oversizedPacked: Buffer | null = null;

function* oversizedChunks(): Generator<string> {
  yield '{"status":"success","data":{"resultType":"vector","result":[';
  const one = `{"metric":{"filler":"${'x'.repeat(50_000)}"},"value":[1,"1"]}`;
  const count = Math.ceil(OVERSIZED_BYTES / one.length);
  for (let n = 0; n < count; n += 1) yield n === 0 ? one : `,${one}`;
  yield ']}}';
}

/** Writes until the reader has had enough. */
function pour(response: ServerResponse, chunks: Generator<string>): void {
  while (!response.destroyed) {
    const next = chunks.next();
    if (next.done === true) {
      response.end();
      return;
    }
    if (!response.write(next.value)) {
      response.once('drain', () => pour(response, chunks));
      return;
    }
  }
}

function send(response: ServerResponse, status: number, contentType: string, text: string): void {
  response.writeHead(status, { 'content-type': contentType });
  response.end(text);
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  send(response, status, 'application/json', JSON.stringify(body));
}

async function bodyOf(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Rejects when the real server is away; the caller then answers 500. */
function forward(url: string, form: URLSearchParams): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const request = http.request(url, { method: 'POST', headers, timeout: 10_000 }, (incoming) => {
      bodyOf(incoming).then((text) => {
        resolve({ status: incoming.statusCode ?? 0, body: JSON.parse(text) as unknown });
      }, reject);
    });
    request.on('timeout', () => request.destroy(new Error('the real server does not answer')));
    request.on('error', reject);
    request.end(form.toString());
  });
}
