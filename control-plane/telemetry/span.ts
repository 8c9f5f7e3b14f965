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
import type { Attributes, Context, HrTime, Span, SpanContext } from '@opentelemetry/api';

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
  /** Continue the trace of this W3C traceparent (version 00); what is none begins a new one. */
  readonly parent?: string;
  /** UNIX time in ms, also in the past; now when left out. */
  readonly startMs?: number;
  readonly links?: readonly SpanLink[];
}

/** Another span that this one follows from, or belongs to, without being its child. */
export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes?: Attributes;
}

/** A span that is being written. */
export interface OpenSpan {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal digits. */
  readonly spanId: string;
  /** W3C, for who continues this trace elsewhere; null where tracing has not been started. */
  readonly traceparent: string | null;
  /** As exemplarLabels(), of this span. */
  readonly exemplar: Readonly<Record<string, string>> | null;
  /** Runs with this span active: spans, logs and exemplars made meanwhile belong to it. */
  run<T>(work: () => T): T;
  rename(name: string): void;
  setAttributes(attributes: Attributes): void;
  /** Something that happened within it; UNIX time in ms, now when left out. */
  event(name: string, attributes: Attributes, atMs?: number): void;
  /** Marks the span as failed; the exception and `error.type` are recorded. */
  fail(cause: unknown): void;
  /** Marks the span as failed where nothing was thrown. */
  failed(message: string): void;
  /** Once; later calls do nothing. UNIX time in ms, not before the start; now when left out. */
  end(atMs?: number): void;
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
  const { startMs, links } = options;
  const span = trace.getTracer(TRACER).startSpan(
    name,
    {
      attributes,
      kind: KINDS[options.kind ?? 'internal'],
      ...(startMs === undefined ? {} : { startTime: hrTime(startMs) }),
      ...(links === undefined ? {} : { links: links.map(linked) }),
    },
    parent,
  );
  return wrap(span, trace.setSpan(parent, span));
}

/** What a W3C traceparent names; null for what is none, or of a version that is not known. */
export function parseTraceparent(
  text: string,
): { readonly traceId: string; readonly spanId: string; readonly sampled: boolean } | null {
  const [, traceId = '', spanId = '', flags = ''] = TRACEPARENT.exec(text) ?? [];
  if (!isSpanContextValid({ traceId, spanId, traceFlags: TraceFlags.NONE })) return null;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & TraceFlags.SAMPLED) !== 0 };
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
  return found === undefined ? null : exemplarOf(found);
}

/** The same from a W3C traceparent, for work that was begun elsewhere or before; null for null. */
export function exemplarFrom(traceparent: string | null): Readonly<Record<string, string>> | null {
  const found = traceparent === null ? null : parseTraceparent(traceparent);
  return found?.sampled === true ? { trace_id: found.traceId } : null;
}

/** W3C traceparent of the active span; null outside of any. */
export function currentTraceparent(): string | null {
  const found = trace.getActiveSpan()?.spanContext();
  return found === undefined ? null : traceparentOf(found);
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

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

function exemplarOf(found: SpanContext): Readonly<Record<string, string>> | null {
  if (!isSpanContextValid(found)) return null;
  return (found.traceFlags & TraceFlags.SAMPLED) === 0 ? null : { trace_id: found.traceId };
}

function traceparentOf(found: SpanContext): string | null {
  if (!isSpanContextValid(found)) return null;
  const flags = (found.traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, '0');
  return `00-${found.traceId}-${found.spanId}-${flags}`;
}

/** Not a plain number: the SDK takes a small one for a time since the start of the process. */
function hrTime(unixMs: number): HrTime {
  const seconds = Math.floor(unixMs / 1_000);
  return [seconds, Math.floor((unixMs - seconds * 1_000) * 1e6)];
}

function linked({ traceId, spanId, attributes }: SpanLink) {
  const found = { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
  return { context: found, ...(attributes === undefined ? {} : { attributes }) };
}

function parentOf(options: SpanOptions): Context {
  if (options.parent !== undefined) return remoteContext(options.parent);
  if (options.carrier !== undefined) return propagation.extract(ROOT_CONTEXT, options.carrier);
  return options.root === true ? ROOT_CONTEXT : context.active();
}

/** Not through the propagator: OTEL_PROPAGATORS is about HTTP, and members agree on W3C. */
function remoteContext(traceparent: string): Context {
  const found = parseTraceparent(traceparent);
  if (found === null) return ROOT_CONTEXT;
  const { traceId, spanId, sampled } = found;
  const traceFlags = sampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

function wrap(span: Span, active: Context): OpenSpan {
  const own = span.spanContext();
  return {
    traceId: own.traceId,
    spanId: own.spanId,
    get traceparent() {
      return traceparentOf(own);
    },
    get exemplar() {
      return exemplarOf(own);
    },
    run: (work) => context.with(active, work),
    rename: (name) => void span.updateName(name),
    setAttributes: (attributes) => void span.setAttributes(attributes),
    event: (name, attributes, atMs) =>
      void span.addEvent(name, attributes, atMs === undefined ? undefined : hrTime(atMs)),
    fail: (cause) => {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      span.recordException(error);
      span.setAttribute('error.type', error.name);
      span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    },
    failed: (message) => void span.setStatus({ code: SpanStatusCode.ERROR, message }),
    end: (atMs) => {
      if (span.isRecording()) span.end(atMs === undefined ? undefined : hrTime(atMs));
    },
  };
}
