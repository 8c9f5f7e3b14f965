/**
 * One connection to one Redis or Sentinel, and the only file that knows ioredis. It opens when it
 * is first used and never reconnects by itself: who asks decides when to try again. It sends the
 * commands that it is given, in order, and refuses to queue any while there is no connection.
 *
 * AUTH is sent by hand rather than by the client, so that a refused password is an error with a
 * cause and not a warning on the console, and the password file is read at each connect.
 */

import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Redis } from 'ioredis';

import { formatAddress, RedisSourceError } from './redis-endpoint.ts';
import type { RedisAccess, RedisEndpoint, RedisFailure, RedisTls } from './redis-endpoint.ts';

/** A command with its arguments. */
export type RedisCall = readonly [name: string, ...args: readonly string[]];

export type RedisReply =
  | { readonly kind: 'value'; readonly value: unknown }
  /** The server's own error: its first word tells the kind (NOPERM, ERR, …). */
  | { readonly kind: 'error'; readonly message: string };

export interface RedisConnection {
  /** Seconds from the first packet to the end of AUTH; null before the first connect. */
  readonly connectSeconds: number | null;
  /** Connects unless connected. @throws RedisSourceError */
  open(): Promise<void>;
  /** Round trip of one PING in seconds. @throws RedisSourceError */
  ping(): Promise<number>;
  /** Sends all calls in one write; answers in their order. @throws RedisSourceError when the connection ends. */
  ask(calls: readonly RedisCall[]): Promise<readonly RedisReply[]>;
  /** Drops the connection, whatever is outstanding; it may be opened again. */
  close(): void;
}

const PASSWORD_BYTES_MAX = 4096;
const DISCONNECT_TIMEOUT_MS = 50;

/** `timeoutMs` bounds connecting; the bound on commands is the caller's, who closes. */
export function createRedisConnection(endpoint: RedisEndpoint, timeoutMs: number): RedisConnection {
  let client: Redis | null = null;
  let trouble: { last: Error | null } = { last: null };
  let connectSeconds: number | null = null;
  /** Counts closes, so that an open() overtaken by a close() leaves no connection behind. */
  let epoch = 0;

  const close = (): void => {
    epoch += 1;
    client?.disconnect();
    client = null;
  };
  const ready = (): Redis => {
    if (client?.status === 'ready') return client;
    throw new RedisSourceError('disconnected', `${formatAddress(endpoint.address)}: not connected`);
  };
  const open = async (): Promise<void> => {
    if (client?.status === 'ready') return;
    close();
    const opening = epoch;
    const password = await readPassword(endpoint.access);
    const tls = await readTls(endpoint);
    if (opening !== epoch) throw translate(new Error('closed while opening'), endpoint);
    const startedAt = performance.now();
    const next = createClient(endpoint, timeoutMs, tls);
    client = next;
    const seen: { last: Error | null } = { last: null };
    trouble = seen;
    // Without a listener ioredis would print; the last error says more than connect()'s "closed".
    next.on('error', (error: Error) => {
      seen.last = error;
    });
    try {
      await next.connect();
      if (password !== null) await authenticate(next, endpoint.access, password);
    } catch (error) {
      next.disconnect();
      throw translate(trouble.last ?? error, endpoint);
    }
    connectSeconds = (performance.now() - startedAt) / 1000;
    // A name makes the agent visible in CLIENT LIST; an ACL may forbid it.
    next.call('CLIENT', 'SETNAME', 'omnimind-agent').catch(() => undefined);
  };

  return {
    get connectSeconds() {
      return connectSeconds;
    },
    open,
    close,
    async ping() {
      const redis = ready();
      const startedAt = performance.now();
      try {
        await redis.call('PING');
      } catch (error) {
        // A loading server and a replica without its master answer PING with an error: they answer.
        if (!isAnswer(error)) throw translate(trouble.last ?? error, endpoint);
      }
      return (performance.now() - startedAt) / 1000;
    },
    async ask(calls) {
      const redis = ready();
      const pipeline = redis.pipeline();
      for (const [name, ...args] of calls) pipeline.call(name, ...args);
      const replies = await pipeline.exec();
      return (replies ?? []).map(([error, value]): RedisReply => {
        if (error === null) return { kind: 'value', value };
        if (error.name !== 'ReplyError') throw translate(trouble.last ?? error, endpoint);
        return { kind: 'error', message: error.message };
      });
    },
  };
}

