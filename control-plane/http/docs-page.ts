/**
 * The documentation page: the OpenAPI document as one static HTML page without script, font or image,
 * made on the server. The usual viewers load themselves from a CDN, which a plane in a closed network
 * does not reach and a strict content security policy does not allow.
 */

import { createHash } from 'node:crypto';

import { PROBLEM_CODES, problemEntry, problemType } from './errors.ts';
import type { OpenApiDocument } from './openapi.ts';
import { problemsOf } from './openapi.ts';
import type { Route } from './route.ts';

const STYLE = `
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 68rem; padding: 1rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
pre { overflow: auto; padding: .75rem; border: 1px solid #8886; border-radius: 6px; }
section { border-top: 1px solid #8886; padding: .5rem 0; }
h3 code { font-size: 1rem; }
table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; }
.role { float: right; opacity: .7; }
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** Headers under which the page is safe to show: it may load nothing and be framed by nobody. */
export const DOCS_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

export function docsPage(document: OpenApiDocument, routes: readonly Route[]): string {
  const { title, version, description } = document.info;
  const tags = [...new Set(routes.map((route) => route.tag))];
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escape(title)} API</title><style>${STYLE}</style></head><body>`,
    `<h1>${escape(title)} API <small>${escape(version)}</small></h1>`,
    `<p>${prose(description ?? '')}</p>`,
    '<p>Machine-readable: <a href="/v1/openapi.json">/v1/openapi.json</a> (OpenAPI 3.1).</p>',
    contents(tags, routes),
    ...tags.map((tag) => tagPart(tag, routes, document)),
    '<h2 id="problems">Problems</h2>',
    problemTable(),
    '<h2 id="schemas">Schemas</h2>',
    ...Object.entries(document.components?.schemas ?? {}).map(([name, schema]) =>
      schemaPart(name, schema),
    ),
    '</body></html>',
  ].join('\n');
}

function contents(tags: readonly string[], routes: readonly Route[]): string {
  const lines = tags.map((tag) => {
    const links = routes
      .filter((route) => route.tag === tag)
      .map((route) => `<a href="#${route.operationId}">${escape(signature(route))}</a>`);
    return `<tr><th>${escape(tag)}</th><td>${links.join('<br>')}</td></tr>`;
  });
  return `<table>${lines.join('')}</table>`;
}

function tagPart(tag: string, routes: readonly Route[], document: OpenApiDocument): string {
  const parts = routes.filter((route) => route.tag === tag);
  return [`<h2>${escape(tag)}</h2>`, ...parts.map((route) => routePart(route, document))].join(
    '\n',
  );
}

function routePart(route: Route, document: OpenApiDocument): string {
  const operation = document.paths?.[route.path]?.[route.method];
  const role = route.role === 'open' ? 'no key' : `role ${route.role}`;
  const codes = problemsOf(route).map((code) => `<a href="#problem-${code}">${code}</a>`);
  return [
    `<section id="${route.operationId}">`,
    `<h3><code>${escape(signature(route))}</code> <small class="role">${role}</small></h3>`,
    `<p>${prose(route.summary)}. ${prose(route.description ?? '')}</p>`,
    details('Parameters', operation?.parameters),
    details('Body', operation?.requestBody),
    ...Object.entries(route.responses).map(
      ([status, spec]) => `<p><b>${status}</b> ${prose(spec.description)}</p>`,
    ),
    details('Answers', successes(operation?.responses)),
    `<details><summary>Problems</summary><p>${codes.join(', ')}</p></details>`,
    '</section>',
  ].join('\n');
}

/** The answers that are not problems: those are linked. */
function successes(responses: Readonly<Record<string, unknown>> | undefined): unknown {
  return Object.fromEntries(
    Object.entries(responses ?? {}).filter(([, response]) => !isProblem(response)),
  );
}

function isProblem(response: unknown): boolean {
  return JSON.stringify(response).includes('application/problem+json');
}

function problemTable(): string {
  const rows = PROBLEM_CODES.map((code) => {
    const { status, title, meaning } = problemEntry(code);
    const name = `<b>${code}</b><br><code>${escape(problemType(code))}</code>`;
    return `<tr id="problem-${code}"><td>${status}</td><td>${name}</td><td>${prose(title)}. ${prose(meaning)}</td></tr>`;
  });
  return `<table><tr><th>status</th><th>code</th><th>meaning</th></tr>${rows.join('')}</table>`;
}

function schemaPart(name: string, schema: unknown): string {
  return `<section id="schema-${escape(name)}"><h3>${escape(name)}</h3>${pre(schema)}</section>`;
}

function details(title: string, value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '';
  return `<details><summary>${title}</summary>${pre(value)}</details>`;
}

/** JSON with its references as links to the schemas below. */
function pre(value: unknown): string {
  const text = escape(JSON.stringify(value, null, 2));
  const linked = text.replaceAll(
    /#\/components\/schemas\/([\w.-]+)/gu,
    (whole, name: string) => `<a href="#schema-${name}">${whole}</a>`,
  );
  return `<pre>${linked}</pre>`;
}

function signature(route: Route): string {
  return `${route.method.toUpperCase()} ${route.path}`;
}

function prose(text: string): string {
  return escape(text).replaceAll(/`([^`]+)`/gu, '<code>$1</code>');
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
