/**
 * What members and clients ask the leader over the Raft transport, and its answers: UTF-8 JSON.
 * A command is asked for by its own JSON and answered by that of Committed;
 * `{"type":"change","change":{…}}` is answered by `{}`, and `{"type":"transfer","to":…}` by
 * `{"leaderId":…}`. What failed is `{"failure":…,"message":…}` or `{"refusal":…,"message":…}`.
 * Refuses whatever it does not know, unknown fields too: half-understood is worse than not.
 */

import { COMMAND_REFUSALS } from '../../model/command.ts';
import type { Committed } from '../../model/command.ts';
import { CHANGE_REFUSALS, TRANSFER_REFUSALS } from '../../model/configuration.ts';
import type { MemberId, MembershipChange } from '../../model/configuration.ts';
import { CONSENSUS_FAILURES } from '../../model/consensus-failure.ts';
import { ConsensusError } from '../../ports/consensus.ts';
import { MembershipError } from '../../ports/membership.ts';
import { ShapeError, count, kindOf, listOf, nullable, text } from '../../state/shape.ts';
import { objectOf, oneOf, withShape } from '../../state/shape.ts';
import type { Check } from '../../state/shape.ts';
import { decodeCommand, textOf } from './command-codec.ts';
import type { EncodedCommand } from './command-codec.ts';

interface ChangeRequest {
  readonly type: 'change';
  readonly change: MembershipChange;
}

interface TransferRequest {
  readonly type: 'transfer';
  readonly to: MemberId | null;
}

export type MemberRequest =
  { readonly type: 'command'; readonly encoded: EncodedCommand } | ChangeRequest | TransferRequest;

/** Members that each list of a change may name; a group has a handful. */
const NAMED_MAX = 64;

const memberId = matching(/^[a-z0-9-]{1,63}$/, 'a member id: 1 to 63 of [a-z0-9-]');
const address = matching(/^\S{1,255}:[0-9]{1,5}$/, 'an address: host:port');

const changeShape = objectOf<MembershipChange>({
  add: few(objectOf({ memberId, address })),
  promote: few(memberId),
  remove: few(memberId),
});
const changeRequest = objectOf<ChangeRequest>({ type: oneOf(['change']), change: changeShape });
const transferRequest = objectOf<TransferRequest>({
  type: oneOf(['transfer']),
  to: nullable(memberId),
});

const REFUSALS = [...new Set([...CHANGE_REFUSALS, ...TRANSFER_REFUSALS])];

const truth: Check<boolean> = (value) =>
  typeof value === 'boolean' ? null : ': is not true or false';
const failureShape = objectOf({ failure: oneOf(CONSENSUS_FAILURES), message: text });
const refusalShape = objectOf({ refusal: oneOf(REFUSALS), message: text });
const committedShape = objectOf<Committed>({
  token: objectOf({ term: count, index: count }),
  result: kindOf<Committed['result']>({
    applied: objectOf({
      kind: oneOf(['applied']),
      version: count,
      repeated: truth,
    }),
    refused: objectOf({
      kind: oneOf(['refused']),
      refusal: oneOf(COMMAND_REFUSALS),
      detail: text,
    }),
  }),
});
const changedShape = objectOf<object>({});
const transferredShape = objectOf<{ readonly leaderId: MemberId }>({ leaderId: memberId });

/** What is not a command begins with this; no command does. */
const CONTROL_START = Buffer.from('{"type":');

/** @throws ShapeError | NewerFormatError | SyntaxError */
export function parseRequest(payload: Uint8Array): MemberRequest {
  const start = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (!start.subarray(0, CONTROL_START.length).equals(CONTROL_START)) {
    // These bytes are what gets logged, and the transport may use its own again.
    const encoded = { command: decodeCommand(payload), payload: Buffer.from(payload) };
    return { type: 'command', encoded };
  }
  const value: unknown = JSON.parse(textOf(payload));
  switch (fieldOf(value, 'type')) {
    case 'change':
      return withShape('request', changeRequest, value);
    case 'transfer':
      return withShape('request', transferRequest, value);
    default:
      throw new ShapeError('the request is of a type that this version does not know');
  }
}

/** Checked as the leader will check it. @throws ShapeError */
export function encodeChange(change: MembershipChange): Uint8Array {
  withShape('change', changeShape, change);
  return encode({ type: 'change', change } satisfies ChangeRequest);
}

/** @throws ShapeError */
export function encodeTransfer(to: MemberId | null): Uint8Array {
  return encode(withShape('request', transferRequest, { type: 'transfer', to }));
}

export function encodeAnswer(
  answer: Committed | { readonly leaderId: MemberId } | null,
): Uint8Array {
  return encode(answer ?? {});
}

/** Null for an error that is no answer to a request but trouble of this member. */
export function encodeError(error: unknown): Uint8Array | null {
  if (error instanceof ConsensusError) {
    return encode({ failure: error.failure, message: error.message });
  }
  if (error instanceof MembershipError) {
    return encode({ refusal: error.refusal, message: error.message });
  }
  return null;
}

/** @throws ConsensusError, or ShapeError | SyntaxError */
export function parseCommitted(answer: Uint8Array): Committed {
  return withShape('answer', committedShape, succeeded(answer));
}

/** @throws ConsensusError | MembershipError, or ShapeError | SyntaxError */
export function parseChanged(answer: Uint8Array): void {
  withShape('answer', changedShape, succeeded(answer));
}

/** @throws ConsensusError | MembershipError, or ShapeError | SyntaxError */
export function parseTransferred(answer: Uint8Array): { readonly leaderId: MemberId } {
  return withShape('answer', transferredShape, succeeded(answer));
}

function succeeded(answer: Uint8Array): unknown {
  const value: unknown = JSON.parse(textOf(answer));
  if (fieldOf(value, 'failure') !== undefined) {
    const { failure, message } = withShape('answer', failureShape, value);
    throw new ConsensusError(failure, message);
  }
  if (fieldOf(value, 'refusal') !== undefined) {
    const { refusal, message } = withShape('answer', refusalShape, value);
    throw new MembershipError(refusal, message);
  }
  return value;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (Reflect.get(value, name) as unknown)
    : undefined;
}

function encode(value: object): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function matching(pattern: RegExp, what: string): Check<string> {
  return (value) => (typeof value === 'string' && pattern.test(value) ? null : `: is not ${what}`);
}

function few<T>(check: Check<T>): Check<readonly T[]> {
  const list = listOf(check);
  return (value) =>
    Array.isArray(value) && value.length > NAMED_MAX
      ? `: more than ${NAMED_MAX} members`
      : list(value);
}
