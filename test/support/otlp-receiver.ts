/**
 * A small OTLP/HTTP collector: takes the JSON that the exporter sends, keeps the spans, and can be
 * told to refuse or to hang. For tests only.
 */

import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

const attribute = z.object({
  key: z.string(),
  value: z.object({
    stringValue: z.string().optional(),
    intValue: z.union([z.number(), z.string()]).optional(),
    doubleValue: z.number().optional(),
    boolValue: z.boolean().optional(),
    arrayValue: z.object({ values: z.array(z.object({ stringValue: z.string() })) }).optional(),
  }),
});
const attributes = z.array(attribute).default([]);
const event = z.object({ name: z.string(), timeUnixNano: z.string(), attributes });
const link = z.object({ traceId: z.string(), spanId: z.string(), attributes });

const body = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(attribute) }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              traceId: z.string(),
              spanId: z.string(),
              parentSpanId: z.string().optional(),
              name: z.string(),
              kind: z.number(),
              attributes,
              startTimeUnixNano: z.string(),
              endTimeUnixNano: z.string(),
              events: z.array(event).default([]),
              links: z.array(link).default([]),
              status: z
                .object({ code: z.number().optional(), message: z.string().optional() })
                .default({}),
            }),
          ),
        }),
      ),
    }),
  ),
});

export type ReceivedAttributes = Readonly<
  Record<string, string | number | boolean | readonly string[]>
>;

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Null for the root of a trace. */
  readonly parentSpanId: string | null;
  readonly name: string;
  /** As in OTLP: 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly failed: boolean;
  /** Of its status; empty without one. */
  readonly message: string;
  /** UNIX time, with fractions. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  /** Names alone. */
  readonly events: readonly string[];
  readonly happened: readonly {
    readonly name: string;
    readonly atMs: number;
    readonly attributes: ReceivedAttributes;
  }[];
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes: ReceivedAttributes;
  }[];
  readonly attributes: ReceivedAttributes;
  readonly resource: ReceivedAttributes;
}

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  /** In the order of arrival. */
  readonly spans: readonly ReceivedSpan[];
  readonly requests: () => number;
  /** `hang` leaves requests unanswered, `refuse` answers 400, `accept` is the beginning. */
  behave(as: 'accept' | 'refuse' | 'hang'): void;
  stop(): Promise<void>;
}

/** What a plane is told to export its spans there, each soon after it has ended. */
export function exportSettings({ endpoint }: Pick<OtlpReceiver, 'endpoint'>, delayMs = 100) {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_BSP_SCHEDULE_DELAY: String(delayMs),
  };
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  let requests = 0;
  let behaviour: 'accept' | 'refuse' | 'hang' = 'accept';
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    requests += 1;
    if (behaviour === 'hang') return;
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(z.instanceof(Uint8Array).parse(chunk));
    if (behaviour === 'refuse') {
      response.writeHead(400).end();
      return;
    }
    spans.push(...parseSpans(Buffer.concat(chunks).toString('utf8')));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${portOf(server.address())}`,
    spans,
    requests: () => requests,
    behave: (as) => {
      behaviour = as;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function parseSpans(text: string): ReceivedSpan[] {
  return body.parse(JSON.parse(text)).resourceSpans.flatMap((group) =>
    group.scopeSpans.flatMap((scope) =>
      scope.spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: (span.parentSpanId ?? '') === '' ? null : (span.parentSpanId ?? null),
        name: span.name,
        kind: span.kind,
        failed: span.status.code === 2,
        message: span.status.message ?? '',
        startedAtMs: millisecondsOf(span.startTimeUnixNano),
        endedAtMs: millisecondsOf(span.endTimeUnixNano),
        events: span.events.map(({ name }) => name),
        happened: span.events.map((one) => ({
          name: one.name,
          atMs: millisecondsOf(one.timeUnixNano),
          attributes: plain(one.attributes),
        })),
        links: span.links.map(({ traceId, spanId, attributes: about }) => ({
          traceId,
          spanId,
          attributes: plain(about),
        })),
        attributes: plain(span.attributes),
        resource: plain(group.resource.attributes),
      })),
    ),
  );
}

function plain(given: readonly z.infer<typeof attribute>[]): ReceivedAttributes {
  return Object.fromEntries(
    given.map(({ key, value }) => [
      key,
      value.stringValue ??
        value.doubleValue ??
        value.boolValue ??
        value.arrayValue?.values.map(({ stringValue }) => stringValue) ??
        Number(value.intValue ?? NaN),
    ]),
  );
}

/** Nanoseconds since 1970 have more digits than a number holds: the milliseconds are split off first. */
function millisecondsOf(unixNano: string): number {
  const nano = BigInt(unixNano);
  return Number(nano / 1_000_000n) + Number(nano % 1_000_000n) / 1e6;
}

function portOf(address: string | AddressInfo | null): number {
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return address.port;
}
