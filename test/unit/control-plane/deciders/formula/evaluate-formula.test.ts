import assert from 'node:assert/strict';
import fc from 'fast-check';
import { evaluateFormula } from '../../../../../control-plane/deciders/formula/evaluate-formula.ts';
import { parseFormula } from '../../../../../control-plane/deciders/formula/parse-formula.ts';
import { printFormula } from '../../../../../control-plane/deciders/formula/print-formula.ts';
import {
  NoValue,
  TREE_NAMES,
  childrenOf,
  formulaTrees,
  referenceValue,
  sizeOf,
} from '../../../../support/formula-trees.ts';
import type { FormulaNode } from '../../../../../control-plane/deciders/formula/formula.ts';

const evaluated = (text: string, values: Readonly<Record<string, number>> = {}) => {
  const reading = parseFormula(text);
  if (reading.kind === 'faulty') assert.fail(reading.faults[0]?.message);
  return evaluateFormula(reading.formula, new Map(Object.entries(values)));
};

const VALUES: readonly [text: string, value: number, values?: Readonly<Record<string, number>>][] =
  [
    ['1 + 2 * 3', 7],
    ['(1 + 2) * 3', 9],
    ['7 - 2 - 1', 4],
    ['8 / 4 / 2', 1],
    ['7 % 4', 3],
    ['-7 % 4', -3],
    ['7.5 % 2', 1.5],
    ['2 ^ 3 ^ 2', 512],
    ['-2 ^ 2', -4],
    ['(-2) ^ 2', 4],
    ['(-2) ^ 3', -8],
    ['2 ^ -1', 0.5],
    ['4 ^ 0.5', 2],
    ['0 ^ 0', 1],
    ['0 ^ 2', 0],
    ['0 ^ 0.5', 0],
    ['--3', 3],
    ['queue / workers', 2.5, { queue: 10, workers: 4 }],
    ['queue', -3, { queue: -3 }],
    ['1 < 2 ? 10 : 20', 10],
    ['2 < 2 ? 10 : 20', 20],
    ['2 <= 2 ? 10 : 20', 10],
    ['3 <= 2 ? 10 : 20', 20],
    ['3 > 2 ? 10 : 20', 10],
    ['2 > 2 ? 10 : 20', 20],
    ['2 >= 2 ? 10 : 20', 10],
    ['1 >= 2 ? 10 : 20', 20],
    ['2 == 2 ? 10 : 20', 10],
    ['1 == 2 ? 10 : 20', 20],
    ['1 != 2 ? 10 : 20', 10],
    ['2 != 2 ? 10 : 20', 20],
    ['0.1 + 0.2 == 0.3 ? 1 : 0', 0],
    ['1 < 2 and 3 < 4 ? 1 : 0', 1],
    ['1 < 2 and 4 < 3 ? 1 : 0', 0],
    ['2 < 1 and 3 < 4 ? 1 : 0', 0],
    ['2 < 1 or 3 < 4 ? 1 : 0', 1],
    ['1 < 2 or 4 < 3 ? 1 : 0', 1],
    ['2 < 1 or 4 < 3 ? 1 : 0', 0],
    ['not 1 < 2 ? 1 : 0', 0],
    ['not 2 < 1 ? 1 : 0', 1],
    ['1 < 2 or 1 < 2 and 2 < 1 ? 1 : 0', 1],
    ['(1 < 2 ? 2 < 1 : 1 < 2) ? 1 : 0', 0],
    ['min(3, 1, 2)', 1],
    ['max(1, 3, 2)', 3],
    ['avg(1, 2, 6)', 3],
    ['sum(1, 2, 6)', 9],
    ['abs(-2)', 2],
    ['ceil(1.2)', 2],
    ['ceil(-1.2)', -1],
    ['floor(1.8)', 1],
    ['floor(-1.2)', -2],
    ['round(2.5)', 3],
    ['round(2.4)', 2],
    ['round(-2.5)', -3],
    ['round(-2.4)', -2],
    ['sqrt(9)', 3],
    ['sqrt(0)', 0],
    ['exp(0)', 1],
    ['log(1)', 0],
    ['log2(8)', 3],
    ['log10(0.001)', -3],
    ['clamp(5, 0, 3)', 3],
    ['clamp(-5, 0, 3)', 0],
    ['clamp(2, 0, 3)', 2],
    ['clamp(2, 3, 3)', 3],
    ['workers == 0 ? 0 : queue / workers', 0, { queue: 10, workers: 0 }],
    ['workers == 0 or queue / workers > 2 ? 1 : 0', 1, { queue: 10, workers: 0 }],
    ['workers > 0 and queue / workers > 2 ? 1 : 0', 0, { queue: 10, workers: 0 }],
  ];

