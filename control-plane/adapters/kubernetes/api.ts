/**
 * The calls of the Kubernetes API that the target needs: read, list and watch, a merge patch, and an
 * update. Each has a deadline, checks what came back to be JSON of the expected kind, and says in one
 * word what kind of failure it was. It decides nothing and repeats nothing but a call whose
 * credentials had expired.
 */

import { z } from 'zod';
import type { CallFailure } from '../replicas/call-failure.ts';
import { exchange, openStream } from '../replicas/http-exchange.ts';
import type { HttpCall } from '../replicas/http-exchange.ts';
import type { Cluster, ClusterConnection } from './cluster.ts';
import type { KubernetesLimits } from './settings.ts';

/** What is asked for, in the words of RBAC: a rule that allows it names these. */
export interface Asked {
  readonly verb: 'get' | 'list' | 'watch' | 'patch' | 'update';
  /** Of the API's group and version, e.g. /apis/apps/v1. */
  readonly root: string;
  /** Null: of the whole cluster. */
  readonly namespace: string | null;
  /** In the plural, e.g. deployments. Null: the root itself, for discovery. */
  readonly resource: string | null;
  readonly name?: string;
  readonly subresource?: 'scale';
  readonly query?: Readonly<Record<string, string>>;
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: unknown;
}

export interface KubernetesApi {
  get(asked: Asked, signal: AbortSignal): Promise<unknown>;
  /** As `application/merge-patch+json`; a resourceVersion in it is a precondition. */
  patch(asked: Asked, body: unknown, signal: AbortSignal): Promise<unknown>;
  put(asked: Asked, body: unknown, signal: AbortSignal): Promise<unknown>;
  /** All pages. */
  list(asked: Asked, signal: AbortSignal): Promise<ListedItems>;
  /** From after this version on, until the server ends it; `onOpen` once it has begun. */
  watch(
    asked: Asked,
    resourceVersion: string,
    onOpen: () => void,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent>;
  close(): void;
}

export interface ListedItems {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
}

/** `expired`: the version to watch from is gone. `forbidden`: RBAC says no. */
export type KubernetesFailure = CallFailure | 'expired';

export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  readonly failure: KubernetesFailure;

