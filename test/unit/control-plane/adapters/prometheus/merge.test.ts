import assert from 'node:assert/strict';
import {
  groupQueries,
  mergeOperands,
  operandOf,
  splitByMark,
} from '../../../../../control-plane/adapters/prometheus/merge.ts';
import { parsePromql } from '../../../../../control-plane/schemas/promql.ts';

describe('merging queries', () => {
  it('marks each operand and unites them as a balanced tree', () => {
    assert.equal(
      mergeOperands(['(\na\n)', 'vector(\n1\n)', '(\nc\n)']),
      '(label_replace((\na\n), "omnimind_query", "0", "", "") or (label_replace(vector(\n1\n), "omnimind_query", "1", "", "") or label_replace((\nc\n), "omnimind_query", "2", "", "")))',
    );
  });

  it('gives PromQL that parses, comments and all', () => {
    const texts = ['up # why', 'time()', 'sum(x) or y', '1 == bool 1'].map(operandOf);
    const operands = texts.map((one) => (one.kind === 'vector' ? one.text : assert.fail()));
    const merged = Array.from({ length: 50 }, (_, n) => operands[n % operands.length] ?? '');
    const reading = parsePromql(mergeOperands(merged));
    assert.ok(reading.kind === 'parsed', JSON.stringify(reading));
    assert.equal(reading.type, 'vector');
  });

  it('leaves alone what would not stand in a union', () => {
    for (const query of ['x[5m]', '"a"', 'x) or (y', 'sum(', '']) {
      assert.deepEqual(operandOf(query), { kind: 'alone' }, query);
    }
  });

  it('groups by count and by length; what stays alone comes as it comes', () => {
    const queries = ['a', 'b', 'x[5m]', 'c', 'd', 'e'];
    const group = (limits: { queriesMax: number; charactersMax: number }) =>
      groupQueries(queries, operandOf, limits);
    assert.deepEqual(group({ queriesMax: 2, charactersMax: 10_000 }), [
      ['x[5m]'],
      ['a', 'b'],
      ['c', 'd'],
      ['e'],
    ]);
    assert.deepEqual(
      group({ queriesMax: 50, charactersMax: 130 }).map((one) => one.length),
      [1, 2, 2, 1],
    );
    assert.deepEqual(
      group({ queriesMax: 50, charactersMax: 1 }).map((one) => one.length),
      [1, 1, 1, 1, 1, 1],
    );
    assert.deepEqual(groupQueries([], operandOf, { queriesMax: 1, charactersMax: 1 }), []);
  });

  it('takes an answer apart by its marks and removes them', () => {
    const sample = (mark: string, value: number) => ({
      labels: { omnimind_query: mark, a: 'b' },
      value,
      evaluatedAtMs: 1,
    });
    const plain = (value: number) => ({ labels: { a: 'b' }, value, evaluatedAtMs: 1 });
    assert.deepEqual(splitByMark([sample('2', 5), sample('0', 6), sample('2', 7)], 3), [
      [plain(6)],
      [],
      [plain(5), plain(7)],
    ]);
    for (const mark of ['3', '-1', '', 'length', '1.0', '99999999999']) {
      assert.equal(splitByMark([sample(mark, 1)], 3), null, mark);
    }
    assert.equal(splitByMark([plain(1)], 3), null);
  });
});
