/**
 * Sends one request to the leader's API and says how that ended. It tells apart what was never sent,
 * what was refused unread, and what was sent without an answer, since only whoever knows the request
 * can say whether it may be sent again. It retries nothing and knows no route.
 */

import {
  Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

import { inSpan, traceHeaders } from '../telemetry/span.ts';
import { HttpRefusal } from './errors.ts';
import { FORWARDING_HEADER, requestHeaders } from './forward-headers.ts';
import type { LeaderPlace } from './leader.ts';
import type { HttpLimits } from './limits.ts';
import type { RequestObserver } from './observer.ts';

export interface ForwardedRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** Null when the route reads none. */
  readonly body: Uint8Array | null;
}

export interface ForwardedAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Uint8Array;
}

export type ForwardOutcome =
  | { readonly kind: 'answered'; readonly answer: ForwardedAnswer }
  /** It does not lead, and did nothing. */
  | { readonly kind: 'refused'; readonly detail: string }
  /** Nothing was sent. */
  | { readonly kind: 'not_reached'; readonly detail: string }
  /** It was sent, and what came of it is not known. */
  | {
      readonly kind: 'broken';
      readonly detail: string;
      /** A kept connection was closed by the other side: it may be well. */
      readonly wasReused: boolean;
    };

export interface Forwarder {
  /** @throws HttpRefusal `overloaded`; everything else is an outcome. */
  send(
    leader: LeaderPlace,
    request: ForwardedRequest,
    signal: AbortSignal,
  ): Promise<ForwardOutcome>;
  /** Closes the connections that are kept. */
  stop(): void;
}

export interface ForwarderOptions {
  readonly memberId: () => string;
  readonly limits: HttpLimits;
  /** PEM of the authorities that sign the members' certificates; null for those of the system. */
  readonly ca: string | null;
  readonly observe: Pick<RequestObserver, 'requestForwarded'>;
}

/** Connections to leaders that are kept while nothing moves on them. */
const FREE_SOCKETS_MAX = 64;

export function createForwarder(options: ForwarderOptions): Forwarder {
  const { limits, ca } = options;
  const kept = {
    keepAlive: true,
    maxFreeSockets: FREE_SOCKETS_MAX,
    // Shorter than the server keeps them, so that it is not the one that closes.
    timeout: limits.keepAliveTimeoutMs / 2,
  };
  const agents = {
    http: new HttpAgent(kept),
    https: new HttpsAgent({ ...kept, ...(ca !== null && { ca }) }),
  };
  let inFlight = 0;
  return {
    send: async (leader, request, signal) => {
      if (inFlight >= limits.forwardsInFlightMax) {
        throw new HttpRefusal('overloaded', 'Too many requests wait for the leader.');
      }
      inFlight += 1;
      try {
        const outcome = await sendTraced(leader, request, { ...options, agents, signal });
        options.observe.requestForwarded(outcome.kind);
        return outcome;
      } finally {
        inFlight -= 1;
      }
    },
    stop: () => {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

interface Sending extends ForwarderOptions {
  readonly agents: { readonly http: HttpAgent; readonly https: HttpsAgent };
  readonly signal: AbortSignal;
}

function sendTraced(
  leader: LeaderPlace,
  request: ForwardedRequest,
  sending: Sending,
): Promise<ForwardOutcome> {
  const url = new URL(leader.url);
  const attributes = {
    'http.request.method': request.method,
    'server.address': url.hostname,
    'server.port': Number(url.port === '' ? (isSecure(url) ? 443 : 80) : url.port),
    'omnimind.leader': leader.memberId,
  };
  return inSpan(
    'forward to the leader',
    attributes,
    async (span) => {
      const outcome = await exchange(url, request, sending);
      span.setAttributes({ 'omnimind.forward.outcome': outcome.kind });
      if (outcome.kind === 'answered') {
        span.setAttributes({ 'http.response.status_code': outcome.answer.status });
      } else {
        span.fail(new Error(outcome.detail));
      }
      return outcome;
    },
    { kind: 'client' },
  );
}

function isSecure(url: URL): boolean {
  return url.protocol === 'https:';
}

function exchange(url: URL, request: ForwardedRequest, sending: Sending): Promise<ForwardOutcome> {
  const { limits, agents, signal } = sending;
  if (signal.aborted) return Promise.resolve({ kind: 'not_reached', detail: 'out of time' });
  const headers = {
    ...requestHeaders(request.headers, request.body, sending.memberId()),
    // Empty without tracing: then the client's own trace context goes on as it came.
    ...traceHeaders(),
  };
  const common = { method: request.method, path: request.target, headers, signal };
  const outgoing = isSecure(url)
    ? httpsRequest(url, { ...common, agent: agents.https })
    : httpRequest(url, { ...common, agent: agents.http });
  return new Promise((resolve) => {
    let isConnected = false;
    const connecting = setTimeout(() => {
      outgoing.destroy(new Error(`no connection within ${limits.leaderConnectTimeoutMs} ms`));
    }, limits.leaderConnectTimeoutMs);
    const connected = (): void => {
      isConnected = true;
      clearTimeout(connecting);
    };
    const settle = (outcome: ForwardOutcome): void => {
      clearTimeout(connecting);
      resolve(outcome);
    };
    const failed = (cause: Error): void => {
      const detail = cause.message;
      if (!isConnected) settle({ kind: 'not_reached', detail });
      else settle({ kind: 'broken', detail, wasReused: outgoing.reusedSocket && !signal.aborted });
    };
    outgoing.once('socket', (socket) => {
      // Nothing leaves this process before the connection stands (with TLS: before its handshake).
      if (outgoing.reusedSocket || !socket.connecting) connected();
      else socket.once(isSecure(url) ? 'secureConnect' : 'connect', connected);
    });
    outgoing.on('error', failed);
    outgoing.once('response', (response) => {
      connected();
      collect(response, limits.forwardedAnswerBytesMax).then(
        (bytes) => settle(outcomeOf(response, bytes)),
        (cause: unknown) => {
          outgoing.destroy();
          failed(cause instanceof Error ? cause : new Error(String(cause)));
        },
      );
    });
    outgoing.end(request.body ?? undefined);
  });
}

function outcomeOf(response: IncomingMessage, bytes: Uint8Array): ForwardOutcome {
  const said = response.headers[FORWARDING_HEADER];
  if (said === 'refused') return { kind: 'refused', detail: 'it does not lead' };
  if (said === 'unknown') {
    return { kind: 'broken', detail: 'it lost its leadership meanwhile', wasReused: false };
  }
  const { statusCode: status = 0, headers } = response;
  return { kind: 'answered', answer: { status, headers, bytes } };
}

async function collect(response: IncomingMessage, bytesMax: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) throw new Error('an answer that is not bytes');
    size += chunk.length;
    if (size > bytesMax) throw new Error(`the answer is larger than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
