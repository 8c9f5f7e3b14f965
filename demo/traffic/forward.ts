/**
 * One forwarded request: body buffered (so that it can be sent again), one answer streamed back. The
 * request goes to a second replica only when the first cannot have begun with it: the connection was
 * refused, or a kept connection turned out to be closed.
 */

import { request as httpRequest } from 'node:http';
import type { Agent, IncomingMessage, ServerResponse } from 'node:http';

export interface ForwardedRequest {
  readonly method: string;
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
}

export type ForwardOutcome =
  | { readonly kind: 'answered'; readonly status: number }
  /** No byte of the request was handled: another replica may take it. */
  | { readonly kind: 'not_begun'; readonly detail: string }
  | { readonly kind: 'failed'; readonly status: 502 | 504; readonly detail: string };

/** Never rejects. When the outcome is `answered`, the response has been written. */
export function forward(
  address: string,
  incoming: ForwardedRequest,
  response: ServerResponse,
  options: { readonly agent: Agent; readonly timeoutMs: number },
): Promise<ForwardOutcome> {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const upstream = httpRequest({
      host,
      port,
      agent: options.agent,
      method: incoming.method,
      path: incoming.path,
      headers: { 'content-type': incoming.contentType, 'content-length': incoming.body.length },
      signal: AbortSignal.timeout(options.timeoutMs),
    });
    const leave = (): void => {
      upstream.destroy(new Error('the client has gone'));
    };
    response.once('close', leave);
    upstream.once('response', (answer) => {
      relay(address, answer, response);
      response.once('close', () => resolve({ kind: 'answered', status: answer.statusCode ?? 0 }));
    });
    upstream.once('error', (error) => {
      response.off('close', leave);
      resolve(failureOf(error, upstream.reusedSocket, response.headersSent));
    });
    upstream.end(incoming.body);
  });
}

function relay(address: string, answer: IncomingMessage, response: ServerResponse): void {
  response.statusCode = answer.statusCode ?? 502;
  for (const name of ['content-type', 'retry-after']) {
    const value = answer.headers[name];
    if (value !== undefined) response.setHeader(name, value);
  }
  response.setHeader('x-replica', address);
  answer.once('error', () => response.destroy());
  answer.pipe(response);
}

function failureOf(error: Error, reusedSocket: boolean, begun: boolean): ForwardOutcome {
  const code = 'code' in error ? error.code : '';
  if (begun) return { kind: 'answered', status: 502 };
  if (code === 'ECONNREFUSED') return { kind: 'not_begun', detail: error.message };
  if (reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE')) {
    return { kind: 'not_begun', detail: error.message };
  }
  const timedOut = error.name === 'TimeoutError' || error.name === 'AbortError';
  return { kind: 'failed', status: timedOut ? 504 : 502, detail: error.message };
}