const FAILED: readonly [
  text: string,
  cause: string,
  detail: RegExp,
  values?: Readonly<Record<string, number>>,
][] = [
  [
    'queue / workers',
    'operation',
    /^queue \/ workers: division by zero$/,
    { queue: 1, workers: 0 },
  ],
  ['0 / -0', 'operation', /division by zero/],
  ['5 % 0', 'operation', /^5 % 0: division by zero$/],
  ['0 ^ -1', 'operation', /division by zero: 0 to the power of -1/],
  ['(-8) ^ 0.5', 'operation', /negative number -8 to the power of 0\.5, which is not whole/],
  ['sqrt(-1)', 'operation', /^sqrt\(-1\): the square root of the negative number -1$/],
  ['log(0)', 'operation', /^log\(0\): the logarithm of 0, which is not above 0$/],
  ['log2(-1)', 'operation', /the logarithm of -1/],
  ['log10(0)', 'operation', /the logarithm of 0/],
  ['clamp(1, 3, 2)', 'operation', /lower bound 3 is above its upper bound 2/],
  ['1e308 * 10', 'operation', /^1e\+308 \* 10: the result is beyond the largest number$/],
  ['1e308 + 1e308', 'operation', /beyond the largest number/],
  ['-1e308 - 1e308', 'operation', /beyond the largest number/],
  ['1 / 1e-320', 'operation', /beyond the largest number/],
  ['exp(1000)', 'operation', /^exp\(1000\): the result is beyond/],
  ['10 ^ 400', 'operation', /beyond/],
  ['sum(1e308, 1e308)', 'operation', /beyond/],
  ['1 + 2 * (3 / (a - a))', 'operation', /^3 \/ \(a - a\): division by zero$/, { a: 5 }],
  ['-(1 / 0)', 'operation', /^1 \/ 0: division by zero$/],
  ['not 1 / 0 > 1 ? 1 : 2', 'operation', /^1 \/ 0/],
  ['1 / 0 > 1 ? 1 : 2', 'operation', /^1 \/ 0/],
  ['1 / 0 + 2', 'operation', /^1 \/ 0: division by zero$/],
  ['1 / 0 > 1 ? 1 : 2 / 0', 'operation', /^1 \/ 0: division by zero$/],
  ['sqrt(1 / 0)', 'operation', /^1 \/ 0: division by zero$/],
  ['max(1, 1 / 0)', 'operation', /^1 \/ 0/],
  ['1 < 2 and 1 / 0 > 1 ? 1 : 2', 'operation', /^1 \/ 0/],
  ['queue', 'name_absent', /^queue has no value$/],
  ['1 < 2 ? 1 : queue', 'name_absent', /^queue has no value$/],
  ['1 < 2 or queue > 1 ? 1 : 0', 'name_absent', /^queue has no value$/],
  ['queue * 0', 'value_not_finite', /^queue is NaN$/, { queue: NaN }],
  ['1 < 2 ? 1 : queue', 'value_not_finite', /^queue is Infinity$/, { queue: Infinity }],
  ['min(1, queue)', 'value_not_finite', /^queue is -Infinity$/, { queue: -Infinity }],
];

const anyValue = fc.oneof(
  fc.double(),
  fc.double({ min: -100, max: 100, noNaN: true }),
  fc.integer({ min: -3, max: 10 }),
);
const anyValues = fc.record(Object.fromEntries(TREE_NAMES.map((name) => [name, anyValue])), {
  requiredKeys: [],
});
const finiteValues = fc.record(
  Object.fromEntries(
    TREE_NAMES.map((name) => [name, fc.double({ min: -100, max: 100, noNaN: true })]),
  ),
);

/** Only +, −, ×, ÷, % and the like: what IEEE 754 fixes, so that the reference agrees to the bit. */
function isExact(node: FormulaNode): boolean {
  const inexact =
    (node.kind === 'binary' && node.operator === '^') ||
    (node.kind === 'call' && ['exp', 'log', 'log2', 'log10'].includes(node.callee));
  return !inexact && childrenOf(node).every(isExact);
}

