import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parsePromql, PROMQL_LENGTH_MAX } from '../../../../control-plane/schemas/promql.ts';
import { deriveTimestampQuery } from '../../../../control-plane/schemas/promql-timestamp.ts';

describe('PromQL as the grammar and the type table read it', () => {
  const types: readonly (readonly [string, string])[] = [
    ['up', 'vector'],
    ['1', 'scalar'],
    ['-1 ^ 2', 'scalar'],
    ['1 > bool 2', 'scalar'],
    ['1 + up', 'vector'],
    ['time()', 'scalar'],
    ['scalar(up)', 'scalar'],
    ['vector(1)', 'vector'],
    ['up[5m]', 'matrix'],
    ['rate(up[5m])[1h:1m]', 'matrix'],
    ['"text"', 'string'],
    ['# why\nup', 'vector'],
    ['sum by (a) (rate(x{b=~"c|d"}[5m] offset 1h)) / on (a) group_left (e) y', 'vector'],
    ['histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))', 'vector'],
    ['max_over_time(rate(x[1m])[5m:15s])', 'vector'],
    ['label_join(x, "a", "-", "b", "c", "d")', 'vector'],
    ['hour()', 'vector'],
    ['hour(x)', 'vector'],
    ['round(x)', 'vector'],
    ['topk(3, x)', 'vector'],
    ['count_values("v", x)', 'vector'],
    ['x and on (a) y', 'vector'],
    ['x @ end()', 'vector'],
    ['sum(x @ 100 offset 5m)', 'vector'],
    ['{__name__="x"}', 'vector'],
    ['{job="x"}', 'vector'],
    ['x{a=`\\d`}', 'vector'],
    ['x unless x offset 15m', 'vector'],
    ['x and on () y @ end() offset 5m', 'vector'],
    ['1 + -x offset -5m', 'vector'],
    ['x / on (a) group_left (b) y offset 1h + 1', 'vector'],
    ['max_over_time((x + y offset 1m)[5m:15s] offset 1h)', 'vector'],
    ['x[5m + 5m]', 'matrix'],
    ['x @ 5m', 'vector'],
  ];
  for (const [query, type] of types) {
    it(`reads ${JSON.stringify(query)} as a ${type}`, () => {
      const reading = parsePromql(query);
      assert.ok(reading.kind === 'parsed', JSON.stringify(reading));
      assert.equal(reading.type, type);
    });
  }

  const faults: readonly (readonly [string, number, RegExp])[] = [
    ['', 0, /empty/],
    ['   ', 0, /empty/],
    ['# nothing', 9, /ends too early/],
    ['sum(x', 5, /ends too early/],
    ['sum(x) +', 8, /ends too early/],
    ['x{a="b}', 7, /ends too early/],
    ['x y', 2, /unexpected "y", at character 3/],
    ['x{a="b" c="d"}', 8, /unexpected "c"/],
    ['sum by (a) rate(x[1m])', 11, /unexpected "rate"/],
    ['foo(x)', 0, /unknown function "foo", at character 1/],
    ['1 + nope(x)', 4, /unknown function "nope", at character 5/],
    ['sum()', 0, /sum takes 1 parameter; got 0/],
    ['topk(x)', 0, /topk takes 2 parameters; got 1/],
    ['clamp(x, 1)', 0, /clamp takes 3 parameters; got 2/],
    ['round(x, 1, 2)', 0, /round takes 1 to 2 parameters; got 3/],
    ['label_join(x, "a")', 0, /label_join takes 3 or more parameters; got 2/],
    [
      'rate(x)',
      5,
      /parameter 1 of rate must be a range vector, and is an instant vector: write x\[5m\]/,
    ],
    ['sum(x[5m])', 4, /parameter 1 of sum must be an instant vector, and is a range vector/],
    ['abs(1)', 4, /must be an instant vector, and is a scalar/],
    ['vector(x)', 7, /must be a scalar, and is an instant vector/],
    ['x[5m] + 1', 0, /\+ takes scalars and instant vectors, and this is a range vector/],
    ['-"a"', 1, /a sign takes scalars/],
    ['1 > 2', 0, /needs bool/],
    ['x and 1', 0, /and takes two instant vectors/],
    ['x and on (a) group_left y', 13, /and takes no grouping/],
    ['1 + on (a) x', 4, /vector matching takes two instant vectors/],
    ['x + bool y', 0, /bool can follow a comparison only/],
    ['sum(x)[5m]', 0, /a range can follow a selector only/],
    ['sum(x) offset 5m', 0, /offset and @ can follow a selector/],
    ['x + sum(y) offset 5m', 0, /offset and @ can follow a selector or a subquery only/],
    ['x + (y) @ 5', 0, /offset and @ can follow a selector/],
    ['x offset 5m offset 1h', 0, /the same modifier is given twice/],
    ['x @ 1 offset 5m @ 2', 0, /the same modifier is given twice/],
    ['x @ -Inf', 4, /-Inf is no time/],
    ['x @ 1e19', 4, /1e19 is no time/],
    ['sum(x) anchored', 0, /anchored and smoothed can follow a selector only/],
    ['max_over_time(x + y[5m:15s])', 14, /a subquery is of the last operand alone/],
    ['-x[5m:15s]', 0, /a subquery is of the last operand alone/],
    ['x[0s]', 2, /longer than 0/],
    ['x[5m:-(15s)]', 5, /longer than 0/],
    ['x / on (a) group_left (b, a) y', 26, /label a stands in on and in the grouping/],
    ['x and fill (0) y', 6, /filling takes two instant vectors and no set operator/],
    ['x + fill (0) 1', 4, /filling takes two instant vectors/],
    ['1[5m:1m]', 0, /a subquery must be an instant vector, and is a scalar/],
    ['{}', 0, /matches every series/],
    ['{a=""}', 0, /matches every series/],
    ['{a=~".*"}', 0, /matches every series/],
    ['{a!="b"}', 0, /matches every series/],
    ['x{__name__="y"}', 2, /given twice/],
    ['x{a="\\d+"}', 4, /unknown escape \\d/],
    [`${'('.repeat(300)}x${')'.repeat(300)}`, 201, /nested deeper/],
    ['x'.repeat(PROMQL_LENGTH_MAX + 1), PROMQL_LENGTH_MAX, /longer than 8192/],
  ];
  for (const [query, position, message] of faults) {
    it(`refuses ${JSON.stringify(query.slice(0, 40))} at ${position}`, () => {
      const reading = parsePromql(query);
      assert.ok(reading.kind === 'faulty', JSON.stringify(reading));
      assert.match(reading.message, message);
      assert.equal(reading.position, position);
    });
  }

  it('lists the selectors with their literal names', () => {
    const reading = parsePromql(
      'sum(rate(a{x="1"}[5m])) / (b offset 1h) + {c="2"} + {__name__="d"} + {__name__=~"e"}',
    );
    assert.ok(reading.kind === 'parsed');
    assert.deepEqual(reading.selectors, [
      { metricName: 'a', text: 'a{x="1"}', shifted: false },
      { metricName: 'b', text: 'b', shifted: true },
      { metricName: null, text: '{c="2"}', shifted: false },
      { metricName: 'd', text: '{__name__="d"}', shifted: false },
      { metricName: null, text: '{__name__=~"e"}', shifted: false },
    ]);
  });

  it('says of each selector whether it is moved, and not of its neighbours', () => {
    const reading = parsePromql(
      'a unless b offset 15m + max_over_time((c - d)[5m:1m] @ end()) / (e * -f @ 5)',
    );
    assert.ok(reading.kind === 'parsed', JSON.stringify(reading));
    assert.deepEqual(
      reading.selectors.map(({ metricName, shifted }) => [metricName, shifted]),
      [
        ['a', false],
        ['b', true],
        ['c', true],
        ['d', true],
        ['e', false],
        ['f', true],
      ],
    );
  });

  it('is total: any text gives a reading and a position within it', () => {
    const pieces = [
      'sum',
      '(',
      ')',
      '{',
      '}',
      '[5m]',
      'x',
      '"',
      "'",
      '=~',
      ' by ',
      '1',
      '+',
      ',',
      '#',
      '\n',
      'offset',
      '@',
      '\\',
      '😀',
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }), (parts) => {
        const query = parts.join('');
        const reading = parsePromql(query);
        if (reading.kind === 'faulty') {
          assert.ok(reading.position >= 0 && reading.position <= query.length);
          assert.notEqual(reading.message, '');
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('the derived timestamp query', () => {
  const derived: readonly (readonly [string, string])[] = [
    ['sum(x)', 'min(timestamp(x))'],
    ['sum(rate(x{a="b"}[5m]))', 'min(timestamp(x{a="b"}))'],
    ['x / x', 'min(timestamp(x))'],
    ['hour() > bool 8', 'time()'],
    [
      'a / b',
      'min(label_replace(min(timestamp(a)), "omnimind_selector", "0", "", "") or label_replace(min(timestamp(b)), "omnimind_selector", "1", "", "")) and min(timestamp(a)) and min(timestamp(b))',
    ],
  ];
  for (const [query, expected] of derived) {
    it(`of ${query}`, () => {
      assert.deepEqual(deriveTimestampQuery(query), { kind: 'derived', query: expected });
      const reading = parsePromql(expected);
      assert.equal(reading.kind, 'parsed');
    });
  }

  const refused: readonly (readonly [string, RegExp])[] = [
    ['job:x:sum', /recorded series job:x:sum/],
    ['a / job:x:sum', /recorded series/],
    ['{__name__="job:x:sum"}', /recorded series/],
    ['{job="x"}', /without a literal name/],
    ['{__name__=~"x"}', /without a literal name/],
    ['x offset 5m', /offset or @/],
    ['max_over_time(rate(x[1m])[5m:15s] offset 1h)', /offset or @/],
    ['x @ 100', /offset or @/],
  ];
  for (const [query, why] of refused) {
    it(`is not derived from ${query}`, () => {
      const result = deriveTimestampQuery(query);
      assert.ok(result.kind === 'underivable', JSON.stringify(result));
      assert.match(result.why, why);
    });
  }

  it('is not derived from what does not parse', () => {
    assert.deepEqual(deriveTimestampQuery('sum('), { kind: 'faulty' });
  });
});
