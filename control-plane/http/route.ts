/**
 * What a route is: the path, who may call it, the schemas that parse what arrives, what is answered,
 * and the call itself. The server mounts this table and the OpenAPI document is made from it, so
 * neither can know a route that the other does not. Parsing collects every fault of a request before
 * it refuses; a handler sees typed values alone.
 */

import type { IncomingHttpHeaders } from 'node:http';

import type { z } from 'zod';

import { SchemaError, parseWith } from '../schemas/fault.ts';
import { consistencyQuery } from '../schemas/query.ts';
import type { Principal, Role } from './api-keys.ts';
import type { Body } from './body.ts';
import { HttpRefusal, type ProblemCode, type RequestFault } from './errors.ts';
import { type Expectation, NO_EXPECTATION, parseExpectation } from './precondition.ts';
import { countOf } from './problem.ts';

export type RouteMethod = 'get' | 'post' | 'put' | 'delete';

/** Which member answers. */
export type AnsweredBy =
  /** The one that was asked, whoever leads: it is about that member, or from what was sent alone. */
  | 'member'
  /** The leader alone: changes, and what members tell it often. Refused while there is none. */
  | 'leader'
  /** The leader; without one the member that was asked, from what it has, marked stale. */
  | 'leader_or_member'
  /** As before, but from replicated state: the leader makes sure that it leads, unless `consistency` says otherwise. */
  | 'state';

export type ReplyBody =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'text'; readonly contentType: string; readonly text: string }
  /** As another member wrote it; the headers say what it is. */
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'empty' };

