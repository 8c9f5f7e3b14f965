import assert from 'node:assert/strict';
import { CollectorError, failureCauseOf } from '../../../agents/failures.ts';

function withCode(code: string): Error {
  return Object.assign(new Error('x'), { code });
}

describe('failure causes', () => {
  const cases: readonly (readonly [string, unknown, string])[] = [
    ['its own word', new CollectorError('permission', 'x'), 'permission'],
    ['EACCES', withCode('EACCES'), 'permission'],
    ['ECONNREFUSED', withCode('ECONNREFUSED'), 'unavailable'],
    ['ETIMEDOUT', withCode('ETIMEDOUT'), 'timeout'],
    ['an abort', new DOMException('x', 'TimeoutError'), 'timeout'],
    ['a bug', new TypeError('x'), 'internal'],
    ['a word of another set', Object.assign(new Error('x'), { kind: 'disconnected' }), 'internal'],
    ['no error at all', 'text', 'internal'],
    ['null', null, 'internal'],
  ];
  for (const [title, thrown, cause] of cases) {
    it(`says ${cause} for ${title}`, () => {
      assert.equal(failureCauseOf(thrown), cause);
    });
  }
});
