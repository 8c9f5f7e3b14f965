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
  }),
});

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
              attributes: z.array(attribute).default([]),
              startTimeUnixNano: z.string(),
              events: z
                .array(z.object({ name: z.string(), attributes: z.array(attribute).default([]) }))
                .default([]),
              status: z.object({ code: z.number().optional() }).default({}),
            }),
          ),
        }),
      ),
    }),
  ),
});

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Null for the root of a trace. */
  readonly parentSpanId: string | null;
  readonly name: string;
  /** As in OTLP: 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly failed: boolean;
  /** UNIX time. */
  readonly startedAtMs: number;
  /** Names alone. */
  readonly events: readonly string[];
  readonly happened: readonly {
    readonly name: string;
    readonly attributes: Readonly<Record<string, string | number | boolean>>;
  }[];
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly resource: Readonly<Record<string, string | number | boolean>>;
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
        startedAtMs: Number(span.startTimeUnixNano) / 1e6,
        events: span.events.map((event) => event.name),
        happened: span.events.map(({ name, attributes }) => ({
          name,
          attributes: plain(attributes),
        })),
        attributes: plain(span.attributes),
        resource: plain(group.resource.attributes),
      })),
    ),
  );
}

function plain(attributes: readonly z.infer<typeof attribute>[]) {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.doubleValue ?? value.boolValue ?? Number(value.intValue ?? NaN),
    ]),
  );
}

function portOf(address: string | AddressInfo | null): number {
  if (address === null || typeof address === 'string') throw new Error('not a TCP server');
  return address.port;
}
