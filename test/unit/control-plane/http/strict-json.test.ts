import assert from 'node:assert/strict';

import fc from 'fast-check';

import { readStrictJson } from '../../../../control-plane/http/strict-json.ts';

const LIMITS = { depthMax: 8, valuesMax: 100 };

describe('strict JSON', () => {
  it('reads what JSON.parse reads', () => {
    const seed = Date.now() & 0x7fffffff;
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const reading = readStrictJson(text, { depthMax: 50, valuesMax: 100_000 });
        if (reading.kind === 'unsafe') {
          // The generator also makes what is refused on purpose.
          assert.match(text, /__proto__|\\u0000|\\ud[89a-f]/iu);
          return;
        }
        assert.deepEqual(reading, { kind: 'value', value: JSON.parse(text) as unknown });
      }),
      { seed, numRuns: 300 },
    );
  });

  it('says at which line and column the syntax breaks, without quoting the text', () => {
    const reading = readStrictJson('{\n  "a": 1,\n  secret\n}', LIMITS);
    assert.equal(reading.kind, 'malformed');
    assert.match(reading.detail, /line 3 column 3/u);
    assert.doesNotMatch(reading.detail, /secret/u);
  });

  for (const text of ['', '{', '[1,]', '{"a":1}x', 'NaN', "{'a':1}", '\uFEFF{}']) {
    it(`refuses ${JSON.stringify(text)} as malformed`, () => {
      assert.equal(readStrictJson(text, LIMITS).kind, 'malformed');
    });
  }

  const unsafe: readonly (readonly [title: string, text: string, pointers: readonly string[]])[] = [
    ['a name given twice', '{"a":1,"a":2}', ['/a']],
    ['a name given twice, once escaped', '{"a":1,"\\u0061":2}', ['/a']],
    ['a name given twice in an object of a list', '{"l":[0,{"b":1,"b":1}]}', ['/l/1/b']],
    ['__proto__ as a name', '{"x":{"__proto__":{"y":1}}}', ['/x/__proto__']],
    ['an escaped __proto__', '{"\\u005f_proto__":1}', ['/__proto__']],
    ['a NUL in a text', '["ok","a\\u0000b"]', ['/1']],
    ['a NUL in a name', '{"a\\u0000":1}', ['/a\0']],
    ['an unpaired surrogate', '{"a":"\\ud800"}', ['/a']],
    [
      'every fault, not the first alone',
      '{"a":1,"a":"\\u0000","__proto__":2}',
      ['/a', '/a', '/__proto__'],
    ],
    ['nesting beyond the limit', '['.repeat(9) + ']'.repeat(9), ['']],
    ['more values than the limit', `[${Array(101).fill(1).join(',')}]`, ['']],
  ];
  for (const [title, text, pointers] of unsafe) {
    it(`refuses ${title}`, () => {
      const reading = readStrictJson(text, LIMITS);
      assert.equal(reading.kind, 'unsafe');
      assert.deepEqual(
        reading.faults.map((fault) => fault.pointer),
        pointers,
      );
    });
  }

  it('allows the same name in two objects, and nesting and values at the limit', () => {
    assert.equal(readStrictJson('[{"a":1},{"a":{"a":2}}]', LIMITS).kind, 'value');
    assert.equal(readStrictJson('['.repeat(8) + ']'.repeat(8), LIMITS).kind, 'value');
    assert.equal(readStrictJson(`[${Array(99).fill(1).join(',')}]`, LIMITS).kind, 'value');
  });

  it('walks a megabyte of brackets without using the stack', () => {
    const text = '['.repeat(500_000) + ']'.repeat(500_000);
    assert.equal(readStrictJson(text, LIMITS).kind, 'unsafe');
  });
});
