import assert from 'node:assert/strict';
import { PROBLEM_CODES, problemType } from '../../../control-plane/http/errors.ts';
import { filesIn, namesIn, textOf } from '../../support/source-tree.ts';

describe('the catalogue of problems', () => {
  it('is in the checked-in OpenAPI document, whole, and the document has no other', () => {
    const prefix = problemType('not_leader').replace('not_leader', '');
    const documented = namesIn(
      textOf('test/golden/openapi.json'),
      new RegExp(`"${prefix}([a-z0-9_]+)"`, 'g'),
    );
    assert.deepEqual(documented, [...PROBLEM_CODES].sort());
  });

  it('is used, each code where a refusal is made', () => {
    const declared = ['errors.ts', 'openapi.ts'].map((name) => `control-plane/http/${name}`);
    const sources = filesIn(['control-plane/http']).filter(({ path }) => !declared.includes(path));
    const unused = PROBLEM_CODES.filter(
      (code) => !sources.some(({ text }) => text.includes(`'${code}'`)),
    );
    assert.deepEqual(unused, []);
  });
});
