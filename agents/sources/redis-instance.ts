/**
 * One watched instance: reads it when asked, at most one reading at a time, and answers by the
 * deadline whatever the instance does. After a failure it stays away for a growing, jittered
 * while, and a reading that is overdue is not waited for twice: the next caller hears at once that
 * the instance is down. It keeps no old values.
 */

import { createRedisConnection } from './redis-connection.ts';
import type { RedisConnection } from './redis-connection.ts';
import { formatAddress, RedisSourceError } from './redis-endpoint.ts';
import type { RedisEndpoint, RedisFailure } from './redis-endpoint.ts';

/** Everything that bounds how an instance is treated. */
export interface RedisLimits {
  /** From asking until the connection of an instance that does not answer is dropped, in ms. */
  readonly hangTimeoutMs: number;
  /** First and longest wait after failures, in ms; it doubles in between, with a jitter of ±50 %. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
}

export type Outcome<T> =
  | { readonly kind: 'read'; readonly value: T; readonly connectSeconds: number | null }
  | { readonly kind: 'failed'; readonly failure: RedisFailure; readonly detail: string };

export interface InstanceReading<T> {
  readonly address: string;
  readonly outcome: Outcome<T>;
}

export interface RedisInstance<T> {
  readonly address: string;
  /** Never rejects. `deadlineMs` is on the clock of performance.now(). */
  read(deadlineMs: number): Promise<Outcome<T>>;
  close(): void;
}

/** Asks over an open connection. */
export type Questions<T> = (connection: RedisConnection) => Promise<T>;

export function createRedisInstance<T>(
  endpoint: RedisEndpoint,
  questions: Questions<T>,
  limits: RedisLimits,
): RedisInstance<T> {
  const address = formatAddress(endpoint.address);
  const connection = createRedisConnection(endpoint, limits.hangTimeoutMs);
  let outstanding: Promise<Outcome<T>> | null = null;
  let overdue = false;
  let failures = 0;
  let retryAtMs = 0;
  let lastFailure: Outcome<T> | null = null;
  let closed = false;
  let cutOff = false;

  const perform = async (): Promise<Outcome<T>> => {
    try {
      await connection.open();
      const value = await questions(connection);
      failures = 0;
      return { kind: 'read', value, connectSeconds: connection.connectSeconds };
    } catch (error) {
      connection.close();
      const outcome = cutOff ? timedOut<T>(address) : failedBy<T>(error, address);
      lastFailure = outcome;
      retryAtMs = performance.now() + backoffMs(failures, limits);
      failures += 1;
      return outcome;
    }
  };
  const begin = (): Promise<Outcome<T>> => {
    overdue = false;
    cutOff = false;
    // What hangs is cut off; the questions then reject and free the slot.
    const hang = setTimeout(() => {
      cutOff = true;
      connection.close();
    }, limits.hangTimeoutMs);
    const reading = perform().finally(() => {
      clearTimeout(hang);
      outstanding = null;
    });
    outstanding = reading;
    return reading;
  };

  return {
    address,
    async read(deadlineMs) {
      const late = timedOut<T>(address);
      if (closed || (outstanding !== null && overdue)) return late;
      if (outstanding === null && lastFailure !== null && performance.now() < retryAtMs) {
        return lastFailure;
      }
      const reading = outstanding ?? begin();
      const outcome = await byDeadline(reading, deadlineMs);
      if (outcome !== null) return outcome;
      overdue = true;
      return late;
    },
    close() {
      closed = true;
      connection.close();
    },
  };
}

/** Wait before the attempt that follows `failures` earlier failures. */
export function backoffMs(
  failures: number,
  limits: RedisLimits,
  random: () => number = Math.random,
): number {
  const grown = Math.min(limits.backoffMaxMs, limits.backoffMinMs * 2 ** Math.min(failures, 30));
  return grown * (0.5 + random());
}

async function byDeadline<T>(reading: Promise<T>, deadlineMs: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadlineMs - performance.now()), null);
  });
  try {
    return await Promise.race([reading, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function timedOut<T>(address: string): Outcome<T> {
  return { kind: 'failed', failure: 'timeout', detail: `${address}: no answer in time` };
}

function failedBy<T>(error: unknown, address: string): Outcome<T> {
  if (error instanceof RedisSourceError) {
    return { kind: 'failed', failure: error.failure, detail: error.message };
  }
  const detail = error instanceof Error ? error.message : String(error);
  return { kind: 'failed', failure: 'malformed', detail: `${address}: ${detail}` };
}
