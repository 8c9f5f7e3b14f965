/**
 * What a receiver does with a request before it believes it: checks the signature, the digest and the
 * age, and compares the token with the newest that it has seen. Pure, so that a receiver in another
 * language can be held against it. It keeps no nonces: within the window a request that is repeated
 * says what it said before, and its token makes it change nothing.
 */

import { timingSafeEqual } from 'node:crypto';
import { compareTokens } from '../../model/decision.ts';
import type { FencingToken } from '../../model/decision.ts';
import {
  COVERED_ALWAYS,
  COVERED_WITH_BODY,
  digestOf,
  macOf,
  signatureBase,
  SIGNATURE_LABEL,
  SIGNATURE_TAG,
} from './signature.ts';
import type { SignedMessage, SigningKey } from './signature.ts';

/** How far the signer's clock and the receiver's may be apart, in s, the time on the way included. */
export const REPLAY_WINDOW_SECONDS = 300;

export interface ReceivedMessage extends SignedMessage {
  /** As it came, before anything parsed it. */
  readonly body: Buffer;
}

export interface VerifyOptions {
  /** All secrets that are valid now; while one replaces another, both. */
  readonly keys: readonly SigningKey[];
  readonly nowMs: number;
  readonly windowSeconds?: number;
}

export type Refusal =
  | 'signature_missing'
  | 'signature_malformed'
  | 'signature_covers_too_little'
  | 'digest_wrong'
  | 'signature_too_old'
  | 'signature_from_future'
  | 'signature_wrong';

export type Verification =
  | { readonly kind: 'verified'; readonly keyId: string; readonly createdSeconds: number }
  | { readonly kind: 'refused'; readonly reason: Refusal };

/** Answer anything but `verified` with 401, and look at nothing else of the request. */
export function verifyRequest(message: ReceivedMessage, options: VerifyOptions): Verification {
  const parsed = parseSignature(message);
  if (typeof parsed === 'string') return { kind: 'refused', reason: parsed };
  const { components, parameters, createdSeconds, mac } = parsed;
  const hasBody = message.body.length > 0 || !['GET', 'HEAD'].includes(message.method);
  const needed = [...COVERED_ALWAYS, ...(hasBody ? COVERED_WITH_BODY : [])];
  if (!needed.every((name) => components.includes(name))) {
    return { kind: 'refused', reason: 'signature_covers_too_little' };
  }
  // The signature first: what is not signed is not worth a word about its age.
  const signer = signerOf(message, components, { parameters, mac }, options.keys);
  if (signer === null) return { kind: 'refused', reason: 'signature_wrong' };
  if (hasBody && message.headers['content-digest'] !== digestOf(message.body)) {
    return { kind: 'refused', reason: 'digest_wrong' };
  }
  const windowSeconds = options.windowSeconds ?? REPLAY_WINDOW_SECONDS;
  const ageSeconds = options.nowMs / 1_000 - createdSeconds;
  if (ageSeconds > windowSeconds) return { kind: 'refused', reason: 'signature_too_old' };
  if (ageSeconds < -windowSeconds) return { kind: 'refused', reason: 'signature_from_future' };
  return { kind: 'verified', keyId: signer.id, createdSeconds };
}

/** Whoever told a receiver last, and with which token. */
export interface LastTold {
  readonly owner: string;
  readonly token: FencingToken;
}

/**
 * What becomes of a number: `apply` it and keep its token, durably and in one step; `repeat` the answer
 * without doing anything; or refuse it with 409 and the code.
 */
export type Fencing = 'apply' | 'repeat' | 'stale_token' | 'other_owner';

export function fence(last: LastTold | null, told: LastTold): Fencing {
  if (last === null) return 'apply';
  if (last.owner !== told.owner) return 'other_owner';
  const order = compareTokens(told.token, last.token);
  if (order === 0) return 'repeat';
  return order > 0 ? 'apply' : 'stale_token';
}

interface ParsedSignature {
  readonly components: readonly string[];
  /** As it came: it is part of what is signed. */
  readonly parameters: string;
  readonly createdSeconds: number;
  readonly mac: Buffer;
}

const INPUT = new RegExp(
  `(?:^|, *)${SIGNATURE_LABEL}=(\\(([^()]*)\\)((?:;[a-z]+=(?:\\d{1,15}|"[^"\\\\]*"))*))(?:$|, *)`,
);
const SIGNATURE = new RegExp(`(?:^|, *)${SIGNATURE_LABEL}=:([A-Za-z0-9+/]{43}=):(?:$|, *)`);

function parseSignature({ headers }: ReceivedMessage): ParsedSignature | Refusal {
  const given = headers['signature-input'];
  const signature = headers['signature'];
  if (given === undefined || signature === undefined) return 'signature_missing';
  const [, parameters, list, rest] = INPUT.exec(String(given)) ?? [];
  const mac = SIGNATURE.exec(String(signature))?.[1];
  if (parameters === undefined || list === undefined || mac === undefined) {
    return 'signature_malformed';
  }
  const components = list.split(' ').map((item) => /^"([a-z0-9@-]+)"$/.exec(item)?.[1] ?? '');
  const created = /;created=(\d+)/.exec(rest ?? '')?.[1];
  const isOurs = [`;alg="hmac-sha256"`, `;tag="${SIGNATURE_TAG}"`].every((one) =>
    rest?.includes(one),
  );
  const isSound = new Set(components).size === components.length && !components.includes('');
  if (created === undefined || !isOurs || !isSound) return 'signature_malformed';
  const createdSeconds = Number(created);
  return { components, parameters, createdSeconds, mac: Buffer.from(mac, 'base64') };
}

/** Every key is tried, in the same time whichever it is: the key's id is a hint and no more. */
function signerOf(
  message: SignedMessage,
  components: readonly string[],
  signature: Pick<ParsedSignature, 'parameters' | 'mac'>,
  keys: readonly SigningKey[],
): SigningKey | null {
  let base: string;
  try {
    base = signatureBase(message, components, signature.parameters);
  } catch {
    return null;
  }
  const signers = keys.filter(({ key }) => timingSafeEqual(macOf(base, key), signature.mac));
  return signers[0] ?? null;
}
