/**
 * The body of an answer: read up to a bound, unpacked where something on the way compressed it although
 * it was not asked to, and text in UTF-8 or nothing. What it says is not judged here.
 */

import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

export type Body =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly contentType: string;
      readonly body: string;
      /** The server's clock as it answered, UNIX time in ms; absent when it did not say. */
      readonly dateMs?: number;
    }
  /** Larger than the bound; reading stopped there. */
  | { readonly kind: 'oversized'; readonly detail: string }
  /** What came back is not HTTP, not text, or compressed in a way that is not known. */
  | { readonly kind: 'garbled'; readonly detail: string };

/** Calls one of the two, once; `fail` when the connection breaks within the answer. */
export function readBody(
  response: IncomingMessage,
  bytesMax: number,
  settle: (body: Body) => void,
  fail: (error: unknown) => void,
): void {
  const give = (body: Body): void => {
    response.destroy();
    settle(body);
  };
  response.on('error', fail);
  const announced = Number(response.headers['content-length'] ?? 0);
  if (announced > bytesMax) {
    give({ kind: 'oversized', detail: `${announced} bytes, over the limit of ${bytesMax}` });
    return;
  }
  const text = unpacked(response, give);
  if (text === null) return;
  const chunks: Buffer[] = [];
  let size = 0;
  text.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > bytesMax) {
      text.destroy();
      give({ kind: 'oversized', detail: `more than the limit of ${bytesMax} bytes` });
      return;
    }
    chunks.push(chunk);
  });
  text.on('end', () => {
    if (response.complete) settle(answerOf(response, Buffer.concat(chunks)));
    else fail(new Error('the connection closed within the answer'));
  });
}

/** Null when the encoding is not known. The bound counts what comes out: a small answer may be a large one. */
function unpacked(response: IncomingMessage, give: (body: Body) => void): Readable | null {
  const encoding = (response.headers['content-encoding'] ?? 'identity').toLowerCase();
  if (encoding === 'identity') return response;
  if (encoding !== 'gzip' && encoding !== 'x-gzip') {
    const detail = `compressed with ${encoding.slice(0, 40)} although not asked to`;
    give({ kind: 'garbled', detail });
    return null;
  }
  const gunzip = createGunzip();
  gunzip.on('error', ({ message }) => {
    give({ kind: 'garbled', detail: `gzip that cannot be unpacked: ${message}` });
  });
  return response.pipe(gunzip);
}

function answerOf(response: IncomingMessage, bytes: Buffer): Body {
  const status = response.statusCode ?? 0;
  const contentType = response.headers['content-type'] ?? '';
  try {
    const body = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    const dateMs = Date.parse(response.headers.date ?? '');
    return {
      ...{ kind: 'answered', status, contentType, body },
      ...(Number.isFinite(dateMs) && { dateMs }),
    };
  } catch {
    const detail = `status ${status} and ${bytes.length} bytes that are not UTF-8`;
    return { kind: 'garbled', detail };
  }
}
