import assert from 'node:assert/strict';

import { askedFormat } from '../../../../control-plane/http/media-type.ts';

const CHROMIUM =
  'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8';

const CASES: readonly (readonly [accept: string | undefined, format: 'json' | 'html'])[] = [
  [undefined, 'json'],
  ['', 'json'],
  ['*/*', 'json'],
  ['application/json', 'json'],
  ['application/json, text/plain, */*', 'json'],
  ['text/*, application/*', 'json'],
  ['image/png', 'json'],
  ['text/htmlx', 'json'],
  [CHROMIUM, 'html'],
  ['text/html', 'html'],
  ['TEXT/HTML ; charset=utf-8', 'html'],
  ['text/*', 'html'],
  ['text/html, */*', 'html'],
  ['*/*, text/html', 'html'],
  ['text/html, application/json', 'html'],
  ['application/json, text/html', 'json'],
  ['application/json;q=0.5, text/html', 'html'],
  ['text/html;q=0.5, application/json', 'json'],
  ['text/html;q=0.5, application/json;q=0.9', 'json'],
  ['text/html;q=0.3, */*;q=0.2', 'html'],
  ['text/html;q=0.2, */*;q=0.3', 'json'],
  ['text/html;q=0, text/*', 'json'],
  ['text/html;q=0', 'json'],
  ['application/json;q=0, */*', 'html'],
  ['text/html;q=2', 'json'],
  ['text/html;q=', 'json'],
  ['text/html;q=0.1234', 'json'],
  [',;/,;q=', 'json'],
];

describe('the format that a request asks for', () => {
  for (const [accept, format] of CASES) {
    it(`is ${format} for Accept: ${accept ?? '(none)'}`, () => {
      assert.equal(askedFormat(accept === undefined ? {} : { accept }), format);
    });
  }
});
