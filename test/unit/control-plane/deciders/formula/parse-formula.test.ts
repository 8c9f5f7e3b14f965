import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  FORMULA_DEPTH_MAX,
  FORMULA_LENGTH_MAX,
  FORMULA_NAMES_MAX,
  FORMULA_NODES_MAX,
  namesIn,
} from '../../../../../control-plane/deciders/formula/formula.ts';
import type { FormulaFault } from '../../../../../control-plane/deciders/formula/formula.ts';
import {
  isFormulaName,
  parseFormula,
} from '../../../../../control-plane/deciders/formula/parse-formula.ts';
import { printFormula } from '../../../../../control-plane/deciders/formula/print-formula.ts';
import { formulaTrees, sizeOf } from '../../../../support/formula-trees.ts';

const parsed = (text: string, known: readonly string[] | null = null) => {
  const reading = parseFormula(text, known);
  assert.equal(reading.kind, 'parsed', JSON.stringify(reading));
  return reading.formula;
};
const faults = (text: string, known: readonly string[] | null = null): readonly FormulaFault[] => {
  const reading = parseFormula(text, known);
  return reading.kind === 'faulty' ? reading.faults : assert.fail(`no fault in ${text}`);
};

/** A formula, and its canonical text, which shows how it was read. */
const READ: readonly [text: string, canonical: string][] = [
  ['1+2*3', '1 + 2 * 3'],
  ['(1+2)*3', '(1 + 2) * 3'],
  ['((1))', '1'],
  ['1-2-3', '1 - 2 - 3'],
  ['1-(2-3)', '1 - (2 - 3)'],
  ['(1-2)-3', '1 - 2 - 3'],
  ['8/4/2', '8 / 4 / 2'],
  ['8/(4/2)', '8 / (4 / 2)'],
  ['8%(4*2)', '8 % (4 * 2)'],
  ['2^3^2', '2 ^ 3 ^ 2'],
  ['2^(3^2)', '2 ^ 3 ^ 2'],
  ['(2^3)^2', '(2 ^ 3) ^ 2'],
  ['-2^2', '-2 ^ 2'],
  ['-(2^2)', '-2 ^ 2'],
  ['(-2)^2', '(-2) ^ 2'],
  ['2^-1', '2 ^ -1'],
  ['2^(-1)', '2 ^ -1'],
  ['--1', '--1'],
  ['1 - -1', '1 - -1'],
  ['-a*b', '-a * b'],
  ['-(a*b)', '-(a * b)'],
  ['a<b?1:0', 'a < b ? 1 : 0'],
  ['(a<b)?1:0', 'a < b ? 1 : 0'],
  ['a<b?1:c<d?2:3', 'a < b ? 1 : c < d ? 2 : 3'],
  ['a<b?c<d?1:2:3', 'a < b ? c < d ? 1 : 2 : 3'],
  ['(a<b?c<d:e<f)?1:2', '(a < b ? c < d : e < f) ? 1 : 2'],
  ['1+(a<b?1:2)', '1 + (a < b ? 1 : 2)'],
  ['a<b or c<d and e<f ? 1 : 0', 'a < b or c < d and e < f ? 1 : 0'],
  ['(a<b or c<d) and e<f ? 1 : 0', '(a < b or c < d) and e < f ? 1 : 0'],
  ['not a<b ? 1 : 0', 'not a < b ? 1 : 0'],
  ['not (a<b) and c<d ? 1 : 0', 'not a < b and c < d ? 1 : 0'],
  ['not (a<b and c<d) ? 1 : 0', 'not (a < b and c < d) ? 1 : 0'],
  ['not not a<b ? 1 : 0', 'not not a < b ? 1 : 0'],
  ['a<b and (not c<d) ? 1 : 0', 'a < b and not c < d ? 1 : 0'],
  ['a+1<b*2 ? 1 : 0', 'a + 1 < b * 2 ? 1 : 0'],
  ['a>=b ? 1 : 0', 'a >= b ? 1 : 0'],
  ['a<=b ? 1 : 0', 'a <= b ? 1 : 0'],
  ['a==b ? 1 : 0', 'a == b ? 1 : 0'],
  ['a!=b ? 1 : 0', 'a != b ? 1 : 0'],
  ['min(1,2,a)', 'min(1, 2, a)'],
  ['clamp( a , 0 , 1 )', 'clamp(a, 0, 1)'],
  ['max(min(a,b),c)', 'max(min(a, b), c)'],
  ['min', 'min'],
  ['min+max(1)', 'min + max(1)'],
  ['5xx/99th', '5xx / 99th'],
  ['1e3', '1000'],
  ['1e+3', '1000'],
  ['1.50', '1.5'],
  ['1e21', '1e+21'],
  ['1e-7', '1e-7'],
  ['007', '7'],
  ['0e0', '0'],
  ['_a\t+\r\n b ', '_a + b'],
];

