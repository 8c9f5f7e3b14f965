/**
 * The calls of Nomad's HTTP API that the target needs. Each has a deadline, checks what came back, and
 * says in one word what kind of failure it was; what can be watched may be asked as a blocking query.
 * It decides nothing, repeats nothing, and reads no NOMAD_* variable.
 */

import { readFile } from 'node:fs/promises';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { z } from 'zod';
import type { CallFailure } from '../replicas/call-failure.ts';
import { exchange } from '../replicas/http-exchange.ts';
import type { HttpAnswer, HttpCall } from '../replicas/http-exchange.ts';
import type { NomadLimits, NomadSettings, NomadTls } from './settings.ts';

/**
 * `busy`: a deployment of the job runs, and nobody may scale it until that ends. `forbidden`: the ACL
 * says no.
 */
export type NomadFailure = CallFailure | 'busy';

export class NomadError extends Error {
  override readonly name = 'NomadError';
  readonly failure: NomadFailure;

  constructor(failure: NomadFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

/** As FailureOf of the targets. */
export function failureIn(error: unknown): NomadFailure | null {
  return error instanceof NomadError ? error.failure : null;
}

export interface NomadRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** In the words of an error, e.g. `read the job web`. */
  readonly doing: string;
  /** What the ACL policy must grant, e.g. `the capability read-job in namespace prod`. */
  readonly grant: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A blocking query answers when the index has moved on, or after the wait. */
export interface Blocking {
  /** Of the last answer; 0: answers at once. */
  readonly index: number;
}

export interface Indexed<T> {
  readonly value: T;
  readonly index: number;
}

export interface NomadApi {
  call<T>(request: NomadRequest, schema: z.ZodType<T>, signal: AbortSignal): Promise<Indexed<T>>;
  query<T>(
    request: NomadRequest,
    schema: z.ZodType<T>,
    blocking: Blocking,
    signal: AbortSignal,
  ): Promise<Indexed<T>>;
  close(): void;
}

interface Agents {
  readonly calls: HttpAgent;
  readonly queries: HttpAgent;
}

/** Every call rejects with a NomadError, and with nothing else. */
export function createNomadApi(settings: NomadSettings, limits: NomadLimits): NomadApi {
  return new Api(settings, limits);
}

class Api implements NomadApi {
  readonly #settings: NomadSettings;
  readonly #limits: NomadLimits;
  #agents: Promise<Agents> | null = null;

  constructor(settings: NomadSettings, limits: NomadLimits) {
    this.#settings = settings;
    this.#limits = limits;
  }

  async call<T>(
    request: NomadRequest,
    schema: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<Indexed<T>> {
    const { callTimeoutMs } = this.#limits;
    return this.#exchange(request, schema, { timeoutMs: callTimeoutMs, signal, kind: 'calls' });
  }

  async query<T>(
    request: NomadRequest,
    schema: z.ZodType<T>,
    { index }: Blocking,
    signal: AbortSignal,
  ): Promise<Indexed<T>> {
    if (index === 0) return this.call(request, schema, signal);
    const { callTimeoutMs, waitMs } = this.#limits;
    const query = { ...request.query, index: String(index), wait: `${waitMs}ms` };
    // The agent adds up to a sixteenth, so that not all that wait come back at once.
    const timeoutMs = callTimeoutMs + Math.ceil((waitMs * 17) / 16);
    return this.#exchange({ ...request, query }, schema, { timeoutMs, signal, kind: 'queries' });
  }

  close(): void {
    void this.#agents?.then(
      ({ calls, queries }) => {
        calls.destroy();
        queries.destroy();
      },
      () => undefined,
    );
    this.#agents = null;
  }

  async #exchange<T>(
    request: NomadRequest,
    schema: z.ZodType<T>,
    call: Pick<HttpCall, 'timeoutMs' | 'signal'> & { readonly kind: keyof Agents },
  ): Promise<Indexed<T>> {
    const answer = await this.#answer(request, call);
    if (answer.status < 200 || answer.status > 299) throw failureOf(request, answer);
    const result = schema.safeParse(parsed(request, answer.text));
    if (result.success) return { value: result.data, index: indexOf(answer) };
    const [issue] = result.error.issues;
    const detail = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
    throw new NomadError('unavailable', `${request.doing}: an unexpected answer: ${detail}`);
  }

  async #answer(
    { method, doing, path, query, body }: NomadRequest,
    {
      kind,
      signal,
      timeoutMs,
    }: Pick<HttpCall, 'timeoutMs' | 'signal'> & {
      readonly kind: keyof Agents;
    },
  ): Promise<HttpAnswer> {
    const url = new URL(path, this.#settings.address);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    try {
      signal.throwIfAborted();
      const agents = await (this.#agents ??= agentsOf(this.#settings, this.#limits));
      const token = await this.#token();
      return await exchange({
        ...{ method, url, signal, timeoutMs, agent: agents[kind] },
        headers: { ...(token !== null && { 'x-nomad-token': token }) },
        body: body === undefined ? null : JSON.stringify(body),
        bytesMax: this.#limits.answerBytesMax,
      });
    } catch (cause) {
      if (cause instanceof NomadError) throw cause;
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new NomadError('unavailable', `${doing}: ${message}`, { cause });
    }
  }

  async #token(): Promise<string | null> {
    const { tokenFile } = this.#settings;
    return tokenFile === null ? null : (await readFile(tokenFile, 'utf8')).trim();
  }
}

async function agentsOf(settings: NomadSettings, { callsMax }: NomadLimits): Promise<Agents> {
  const common = { keepAlive: true, scheduling: 'lifo' } as const;
  if (settings.address.startsWith('http:')) {
    return {
      calls: new HttpAgent({ ...common, maxSockets: callsMax }),
      queries: new HttpAgent(common),
    };
  }
  const tls = settings.tls === null ? {} : await readTls(settings.tls);
  return {
    calls: new HttpsAgent({ ...common, ...tls, maxSockets: callsMax }),
    queries: new HttpsAgent({ ...common, ...tls }),
  };
}

async function readTls({ caFile, certificateFile, keyFile }: NomadTls) {
  return {
    ...(caFile !== null && { ca: await readFile(caFile) }),
    ...(certificateFile !== null && { cert: await readFile(certificateFile) }),
    ...(keyFile !== null && { key: await readFile(keyFile) }),
  };
}

function parsed({ doing }: NomadRequest, text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new NomadError('unavailable', `${doing}: an answer that is no JSON`, { cause });
  }
}

function indexOf({ headers }: HttpAnswer): number {
  const index = Number(headers['x-nomad-index']);
  return Number.isSafeInteger(index) && index > 0 ? index : 0;
}

function failureOf({ doing, grant }: NomadRequest, { status, text }: HttpAnswer): NomadError {
  const said = text.slice(0, 512).trim() || `status ${status}`;
  // An index that was overtaken has no status of its own: it comes as a failure of the server.
  if (status === 409 || /enforcing job modify index/i.test(said)) {
    return new NomadError('conflict', `${doing}: ${said}`);
  }
  if (/blocked due to active deployment/i.test(said)) {
    const todo = 'a deployment of the job runs; it is told again once that has ended or was failed';
    return new NomadError('busy', `${doing}: ${todo}`);
  }
  if (status === 401 || status === 403) {
    return new NomadError('forbidden', `${doing}: grant ${grant} to the ACL token (${said})`);
  }
  if (status === 404) return new NomadError('missing', `${doing}: ${said}`);
  const passes = status === 408 || status === 429 || status >= 500 || status < 400;
  return new NomadError(passes ? 'unavailable' : 'refused', `${doing}: ${said}`);
}
