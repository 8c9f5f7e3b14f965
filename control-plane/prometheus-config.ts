/**
 * What the settings for the metrics source must be together, and that the files they name hold what they
 * should: said before the start and with the name of the setting, since a member whose token is missing
 * would hold for ever. No problem shows a header, a token or a password.
 */

import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { hasHeader } from './schemas/request-headers.ts';

export interface PrometheusConfig {
  /** With path prefix and parameters, if any; a user and password in it are basic auth. */
  readonly baseUrl: string;
  readonly tokenFile: string | null;
  readonly basicAuthFile: string | null;
  /** The tenant's header included. */
  readonly headers: Readonly<Record<string, string>>;
  readonly headersFile: string | null;
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly serverName: string | null;
  readonly timeoutMs: number;
}

/** The header that Mimir, Cortex, Loki and Tempo tell tenants apart by. */
export const TENANT_HEADER = 'X-Scope-OrgID';

/** A path whose content the parser takes. @throws Error with the parser's reason or the system's */
export function fileWith(parse: (text: string) => unknown): (path: string) => string {
  return (path) => {
    try {
      parse(readFileSync(path, 'utf8'));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const said = why.includes(path) ? why : `${path}: ${why}`;
      throw new Error(`${said}; mend the file or unset this`, { cause });
    }
    return path;
  };
}

/** The fingerprint of the first certificate. @throws Error when there is none in PEM */
export function parsePemCertificate(text: string): string {
  try {
    return new X509Certificate(text).fingerprint256;
  } catch (cause) {
    throw new Error('expected a certificate in PEM', { cause });
  }
}

/** @throws Error when it is no private key in PEM, or one with a password */
export function parsePemKey(text: string): void {
  try {
    createPrivateKey(text);
  } catch (cause) {
    throw new Error('expected a private key in PEM without a password', { cause });
  }
}

/** @throws Error without the list's values */
export function withTenant(
  headers: Readonly<Record<string, string>>,
  tenant: string | null,
): Readonly<Record<string, string>> {
  return tenant === null ? headers : { ...headers, [TENANT_HEADER]: tenant };
}

/** What is wrong between settings that are each right, one line each. */
export function prometheusProblems(
  config: PrometheusConfig,
  given: { readonly tenant: string | null; readonly headers: Readonly<Record<string, string>> },
): readonly string[] {
  return [
    ...authenticationProblems(config, given.headers),
    ...(given.tenant !== null && hasHeader(given.headers, TENANT_HEADER)
      ? [
          `OMNIMIND_PROMETHEUS_TENANT: OMNIMIND_PROMETHEUS_HEADERS has ${TENANT_HEADER} too; keep one of them`,
        ]
      : []),
    ...tlsProblems(config),
  ];
}

/**
 * Null, or why whoever listens on the way can read what proves who asks. On loopback nobody does but
 * this host.
 */
export function exposedCredentials(
  { baseUrl, tokenFile, basicAuthFile, headersFile }: PrometheusConfig,
  isLoopback: (host: string) => boolean,
): string | null {
  const url = new URL(baseUrl);
  if (url.protocol === 'https:' || isLoopback(url.hostname.replace(/^\[|\]$/g, ''))) return null;
  const what = [
    [tokenFile, 'OMNIMIND_PROMETHEUS_TOKEN_FILE'],
    [basicAuthFile, 'OMNIMIND_PROMETHEUS_BASIC_AUTH_FILE'],
    [headersFile, 'OMNIMIND_PROMETHEUS_HEADERS_FILE'],
    [url.username === '' ? null : url.username, 'the password in OMNIMIND_PROMETHEUS_URL'],
  ].flatMap(([value, name]) => (value === null ? [] : [name]));
  if (what.length === 0) return null;
  return `OMNIMIND_PROMETHEUS_URL is http://, so ${what.join(' and ')} can be read on the way; use https://`;
}

function authenticationProblems(
  { baseUrl, tokenFile, basicAuthFile }: PrometheusConfig,
  headers: Readonly<Record<string, string>>,
): readonly string[] {
  const problems: string[] = [];
  if (hasHeader(headers, 'authorization')) {
    problems.push(
      'OMNIMIND_PROMETHEUS_HEADERS: Authorization is a secret and does not belong into the environment; use OMNIMIND_PROMETHEUS_TOKEN_FILE or OMNIMIND_PROMETHEUS_BASIC_AUTH_FILE',
    );
  }
  const inUrl = URL.canParse(baseUrl) && new URL(baseUrl).username !== '';
  const ways = [
    ...(tokenFile === null ? [] : ['OMNIMIND_PROMETHEUS_TOKEN_FILE']),
    ...(basicAuthFile === null ? [] : ['OMNIMIND_PROMETHEUS_BASIC_AUTH_FILE']),
    ...(inUrl ? ['a user in OMNIMIND_PROMETHEUS_URL'] : []),
  ];
  if (ways.length > 1) problems.push(`${ways.join(' and ')}: a request has one of them; keep one`);
  return problems;
}

function tlsProblems(config: PrometheusConfig): readonly string[] {
  const { baseUrl, caFile, certFile, keyFile, serverName } = config;
  const problems: string[] = [];
  if ((certFile === null) !== (keyFile === null)) {
    problems.push(
      'OMNIMIND_PROMETHEUS_CERT_FILE: give it together with OMNIMIND_PROMETHEUS_KEY_FILE',
    );
  }
  const tls = [caFile, certFile, keyFile, serverName].some((value) => value !== null);
  if (tls && baseUrl.toLowerCase().startsWith('http://')) {
    problems.push(
      'OMNIMIND_PROMETHEUS_URL: http:// has no certificates; make it https:// or unset the settings for TLS',
    );
  }
  if (certFile !== null && keyFile !== null) problems.push(...pairProblems(certFile, keyFile));
  return problems;
}

function pairProblems(certFile: string, keyFile: string): readonly string[] {
  try {
    createSecureContext({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
    return [];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [`OMNIMIND_PROMETHEUS_KEY_FILE: ${keyFile} is not the key of ${certFile} (${why})`];
  }
}