/** A formula, the character of its first fault from 0, and a word of the message. */
const FAULTY: readonly [text: string, position: number, message: RegExp][] = [
  ['', 0, /the end: expected a number, a name, a function or \(/],
  ['  ', 2, /the end: expected a number/],
  ['1 +', 3, /at character 4, the end: expected a number/],
  ['+1', 0, /needs no \+/],
  ['1 2', 2, /expected an operator or the end; is an operator missing/],
  ['a b', 2, /is an operator missing/],
  ['2(a)', 1, /write \* to multiply/],
  ['(1', 2, /the end: expected \) for the \( at character 1/],
  ['1)', 1, /expected an operator or the end/],
  ['min(1', 5, /expected \) for the \( at character 4/],
  ['min(1 2)', 6, /expected \).*is an operator missing/],
  ['min(1,)', 6, /expected a number/],
  ['min()', 0, /min takes 1 or more values, not 0/],
  ['abs(1, 2)', 0, /abs takes 1 value, not 2/],
  ['clamp(1, 2)', 0, /clamp takes 3 values, not 2/],
  ['clamp(1, 2, 3, 4)', 0, /clamp takes 3 values, not 4/],
  ['celi(1)', 0, /no such function; did you mean ceil\?/],
  ['frobnicate(1)', 0, /no such function; there are min, max/],
  ['coalesce(a, 0)', 0, /cannot look like low load/],
  ['pow(a, 2)', 0, /write x \^ y/],
  ['if(a > 1, 2, 3)', 0, /condition \? this : that/],
  ['a > 1 ? 2', 9, /expected : and the other value of the \? at character 7/],
  ['a > 1 : 2', 6, /expected an operator or the end/],
  ['a ? 1 : 2', 0, /\? wants a condition before it; this is a number; compare it/],
  [
    'a > 1 ? 2 : b > 3',
    12,
    /both sides of : give the same; the first is a number; this is a condition/,
  ],
  ['a > 1', 0, /the result of a formula is a number; write condition \? 1 : 0/],
  ['(a > 1) + 2', 0, /\+ joins numbers; this is a condition/],
  ['1 + (a > 2)', 4, /\+ joins numbers; this is a condition/],
  ['-(a > 2)', 1, /a sign wants a number/],
  ['abs(a > 2)', 4, /abs wants numbers; this is a condition/],
  ['queue or 0', 0, /or joins conditions; this is a number/],
  ['a > 1 and b ? 1 : 0', 10, /and joins conditions; this is a number/],
  ['not a ? 1 : 0', 4, /not wants a condition; this is a number/],
  ['1 < 2 < 3 ? 1 : 0', 6, /do not chain; write a < b and b < c/],
  ['1 + not a > 2', 4, /put it in parentheses here/],
  ['and', 0, /expected a number/],
  ['a = b ? 1 : 0', 2, /write == to compare/],
  ['a && b', 2, /write and/],
  ['a || b', 2, /write or/],
  ['!a', 0, /write not/],
  ['a ** 2', 2, /write \^ for a power/],
  ['a <> b', 2, /write !=/],
  ['.5', 0, /begins with a digit, as in 0\.5/],
  ['5.', 1, /begins with a digit/],
  ['Queue', 0, /in lower case, queue/],
  ['a.b', 1, /begins with a digit/],
  ['a[0]', 1, /no lists/],
  ['"a"', 0, /no text/],
  ['a × b', 2, /write \*/],
  ['a ≤ b', 2, /write <=/],
  ['a 😀 b', 2, /"😀": this character has no meaning/],
  ['a ; b', 2, /no meaning/],
  ['1e999', 0, /too large/],
  ['1e-999', 0, /too small/],
  ['0.0001e-999', 0, /too small/],
  ['x'.repeat(64), 0, /at most 63 characters/],
];

