/**
 * One HTTP exchange with a server of the query API: a form is posted, an answer of bounded size comes
 * back or a reason why not. Over node:http(s) with kept-alive connections; follows no redirect,
 * asks for no compression, shows no credential, and never rejects.
 */

import { readFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { type Body, readBody } from './body.ts';
import { type CredentialOptions, readCredentials, withoutSecrets } from './credentials.ts';

/** The URL has the server's path prefix and parameters for every query, if there are any. */
export interface ConnectionOptions extends CredentialOptions {
  /** Asked at each request; what is configured stands. */
  readonly requestHeaders?: () => Readonly<Record<string, string>>;
  /** PEM files, read once when the connection is made; null for the system's store and no certificate. */
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  /** What the server's certificate must say, and what is asked for by SNI; the URL's host unless given. */
  readonly serverName?: string | null;
  readonly responseBytesMax: number;
  readonly socketsMax: number;
}

export type Exchange =
  | Body
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
    const credentials = await readCredentials(options, signal);
    if (credentials.kind === 'failed') {
      return signal.aborted ? { kind: 'aborted' } : { kind: 'broken', detail: credentials.detail };
    }
    const body = new URLSearchParams(form).toString();
    const headers = {
      ...options.requestHeaders?.(),
      ...credentials.headers,
      accept: 'application/json',
      'accept-encoding': 'identity',
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': `${Buffer.byteLength(body)}`,
    };
    const url = endpoint(base, path);
    const request = { url, body, options: { method: 'POST', agent, headers }, secure };
    const first = await exchange(request, options.responseBytesMax, signal);
    // The server may close an idle connection just as we use it; nothing was read then, so ask again.
    const last =
      first.kind === 'broken' && first.idleReset && !signal.aborted
        ? await exchange(request, options.responseBytesMax, signal)
        : first;
    if (last.kind === 'broken' || last.kind === 'aborted') dropIdle(agent);
    if (last.kind === 'broken') return { kind: 'broken', detail: last.detail };
    return shown(last, credentials.secrets);
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

/** Of an answer with samples nothing is shown; any other is, and may repeat the request. */
function shown(last: Exclude<Exchange, { kind: 'broken' }>, secrets: readonly string[]): Exchange {
  if (last.kind !== 'answered') return last;
  if (last.status === 200 && last.body.startsWith('{"status":"success"')) return last;
  return { ...last, body: withoutSecrets(last.body, secrets) };
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

function poolOf(options: ConnectionOptions): http.AgentOptions {
  return { keepAlive: true, maxSockets: options.socketsMax, maxFreeSockets: options.socketsMax };
}

function tlsOf(options: ConnectionOptions): https.AgentOptions {
  const { caFile, certFile, keyFile, serverName = null } = options;
  return {
    ...(serverName === null ? {} : { servername: serverName }),
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
