/**
 * A server on a free port of loopback that hands each request, read whole, to one function. What
 * stands behind it decides; this refuses only what no body may be: more than its bound.
 */

import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { listenLocally } from './process.ts';

export interface ReceivedRequest {
  readonly method: string;
  /** Without query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** UNIX ms at which the body had arrived. */
  readonly atMs: number;
}

export interface ReceiverAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpReceiver {
  readonly url: string;
  stop(): Promise<void>;
}

/** Beyond it nothing more is read, and the answer is what `receive` makes of what there is. */
const BODY_BYTES_MAX = 4 * 1024 * 1024;

export async function startHttpReceiver(
  receive: (request: ReceivedRequest) => ReceiverAnswer,
): Promise<HttpReceiver> {
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const {
        status,
        contentType,
        body: text,
        headers,
      } = receive({
        method: request.method ?? '',
        path: new URL(request.url ?? '/', 'http://receiver').pathname,
        headers: request.headers,
        body,
        atMs: Date.now(),
      });
      response.writeHead(status, { 'content-type': contentType, ...headers }).end(text);
    });
  });
  const port = await listenLocally(server);
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** The media type of a request, without its parameters. */
export function mediaTypeOf({ headers }: ReceivedRequest): string {
  return (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk)) continue;
      size += chunk.length;
      chunks.push(chunk);
      if (size > BODY_BYTES_MAX) break;
    }
  } catch {
    // Cut off: what came is what there is.
  }
  return Buffer.concat(chunks);
}
