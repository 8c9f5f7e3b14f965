/**
 * The two things that are said to a receiver, telling a number and reading the state, and what its
 * answers mean in the words of the port. An answer that does not fit is none: the receiver counts as
 * unavailable, and whoever decides holds.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { ScaleTargetError } from '../../ports/scale-target.ts';
import type { Answer } from './exchange.ts';
import { parseAnswer, progressShape, stateShape } from './protocol.ts';
import type { Progress, ReceiverState, Shape } from './protocol.ts';
import { printable, problemOf, said, shownUrl } from './said.ts';
import type { Content, Receiver, Sender } from './sender.ts';
import type { WebhookLimits } from './settings.ts';

/**
 * Resolves once the receiver has the number for good: it answered 200, 201 or 204, or 202 and said
 * `done` at the place that it named. 202 without a place is its word that it will.
 * @throws ScaleTargetError
 */
export async function tellNumber(
  sender: Sender,
  receiver: Receiver,
  content: Content,
  limits: WebhookLimits,
  signal: AbortSignal,
): Promise<void> {
  const answer = await sender.send(receiver, content, signal);
  if ([200, 201, 204].includes(answer.status)) return;
  if (answer.status !== 202) throw refusalOf(receiver, answer);
  if (answer.location === null) return;
  await awaitDone(sender, progressOf(receiver, answer.location), limits, signal);
}

/** @throws ScaleTargetError */
export async function readState(
  sender: Sender,
  receiver: Receiver,
  { replicasMax }: WebhookLimits,
  signal: AbortSignal,
): Promise<ReceiverState> {
  const answer = await sender.send(receiver, null, signal);
  if (answer.status !== 200) {
    throw unavailable(receiver, `asked for the state it answered ${said(answer)}`);
  }
  const state = parsed(receiver, stateShape(replicasMax), answer.body);
  if (state.workload === receiver.workloadId) return state;
  throw unavailable(receiver, `it answered for the workload "${printable(state.workload)}"`);
}

async function awaitDone(
  sender: Sender,
  place: Receiver,
  { pollsMax, pollMinMs, backoffMaxMs }: WebhookLimits,
  signal: AbortSignal,
): Promise<void> {
  for (let poll = 0; poll < pollsMax; poll += 1) {
    const answer = await sender.send(place, null, signal);
    if (answer.status !== 200) throw unavailable(place, `it answered ${said(answer)}`);
    const progress = parsed(place, progressShape, answer.body);
    if (progress.status === 'done') return;
    if (progress.status === 'failed') throw failureOf(place, progress);
    const waitMs = Math.min(backoffMaxMs, pollMinMs * 2 ** Math.min(poll, 20));
    await delay(waitMs, undefined, { signal }).catch(() => {
      throw unavailable(place, 'the number is taken but not yet in force; aborted by the caller');
    });
  }
  throw unavailable(place, `the number is taken but not in force after ${pollsMax} looks`);
}

/** Requests are signed: nobody but the receiver itself may have them. */
function progressOf(receiver: Receiver, location: string): Receiver {
  const { href } = receiver.url;
  const url = URL.canParse(location, href) ? new URL(location, href) : null;
  const isOwn = url?.origin === receiver.url.origin && url.username === '' && url.password === '';
  if (url !== null && isOwn) return { ...receiver, url };
  throw unavailable(receiver, 'it answered 202 with a Location that is not on its own origin');
}

function refusalOf(receiver: Receiver, answer: Answer): ScaleTargetError {
  const where = `${receiver.workloadId}: ${shownUrl(receiver.url)}`;
  if (answer.status >= 300 && answer.status < 400) {
    const detail = `status ${answer.status}: redirects are not followed; give its own URL`;
    return new ScaleTargetError('rejected', `${where}: ${detail}`);
  }
  const isStale = answer.status === 409 && problemOf(answer.body).code === 'stale_token';
  if (isStale) return new ScaleTargetError('stale_token', `${where}: ${said(answer)}`);
  if (answer.status < 400) return unavailable(receiver, `it answered ${said(answer)}`);
  return new ScaleTargetError('rejected', `${where}: ${said(answer)}`);
}

function failureOf(
  receiver: Receiver,
  { code, detail }: Extract<Progress, { readonly status: 'failed' }>,
): ScaleTargetError {
  const failure = code === 'stale_token' ? 'stale_token' : 'rejected';
  const why = printable(detail ?? code ?? 'it does not say why');
  return new ScaleTargetError(
    failure,
    `${receiver.workloadId}: it took the number and failed: ${why}`,
  );
}

function parsed<T>(receiver: Receiver, shape: Shape<T>, body: string): T {
  const answer = parseAnswer(shape, body);
  if (answer.kind === 'parsed') return answer.value;
  throw unavailable(receiver, printable(answer.fault));
}

function unavailable(receiver: Receiver, detail: string): ScaleTargetError {
  const where = `${receiver.workloadId}: ${shownUrl(receiver.url)}`;
  return new ScaleTargetError('unavailable', `${where}: ${detail}`);
}
