/**
 * The nouns of the cache: what an operator asks to have watched, where an instance is reached and
 * how it is entered. Types and total functions only; no connection is made here, and no secret is
 * held: a password is known by the file that it lies in.
 */

/** TLS as the operator configured it; the files are read at each connect, so that a renewal is picked up. */
export interface RedisTls {
  /** PEM file of the authorities to trust; null for those of the runtime. */
  readonly caFile: string | null;
  /** PEM files of the client's certificate and key; both or neither. */
  readonly certFile: string | null;
  readonly keyFile: string | null;
  /** Name that the certificate must carry, when it is not the host's. */
  readonly servername: string | null;
}

/** How an instance is entered. */
export interface RedisAccess {
  /** ACL user; null for `default`. */
  readonly username: string | null;
  /** Null when no password is asked for. */
  readonly passwordFile: string | null;
  readonly tls: RedisTls | null;
}

export type RedisAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'socket'; readonly path: string };

export interface RedisEndpoint {
  readonly address: RedisAddress;
  readonly access: RedisAccess;
}

interface CacheTargetHead {
  /** 1 to 63 characters of [a-z0-9-], unique; the value of the label `target`. */
  readonly name: string;
  readonly access: RedisAccess;
  /** From the scrape's start until what has not answered counts as down, in ms. */
  readonly timeoutMs: number;
  /** Instances watched at most; those beyond are counted and left out. */
  readonly instancesMax: number;
  /** Announced address → reachable address, both `host:port`, where a network translates. */
  readonly addressMap: Readonly<Record<string, string>>;
}

export type CacheTarget =
  | (CacheTargetHead & { readonly kind: 'standalone'; readonly address: RedisAddress })
  | (CacheTargetHead & {
      readonly kind: 'sentinel';
      readonly sentinels: readonly RedisAddress[];
      readonly masterName: string;
      readonly sentinelAccess: RedisAccess;
    })
  | (CacheTargetHead & { readonly kind: 'cluster'; readonly seeds: readonly RedisAddress[] });

/** Why an instance gave no reading. A closed set: it is a label. */
export const REDIS_FAILURES = [
  /** It took longer than the target's timeout: hung, overloaded, or a packet filter. */
  'timeout',
  /** Nothing listens at the address. */
  'refused',
  /** No route, reset, or the connection ended in the middle. */
  'disconnected',
  /** The host name does not resolve. */
  'unresolved',
  /** The TLS handshake or the certificate failed. */
  'tls',
  /** The user or password was refused, or one is required and none is configured. */
  'unauthenticated',
  /** The user may not run INFO or PING. */
  'forbidden',
  /** A script blocks the server. */
  'busy',
  /** It answered with something that is not what a Redis of that kind answers. */
  'malformed',
  /** The sentinel does not know the master's name. */
  'master_unknown',
  /** A file that the configuration names cannot be read. */
  'configuration',
] as const;
export type RedisFailure = (typeof REDIS_FAILURES)[number];

/** Trouble with one instance. */
export class RedisSourceError extends Error {
  override readonly name = 'RedisSourceError';
  readonly failure: RedisFailure;

  constructor(failure: RedisFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

/** `host:port`, `[v6]:port` or the socket's path: the value of the label `instance_address`. */
export function formatAddress(address: RedisAddress): string {
  if (address.kind === 'socket') return address.path;
  return address.host.includes(':')
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}

/** Reads `host:port` or `[v6]:port`. Null when it is neither. */
export function parseHostPort(text: string): RedisAddress | null {
  const match = /^(?:\[([\w:.%-]+)\]|([^[\]\s/:]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port >= 1 && port <= 65_535)) return null;
  return { kind: 'tcp', host, port };
}