describe('evaluateFormula', () => {
  for (const [text, value, values] of VALUES) {
    it(`gives ${value} for ${text}`, () => {
      assert.deepEqual(evaluated(text, values), { kind: 'value', value });
    });
  }

  for (const [text, cause, detail, values] of FAILED) {
    it(`fails for ${text}${values === undefined ? '' : ` with ${Object.values(values).join(', ')}`}`, () => {
      const result = evaluated(text, values);
      assert.equal(result.kind, 'failed');
      assert.equal(result.cause, cause);
      assert.match(result.detail, detail);
    });
  }

  it('never gives the negative zero, which JSON would lose', () => {
    for (const text of ['-0', '0 * -1', 'round(-0.2)', 'ceil(-0.5)', '-5 % 5', 'min(0, -0)', 'a']) {
      const result = evaluated(text, { a: -0 });
      assert.ok(result.kind === 'value' && Object.is(result.value, 0), text);
    }
  });

  it('cuts a long operation in the words of a failure', () => {
    const result = evaluated(`${'1 + '.repeat(100)}1 / 0 * (${'1 + '.repeat(100)}1) / 0`);
    assert.ok(result.kind === 'failed' && result.detail.length < 200);
    const long = evaluated(`(${'1 + '.repeat(100)}1) / 0`);
    assert.ok(
      long.kind === 'failed' &&
        long.detail.length < 200 &&
        /…: division by zero$/.test(long.detail),
    );
  });

  it('evaluates a formula of the largest size', () => {
    const result = evaluated(Array(500).fill('1').join('+'));
    assert.deepEqual(result, { kind: 'value', value: 500 });
  });

  it('ignores values that the formula does not name', () => {
    assert.deepEqual(evaluated('a', { a: 1, b: NaN }), { kind: 'value', value: 1 });
  });

  it('gives a finite number or a failure with words, whatever the tree and the values', () => {
    fc.assert(
      fc.property(formulaTrees, anyValues, (tree, record) => {
        const reading = parseFormula(printFormula(tree));
        fc.pre(reading.kind === 'parsed');
        const values = new Map<string, number>();
        for (const [name, value] of Object.entries(record)) {
          if (value !== undefined) values.set(name, value);
        }
        const result = evaluateFormula(reading.formula, values);
        assert.deepEqual(evaluateFormula(reading.formula, values), result);
        if (result.kind === 'failed') {
          assert.ok(result.detail.length > 0);
          return;
        }
        assert.ok(Number.isFinite(result.value) && !Object.is(result.value, -0));
        for (const name of reading.formula.names) assert.ok(Number.isFinite(values.get(name)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('agrees with a direct evaluation of the tree, bit for bit where IEEE 754 fixes the bits', () => {
    let agreed = 0;
    fc.assert(
      fc.property(formulaTrees.filter(isExact), finiteValues, (tree, record) => {
        fc.pre(sizeOf(tree).depth < 30);
        const values = new Map(Object.entries(record));
        const reading = parseFormula(printFormula(tree));
        fc.pre(reading.kind === 'parsed');
        const result = evaluateFormula(reading.formula, values);
        const expected = reference(tree, values);
        if (expected === null) {
          assert.equal(result.kind, 'failed');
          return;
        }
        agreed += 1;
        assert.deepEqual(result, { kind: 'value', value: expected });
      }),
      { numRuns: 2_000 },
    );
    assert.ok(agreed > 400, `only ${agreed} trees have a value`);
  });

  it('agrees closely where it reckons elementary functions itself', () => {
    const callees = ['exp', 'log', 'log2', 'log10'] as const;
    const x = fc.double({ min: -700, max: 700, noNaN: true });
    fc.assert(
      fc.property(fc.constantFrom(...callees), x, (callee, given) => {
        const argument = callee === 'exp' ? given : Math.abs(given) + Number.MIN_VALUE;
        const result = evaluated(`${callee}(a)`, { a: argument });
        assert.ok(result.kind === 'value');
        assert.ok(isClose(result.value, Math[callee](argument)), `${callee}(${argument})`);
      }),
      { numRuns: 2_000 },
    );
  });
});

function reference(tree: FormulaNode, values: ReadonlyMap<string, number>): number | null {
  try {
    return referenceValue(tree, values) + 0;
  } catch (error) {
    if (error instanceof NoValue) return null;
    throw error;
  }
}

function isClose(value: number, expected: number): boolean {
  return Math.abs(value - expected) <= 1e-14 * Math.max(1e-300, Math.abs(expected));
}
