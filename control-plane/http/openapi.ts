/**
 * The OpenAPI 3.1 document, made from the table of routes, the catalogue of problems and the very
 * schemas that parse the requests. It states nothing of its own about any route.
 */

import type { z } from 'zod';
import {
  createDocument,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
  type ZodOpenApiResponsesObject,
} from 'zod-openapi';

import { CONSISTENCY_HEADERS, STALE_HEADER } from './consistency.ts';
import { PROBLEM_CODES, problemEntry, problemType, type ProblemCode } from './errors.ts';
import { PROBLEM_TYPE } from './problem.ts';
import { problem } from './representations.ts';
import type { AnsweredBy, ResponseSpec, Route } from './route.ts';

export type OpenApiDocument = ReturnType<typeof createDocument>;

const DESCRIPTION = [
  'Nodes, workloads, policies, decisions, members and elections of an OmniMind control plane.',
  'Bodies are JSON, as UTF-8; unknown fields, parameters and duplicate members are refused.',
  'Refusals are problem details (RFC 9457): 400 when the path, query, headers or JSON syntax are wrong, 422 when a well-formed document is; each lists every fault.',
  'Lists come in pages: follow `nextCursor` or the Link header.',
  'A request that changes something may carry an Idempotency-Key; repeated with the same body it is applied once.',
  'Any member may be asked: what the leader has to answer is passed on to it, and its answer says so in OmniMind-Leader. Reads are as new as the moment of the request, or say OmniMind-Consistency: stale.',
].join(' ');

/** Any request may meet these. */
const ALWAYS: readonly ProblemCode[] = [
  'malformed_request',
  'invalid_request',
  'route_not_found',
  'method_not_allowed',
  'request_timeout',
  'misdirected_request',
  'headers_too_large',
  'internal_error',
  'overloaded',
];

const WITH_BODY: readonly ProblemCode[] = [
  'body_missing',
  'body_not_utf8',
  'malformed_json',
  'unsafe_json',
  'body_too_large',
  'unsupported_media_type',
  'unsupported_encoding',
  'invalid_document',
];

const WITH_CHANGE: readonly ProblemCode[] = ['storage_failed', 'commit_unknown'];

const WITH_MEMBERSHIP: readonly ProblemCode[] = ['transferring', 'change_under_way'];

const WITH_LEADER: readonly ProblemCode[] = ['not_leader', 'no_leader'];

export function openApiDocument(routes: readonly Route[], version: string): OpenApiDocument {
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'OmniMind Control Plane',
      description: DESCRIPTION,
      version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The member that served this document' }],
    tags: [...new Set(routes.map((route) => route.tag))].map((name) => ({ name })),
    paths: pathsOf(routes),
    components: {
      examples: Object.fromEntries(
        PROBLEM_CODES.map((code) => [
          code,
          { summary: problemEntry(code).title, value: exampleOf(code) },
        ]),
      ),
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          description:
            'An API key. Needed as soon as one is configured; roles: viewer < operator < admin.',
        },
      },
    },
  });
}

/** The problems that a route may answer with. */
export function problemsOf(route: Route): readonly ProblemCode[] {
  return [
    ...ALWAYS,
    ...(route.role === 'open' ? [] : (['unauthenticated', 'forbidden'] as const)),
    ...(route.bodySchema === null ? [] : WITH_BODY),
    ...(route.answeredBy === 'member' ? [] : WITH_LEADER),
    ...(route.command === true ? (['idempotency_key_reused'] as const) : []),
    ...(route.command === true || route.membership === true ? WITH_CHANGE : []),
    ...(route.membership === true ? WITH_MEMBERSHIP : []),
    ...(route.conditional === true ? (['version_conflict'] as const) : []),
    ...(route.problems ?? []),
  ];
}

function pathsOf(routes: readonly Route[]): ZodOpenApiPathsObject {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  }
  return paths;
}

