/** Polls a URL until it answers 200, with a bound. It says at the end what the last answer was. */

import { setTimeout as delay } from 'node:timers/promises';

export interface ReadinessWait {
  readonly name: string;
  readonly url: string;
  readonly withinMs: number;
}

/** @throws Error when the bound is reached; rejects with the signal's reason when that aborts. */
export async function waitUntilReady(wait: ReadinessWait, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + wait.withinMs;
  let last = 'no answer';
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    try {
      const response = await fetch(wait.url, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(2000)]),
      });
      const text = await response.text();
      if (response.status === 200) return;
      last = `HTTP ${response.status} ${text.slice(0, 300)}`;
    } catch (error) {
      signal.throwIfAborted();
      last = describe(error);
    }
    await delay(100, undefined, { signal });
  }
  const seconds = (wait.withinMs / 1000).toFixed(0);
  throw new Error(`${wait.name} is not ready after ${seconds} s: ${wait.url}: ${last}`);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