  constructor(failure: KubernetesFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

/** As FailureOf of the targets. */
export function failureIn(error: unknown): KubernetesFailure | null {
  return error instanceof KubernetesError ? error.failure : null;
}

/** Who writes, in the managedFields of what it wrote. */
export const FIELD_MANAGER = 'omnimind-control-plane';

/** Every call rejects with a KubernetesError, and with nothing else. */
export function createKubernetesApi(cluster: Cluster, limits: KubernetesLimits): KubernetesApi {
  return new Api(cluster, limits);
}

interface Sent {
  readonly method: HttpCall['method'];
  readonly body: string | null;
  readonly contentType: string | null;
}

const READ: Sent = { method: 'GET', body: null, contentType: null };

class Api implements KubernetesApi {
  readonly #cluster: Cluster;
  readonly #limits: KubernetesLimits;

  constructor(cluster: Cluster, limits: KubernetesLimits) {
    this.#cluster = cluster;
    this.#limits = limits;
  }

  get(asked: Asked, signal: AbortSignal): Promise<unknown> {
    return this.#call(asked, READ, signal);
  }

  patch(asked: Asked, body: unknown, signal: AbortSignal): Promise<unknown> {
    const contentType = 'application/merge-patch+json';
    const query = { ...asked.query, fieldManager: FIELD_MANAGER };
    const sent: Sent = { method: 'PATCH', body: JSON.stringify(body), contentType };
    return this.#call({ ...asked, query }, sent, signal);
  }

  put(asked: Asked, body: unknown, signal: AbortSignal): Promise<unknown> {
    const contentType = 'application/json';
    const query = { ...asked.query, fieldManager: FIELD_MANAGER };
    const sent: Sent = { method: 'PUT', body: JSON.stringify(body), contentType };
    return this.#call({ ...asked, query }, sent, signal);
  }

  async list(asked: Asked, signal: AbortSignal): Promise<ListedItems> {
    const { pageItems, itemsMax } = this.#limits;
    const items: unknown[] = [];
    let next = '';
    do {
      const query = {
        ...asked.query,
        limit: String(pageItems),
        ...(next !== '' && { continue: next }),
      };
      const page = read(asked, pageSchema, await this.#call({ ...asked, query }, READ, signal));
      items.push(...page.items);
      if (items.length > itemsMax) {
        throw new KubernetesError(
          'refused',
          `${describe(asked)}: more than ${itemsMax} items; choose them more closely`,
        );
      }
      next = page.metadata.continue ?? '';
      if (next === '') return { items, resourceVersion: page.metadata.resourceVersion };
    } while (!signal.aborted);
    throw new KubernetesError('unavailable', `${describe(asked)}: aborted`);
  }

  async *watch(
    asked: Asked,
    resourceVersion: string,
    onOpen: () => void,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent> {
    const { watchMs, trustMs, answerBytesMax } = this.#limits;
    const query = {
      ...asked.query,
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(Math.max(1, Math.round(watchMs / 1_000))),
      resourceVersion,
    };
    const of = { ...asked, query };
    const stream = await this.#open(of, signal, trustMs);
    onOpen();
    try {
      for await (const line of linesOf(stream.chunks, answerBytesMax)) {
        const event = read(of, eventSchema, parsed(of, line));
        // The status of a watch that fails in its middle comes as an event.
        if (event.type === 'ERROR') throw failureOf(of, statusOf(event.object), line);
        yield { type: event.type, object: event.object };
      }
    } catch (error) {
      throw asKubernetesError(of, error);
    }
  }

  close(): void {
    this.#cluster.close();
  }

  async #call(asked: Asked, sent: Sent, signal: AbortSignal): Promise<unknown> {
    const answer = await this.#withCredentials(asked, signal, async (connection) => {
      return exchange(this.#callOf(connection, asked, sent, signal));
    });
    if (answer.status < 200 || answer.status > 299) {
      throw failureOf(asked, answer.status, answer.text);
    }
    return parsed(asked, answer.text);
  }

  async #open(asked: Asked, signal: AbortSignal, silenceMs: number) {
    const stream = await this.#withCredentials(asked, signal, async (connection) => {
      const call = this.#callOf(connection, asked, READ, signal);
      return openStream({ ...call, agent: connection.watches }, silenceMs);
    });
    if (stream.status === 200) return stream;
    throw failureOf(asked, stream.status, await stream.text().catch(() => ''));
  }

  #callOf(connection: ClusterConnection, asked: Asked, sent: Sent, signal: AbortSignal): HttpCall {
    const { callTimeoutMs, answerBytesMax } = this.#limits;
    return {
      method: sent.method,
      url: urlOf(connection.server, asked),
      headers: {
        ...connection.headers,
        ...(sent.contentType !== null && { 'content-type': sent.contentType }),
      },
      body: sent.body,
      agent: connection.calls,
      signal,
      timeoutMs: callTimeoutMs,
      bytesMax: answerBytesMax,
    };
  }

  /** Once more with fresh ones when those that it had are not accepted: tokens rotate. */
  async #withCredentials<T extends { readonly status: number }>(
    asked: Asked,
    signal: AbortSignal,
    work: (connection: ClusterConnection) => Promise<T>,
  ): Promise<T> {
    try {
      const first = await work(await this.#connect(signal));
      if (first.status !== 401) return first;
      this.#cluster.forget();
      return await work(await this.#connect(signal));
    } catch (error) {
      throw asKubernetesError(asked, error);
    }
  }

  /** A plugin that gives credentials may hang as any program may. */
  async #connect(signal: AbortSignal): Promise<ClusterConnection> {
    const deadline = AbortSignal.timeout(this.#limits.callTimeoutMs);
    const ended = AbortSignal.any([signal, deadline]);
    ended.throwIfAborted();
    const late = Promise.withResolvers<never>();
    const onEnd = (): void => late.reject(new Error('no credentials in time'));
    ended.addEventListener('abort', onEnd, { once: true });
    try {
      return await Promise.race([this.#cluster.connect(), late.promise]);
    } finally {
      ended.removeEventListener('abort', onEnd);
    }
  }
}

const pageSchema = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z
    .array(z.unknown())
    .nullish()
    .transform((items) => items ?? []),
});

const eventSchema = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.unknown(),
});

