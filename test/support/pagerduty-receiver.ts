/**
 * PagerDuty's Events API v2, as far as a sender can tell: it checks what PagerDuty documents for
 * POST https://events.pagerduty.com/v2/enqueue (routing key, action, dedup key, payload, links,
 * images, the bound of 512 KB), answers in its words, and keeps the accepted events and the alerts
 * that they leave open. It pages nobody.
 */

import { z } from 'zod';
import { mediaTypeOf, startHttpReceiver } from './http-receiver.ts';
import type { ReceivedRequest, ReceiverAnswer } from './http-receiver.ts';

export interface PagerdutyEvent {
  /** UNIX ms. */
  readonly atMs: number;
  readonly action: 'trigger' | 'acknowledge' | 'resolve';
  readonly dedupKey: string;
  readonly routingKey: string;
  /** Null where an event needs none. */
  readonly payload: z.output<typeof payload> | null;
  readonly links: readonly { readonly href: string; readonly text: string }[];
  readonly client: string;
}

export interface PagerdutyReceiver {
  /** For pagerduty_url. */
  readonly url: string;
  /** Accepted events, oldest first. */
  readonly events: readonly PagerdutyEvent[];
  /** Dedup keys that were triggered and not resolved. */
  readonly open: () => readonly string[];
  /** What was refused: the errors of each answer. */
  readonly refusals: readonly string[];
  /** From now on answers with this status (429, 500, …); null: as usual. */
  failWith(status: number | null): void;
  stop(): Promise<void>;
}

/** developer.pagerduty.com: "Send an Event", "Events API v2 overview". */
export const PAGERDUTY_LIMITS = {
  bodyBytesMax: 512 * 1024,
  summaryCharactersMax: 1024,
  dedupKeyCharactersMax: 255,
} as const;

export async function startPagerdutyReceiver(): Promise<PagerdutyReceiver> {
  const events: PagerdutyEvent[] = [];
  const refusals: string[] = [];
  const open = new Set<string>();
  let status: number | null = null;
  const receiver = await startHttpReceiver((request) => {
    const judged = status === null ? judge(request, events.length) : failure(status);
    const { event } = judged;
    if (event === null) refusals.push(judged.answer.body);
    else {
      events.push(event);
      if (event.action === 'trigger') open.add(event.dedupKey);
      if (event.action === 'resolve') open.delete(event.dedupKey);
    }
    return judged.answer;
  });
  return {
    url: `${receiver.url}${PATH}`,
    events,
    open: () => [...open],
    refusals,
    failWith: (next) => void (status = next),
    stop: () => receiver.stop(),
  };
}

const PATH = '/v2/enqueue';

const dedupKey = z
  .string()
  .min(1)
  .max(PAGERDUTY_LIMITS.dedupKeyCharactersMax, { error: "'dedup_key' is too long" });

const payload = z.looseObject(
  {
    summary: z
      .string({ error: "'payload.summary' is missing or blank" })
      .regex(/\S/u, { error: "'payload.summary' is missing or blank" })
      .max(PAGERDUTY_LIMITS.summaryCharactersMax, { error: "'payload.summary' is too long" }),
    source: z
      .string({ error: "'payload.source' is missing or blank" })
      .regex(/\S/u, { error: "'payload.source' is missing or blank" }),
    severity: z.enum(['critical', 'error', 'warning', 'info'], {
      error: "'payload.severity' is invalid (must be one of: critical, warning, error, info)",
    }),
    timestamp: z.iso.datetime({ offset: true, error: "'payload.timestamp' is invalid" }).optional(),
    component: z.string().optional(),
    group: z.string().optional(),
    class: z.string().optional(),
    custom_details: z.record(z.string(), z.unknown()).optional(),
  },
  { error: "'payload' is missing" },
);

const link = z.strictObject({
  href: z.url({ protocol: /^https?$/u, error: "'links' is invalid" }),
  text: z.string().default(''),
});

const image = z.strictObject({
  src: z.url({ protocol: /^https$/u, error: "'images' is invalid" }),
  href: z.url({ protocol: /^https?$/u }).optional(),
  alt: z.string().optional(),
});

const common = {
  routing_key: z
    .string({ error: "'routing_key' is missing or blank" })
    .regex(/^[0-9A-Za-z]{32}$/u, { error: "'routing_key' is invalid: 32 characters" }),
  client: z.string().default(''),
  client_url: z.string().optional(),
  links: z.array(link).nullish(),
  images: z.array(image).nullish(),
};

const trigger = z.looseObject({
  ...common,
  event_action: z.literal('trigger'),
  dedup_key: dedupKey.optional(),
  payload,
});

const ending = (action: 'acknowledge' | 'resolve') =>
  z.looseObject({
    ...common,
    event_action: z.literal(action),
    dedup_key: dedupKey,
    payload: payload.nullish(),
  });

const message = z.discriminatedUnion(
  'event_action',
  [trigger, ending('acknowledge'), ending('resolve')],
  { error: "'event_action' is invalid (must be one of: trigger, acknowledge, resolve)" },
);

interface Judged {
  readonly answer: ReceiverAnswer;
  readonly event: PagerdutyEvent | null;
}

function judge(request: ReceivedRequest, sequence: number): Judged {
  if (request.method !== 'POST' || request.path !== PATH) return refuse(404, ['Not Found']);
  if (request.body.length > PAGERDUTY_LIMITS.bodyBytesMax) {
    return refuse(413, [`larger than ${PAGERDUTY_LIMITS.bodyBytesMax} bytes`]);
  }
  if (mediaTypeOf(request) !== 'application/json') return refuse(400, ['not application/json']);
  const parsed = message.safeParse(readJson(request.body));
  if (!parsed.success)
    return refuse(
      400,
      parsed.error.issues.map(({ message: why }) => why),
    );
  const { event_action: action, dedup_key: key, links, client, routing_key } = parsed.data;
  const event: PagerdutyEvent = {
    atMs: request.atMs,
    action,
    // A trigger without one gets one of the service's own.
    dedupKey: key ?? `generated-${sequence}`,
    routingKey: routing_key,
    payload: parsed.data.payload ?? null,
    links: links ?? [],
    client,
  };
  const body = { status: 'success', message: 'Event processed', dedup_key: event.dedupKey };
  return { answer: json(202, body), event };
}

function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}

function refuse(status: number, errors: readonly string[]): Judged {
  const body = { status: 'invalid event', message: 'Event object is invalid', errors };
  return { answer: json(status, body), event: null };
}

function failure(status: number): Judged {
  const throttled = 'Requests for this service are arriving too quickly. Please retry later.';
  const body =
    status === 429
      ? { status: 'throttle exceeded', message: throttled }
      : { status: 'error', message: 'Internal Server Error' };
  return { answer: json(status, body), event: null };
}

function json(status: number, body: unknown): ReceiverAnswer {
  return { status, contentType: 'application/json', body: JSON.stringify(body) };
}
