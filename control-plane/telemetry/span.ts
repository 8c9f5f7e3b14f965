/**
 * Spans around work: what failed is on the span, what it returned is passed on untouched. Knows
 * the OpenTelemetry API alone; whether a span is sent anywhere is tracing.ts's affair.
 */

import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import type { Attributes, Context, Span } from '@opentelemetry/api';

const TRACER = 'omnimind-control-plane';

/** W3C headers as they come in: names in lower case, as in node:http. */
export type TraceCarrier = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface SpanOptions {
  /** `internal` by default. */
  readonly kind?: 'internal' | 'server' | 'client';
  /** Continue the trace of these request headers; otherwise the active span is the parent. */
  readonly carrier?: TraceCarrier;
  /** Begin a new trace, whatever span is active: each tick of a loop is one trace. */
  readonly root?: boolean;
}

/** A span that is being written. */
export interface OpenSpan {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** Runs with this span active: spans, logs and exemplars made meanwhile belong to it. */
  run<T>(work: () => T): T;
  rename(name: string): void;
  setAttributes(attributes: Attributes): void;
  /** Something that happened within it, at this moment. */
  event(name: string, attributes: Attributes): void;
  /** Marks the span as failed; the exception and `error.type` are recorded. */
  fail(cause: unknown): void;
  /** Once; later calls do nothing. */
  end(): void;
}

/**
 * Runs `work` in a span of its own and returns what it returns. A rejection is recorded on the
 * span and passed on.
 */
export async function inSpan<T>(
  name: string,
  attributes: Attributes,
  work: (span: OpenSpan) => Promise<T> | T,
  options: SpanOptions = {},
): Promise<T> {
  const span = openSpan(name, attributes, options);
  try {
    return await span.run(() => work(span));
  } catch (cause) {
    span.fail(cause);
    throw cause;
  } finally {
    span.end();
  }
}

/** For work whose end is an event and not a promise (a response that is sent); the caller ends it. */
export function openSpan(
  name: string,
  attributes: Attributes,
  options: SpanOptions = {},
): OpenSpan {
  const parent = parentOf(options);
  const span = trace
    .getTracer(TRACER)
    .startSpan(name, { attributes, kind: KINDS[options.kind ?? 'internal'] }, parent);
  return wrap(span, trace.setSpan(parent, span));
}

/** Trace id of the active span; null outside of any. */
export function currentTraceId(): string | null {
  const found = trace.getActiveSpan()?.spanContext();
  return found !== undefined && isSpanContextValid(found) ? found.traceId : null;
}

/** `trace_id` and `span_id` of the active span for a log line; empty outside of any. */
export function logTraceFields(): Readonly<Record<string, string>> {
  const found = trace.getActiveSpan()?.spanContext();
  if (found === undefined || !isSpanContextValid(found)) return {};
  return { trace_id: found.traceId, span_id: found.spanId };
}

/** Labels that lead from a histogram's bucket to the trace; null when the trace is not sampled. */
export function exemplarLabels(): Readonly<Record<string, string>> | null {
  const found = trace.getActiveSpan()?.spanContext();
  if (found === undefined || !isSpanContextValid(found)) return null;
  return (found.traceFlags & TraceFlags.SAMPLED) === 0 ? null : { trace_id: found.traceId };
}

/** Headers that carry the active trace to whoever is asked next; empty outside of any. */
export function traceHeaders(): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(context.active(), headers);
  return headers;
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
} as const;

function parentOf(options: SpanOptions): Context {
  if (options.carrier !== undefined) return propagation.extract(ROOT_CONTEXT, options.carrier);
  return options.root === true ? ROOT_CONTEXT : context.active();
}

function wrap(span: Span, active: Context): OpenSpan {
  return {
    traceId: span.spanContext().traceId,
    run: (work) => context.with(active, work),
    rename: (name) => void span.updateName(name),
    setAttributes: (attributes) => void span.setAttributes(attributes),
    event: (name, attributes) => void span.addEvent(name, attributes),
    fail: (cause) => {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      span.recordException(error);
      span.setAttribute('error.type', error.name);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    },
    end: () => {
      if (span.isRecording()) span.end();
    },
  };
}
