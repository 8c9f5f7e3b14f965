/**
 * A Slack incoming webhook, as far as a sender can tell: it checks what Slack documents for
 * https://hooks.slack.com/services/… (method, media type, JSON or the form field `payload`, that there
 * is something to show, the bounds of texts, attachments, actions and blocks), answers in Slack's
 * words, and keeps what it accepted. It shows nothing and knows no channel.
 */

import { z } from 'zod';
import { mediaTypeOf, startHttpReceiver } from './http-receiver.ts';
import type { ReceivedRequest, ReceiverAnswer } from './http-receiver.ts';

export interface SlackMessage {
  /** UNIX ms. */
  readonly atMs: number;
  readonly text: string;
  readonly attachments: readonly SlackAttachment[];
}

export type SlackAttachment = z.output<typeof attachment>;

export interface SlackReceiver {
  /** What the secret of a webhook holds. */
  readonly webhookUrl: string;
  /** Accepted messages, oldest first. */
  readonly messages: readonly SlackMessage[];
  /** What was refused, in the words of the answers. */
  readonly refusals: readonly string[];
  /** From now on answers with this status (429, 500, …); null: as usual. */
  failWith(status: number | null): void;
  stop(): Promise<void>;
}

/** docs.slack.dev: "Truncating really long messages", legacy attachments, Block Kit's reference. */
export const SLACK_LIMITS = {
  textCharactersMax: 40_000,
  attachmentsMax: 100,
  actionsMax: 5,
  urlCharactersMax: 3_000,
  blocksMax: 50,
  buttonCharactersMax: 75,
} as const;

export async function startSlackReceiver(): Promise<SlackReceiver> {
  const messages: SlackMessage[] = [];
  const refusals: string[] = [];
  let status: number | null = null;
  const receiver = await startHttpReceiver((request) => {
    const judged = status === null ? judge(request) : failure(status);
    if (judged.message !== null) messages.push(judged.message);
    else refusals.push(judged.answer.body);
    return judged.answer;
  });
  return {
    webhookUrl: `${receiver.url}${PATH}`,
    messages,
    refusals,
    failWith: (next) => void (status = next),
    stop: () => receiver.stop(),
  };
}

const PATH = '/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX';

const text = z.string().max(SLACK_LIMITS.textCharactersMax);
const url = z.url({ protocol: /^https?$/u }).max(SLACK_LIMITS.urlCharactersMax);

const action = z.looseObject({
  type: z.enum(['button', 'select']),
  text: z.string().min(1).max(SLACK_LIMITS.buttonCharactersMax),
  url: url.optional(),
});

const attachment = z.looseObject({
  fallback: text.default(''),
  pretext: text.default(''),
  title: text.default(''),
  title_link: z.union([url, z.literal('')]).default(''),
  text: text.default(''),
  color: z
    .string()
    .regex(/^(good|warning|danger|#?[0-9a-fA-F]{6})$/u)
    .optional(),
  fields: z
    .array(z.looseObject({ title: z.string(), value: z.string(), short: z.boolean().optional() }))
    .default([]),
  actions: z.array(action).max(SLACK_LIMITS.actionsMax).default([]),
  mrkdwn_in: z.array(z.enum(['pretext', 'text', 'fields', 'fallback'])).optional(),
  footer: z.string().max(300).optional(),
});

const payload = z.looseObject({
  text: text.default(''),
  attachments: z.array(attachment).default([]),
  blocks: z
    .array(z.looseObject({ type: z.string().min(1) }))
    .max(SLACK_LIMITS.blocksMax)
    .default([]),
});

interface Judged {
  readonly answer: ReceiverAnswer;
  readonly message: SlackMessage | null;
}

function judge(request: ReceivedRequest): Judged {
  if (request.method !== 'POST') return refuse(405, 'method_not_allowed');
  if (request.path !== PATH) return refuse(404, 'no_service');
  const read = readPayload(request);
  if (read === null) return refuse(400, 'invalid_payload');
  const { success, data } = payload.safeParse(read);
  if (!success) return refuse(400, refusalOf(read));
  const { attachments, blocks } = data;
  if (attachments.length > SLACK_LIMITS.attachmentsMax) {
    return refuse(400, 'too_many_attachments');
  }
  const isShown = (one: SlackAttachment) => [one.text, one.title, one.fallback].some(Boolean);
  if (data.text === '' && blocks.length === 0 && !attachments.some(isShown)) {
    return refuse(400, 'no_text');
  }
  const message = { atMs: request.atMs, text: data.text, attachments };
  return { answer: { status: 200, contentType: 'text/plain', body: 'ok' }, message };
}

/** Null when there is no JSON object in it. */
function readPayload(request: ReceivedRequest): object | null {
  const body = request.body.toString('utf8');
  const type = mediaTypeOf(request);
  const form = type === 'application/x-www-form-urlencoded';
  if (!form && type !== 'application/json') return null;
  try {
    const found: unknown = JSON.parse(
      form ? (new URLSearchParams(body).get('payload') ?? '') : body,
    );
    return typeof found === 'object' && !Array.isArray(found) ? found : null;
  } catch {
    return null;
  }
}

/** Slack names the part that it cannot read. */
function refusalOf(read: object): string {
  const partOf = (shape: z.ZodType) => shape.safeParse(read).success;
  if (!partOf(payload.pick({ attachments: true }))) return 'invalid_attachments';
  return partOf(payload.pick({ blocks: true })) ? 'msg_too_long' : 'invalid_blocks';
}

function refuse(status: number, body: string): Judged {
  return { answer: { status, contentType: 'text/plain', body }, message: null };
}

function failure(status: number): Judged {
  const body = status === 429 ? 'rate_limited' : 'server_error';
  const headers = status === 429 ? { 'retry-after': '1' } : {};
  return { answer: { status, contentType: 'text/plain', body, headers }, message: null };
}
