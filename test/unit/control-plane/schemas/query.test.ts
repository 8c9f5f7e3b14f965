import assert from 'node:assert/strict';

import fc from 'fast-check';

import { parseWith, SchemaError } from '../../../../control-plane/schemas/fault.ts';
import {
  decisionsQuery,
  encodeCursor,
  nodesQuery,
  pageQuery,
} from '../../../../control-plane/schemas/query.ts';

describe('query parameters', () => {
  it('have a default limit, and one of 1 to 500', () => {
    assert.equal(parseWith(pageQuery, {}).limit, 100);
    assert.equal(parseWith(pageQuery, { limit: '1' }).limit, 1);
    assert.equal(parseWith(pageQuery, { limit: '500' }).limit, 500);
    for (const limit of ['0', '501', '01', '+1', '1.0', '1e2', '', ' 1', '-1', '٣']) {
      assert.throws(() => parseWith(pageQuery, { limit }), SchemaError, limit);
    }
  });

  it('read back every cursor that was made, and none that was not', () => {
    const id = fc.stringMatching(/^[A-Za-z0-9._-]{1,128}$/u);
    fc.assert(
      fc.property(id, (nodeId) => {
        assert.equal(parseWith(pageQuery, { cursor: encodeCursor(nodeId) }).cursor, nodeId);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        let after: string | undefined;
        try {
          after = parseWith(pageQuery, { cursor: text }).cursor;
        } catch (error) {
          assert.ok(error instanceof SchemaError);
          return;
        }
        assert.equal(encodeCursor(after ?? ''), text);
      }),
    );
  });

  it('take no cursor of another list', () => {
    assert.throws(() => parseWith(decisionsQuery, { cursor: encodeCursor('node-1') }), SchemaError);
  });

  it('read instants with a zone as UNIX ms', () => {
    const query = parseWith(decisionsQuery, {
      from: '2026-11-21T10:00:00+01:00',
      to: '2026-11-21T10:00:00.250Z',
    });
    assert.equal(query.from, Date.UTC(2026, 10, 21, 9));
    assert.equal(query.to, Date.UTC(2026, 10, 21, 10, 0, 0, 250));
    for (const from of [
      '2026-11-21',
      '1700000000000',
      '2026-11-21T10:00:00',
      '2026-13-01T00:00:00Z',
    ]) {
      assert.throws(() => parseWith(decisionsQuery, { from }), SchemaError, from);
    }
  });

  it('refuse a beginning that is not before the end', () => {
    const same = '2026-11-21T10:00:00Z';
    assert.throws(
      () => parseWith(decisionsQuery, { from: same, to: same }),
      (error) => error instanceof SchemaError && error.faults[0]?.pointer === '/from',
    );
  });

  it('refuse what is not listed', () => {
    assert.throws(() => parseWith(nodesQuery, { Status: 'healthy' }), SchemaError);
    assert.throws(() => parseWith(nodesQuery, { status: 'fine' }), SchemaError);
  });
});
