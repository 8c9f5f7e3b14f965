/**
 * What was started and must be stopped: layers, newest first, and within a layer all parts at once,
 * because they do not need each other. A part that fails to stop, or takes too long, is reported and
 * the others still stop.
 */

import { DeadlineError, within } from '../loops/deadline.ts';

interface Part {
  readonly name: string;
  readonly stop: () => Promise<void> | void;
  readonly timeoutMs: number | null;
}

/** For one part, in ms; each bounds itself by less, and this is for the one that does not. */
const STOP_TIMEOUT_MS = 5_000;

export class StopStack {
  readonly #onError: (name: string, error: unknown) => void;
  readonly #layers: Part[][] = [[]];
  #unwinding: Promise<void> | null = null;

  constructor(onError: (name: string, error: unknown) => void) {
    this.#onError = onError;
  }

  /** What is pushed from here on is stopped before everything that was pushed until now. */
  layer(): void {
    this.#layers.push([]);
  }

  /** @param timeoutMs null for a part whose own bound is an operator's setting */
  push(
    name: string,
    stop: () => Promise<void> | void,
    timeoutMs: number | null = STOP_TIMEOUT_MS,
  ): void {
    this.#layers.at(-1)?.push({ name, stop, timeoutMs });
  }

  /** Stops all. Calling it again waits for the same stop; nothing is stopped twice. */
  unwind(): Promise<void> {
    this.#unwinding ??= this.#unwind();
    return this.#unwinding;
  }

  async #unwind(): Promise<void> {
    for (const layer of this.#layers.toReversed()) {
      await Promise.all(layer.map((part) => this.#stop(part)));
    }
  }

  async #stop({ name, stop, timeoutMs }: Part): Promise<void> {
    const never = new AbortController().signal;
    const stopped = async () => stop();
    try {
      await (timeoutMs === null ? stopped() : within(timeoutMs, never, stopped));
    } catch (error) {
      const late = error instanceof DeadlineError;
      this.#onError(name, late ? new Error('it did not stop in time', { cause: error }) : error);
    }
  }
}
