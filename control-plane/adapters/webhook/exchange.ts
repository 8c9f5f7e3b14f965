/**
 * The connections to receivers: kept alive, few for each, to no address that a receiver may not have,
 * and checked against the authorities that are configured. How one request and its answer go is
 * replicas/http-exchange.ts; what is asked is the sender's.
 */

import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { addressFault } from '../../schemas/receiver-url.ts';
import { exchange } from '../replicas/http-exchange.ts';
import { guardedLookup } from './guarded-lookup.ts';

export interface OutgoingRequest {
  readonly method: 'GET' | 'PUT';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Until the answer must be there, whole, in ms. */
  readonly timeoutMs: number;
}

export interface Answer {
  readonly status: number;
  readonly location: string | null;
  readonly retryAfter: string | null;
  readonly body: string;
}

export interface ExchangeOptions {
  /** PEM; null: the system's authorities. */
  readonly caFile: string | null;
  readonly answerBytesMax: number;
  readonly socketsMax: number;
}

export interface Exchanger {
  /** Rejects with an Error whose message shows no header, no body and no query, when nothing whole came back. */
  exchange(request: OutgoingRequest, signal: AbortSignal): Promise<Answer>;
  close(): void;
}

/** An idle connection is closed after that long, in ms. */
const IDLE_MS = 60_000;

/** @throws Error when the CA file cannot be read: a mistake of configuration */
export function createExchanger(options: ExchangeOptions): Exchanger {
  const { caFile, socketsMax, answerBytesMax: bytesMax } = options;
  const pool = { keepAlive: true, maxSockets: socketsMax, timeout: IDLE_MS, lookup: guardedLookup };
  const plain = new http.Agent(pool);
  const secure = new https.Agent({
    ...pool,
    ...(caFile === null ? {} : { ca: readFileSync(caFile) }),
  });
  return {
    async exchange(request, signal) {
      // Of an address, unlike of a name, no lookup is made.
      const fault = addressFault(request.url.hostname);
      if (fault !== null) throw new Error(fault);
      const agent = request.url.protocol === 'https:' ? secure : plain;
      const { status, headers, text } = await exchange({ ...request, agent, signal, bytesMax });
      const { location = null, 'retry-after': retryAfter = null } = headers;
      return { status, location, retryAfter, body: text };
    },
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}
