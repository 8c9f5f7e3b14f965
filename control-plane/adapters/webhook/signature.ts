/**
 * Signatures as HTTP Message Signatures have them (RFC 9421) with hmac-sha256 (section 3.3.3), over
 * the method, the authority, the path, the query and, where there is a body, its digest (RFC 9530),
 * its type and the idempotency key. Standard Webhooks was rejected: it signs the body alone, so that a
 * read and a command to another path would bear the same signature. It knows no clock and sends nothing.
 */

import { createHash, createHmac } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** What a signature is made over. Header names are in lower case. */
export interface SignedMessage {
  readonly method: string;
  /** host, or host:port where the port is not the scheme's own. */
  readonly authority: string;
  /** Path and query, as in the request line. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** One line of a secret's file. */
export interface SigningKey {
  /** Names the key to whoever looks for it; says nothing of the secret. */
  readonly id: string;
  readonly key: KeyObject;
}

/** The name of our signature beside those that others may add. */
export const SIGNATURE_LABEL = 'omnimind';

/** Says what the signature is for, so that none of another use of the secret fits. */
export const SIGNATURE_TAG = 'omnimind-webhook-1';

/** What every signature covers, and what it covers besides where there is a body. */
export const COVERED_ALWAYS = ['@method', '@authority', '@path', '@query'] as const;
export const COVERED_WITH_BODY = ['content-digest', 'content-type', 'idempotency-key'] as const;

/** The two headers of a signature. */
export function signatureHeaders(
  message: SignedMessage,
  { id, key }: SigningKey,
  createdSeconds: number,
): Readonly<Record<'signature-input' | 'signature', string>> {
  const hasBody = message.headers['content-digest'] !== undefined;
  const components = [...COVERED_ALWAYS, ...(hasBody ? COVERED_WITH_BODY : [])];
  const list = components.map((name) => `"${name}"`).join(' ');
  const parameters = `(${list});created=${createdSeconds};keyid="${id}";alg="hmac-sha256";tag="${SIGNATURE_TAG}"`;
  const mac = macOf(signatureBase(message, components, parameters), key);
  return {
    'signature-input': `${SIGNATURE_LABEL}=${parameters}`,
    signature: `${SIGNATURE_LABEL}=:${mac.toString('base64')}:`,
  };
}

/**
 * The text that is signed (RFC 9421, section 2.5).
 * @param parameters the value of @signature-params, exactly as it is sent
 * @throws Error when the message lacks one of the components
 */
export function signatureBase(
  message: SignedMessage,
  components: readonly string[],
  parameters: string,
): string {
  const lines = components.map((name) => `"${name}": ${componentOf(message, name)}`);
  return [...lines, `"@signature-params": ${parameters}`].join('\n');
}

export function macOf(base: string, key: KeyObject): Buffer {
  return createHmac('sha256', key).update(base, 'utf8').digest();
}

/** The value of Content-Digest (RFC 9530). */
export function digestOf(body: Buffer): string {
  return `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;
}

function componentOf(message: SignedMessage, name: string): string {
  const question = message.target.indexOf('?');
  switch (name) {
    case '@method':
      return message.method;
    case '@authority':
      return message.authority.toLowerCase();
    case '@path':
      return question === -1 ? message.target : message.target.slice(0, question);
    case '@query':
      return question === -1 ? '?' : message.target.slice(question);
    default:
      return headerOf(message, name);
  }
}

/** A header that came several times is one list (section 2.1). */
function headerOf({ headers }: SignedMessage, name: string): string {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (value === undefined || name.startsWith('@')) throw new Error(`there is no ${name}`);
  const values = typeof value === 'string' ? [value] : value;
  return values.map((one) => one.trim()).join(', ');
}
