/**
 * Reads a request's body, as bytes or as strict JSON, with a size limit that holds before the bytes
 * are in memory. It reads by hand rather than with express.json, which takes in 20 MB before it refuses
 * them, lets bad UTF-8 through as replacement characters and does not see duplicate names.
 */

import type { IncomingMessage } from 'node:http';

import { unreachable } from '../model/reasons.ts';
import { HttpRefusal } from './errors.ts';
import type { HttpLimits } from './limits.ts';
import { countOf } from './problem.ts';
import { readStrictJson } from './strict-json.ts';

export interface Body {
  readonly value: unknown;
  readonly bytes: Uint8Array;
}

/** The body of one request; it arrives once, and may be asked for again. */
export interface BodyReader {
  /**
   * As it came, whatever it is; empty when there is none.
   * @throws HttpRefusal 413, and malformed_request when it is cut off
   */
  readonly bytes: () => Promise<Uint8Array>;
  /** @throws HttpRefusal body_missing, 413, 415, and the three ways in which a text is not JSON. */
  readonly json: () => Promise<Body>;
}

export function createBodyReader(request: IncomingMessage, limits: HttpLimits): BodyReader {
  let arriving: Promise<Uint8Array> | null = null;
  const bytes = (): Promise<Uint8Array> => (arriving ??= receive(request, limits));
  return {
    bytes,
    json: async () => {
      if (declaredLength(request) === 0) throw bodyMissing();
      requireJson(request);
      return parseBody(await bytes(), limits);
    },
  };
}

async function receive(request: IncomingMessage, limits: HttpLimits): Promise<Uint8Array> {
  const length = declaredLength(request);
  if (length === 0) return new Uint8Array();
  if (length !== null && length > limits.bodyBytesMax) throw tooLarge(limits);
  return await collect(request, limits);
}

function bodyMissing(): HttpRefusal {
  return new HttpRefusal('body_missing', 'The request has no body.');
}

function parseBody(bytes: Uint8Array, limits: HttpLimits): Body {
  if (bytes.length === 0) throw bodyMissing();
  const reading = readStrictJson(decodeUtf8(bytes), {
    depthMax: limits.bodyDepthMax,
    valuesMax: limits.bodyValuesMax,
  });
  switch (reading.kind) {
    case 'value':
      return { value: reading.value, bytes };
    case 'malformed':
      throw new HttpRefusal('malformed_json', reading.detail);
    case 'unsafe': {
      const faults = reading.faults.map((fault) => ({ in: 'body' as const, ...fault }));
      throw new HttpRefusal('unsafe_json', countOf(faults.length), { faults });
    }
    default:
      return unreachable(reading);
  }
}

/** True when the client declares more than will be read, so that "100 Continue" is not worth saying. */
export function declaresTooMuch(request: IncomingMessage, limits: HttpLimits): boolean {
  return (declaredLength(request) ?? 0) > limits.bodyBytesMax;
}

/**
 * Takes in what is left of a refused body, so that the client can read the answer (a cut connection
 * would take it away), and cuts the connection when it sends on beyond the bound. Time is bounded
 * by the server's request timeout.
 */
export function drain(request: IncomingMessage, limits: HttpLimits): void {
  if (request.complete || request.destroyed) return;
  let drained = 0;
  request.on('data', (chunk: Buffer) => {
    drained += chunk.length;
    if (drained > limits.drainBytesMax) request.socket.destroy();
  });
  request.on('error', () => undefined);
  request.resume();
}

/** Content-Length; null when the body is chunked; 0 when there is none. */
function declaredLength(request: IncomingMessage): number | null {
  if (request.headers['transfer-encoding'] !== undefined) return null;
  return Number(request.headers['content-length'] ?? 0);
}

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?$/iu;

function requireJson(request: IncomingMessage): void {
  const type = request.headers['content-type'] ?? '';
  if (!JSON_TYPE.test(type.trim())) {
    throw new HttpRefusal('unsupported_media_type', 'The Content-Type must be application/json.', {
      headers: { accept: 'application/json' },
    });
  }
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new HttpRefusal('unsupported_encoding', 'The body must not be compressed.', {
      headers: { 'accept-encoding': 'identity' },
    });
  }
}

function tooLarge(limits: HttpLimits): HttpRefusal {
  return new HttpRefusal('body_too_large', `The limit is ${limits.bodyBytesMax} bytes.`);
}

/** Listens instead of iterating: leaving an iterator early would destroy the request under the answer. */
function collect(request: IncomingMessage, limits: HttpLimits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (outcome: () => void): void => {
      request.off('data', onData).off('end', onEnd).off('close', onCut);
      outcome();
    };
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > limits.bodyBytesMax) settle(() => reject(tooLarge(limits)));
    };
    const onEnd = (): void => settle(() => resolve(Buffer.concat(chunks)));
    const onCut = (): void =>
      settle(() => reject(new HttpRefusal('malformed_request', 'The body was cut off.')));
    request.on('data', onData).once('end', onEnd).once('close', onCut);
    request.once('error', () => undefined);
  });
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new HttpRefusal('body_not_utf8', 'The body is not valid UTF-8.', { cause });
  }
}
