import assert from 'node:assert/strict';

import { HttpRefusal } from '../../../../control-plane/http/errors.ts';
import {
  etagOf,
  expectedVersion,
  parseExpectation,
} from '../../../../control-plane/http/precondition.ts';
import { SchemaError } from '../../../../control-plane/schemas/fault.ts';

const BOTH = { conditional: true, command: true };

describe('preconditions', () => {
  it('expects any version without headers', () => {
    const expectation = parseExpectation({}, BOTH);
    assert.deepEqual(expectation, { version: { kind: 'any' }, idempotencyKey: null });
    assert.equal(expectedVersion(expectation.version, 3), null);
  });

  it('reads back the ETag that it wrote', () => {
    const { version } = parseExpectation({ 'if-match': etagOf(7) }, BOTH);
    assert.equal(expectedVersion(version, 9), 7);
  });

  it('expects absence for If-None-Match: *', () => {
    const { version } = parseExpectation({ 'if-none-match': '*' }, BOTH);
    assert.equal(expectedVersion(version, null), 0);
  });

  it('expects whatever is there for If-Match: *, and conflicts when nothing is', () => {
    const { version } = parseExpectation({ 'if-match': ' * ' }, BOTH);
    assert.equal(expectedVersion(version, 4), 4);
    assert.throws(
      () => expectedVersion(version, null),
      (error) => error instanceof HttpRefusal && error.code === 'version_conflict',
    );
  });

  for (const header of ['3', 'W/"3"', '"3", "4"', '"0"', '"-1"', '"x"', '""', '"1e3"']) {
    it(`refuses If-Match: ${header}`, () => {
      assert.throws(() => parseExpectation({ 'if-match': header }, BOTH), SchemaError);
    });
  }

  it('refuses both headers, and every header that the route cannot honour, at once', () => {
    assert.throws(
      () => parseExpectation({ 'if-match': '"1"', 'if-none-match': '*' }, BOTH),
      SchemaError,
    );
    assert.throws(
      () =>
        parseExpectation(
          { 'if-match': '"1"', 'idempotency-key': 'k' },
          { conditional: false, command: false },
        ),
      (error) =>
        error instanceof SchemaError &&
        error.faults.map((fault) => fault.pointer).join() === '/if-match,/idempotency-key',
    );
  });

  it('takes an idempotency key of 1 to 255 visible characters', () => {
    const key = 'k'.repeat(255);
    assert.equal(parseExpectation({ 'idempotency-key': key }, BOTH).idempotencyKey, key);
    for (const wrong of ['', `${key}k`, 'a b', 'é']) {
      assert.throws(() => parseExpectation({ 'idempotency-key': wrong }, BOTH), SchemaError);
    }
  });
});
