/** The OpenAPI document and the page made from it: valid, complete, as checked in, and self-contained. */

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';

import { docsPage, DOCS_HEADERS } from '../../../../control-plane/http/docs-page.ts';
import { PROBLEM_CODES, problemEntry } from '../../../../control-plane/http/errors.ts';
import { openApiDocument, problemsOf } from '../../../../control-plane/http/openapi.ts';
import { apiRoutes } from '../../../../control-plane/http/server.ts';
import { COMMAND_REFUSALS } from '../../../../control-plane/model/command.ts';
import { REFUSAL_CODES } from '../../../../control-plane/http/refusal-codes.ts';
import { idleEdge } from '../../../support/http-fakes.ts';

const GOLDEN = 'test/golden/openapi.json';

type Json = Readonly<Record<string, unknown>>;

const routes = apiRoutes(idleEdge(null), () => false);
const document = openApiDocument(routes, '0.0.0');
const text = `${JSON.stringify(document, null, 2)}\n`;
const parsed = objectOf(JSON.parse(text));

describe('the OpenAPI document', () => {
  it('is the one that is checked in (rewrite with UPDATE_GOLDEN=1, and read the diff)', async () => {
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(GOLDEN, text);
    const golden = await readFile(GOLDEN, 'utf8');
    assert.ok(golden === text, `${GOLDEN} is not what the schemas say; run with UPDATE_GOLDEN=1`);
  });

  it('has the members that OpenAPI 3.1 requires', () => {
    assert.equal(parsed['openapi'], '3.1.0');
    const info = objectOf(parsed['info']);
    assert.equal(typeof info['title'], 'string');
    assert.equal(info['version'], '0.0.0');
    const ids = operations().map(({ operation }) => operation['operationId']);
    assert.equal(new Set(ids).size, ids.length, 'an operationId is used twice');
    for (const { operation, path, method } of operations()) {
      const name = `${method} ${path}`;
      assert.match(path, /^\//u);
      const responses = Object.entries(objectOf(operation['responses']));
      assert.ok(responses.length > 0, name);
      for (const [status, response] of responses) {
        assert.match(status, /^[1-5]\d\d$/u, name);
        assert.equal(typeof objectOf(response)['description'], 'string', `${name} ${status}`);
      }
    }
  });

  it('declares each parameter of a path once, as required, and no other', () => {
    for (const { operation, path, method } of operations()) {
      const parameters = arrayOf(operation['parameters'] ?? []).map(objectOf);
      const keys = parameters.map(({ in: place, name }) => `${String(place)} ${String(name)}`);
      assert.equal(new Set(keys).size, keys.length, `${method} ${path}`);
      const declared = parameters.filter((parameter) => parameter['in'] === 'path');
      assert.ok(declared.every((parameter) => parameter['required'] === true));
      const named = [...path.matchAll(/\{(\w+)\}/gu)].map((match) => match[1]);
      assert.deepEqual(declared.map((parameter) => parameter['name']).sort(), named.sort());
      for (const parameter of parameters) assert.ok(parameter['schema'], `${method} ${path}`);
    }
  });

  it('has no reference that leads nowhere, and no component that nothing leads to', () => {
    const references = new Set(
      [...text.matchAll(/"\$ref": "(#[^"]+)"/gu)].map((match) => match[1] ?? ''),
    );
    for (const reference of references) {
      const found = reference
        .slice(2)
        .split('/')
        .reduce<unknown>((at, part) => objectOf(at)[part], parsed);
      assert.ok(found, reference);
    }
    const components = objectOf(parsed['components']);
    for (const kind of ['schemas', 'examples']) {
      for (const name of Object.keys(objectOf(components[kind]))) {
        assert.ok(references.has(`#/components/${kind}/${name}`), `${kind}/${name} is not used`);
      }
    }
  });

  it('uses only types and keywords of JSON Schema 2020-12', () => {
    const types = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];
    for (const schema of schemasIn(parsed)) {
      const given = [schema['type'] ?? []].flat();
      assert.ok(
        given.every((type) => types.some((known) => known === type)),
        JSON.stringify(schema),
      );
      assert.equal(schema['nullable'], undefined);
      if (schema['required'] !== undefined) arrayOf(schema['required']);
    }
  });

  it('documents every route of the server, and no other', () => {
    const documented = operations().map(({ method, path }) => `${method} ${path}`);
    const mounted = routes.map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(documented.sort(), mounted.sort());
    assert.ok(mounted.length >= 35);
  });

  it('shows every problem of the catalogue at a route that may answer with it, and no other', () => {
    const shown = new Set(
      [...text.matchAll(/"\$ref": "#\/components\/examples\/(\w+)"/gu)].map((match) => match[1]),
    );
    assert.deepEqual([...shown].sort(), [...PROBLEM_CODES].sort());
    for (const route of routes) {
      for (const code of problemsOf(route)) assert.ok(PROBLEM_CODES.includes(code));
    }
  });

  it('says of each open route that it needs no key, and of each other which role', () => {
    for (const { operation, method, path } of operations()) {
      const route = routes.find((one) => one.path === path && one.method === method);
      const security = route?.role === 'open' ? [] : [{ apiKey: [] }];
      assert.deepEqual(operation['security'], security, path);
      assert.equal(operation['x-role'], route?.role === 'open' ? undefined : route?.role, path);
    }
  });
});

