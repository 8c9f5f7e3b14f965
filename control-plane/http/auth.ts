/**
 * Who is calling, and whether that role may. Decides from the Authorization header alone: a key in
 * a query or a cookie would end in logs and browsers. Open routes are never asked.
 */

import type { IncomingHttpHeaders } from 'node:http';

import { type ApiKeyStore, type Principal, type Role, ROLES } from './api-keys.ts';
import { HttpRefusal } from './errors.ts';

/** Why a caller was turned away; the label of the counter. */
export const AUTH_FAILURES = ['missing', 'malformed', 'unknown_key', 'role'] as const;
export type AuthFailure = (typeof AUTH_FAILURES)[number];

/** Everybody, while no key is configured (and the server is on loopback). */
const ANONYMOUS: Principal = { keyId: 'anonymous', name: 'anonymous', role: 'admin' };

const CHALLENGE = 'Bearer realm="omnimind"';

export class AuthRefusal extends HttpRefusal {
  readonly failure: AuthFailure;

  constructor(failure: AuthFailure, detail: string, challenge: string) {
    super(failure === 'role' ? 'forbidden' : 'unauthenticated', detail, {
      headers: { 'www-authenticate': `${CHALLENGE}${challenge}` },
    });
    this.failure = failure;
  }
}

export function authIsOn(keys: ApiKeyStore | null): keys is ApiKeyStore {
  return keys !== null && keys.size > 0;
}

/** @throws AuthRefusal */
export function authenticate(headers: IncomingHttpHeaders, keys: ApiKeyStore | null): Principal {
  if (!authIsOn(keys)) return ANONYMOUS;
  const header = headers.authorization;
  if (header === undefined) {
    throw new AuthRefusal('missing', 'Send Authorization: Bearer <key>.', '');
  }
  const key = /^Bearer +([\w~+/.-]+=*)$/iu.exec(header)?.[1];
  if (key === undefined) {
    throw new AuthRefusal(
      'malformed',
      'The Authorization header must be: Bearer <key>.',
      ', error="invalid_request"',
    );
  }
  const principal = keys.find(key);
  if (principal === null) {
    throw new AuthRefusal('unknown_key', 'This key is not known.', ', error="invalid_token"');
  }
  return principal;
}

/** @throws AuthRefusal naming the role that is needed. */
export function requireRole(principal: Principal, needed: Role, why = ''): void {
  if (ROLES.indexOf(principal.role) >= ROLES.indexOf(needed)) return;
  throw new AuthRefusal(
    'role',
    `This needs the role ${needed}${why}; the key "${principal.name}" has ${principal.role}.`,
    `, error="insufficient_scope", scope="${needed}"`,
  );
}
