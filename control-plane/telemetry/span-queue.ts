/**
 * Finished spans on their way to a collector: a bounded queue, one batch in flight, and a count of
 * what was given up. Never blocks the code that made the span, never retries a batch beyond what
 * the exporter does within its own timeout, and says nothing in the log: a collector that is away
 * is a number on a dashboard.
 */

import type { NodeSDKConfiguration } from '@opentelemetry/sdk-node';
import { TraceFlags } from '@opentelemetry/api';

type SpanProcessor = NonNullable<NodeSDKConfiguration['spanProcessors']>[number];
type FinishedSpan = Parameters<SpanProcessor['onEnd']>[0];

/** What this queue needs of an exporter; OTLPTraceExporter is one. */
export interface SpanSink {
  /** Calls back once, with 0 for success. */
  export(spans: FinishedSpan[], done: (result: { readonly code: number }) => void): void;
}

export interface SpanQueueOptions {
  /** Null keeps nothing: spans have ids and go nowhere. */
  readonly exporter: SpanSink | null;
  /** Spans that wait at most; more are dropped. */
  readonly queueMax: number;
  /** Spans per request at most. */
  readonly batchMax: number;
  /** From the first waiting span to its request, in ms. */
  readonly delayMs: number;
  /** The same after `hurry`, in ms. */
  readonly hurryDelayMs: number;
  /** A batch unanswered for so long is given up, in ms. */
  readonly exportTimeoutMs: number;
  readonly onDropped: (spans: number) => void;
}

/** ExportResultCode.SUCCESS. */
const EXPORT_SUCCESS = 0;

export class SpanQueue implements SpanProcessor {
  readonly #options: SpanQueueOptions;
  readonly #waiting: FinishedSpan[] = [];
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<void> | null = null;
  #inFlight = 0;
  #closed = false;
  #urgent = false;

  constructor(options: SpanQueueOptions) {
    this.#options = options;
  }

  onStart(): void {
    // Only what has ended is sent.
  }

  onEnd(span: FinishedSpan): void {
    if (this.#options.exporter === null) return;
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    if (this.#closed || this.#waiting.length >= this.#options.queueMax) {
      this.#options.onDropped(1);
      return;
    }
    this.#waiting.push(span);
    this.#schedule();
  }

  /**
   * Sends what waits soon and returns at once: for spans that would be missed should this process be
   * killed. Spans that end right after it go with the same request.
   */
  hurry(): void {
    if (this.#urgent || this.#waiting.length === 0) return;
    this.#urgent = true;
    this.#disarm();
    this.#schedule();
  }

  /** Resolves when what waits now has been sent or given up. */
  async forceFlush(): Promise<void> {
    while (this.#waiting.length > 0 || this.#sending !== null) {
      await (this.#sending ?? this.#send());
    }
  }

  /** Gives up what still waits and accepts nothing more; call forceFlush before, under a deadline. */
  shutdown(): Promise<void> {
    this.#closed = true;
    this.#disarm();
    const left = this.#waiting.splice(0).length + this.#inFlight;
    if (left > 0) this.#options.onDropped(left);
    return Promise.resolve();
  }

  #schedule(): void {
    if (this.#sending !== null || this.#closed || this.#waiting.length === 0) return;
    const { batchMax, delayMs, hurryDelayMs } = this.#options;
    if (this.#waiting.length >= batchMax) void this.#send();
    else if (this.#timer === null) {
      const waitMs = this.#urgent ? Math.min(hurryDelayMs, delayMs) : delayMs;
      this.#timer = setTimeout(() => void this.#send(), waitMs).unref();
    }
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #send(): Promise<void> {
    this.#disarm();
    const { exporter, batchMax, exportTimeoutMs, onDropped } = this.#options;
    const batch = this.#waiting.splice(0, batchMax);
    this.#urgent = this.#urgent && this.#waiting.length > 0;
    if (exporter === null || batch.length === 0) return Promise.resolve();
    this.#inFlight = batch.length;
    this.#sending = exported(exporter, batch, exportTimeoutMs).then((ok) => {
      // After shutdown the batch has been counted as given up, whatever becomes of it.
      if (!ok && !this.#closed) onDropped(batch.length);
      this.#inFlight = 0;
      this.#sending = null;
      this.#schedule();
    });
    return this.#sending;
  }
}

/** Whether the collector took the batch in time; never rejects. */
function exported(exporter: SpanSink, batch: FinishedSpan[], timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), timeoutMs).unref();
    const settle = (ok: boolean) => {
      clearTimeout(timer);
      resolve(ok);
    };
    try {
      exporter.export(batch, ({ code }) => settle(code === EXPORT_SUCCESS));
    } catch {
      settle(false);
    }
  });
}