describe('the catalogue of problems', () => {
  it('has a code for every refusal of the state machine', () => {
    assert.deepEqual(Object.keys(REFUSAL_CODES).sort(), [...COMMAND_REFUSALS].sort());
  });

  it('has a status, a title and a meaning for each, and Retry-After for each 503', () => {
    for (const code of PROBLEM_CODES) {
      const { status, title, meaning, retryAfterS } = problemEntry(code);
      assert.ok(status >= 400 && status < 600, code);
      assert.ok(title.length > 5 && meaning.length > 5, code);
      assert.equal(status === 503, retryAfterS !== undefined, code);
    }
  });
});

describe('the documentation page', () => {
  const page = docsPage(document, routes);

  it('refers to no other host, and has no script', () => {
    assert.doesNotMatch(page, /(?:https?:)?\/\/[\w.-]+\.[a-z]{2,}/iu);
    assert.doesNotMatch(page, /<(?:script|link|img|iframe|object|embed)\b|@import|url\(/iu);
    assert.doesNotMatch(page, /\son\w+=|javascript:/iu);
    for (const [, target] of page.matchAll(/(?:href|src)="([^"]*)"/gu)) {
      assert.match(target ?? '', /^(?:#|\/v1\/openapi\.json$)/u);
    }
  });

  it('allows itself nothing but its own style', () => {
    const policy = DOCS_HEADERS['content-security-policy'] ?? '';
    assert.match(policy, /^default-src 'none'; style-src 'sha256-[\w+/=]+';/u);
    assert.match(policy, /frame-ancestors 'none'/u);
  });

  it('has every route and a heading for every problem, and no link that leads nowhere', () => {
    const ids = new Set([...page.matchAll(/ id="([^"]+)"/gu)].map((match) => match[1]));
    for (const route of routes) assert.ok(ids.has(route.operationId), route.operationId);
    for (const code of PROBLEM_CODES) assert.ok(ids.has(`problem-${code}`), code);
    for (const [, target] of page.matchAll(/href="#([^"]+)"/gu)) {
      assert.ok(ids.has(target), target);
    }
  });

  it('escapes what it shows', () => {
    const hostile = {
      ...document,
      info: { ...document.info, title: '<script>alert("x")</script>' },
    };
    assert.match(docsPage(hostile, routes), /&lt;script&gt;alert\(&quot;x&quot;\)/u);
  });
});

function operations() {
  return Object.entries(objectOf(parsed['paths'])).flatMap(([path, item]) =>
    Object.entries(objectOf(item)).map(([method, operation]) => ({
      path,
      method,
      operation: objectOf(operation),
    })),
  );
}

/** Every schema object: what stands under a key that holds one. */
function schemasIn(value: unknown): readonly Json[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown) => schemasIn(item));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]: [string, unknown]) => {
    const below = schemasIn(inner);
    if (['schema', 'items'].includes(key)) return [objectOf(inner), ...below];
    if (['properties', 'schemas'].includes(key)) {
      return [...Object.values(objectOf(inner)).map(objectOf), ...below];
    }
    return below;
  });
}

function objectOf(value: unknown): Json {
  assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value));
  return { ...value };
}

function arrayOf(value: unknown): readonly unknown[] {
  assert.ok(Array.isArray(value));
  return value;
}
