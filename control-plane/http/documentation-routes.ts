/** The API's description of itself: the OpenAPI document and the page made from it. Both need no key. */

import { z } from 'zod';

import { nothing } from '../schemas/query.ts';
import { DOCS_HEADERS, docsPage } from './docs-page.ts';
import { type OpenApiDocument, openApiDocument } from './openapi.ts';
import { defineRoute, json, NO_BODY, type Route } from './route.ts';

/** The given routes and those that describe them (and themselves). */
export function withDocumentation(routes: readonly Route[], version: string): readonly Route[] {
  const all: Route[] = [...routes];
  let document: OpenApiDocument | undefined;
  let page: string | undefined;
  const documentOnce = (): OpenApiDocument => (document ??= openApiDocument(all, version));
  const pageOnce = (): string => (page ??= docsPage(documentOnce(), all));
  all.push(openApiRoute(documentOnce), docsRoute(pageOnce));
  return all;
}

const anyDocument = z.looseObject({ openapi: z.literal('3.1.0') });

function openApiRoute(document: () => OpenApiDocument): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/openapi.json',
    operationId: 'readOpenApi',
    tag: 'documentation',
    summary: 'This API as OpenAPI 3.1',
    role: 'open',
    answeredBy: 'member',
    pathSchema: nothing,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The document', schema: anyDocument } },
    answer: () => json(document()),
  });
}

function docsRoute(page: () => string): Route {
  return defineRoute({
    method: 'get',
    path: '/docs',
    operationId: 'readDocs',
    tag: 'documentation',
    summary: 'This API for people, as one page that loads nothing from elsewhere',
    role: 'open',
    answeredBy: 'member',
    pathSchema: nothing,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The page', contentType: 'text/html' } },
    answer: () => ({
      status: 200,
      body: { kind: 'text', contentType: 'text/html; charset=utf-8', text: page() },
      headers: DOCS_HEADERS,
    }),
  });
}