export interface Reply {
  readonly status: number;
  readonly body: ReplyBody;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request before its parts are parsed. */
export interface RawCall {
  readonly method: string;
  /** Path without query, as sent. */
  readonly path: string;
  /** The query without its question mark, as sent. */
  readonly search: string;
  readonly parameters: Readonly<Record<string, string | readonly string[]>>;
  readonly headers: IncomingHttpHeaders;
  readonly principal: Principal;
  readonly readBody: () => Promise<Body>;
  /** Aborts when the client is gone or the server stops. */
  readonly signal: AbortSignal;
}

/** A request, parsed. */
export interface Call<P, Q, B> {
  readonly path: P;
  readonly query: Q;
  readonly body: B;
  readonly expectation: Expectation;
  readonly raw: RawCall;
  /** The bytes of the body; empty when there is none. */
  readonly bodyBytes: Uint8Array;
}

export interface ResponseSpec {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** application/json when there is a schema. */
  readonly contentType?: string;
  /** Media types other than JSON in which the same is said to whoever asks for one in Accept. */
  readonly alsoAs?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

export interface BodySpec<B> {
  /** Null when the route reads no body. */
  readonly schema: z.ZodType | null;
  /** `parameters` are those of the path, for a document that repeats its id. */
  parse(value: unknown, parameters: RawCall['parameters']): B;
}

interface RouteFacts {
  readonly method: RouteMethod;
  /** With parameters in braces. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** `open` needs no key. */
  readonly role: 'open' | Role;
  readonly answeredBy: AnsweredBy;
  /** Reads If-Match and If-None-Match; other routes that write refuse them. */
  readonly conditional?: boolean;
  /** Proposes a command, and reads Idempotency-Key. */
  readonly command?: boolean;
  /** Changes who takes part in consensus: no command, but logged like one. */
  readonly membership?: boolean;
  /** Done twice is done once: it may be sent again when an answer was lost. */
  readonly repeatable?: boolean;
  readonly responses: Readonly<Record<number, ResponseSpec>>;
  /** Beside those that follow from the rest. */
  readonly problems?: readonly ProblemCode[];
}

export interface RouteSpec<P, Q, B> extends RouteFacts {
  readonly pathSchema: z.ZodType<P> & z.ZodObject;
  readonly querySchema: z.ZodType<Q> & z.ZodObject;
  readonly body: BodySpec<B>;
  readonly answer: (call: Call<P, Q, B>) => Promise<Reply> | Reply;
}

/** A route whose types are its own affair. */
export interface Route extends RouteFacts {
  readonly pathSchema: z.ZodObject;
  readonly querySchema: z.ZodObject;
  readonly bodySchema: z.ZodType | null;
  /** @throws HttpRefusal, and the errors of the ports. */
  call(raw: RawCall): Promise<Reply>;
}

export const NO_BODY: BodySpec<null> = { schema: null, parse: () => null };

export function defineRoute<P, Q, B>(spec: RouteSpec<P, Q, B>): Route {
  const { pathSchema, querySchema, body, answer, ...facts } = spec;
  const isState = facts.answeredBy === 'state';
  const wholeQuery = isState ? querySchema.extend(consistencyQuery.shape) : querySchema;
  return {
    ...facts,
    pathSchema,
    querySchema: wholeQuery,
    bodySchema: body.schema,
    call: async (raw) => {
      const bytesAndValue = body.schema === null ? EMPTY_BODY : await raw.readBody();
      const path = attempt('path', () => parseWith(pathSchema, raw.parameters));
      const query = attempt('query', () => {
        const given = readQuery(raw.search);
        parseWith(wholeQuery, given);
        // Its reader is who decided that this call is made: the route does not see it.
        if (isState) delete given['consistency'];
        return parseWith(querySchema, given);
      });
      const headers = attempt('header', () => readExpectation(spec, raw));
      const parsed = attempt('body', () => body.parse(bytesAndValue.value, raw.parameters));
      if ('faults' in path || 'faults' in query || 'faults' in headers || 'faults' in parsed) {
        throw refusalOfFaults([path, query, headers], parsed);
      }
      return await answer({
        path: path.value,
        query: query.value,
        body: parsed.value,
        expectation: headers.value,
        raw,
        bodyBytes: bytesAndValue.bytes,
      });
    },
  };
}

export function json(value: unknown, status = 200): Reply {
  return { status, body: { kind: 'json', value } };
}

export const NO_CONTENT: Reply = { status: 204, body: { kind: 'empty' } };

const EMPTY_BODY: Body = { value: undefined, bytes: new Uint8Array() };

type Attempt<T> = { readonly value: T } | { readonly faults: readonly RequestFault[] };

function attempt<T>(place: RequestFault['in'], parse: () => T): Attempt<T> {
  try {
    return { value: parse() };
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    return { faults: error.faults.map((fault) => ({ in: place, ...fault })) };
  }
}

/** 422 when only the document is wrong, 400 when the request around it is. */
function refusalOfFaults(
  request: readonly Attempt<unknown>[],
  body: Attempt<unknown>,
): HttpRefusal {
  const around = request.flatMap((part) => ('faults' in part ? part.faults : []));
  const faults = [...around, ...('faults' in body ? body.faults : [])];
  const code = around.length > 0 ? 'invalid_request' : 'invalid_document';
  return new HttpRefusal(code, countOf(faults.length), { faults });
}

/** @throws SchemaError for what is given twice or is not percent-encoded UTF-8. */
function readQuery(search: string): Record<string, string> {
  const query: Record<string, string> = {};
  const faults = [];
  for (const [name, value] of new URLSearchParams(search)) {
    const pointer = `/${name}`;
    if (Object.hasOwn(query, name)) faults.push({ pointer, message: 'given twice' });
    if (`${name}${value}`.includes('\uFFFD')) faults.push({ pointer, message: 'not UTF-8' });
    Object.defineProperty(query, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  if (faults.length > 0) throw new SchemaError(faults);
  return query;
}

function readExpectation(facts: RouteFacts, raw: RawCall): Expectation {
  if (facts.method === 'get') return NO_EXPECTATION;
  return parseExpectation(raw.headers, {
    conditional: facts.conditional === true,
    command: facts.command === true,
  });
}