function operationOf(route: Route): ZodOpenApiOperationObject {
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    security: route.role === 'open' ? [] : [{ apiKey: [] }],
    ...(route.role !== 'open' && { 'x-role': route.role }),
    requestParams: {
      path: route.pathSchema,
      query: route.querySchema,
    },
    parameters: headersOf(route),
    ...(route.bodySchema !== null && {
      requestBody: {
        required: true,
        content: { 'application/json': { schema: route.bodySchema } },
      },
    }),
    responses: { ...successesOf(route), ...refusalsOf(route) },
  };
}

function headersOf(route: Route) {
  const header = (name: string, description: string, example: string) => ({
    name,
    in: 'header' as const,
    required: false,
    description,
    schema: { type: 'string' as const, examples: [example] },
  });
  return [
    ...(route.conditional === true
      ? [
          header('If-Match', 'The ETag that must be current, or * for "must exist".', '"3"'),
          header('If-None-Match', '* for "must not exist".', '*'),
        ]
      : []),
    ...(route.command === true
      ? [
          header(
            'Idempotency-Key',
            '1 to 255 visible ASCII characters; a repeat with the same key and body is applied once.',
            '0e6a3f5c-7d8b-4a52-9c11-2f3e4d5c6b7a',
          ),
        ]
      : []),
  ];
}

function successesOf(route: Route): ZodOpenApiResponsesObject {
  const responses: ZodOpenApiResponsesObject = {};
  const marks = MARKS[route.answeredBy];
  for (const [status, spec] of Object.entries(route.responses)) {
    const headers = { ...spec.headers, ...marks };
    responses[statusKey(Number(status))] = {
      description: spec.description,
      ...(Object.keys(headers).length > 0 && { headers: headerObjects(headers) }),
      ...contentOf(spec),
    };
  }
  return responses;
}

/** Headers that answers carry because of who answers. */
const MARKS: Readonly<Record<AnsweredBy, Readonly<Record<string, string>>>> = {
  member: {},
  leader: {},
  leader_or_member: STALE_HEADER,
  state: CONSISTENCY_HEADERS,
};

function headerObjects(headers: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      { description, schema: { type: 'string' as const } },
    ]),
  );
}

function contentOf(spec: ResponseSpec) {
  if (spec.schema !== undefined) {
    const others = (spec.alsoAs ?? []).map((type) => [type, TEXT_MEDIA] as const);
    return {
      content: { 'application/json': mediaOf(spec.schema), ...Object.fromEntries(others) },
    };
  }
  if (spec.contentType === undefined) return {};
  return { content: { [spec.contentType]: TEXT_MEDIA } };
}

const TEXT_MEDIA = { schema: { type: 'string' as const } };

function mediaOf(schema: z.ZodType) {
  return { schema };
}

/** One response per status, with the example of each problem that has it. */
function refusalsOf(route: Route): ZodOpenApiResponsesObject {
  const responses: ZodOpenApiResponsesObject = {};
  const byStatus = Map.groupBy(new Set(problemsOf(route)), (code) => problemEntry(code).status);
  for (const [status, codes] of [...byStatus].sort(([a], [b]) => a - b)) {
    if (route.responses[status] !== undefined) continue;
    responses[statusKey(status)] = {
      description: `Refused: ${codes.join(', ')}`,
      content: {
        [PROBLEM_TYPE]: {
          schema: problem,
          examples: Object.fromEntries(
            codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]),
          ),
        },
      },
    };
  }
  return responses;
}

function exampleOf(code: ProblemCode) {
  const { status, title, meaning } = problemEntry(code);
  return {
    type: problemType(code),
    title,
    status,
    detail: meaning,
    instance: '/v1/…',
    code,
    trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
  };
}

type StatusKey = `${1 | 2 | 3 | 4 | 5}${string}`;

function statusKey(status: number): StatusKey {
  const [first = '5', ...rest] = String(status);
  const leading = ([1, 2, 3, 4, 5] as const).find((digit) => String(digit) === first) ?? 5;
  return `${leading}${rest.join('')}`;
}
