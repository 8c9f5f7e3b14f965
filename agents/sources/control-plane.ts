/**
 * Requests to the control plane over node:http(s): one at a time, with a deadline, small answers
 * only. It knows several members and turns to the next when one does not answer or sends it away;
 * a redirect is followed to a configured member alone, so that no key travels to a stranger.
 */

import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';

/** Why a request gave nothing. A closed set: it is a label. */
export const CONTROL_PLANE_FAILURES = [
  /** No connection, or it broke. */
  'unreachable',
  'timeout',
  /** 401 or 403. */
  'unauthorized',
  /** Any other 4xx: the plane will not take it however often it is sent. */
  'refused',
  /** 5xx, 429, or a redirect to nowhere known: later, or another member. */
  'unavailable',
  /** No HTTP, too long, or not the JSON that was agreed. */
  'malformed',
  /** The key or certificate file cannot be read. */
  'configuration',
] as const;
export type ControlPlaneFailure = (typeof CONTROL_PLANE_FAILURES)[number];

export class ControlPlaneError extends Error {
  override readonly name = 'ControlPlaneError';
  readonly failure: ControlPlaneFailure;

  constructor(failure: ControlPlaneFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

export interface ControlPlaneAnswer {
  readonly status: number;
  /** Undefined when there was no body. */
  readonly body: unknown;
}

export interface ControlPlaneOptions {
  /** Members, at least one; tried in turn, beginning with the one that answered last. */
  readonly urls: readonly URL[];
  /** For each member and request, in ms. */
  readonly deadlineMs: number;
  readonly keyFile: string | null;
  readonly caFile: string | null;
}

export interface ControlPlaneClient {
  /** 2xx and 404 are answers. @throws ControlPlaneError when no member gave one: the last one's. */
  post(path: string, body: unknown, signal: AbortSignal): Promise<ControlPlaneAnswer>;
}

const BODY_BYTES_MAX = 64 * 1024;
const KEY_BYTES_MAX = 4096;

export function createControlPlaneClient(options: ControlPlaneOptions): ControlPlaneClient {
  let preferred = 0;

  return {
    async post(path, body, signal) {
      const text = JSON.stringify(body);
      const count = options.urls.length;
      let failure = new ControlPlaneError('unreachable', 'no member is configured');
      for (let attempt = 0; attempt < count; attempt++) {
        signal.throwIfAborted();
        const member = options.urls[preferred % count];
        if (member === undefined) break;
        try {
          return interpret(await send(options, member, path, text, signal));
        } catch (error) {
          if (!(error instanceof ControlPlaneError)) throw error;
          failure = error;
          // What one member refuses on its merits, the next refuses as well.
          if (error.failure === 'refused' || error.failure === 'configuration') throw error;
          preferred = leaderOf(error, options.urls) ?? (preferred + 1) % count;
        }
      }
      throw failure;
    },
  };
}

interface RawAnswer {
  readonly status: number;
  readonly text: string;
  readonly location: string | undefined;
}

class RedirectError extends ControlPlaneError {
  readonly location: string;

  constructor(location: string) {
    super('unavailable', 'the member does not lead');
    this.location = location;
  }
}

function leaderOf(error: ControlPlaneError, urls: readonly URL[]): number | null {
  if (!(error instanceof RedirectError)) return null;
  const origin = URL.parse(error.location)?.origin;
  const index = urls.findIndex((url) => url.origin === origin);
  return index < 0 ? null : index;
}

function interpret(answer: RawAnswer): ControlPlaneAnswer {
  const { status } = answer;
  if (status >= 300 && status < 400) throw new RedirectError(answer.location ?? '');
  if (status === 401 || status === 403) {
    throw new ControlPlaneError('unauthorized', `the control plane answered ${status}`);
  }
  if (status >= 500 || status === 429) {
    throw new ControlPlaneError('unavailable', `the control plane answered ${status}`);
  }
  if (status >= 400 && status !== 404) {
    throw new ControlPlaneError(
      'refused',
      `the control plane answered ${status}: ${answer.text.slice(0, 200)}`,
    );
  }
  return {
    status,
    body: status === 404 || answer.text === '' ? undefined : parseJson(answer.text),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ControlPlaneError('malformed', 'the control plane did not answer JSON', { cause });
  }
}

async function send(
  options: ControlPlaneOptions,
  member: URL,
  path: string,
  text: string,
  signal: AbortSignal,
): Promise<RawAnswer> {
  const isSecure = member.protocol === 'https:';
  // TLS costs some 4 MB: it is loaded only by those who use it.
  const { request } = isSecure ? await import('node:https') : await import('node:http');
  const headers: Record<string, string | number> = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  };
  if (options.keyFile !== null) headers['Authorization'] = `Bearer ${readSmall(options.keyFile)}`;
  const ca =
    isSecure && options.caFile !== null ? readSmall(options.caFile, BODY_BYTES_MAX * 16) : null;
  const url = new URL(`${member.pathname.replace(/\/$/, '')}${path}`, member);
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(failureOf(error, member, signal));
    const deadline = AbortSignal.timeout(options.deadlineMs);
    const outgoing = request(
      url,
      {
        method: 'POST',
        headers,
        signal: AbortSignal.any([signal, deadline]),
        // One connection per request: heartbeats are seconds apart, and members come and go.
        agent: false,
        ...(ca === null ? {} : { ca }),
      },
      (response) => {
        readText(response).then((answer) => {
          resolve({
            status: response.statusCode ?? 0,
            text: answer,
            location: response.headers.location,
          });
        }, fail);
      },
    );
    outgoing.once('error', fail);
    outgoing.end(text);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > BODY_BYTES_MAX) throw new ControlPlaneError('malformed', 'the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Read each time, so that a renewed key or certificate is used without a restart. */
function readSmall(file: string, bytesMax = KEY_BYTES_MAX): string {
  try {
    const text = readFileSync(file, 'utf8').trim();
    if (text !== '' && text.length <= bytesMax) return text;
  } catch (cause) {
    throw new ControlPlaneError('configuration', `cannot read ${file}`, { cause });
  }
  throw new ControlPlaneError('configuration', `${file} is empty or too long`);
}

function failureOf(error: unknown, member: URL, signal: AbortSignal): Error {
  if (error instanceof ControlPlaneError) return error;
  if (signal.aborted) return new Error('stopping', { cause: error });
  const isTimeout =
    error instanceof Error && (error.name === 'TimeoutError' || error.name === 'AbortError');
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const failure = isTimeout ? 'timeout' : code.startsWith('HPE_') ? 'malformed' : 'unreachable';
  return new ControlPlaneError(failure, `${member.origin} gave no answer`, { cause: error });
}
