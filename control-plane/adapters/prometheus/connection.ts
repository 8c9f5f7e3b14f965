/**
 * One HTTP exchange with a Prometheus server: a form is posted, an answer of bounded size comes
 * back or a reason why not. Over node:http(s) with kept-alive connections; follows no redirect,
 * asks for no compression, and never rejects.
 */

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';

export interface ConnectionOptions {
  /** With the server's path prefix, if it has one; user and password in it become basic auth. */
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Asked at each request; what `headers` says stands. */
  readonly requestHeaders?: () => Readonly<Record<string, string>>;
  /** Read for every exchange, since tokens rotate; null for none. */
  readonly tokenFile: string | null;
  /** PEM files, read once when the connection is made; null for the system's store and no certificate. */
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly responseBytesMax: number;
  readonly socketsMax: number;
}

export type Exchange =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly contentType: string;
      readonly body: string;
    }
  /** Larger than the bound; reading stopped there. */
  | { readonly kind: 'oversized'; readonly detail: string }
  /** What came back is not HTTP, not text, or compressed unasked. */
  | { readonly kind: 'garbled'; readonly detail: string }
  /** Refused, reset, unresolved: no complete answer. */
  | { readonly kind: 'broken'; readonly detail: string }
  /** The signal aborted. */
  | { readonly kind: 'aborted' };

export interface Connection {
  post(
    path: string,
    form: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Exchange>;
  close(): void;
}

/** @throws when the URL or one of the PEM files cannot be read: a mistake of configuration. */
export function createConnection(options: ConnectionOptions): Connection {
  const base = new URL(options.baseUrl);
  const secure = base.protocol === 'https:';
  const agent = secure
    ? new https.Agent({ ...poolOf(options), ...tlsOf(options) })
    : new http.Agent(poolOf(options));

  async function post(
    path: string,
    form: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Exchange> {
    const token = await readToken(options.tokenFile, signal);
    if (token.kind === 'failed') return { kind: 'broken', detail: token.detail };
    const body = new URLSearchParams(form).toString();
    const headers = {
      ...options.requestHeaders?.(),
      ...options.headers,
      ...(token.value === null ? {} : { authorization: `Bearer ${token.value}` }),
      accept: 'application/json',
      'accept-encoding': 'identity',
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': `${Buffer.byteLength(body)}`,
    };
    const url = endpoint(base, path);
    const auth = base.username === '' ? {} : { auth: credentialsOf(base) };
    const request = { url, body, options: { method: 'POST', agent, headers, ...auth }, secure };
    const first = await exchange(request, options.responseBytesMax, signal);
    // The server may close an idle connection just as we use it; nothing was read then, so ask again.
    const last =
      first.kind === 'broken' && first.idleReset && !signal.aborted
        ? await exchange(request, options.responseBytesMax, signal)
        : first;
    if (last.kind === 'broken' || last.kind === 'aborted') dropIdle(agent);
    return last.kind === 'broken' ? { kind: 'broken', detail: last.detail } : last;
  }

  return { post, close: () => agent.destroy() };
}

interface Outgoing {
  readonly url: URL;
  readonly body: string;
  readonly options: http.RequestOptions;
  readonly secure: boolean;
}

type Attempt =
  | Exclude<Exchange, { kind: 'broken' }>
  | { readonly kind: 'broken'; readonly detail: string; readonly idleReset: boolean };

function exchange(outgoing: Outgoing, bytesMax: number, signal: AbortSignal): Promise<Attempt> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve({ kind: 'aborted' });
      return;
    }
    const send = outgoing.secure ? https.request : http.request;
    const request = send(outgoing.url, { ...outgoing.options, signal });
    let response: IncomingMessage | null = null;
    const fail = (error: unknown) => {
      request.destroy();
      resolve(failureOf(error, signal, request.reusedSocket && response === null));
    };
    request.on('error', fail);
    request.on('response', (incoming) => {
      response = incoming;
      readBody(incoming, bytesMax, resolve, fail);
    });
    request.end(outgoing.body);
  });
}

function readBody(
  response: IncomingMessage,
  bytesMax: number,
  resolve: (attempt: Attempt) => void,
  fail: (error: unknown) => void,
): void {
  const settle = (attempt: Attempt) => {
    response.destroy();
    resolve(attempt);
  };
  response.on('error', fail);
  const encoding = response.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') {
    settle({ kind: 'garbled', detail: `compressed with ${encoding} although not asked to` });
    return;
  }
  const announced = Number(response.headers['content-length'] ?? 0);
  if (announced > bytesMax) {
    settle({
      kind: 'oversized',
      detail: `${announced} bytes, over the limit of ${bytesMax}`,
    });
    return;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
    chunks.push(chunk);
    if (size > bytesMax) {
      settle({ kind: 'oversized', detail: `more than the limit of ${bytesMax} bytes` });
    }
  });
  response.on('end', () => {
    if (!response.complete) {
      fail(new Error('the connection closed within the answer'));
      return;
    }
    resolve(answerOf(response, Buffer.concat(chunks)));
  });
}

function answerOf(response: IncomingMessage, bytes: Buffer): Attempt {
  const status = response.statusCode ?? 0;
  const contentType = response.headers['content-type'] ?? '';
  try {
    const body = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { kind: 'answered', status, contentType, body };
  } catch {
    return {
      kind: 'garbled',
      detail: `status ${status} and ${bytes.length} bytes that are not UTF-8`,
    };
  }
}

function failureOf(error: unknown, signal: AbortSignal, unread: boolean): Attempt {
  if (signal.aborted) return { kind: 'aborted' };
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const message = error instanceof Error ? error.message : String(error);
  if (code.startsWith('HPE_')) return { kind: 'garbled', detail: `not HTTP: ${message}` };
  const detail = message === '' ? code : message;
  return {
    kind: 'broken',
    detail,
    idleReset: unread && (code === 'ECONNRESET' || code === 'EPIPE'),
  };
}

function endpoint(base: URL, path: string): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/+$/, '')}${path}`;
  url.username = '';
  url.password = '';
  return url;
}

function credentialsOf(base: URL): string {
  return `${decodeURIComponent(base.username)}:${decodeURIComponent(base.password)}`;
}

function poolOf(options: ConnectionOptions): http.AgentOptions {
  return { keepAlive: true, maxSockets: options.socketsMax, maxFreeSockets: options.socketsMax };
}

function tlsOf({ caFile, certFile, keyFile }: ConnectionOptions): https.AgentOptions {
  return {
    ...(caFile === null ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === null ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === null ? {} : { key: readFileSync(keyFile) }),
  };
}

/** After trouble the idle connections are suspect: a server that hung or moved leaves them dead. */
function dropIdle(agent: http.Agent): void {
  for (const sockets of Object.values(agent.freeSockets)) {
    for (const socket of sockets ?? []) socket.destroy();
  }
}

type Token =
  | { readonly kind: 'token'; readonly value: string | null }
  | { readonly kind: 'failed'; readonly detail: string };

async function readToken(file: string | null, signal: AbortSignal): Promise<Token> {
  if (file === null) return { kind: 'token', value: null };
  try {
    const value = (await readFile(file, { encoding: 'utf8', signal })).trim();
    if (/^[\x21-\x7e]+$/.test(value)) return { kind: 'token', value };
    return { kind: 'failed', detail: `the token file ${file} holds no token` };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { kind: 'failed', detail: `the token file cannot be read: ${why}` };
  }
}
