/**
 * Sends one request until it is answered: signed anew for every attempt, otherwise the same each time,
 * with waits in between and within the caller's deadline. An answer that another attempt could change
 * (429, 5xx, none at all) is waited out; every other one is the caller's. A receiver that asks for time
 * is left alone for that long, by later calls as well.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import type { Answer, Exchanger, OutgoingRequest } from './exchange.ts';
import { said, shownUrl } from './said.ts';
import { readSecrets } from './secrets.ts';
import type { WebhookEvent, WebhookLimits } from './settings.ts';
import { digestOf, signatureHeaders } from './signature.ts';
import type { SigningKey } from './signature.ts';

/** Whom a request goes to, and how. */
export interface Receiver {
  readonly workloadId: string;
  readonly url: URL;
  readonly secret: string;
  readonly requestTimeoutMs: number;
}

export interface SenderParts {
  readonly exchanger: Exchanger;
  readonly secretsDirectory: string;
  readonly limits: WebhookLimits;
  readonly nowMs: () => number;
  readonly tell: (event: WebhookEvent) => void;
  readonly mayAct: () => boolean;
}

/** A command with its body, or a question. */
export type Content = { readonly body: string; readonly idempotencyKey: string } | null;

export class Sender {
  readonly #parts: SenderParts;
  /** By method and URL: the monotonic time before which the receiver wants to hear nothing. */
  readonly #pauses = new Map<string, number>();

  constructor(parts: SenderParts) {
    this.#parts = parts;
  }

  /**
   * The answer, whatever its status below 500.
   * @throws ScaleTargetError `unavailable`
   */
  async send(receiver: Receiver, content: Content, signal: AbortSignal): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      this.#checkPause(receiver, content);
      const outcome = await this.#attempt(receiver, content, signal);
      if (outcome.kind === 'final') return outcome.answer;
      await this.#waitAfter(outcome, attempt, { receiver, content, signal });
    }
  }

  /** Until the next attempt may be made. @throws ScaleTargetError where there is none */
  async #waitAfter(
    { detail, retryAfter }: Failed,
    attempt: number,
    { receiver, content, signal }: Call,
  ): Promise<void> {
    const { attemptsMax, backoffMaxMs } = this.#parts.limits;
    const { workloadId } = receiver;
    if (signal.aborted) throw unavailable(`${workloadId}: aborted by the caller; ${detail}`);
    const waitMs = this.#waitOf(retryAfter, attempt);
    if (waitMs > backoffMaxMs) {
      this.#pause(receiver, content, waitMs);
      throw unavailable(`${workloadId}: ${detail}; it asks to be left alone for ${waitMs} ms`);
    }
    if (attempt >= attemptsMax) throw unavailable(`${workloadId}: ${detail}; ${attempt} attempts`);
    this.#parts.tell({ kind: 'retried', workloadId, detail, attempt, waitMs });
    await delay(waitMs, undefined, { signal }).catch(() => {
      throw unavailable(`${workloadId}: aborted by the caller; ${detail}`);
    });
  }

  async #attempt(receiver: Receiver, content: Content, signal: AbortSignal): Promise<Outcome> {
    const { exchanger, mayAct } = this.#parts;
    const key = await this.#keyOf(receiver, signal);
    const request = requestOf(receiver, content, key, this.#parts.nowMs());
    if (!mayAct()) throw unavailable('this member has no lease to act under');
    try {
      const answer = await exchanger.exchange(request, signal);
      if (isFinal(answer.status)) return { kind: 'final', answer };
      const detail = `${request.method} ${shownUrl(receiver.url)}: ${said(answer)}`;
      return { kind: 'failed', detail, retryAfter: answer.retryAfter };
    } catch (error) {
      return { kind: 'failed', detail: messageOf(error), retryAfter: null };
    }
  }

  async #keyOf({ workloadId, secret }: Receiver, signal: AbortSignal): Promise<SigningKey> {
    try {
      const [newest] = await readSecrets(this.#parts.secretsDirectory, secret, signal);
      return newest;
    } catch (cause) {
      const why = signal.aborted ? 'aborted by the caller' : messageOf(cause);
      throw new ScaleTargetError('unavailable', `${workloadId}: ${why}`, { cause });
    }
  }

  #waitOf(retryAfter: string | null, attempt: number): number {
    const { backoffMinMs, backoffMaxMs, pauseMaxMs } = this.#parts.limits;
    const asked = retryAfterMs(retryAfter, this.#parts.nowMs()) ?? 0;
    const longest = Math.min(backoffMaxMs, backoffMinMs * 2 ** (attempt - 1));
    const drawn = longest * (0.5 + Math.random() / 2);
    return Math.round(Math.max(drawn, Math.min(asked, pauseMaxMs)));
  }

  #pause(receiver: Receiver, content: Content, waitMs: number): void {
    const now = performance.now();
    for (const [key, untilMs] of this.#pauses) if (untilMs <= now) this.#pauses.delete(key);
    this.#pauses.set(pauseKey(receiver, content), now + waitMs);
  }

  #checkPause(receiver: Receiver, content: Content): void {
    const leftMs = (this.#pauses.get(pauseKey(receiver, content)) ?? 0) - performance.now();
    if (leftMs <= 0) return;
    const where = `${receiver.workloadId}: ${shownUrl(receiver.url)}`;
    throw unavailable(`${where}: asked to be left alone for another ${Math.ceil(leftMs)} ms`);
  }
}

interface Call {
  readonly receiver: Receiver;
  readonly content: Content;
  readonly signal: AbortSignal;
}

interface Failed {
  readonly kind: 'failed';
  readonly detail: string;
  readonly retryAfter: string | null;
}

type Outcome = Failed | { readonly kind: 'final'; readonly answer: Answer };

/** Whether another attempt would be answered alike. */
function isFinal(status: number): boolean {
  return status < 500 && ![408, 425, 429].includes(status);
}

function requestOf(
  { url, requestTimeoutMs: timeoutMs }: Receiver,
  content: Content,
  key: SigningKey,
  nowMs: number,
): OutgoingRequest {
  const body = content?.body ?? null;
  const headers = {
    accept: 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'omnimind-control-plane',
    ...(body !== null && {
      'content-type': 'application/json',
      'content-digest': digestOf(Buffer.from(body)),
      'idempotency-key': content?.idempotencyKey ?? '',
    }),
  };
  const method = content === null ? 'GET' : 'PUT';
  const message = { method, authority: url.host, target: `${url.pathname}${url.search}`, headers };
  const signed = signatureHeaders(message, key, Math.floor(nowMs / 1_000));
  return { method, url, headers: { ...headers, ...signed }, body, timeoutMs };
}

/** Seconds or a date (RFC 9110, section 10.2.3); null where it is neither. */
function retryAfterMs(text: string | null, nowMs: number): number | null {
  if (text === null) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}

function pauseKey({ url }: Receiver, content: Content): string {
  return `${content === null ? 'GET' : 'PUT'} ${url.href}`;
}

function unavailable(message: string): ScaleTargetError {
  return new ScaleTargetError('unavailable', message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
