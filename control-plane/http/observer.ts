/**
 * What the edge tells of itself: one interface for metrics, one for logs. Labels are bounded here:
 * a method that HTTP does not know is `_OTHER`, a path without route is `unmatched`.
 */

import type { ForwardOutcome } from '../model/leadership.ts';
import type { AuthFailure } from './auth.ts';

export interface FinishedRequest {
  readonly method: string;
  /** Path template of the route, or `unmatched`. */
  readonly route: string;
  /** 499 when the client left before the answer. */
  readonly status: number;
  readonly durationMs: number;
  /** 32 hexadecimal digits. */
  readonly traceId: string;
}

/** Called on the request's own async context: its span is the active one. */
export interface RequestObserver {
  requestStarted(): void;
  requestFinished(request: FinishedRequest): void;
  authFailed(cause: AuthFailure): void;
  requestForwarded(outcome: ForwardOutcome): void;
}

export interface HttpLogger {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

export const UNMATCHED = 'unmatched';

export function boundedMethod(method: string | undefined): string {
  return METHODS.find((known) => known === method) ?? '_OTHER';
}