describe('parseFormula', () => {
  for (const [text, canonical] of READ) {
    it(`reads ${JSON.stringify(text)} as ${canonical}`, () => {
      assert.equal(parsed(text).text, canonical);
      assert.deepEqual(parsed(canonical), parsed(text));
    });
  }

  for (const [text, position, message] of FAULTY) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))} at ${position}`, () => {
      const [first] = faults(text);
      assert.equal(first?.position, position, first?.message);
      assert.match(first.message, message);
      assert.ok(first.message.includes(`at character ${position + 1}`), first.message);
      assert.equal(text.slice(position, position + first.offending.length), first.offending);
    });
  }

  it('lists the names once, in the order of their first appearance', () => {
    assert.deepEqual(namesIn(parsed('b + a * b + min(c, a)')), ['b', 'a', 'c']);
  });

  it('takes only known names when it is told them, and says which was meant', () => {
    const known = ['queue_depth', 'workers'];
    assert.equal(parsed('queue_depth / workers', known).text, 'queue_depth / workers');
    const [queue, worker, sum] = faults('queue_detph / worker + sum', known);
    assert.match(queue?.message ?? '', /no metric of this name; did you mean queue_depth\?/);
    assert.match(worker?.message ?? '', /did you mean workers\?/);
    assert.match(sum?.message ?? '', /sum is a function; give it values, as in sum\(…\)/);
  });

  it('names the metrics that there are when none is near', () => {
    assert.match(
      faults('xyz', ['queue'])[0]?.message ?? '',
      /no metric of this name; there are queue/,
    );
    assert.match(faults('xyz', [])[0]?.message ?? '', /there is none/);
    assert.match(faults('1_000', ['queue'])[0]?.message ?? '', /neither a number nor/);
  });

  it('knows which names a metric can have', () => {
    for (const name of ['queue', '5xx', 'p99_ms', 'min', '_', '1e', 'x'.repeat(63)]) {
      assert.equal(isFormulaName(name), true, name);
    }
    for (const name of [
      '',
      ' a',
      'a ',
      '(a)',
      '95',
      '1e5',
      'and',
      'or',
      'not',
      'A',
      'a-b',
      'x'.repeat(64),
    ]) {
      assert.equal(isFormulaName(name), false, name);
    }
  });

  it('lists several faults at once, and at most 20', () => {
    assert.equal(faults('celi(1) + abs(1, 2) + (a > 1)').length, 3);
    assert.equal(faults(Array(30).fill('abs()').join(' + ')).length, 20);
  });

  it('takes a text of the longest length and refuses one character more', () => {
    const longest = `1${' '.repeat(FORMULA_LENGTH_MAX - 1)}`;
    assert.equal(parsed(longest).text, '1');
    assert.match(faults(`${longest} `)[0]?.message ?? '', /longer than 4096 characters: 4097/);
  });

  it('refuses a formula whose canonical text would be too long to be read again', () => {
    const name = 'x'.repeat(60);
    const text = Array(67).fill(name).join('+');
    assert.ok(text.length <= FORMULA_LENGTH_MAX);
    assert.match(faults(text)[0]?.message ?? '', /longer than 4096 characters: 4218/);
  });

  const DEEP: readonly [string, (depth: number) => string][] = [
    ['parentheses', (depth) => `${'('.repeat(depth)}1${')'.repeat(depth)}`],
    ['signs', (depth) => `${'-'.repeat(depth)}1`],
    ['powers', (depth) => `1${'^1'.repeat(depth)}`],
    ['calls', (depth) => `${'abs('.repeat(depth)}1${')'.repeat(depth)}`],
    ['conditionals', (depth) => `${'1<2?1:'.repeat(depth)}1`],
    ['negations', (depth) => `(${'not '.repeat(depth - 1)}1<2)?1:0`],
  ];
  for (const [what, nested] of DEEP) {
    it(`takes ${FORMULA_DEPTH_MAX} ${what} in one another and refuses one more`, () => {
      parsed(nested(FORMULA_DEPTH_MAX));
      const [fault] = faults(nested(FORMULA_DEPTH_MAX + 1));
      assert.match(fault?.message ?? '', /nested deeper than 64; split it/);
    });
  }

  it('takes a long sum up to the largest number of nodes, and refuses one more', () => {
    const sum = (terms: number) => Array(terms).fill('1').join('+');
    assert.equal(FORMULA_NODES_MAX, 1_000);
    // 500 numbers and 499 operators, and a sign.
    parsed(`-${sum(500)}`);
    assert.match(faults(`--${sum(500)}`)[0]?.message ?? '', /more than 1000 numbers/);
  });

  it('takes as many names as it says and refuses one more', () => {
    const names = (count: number) =>
      Array.from({ length: count }, (_, index) => `n${index}`).join('+');
    assert.equal(parsed(`${names(FORMULA_NAMES_MAX)}+n0`).names.length, FORMULA_NAMES_MAX);
    assert.match(faults(names(FORMULA_NAMES_MAX + 1))[0]?.message ?? '', /at most 64 names/);
  });

  it('never throws, whatever the text, and says where each fault is', () => {
    const pieces = fc.constantFrom(
      ...[
        '1',
        '2.5',
        '1e3',
        'a',
        'min',
        'abs(',
        '(',
        ')',
        ',',
        '+',
        '-',
        '*',
        '/',
        '%',
        '^',
        '?',
        ':',
      ],
      ...[
        '<',
        '<=',
        '==',
        '!=',
        ' and ',
        ' or ',
        ' not ',
        ' ',
        '=',
        '.',
        'A',
        '\u0000',
        '😀',
        '\n',
      ],
    );
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const reading = parseFormula(text);
        if (reading.kind === 'parsed') {
          assert.deepEqual(parseFormula(reading.formula.text), reading);
          return;
        }
        assert.ok(reading.faults.length > 0);
        for (const { position, offending } of reading.faults) {
          assert.ok(position >= 0 && position <= text.length);
          assert.equal(text.slice(position, position + offending.length), offending);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives back the tree that was printed', () => {
    fc.assert(
      fc.property(formulaTrees, (tree) => {
        const text = printFormula(tree);
        fc.pre(text.length <= FORMULA_LENGTH_MAX && sizeOf(tree).depth < 30);
        assert.deepEqual(parsed(text).root, tree);
        assert.equal(parsed(text).text, text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('looks at each token a bounded number of times, however the text is made', () => {
    // Quadratic work on 4,096 characters would show as a thousandfold; the bound leaves room for noise.
    const shapes = ['1+', '(', '-', 'not ', 'abs(', '1<2?', 'a ', '1^', ')', '😀', ' ', '1,', '<'];
    const fastestMs = (text: string) => {
      let fastest = Infinity;
      for (let round = 0; round < 10; round += 1) {
        const from = performance.now();
        parseFormula(text);
        fastest = Math.min(fastest, performance.now() - from);
      }
      return fastest;
    };
    for (const shape of shapes) {
      const text = shape.repeat(Math.floor(FORMULA_LENGTH_MAX / shape.length));
      assert.ok(fastestMs(text) < 50, `${JSON.stringify(shape)} repeated takes too long`);
    }
  });
});