const statusSchema = z.object({ code: z.number().optional(), message: z.string().optional() });

/** What came back, as the caller expects it. @throws KubernetesError `unavailable` */
export function read<T>(asked: Asked, schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const detail = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  throw new KubernetesError('unavailable', `${describe(asked)}: an unexpected answer: ${detail}`);
}

function urlOf(server: string, { root, namespace, resource, name, ...asked }: Asked): URL {
  const parts = [
    ...(namespace === null ? [] : ['namespaces', namespace]),
    ...[resource, name, asked.subresource].filter((part) => part !== null && part !== undefined),
  ];
  const url = new URL(
    `${server}${root}${parts.map((part) => `/${encodeURIComponent(part)}`).join('')}`,
  );
  for (const [key, value] of Object.entries(asked.query ?? {})) url.searchParams.set(key, value);
  return url;
}

export function describe({ verb, root, namespace, resource, name, subresource }: Asked): string {
  const what = [resource ?? root, subresource].filter((part) => part !== undefined).join('/');
  const which = [namespace, name].filter((part) => part !== null && part !== undefined).join('/');
  return `${verb} ${what}${which === '' ? '' : ` ${which}`}`;
}

function parsed(asked: Asked, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new KubernetesError('unavailable', `${describe(asked)}: an answer that is no JSON`, {
      cause,
    });
  }
}

function statusOf(object: unknown): number {
  return statusSchema.safeParse(object).data?.code ?? 500;
}

function failureOf(asked: Asked, status: number, text: string): KubernetesError {
  const said = saidIn(text) ?? `status ${status}`;
  const doing = describe(asked);
  switch (status) {
    case 401:
      return new KubernetesError(
        'unavailable',
        `${doing}: the API server does not accept the credentials (${said}); renew them`,
      );
    case 403:
      return new KubernetesError('forbidden', `${doing}: ${grantOf(asked)} (${said})`);
    case 404:
      return new KubernetesError('missing', `${doing}: ${said}`);
    case 409:
      return new KubernetesError('conflict', `${doing}: ${said}`);
    case 410:
      return new KubernetesError('expired', `${doing}: ${said}`);
    default: {
      // Too many requests, and whatever the server says of itself, may pass.
      const passes = status === 408 || status === 429 || status >= 500 || status < 400;
      return new KubernetesError(passes ? 'unavailable' : 'refused', `${doing}: ${said}`);
    }
  }
}

/** The rule that is missing, as it is written into a Role. */
function grantOf({ verb, root, namespace, resource, subresource }: Asked): string {
  const group = /^\/apis\/([^/]+)/.exec(root)?.[1] ?? '';
  const what = [resource, subresource].filter((part) => part !== undefined).join('/');
  const where = namespace === null ? 'a ClusterRole' : `a Role of namespace ${namespace}`;
  return `grant the verb "${verb}" on "${what}" of apiGroup "${group}" in ${where}`;
}

function saidIn(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    const status = statusSchema.safeParse(value).data;
    if (status?.message !== undefined) return status.message;
    const inner = z.object({ object: statusSchema }).safeParse(value).data?.object;
    return inner?.message ?? null;
  } catch {
    return null;
  }
}

function asKubernetesError(asked: Asked, cause: unknown): KubernetesError {
  if (cause instanceof KubernetesError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new KubernetesError('unavailable', `${describe(asked)}: ${message}`, { cause });
}

async function* linesOf(chunks: AsyncIterable<string>, lengthMax: number): AsyncIterable<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > lengthMax) throw new Error(`an event is longer than ${lengthMax} bytes`);
    yield* lines.filter((line) => line !== '');
  }
}
