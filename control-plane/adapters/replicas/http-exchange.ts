/**
 * One request over HTTP(S) and its answer, for targets that speak to an orchestrator's API: with a
 * deadline, the caller's signal and a bound on what is read. It follows no redirect, repeats nothing,
 * reads no environment variable, and judges no status.
 */

import { request as requestHttp } from 'node:http';
import type { Agent, IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface HttpCall {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH';
  readonly url: URL;
  readonly headers: OutgoingHttpHeaders;
  /** Sent as it is; null: none. */
  readonly body: string | null;
  /** Of http or https, as the URL is; it bounds how many calls run at once. */
  readonly agent: Agent;
  readonly signal: AbortSignal;
  /** From the call, waiting for a connection included, to the answer's last byte, in ms. */
  readonly timeoutMs: number;
  readonly bytesMax: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Rejects with an Error whose message names the call, when there is no whole answer. */
export async function exchange(call: HttpCall): Promise<HttpAnswer> {
  const deadline = AbortSignal.timeout(call.timeoutMs);
  const signal = AbortSignal.any([call.signal, deadline]);
  try {
    const response = await open(call, signal);
    return {
      status: response.statusCode ?? 0,
      headers: response.headers,
      text: await readText(response, call.bytesMax),
    };
  } catch (cause) {
    throw new Error(`${nameOf(call)}: ${whyOf(call, deadline, cause)}`, { cause });
  }
}

export interface HttpStream {
  readonly status: number;
  /** In pieces as they come; ends with the answer, rejects when it breaks off or falls silent. */
  readonly chunks: AsyncIterable<string>;
  /** Of an answer that is not a stream after all. */
  text(): Promise<string>;
}

/**
 * An answer that is read while it comes. `timeoutMs` is the deadline of its beginning, and then of
 * each silence in it.
 */
export async function openStream(call: HttpCall, silenceMs: number): Promise<HttpStream> {
  const deadline = AbortSignal.timeout(call.timeoutMs);
  const begun = new AbortController();
  const waiting = AbortSignal.any([deadline, begun.signal]);
  const over = new AbortController();
  const onLate = (): void => {
    if (!begun.signal.aborted) over.abort(deadline.reason);
  };
  waiting.addEventListener('abort', onLate, { once: true });
  try {
    const response = await open(call, AbortSignal.any([call.signal, over.signal]));
    begun.abort();
    response.setTimeout(silenceMs, () => {
      response.destroy(new Error(`${nameOf(call)}: silent for ${silenceMs} ms`));
    });
    response.setEncoding('utf8');
    return {
      status: response.statusCode ?? 0,
      chunks: response,
      text: () => readText(response, call.bytesMax),
    };
  } catch (cause) {
    throw new Error(`${nameOf(call)}: ${whyOf(call, deadline, cause)}`, { cause });
  } finally {
    waiting.removeEventListener('abort', onLate);
  }
}

/** The signal ends the request, and the answer for as long as that lasts. */
function open(call: HttpCall, signal: AbortSignal): Promise<IncomingMessage> {
  const { method, url, agent, body } = call;
  const headers = {
    accept: 'application/json',
    ...call.headers,
    ...(body !== null && { 'content-length': Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const outgoing = request(url, { method, headers, agent, signal }, resolve);
    outgoing.once('error', reject);
    outgoing.end(body ?? undefined);
  });
}

async function readText(response: IncomingMessage, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const piece = Buffer.from(chunk as string | Buffer);
    bytes += piece.length;
    if (bytes > bytesMax) {
      response.destroy();
      throw new Error(`the answer has more than ${bytesMax} bytes`);
    }
    chunks.push(piece);
  }
  if (!response.complete) throw new Error('the answer broke off');
  return Buffer.concat(chunks).toString('utf8');
}

function nameOf({ method, url }: HttpCall): string {
  return `${method} ${url.origin}${url.pathname}`;
}

function whyOf(call: HttpCall, deadline: AbortSignal, cause: unknown): string {
  if (call.signal.aborted) return 'aborted';
  if (deadline.aborted) return `no answer within ${call.timeoutMs} ms`;
  if (!(cause instanceof Error)) return String(cause);
  // Of several addresses that were tried, Node gives the failures and no message.
  if (cause instanceof AggregateError) return cause.errors.map(String).join('; ');
  return cause.message;
}