function createClient(
  { address }: RedisEndpoint,
  timeoutMs: number,
  tls: ConnectionOptions | null,
): Redis {
  return new Redis({
    ...(address.kind === 'tcp'
      ? { host: address.host, port: address.port }
      : { path: address.path }),
    ...(tls === null ? {} : { tls }),
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
    // RESP2: Sentinels and servers before 6 speak nothing else, and HELLO would carry the password.
    protocol: 2,
    connectTimeout: timeoutMs,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
  });
}

async function authenticate(client: Redis, access: RedisAccess, password: string): Promise<void> {
  const { username } = access;
  try {
    await client.call('AUTH', ...(username === null ? [password] : [username, password]));
  } catch (error) {
    // The server asks for no password: the one configured is superfluous, not wrong.
    if (error instanceof Error && error.message.includes('without any password')) return;
    throw error;
  }
}

async function readPassword(access: RedisAccess): Promise<string | null> {
  if (access.passwordFile === null) return null;
  const text = await readConfigured(access.passwordFile);
  if (text.length > PASSWORD_BYTES_MAX) {
    throw new RedisSourceError(
      'configuration',
      `${access.passwordFile} is too long for a password`,
    );
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') {
    throw new RedisSourceError('configuration', `${access.passwordFile} holds no password`);
  }
  return password;
}

async function readTls({ access, address }: RedisEndpoint): Promise<ConnectionOptions | null> {
  const tls: RedisTls | null = access.tls;
  if (tls === null) return null;
  const host = address.kind === 'tcp' ? address.host : '';
  const servername = tls.servername ?? (isIP(host) === 0 && host !== '' ? host : null);
  return {
    ...(tls.caFile === null ? {} : { ca: await readConfigured(tls.caFile) }),
    ...(tls.certFile === null ? {} : { cert: await readConfigured(tls.certFile) }),
    ...(tls.keyFile === null ? {} : { key: await readConfigured(tls.keyFile) }),
    ...(servername === null ? {} : { servername }),
  };
}

async function readConfigured(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new RedisSourceError('configuration', `cannot read ${file}`, { cause });
  }
}

/** True for an error reply that shows a working server: it is only not serving data yet. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && /^(LOADING|MASTERDOWN)\b/.test(error.message);
}

function translate(error: unknown, endpoint: RedisEndpoint): RedisSourceError {
  if (error instanceof RedisSourceError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const at = formatAddress(endpoint.address);
  return new RedisSourceError(failureOf(error, message), `${at}: ${message}`, { cause: error });
}

function failureOf(error: unknown, message: string): RedisFailure {
  const byReply = failureOfReply(message);
  if (byReply !== null) return byReply;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ETIMEDOUT') return 'timeout';
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return 'refused';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'unresolved';
  if (/^(ERR_TLS|ERR_SSL|ERR_OSSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO)/.test(code)) {
    return 'tls';
  }
  return code === '' && !/closed|aborted|writeable|ended/i.test(message)
    ? 'malformed'
    : 'disconnected';
}

/** The failure that an error reply stands for; null when it is not one that concerns the whole instance. */
export function failureOfReply(message: string): RedisFailure | null {
  if (/^(NOAUTH|WRONGPASS)\b|^ERR (invalid password|.*'auth' command)/.test(message)) {
    return 'unauthenticated';
  }
  if (/^NOPERM\b/.test(message)) return 'forbidden';
  if (/^BUSY\b/.test(message)) return 'busy';
  return null;
}
