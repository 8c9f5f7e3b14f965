import assert from 'node:assert/strict';
import { CsvError, parseCsv } from '../../../../control-plane/schemas/backtest-csv.ts';

function faultsOf(text: string): string {
  try {
    parseCsv(text);
  } catch (error) {
    assert.ok(error instanceof CsvError);
    return error.faults.join('\n');
  }
  return assert.fail('nothing was wrong');
}

describe('series as CSV', () => {
  it('are read with their names, also with quotes, CR LF, a byte order mark and empty cells', () => {
    const text =
      '\uFEFF"Time","load, total",cpu\r\n2026-11-01T00:00Z,"5",0.5\r\n2026-11-01T00:01Z,,NaN\r\n\r\n';
    const at = Date.UTC(2026, 10, 1);
    assert.deepEqual(parseCsv(text), [
      { name: 'load, total', points: [[at, 5]] },
      {
        name: 'cpu',
        points: [
          [at, 0.5],
          [at + 60_000, NaN],
        ],
      },
    ]);
  });

  it('take UNIX seconds and ms, and infinities for what they are', () => {
    const [series] = parseCsv('t,v\n1700000000,1\n1700000015.5,+Inf\n1700000030000,3e2');
    assert.deepEqual(series?.points, [
      [1_700_000_000_000, 1],
      [1_700_000_015_500, Infinity],
      [1_700_000_030_000, 300],
    ]);
  });

  it('are refused with the line, and all lines at once', () => {
    const text = 'time,load\n2026-11-01T00:00Z,five\nnoon,1\n2026-10-31T00:00Z,1\n2026-11-02,1,2';
    assert.equal(
      faultsOf(text),
      [
        'line 2: load: expected a number, NaN or nothing; got "five"',
        'line 3: expected RFC 3339 or UNIX seconds or ms; got "noon"',
        'line 4: the time 2026-10-31T00:00Z is not after the one before it; sort the rows',
        'line 5: expected 2 cells, as in the header; got 3',
      ].join('\n'),
    );
    assert.match(
      faultsOf('t,v\n1700000000,1\n1700000000,2'),
      /line 3: the time 1700000000 is not after/,
    );
    const many = `t,v\n${'x,1\n'.repeat(25)}`;
    assert.match(faultsOf(many), /and 15 more lines$/);
  });

  it('need a header with names, and a row', () => {
    assert.match(faultsOf('1700000000,5\n'), /line 1: expected a header.*got a row of numbers/);
    assert.match(faultsOf('time\n'), /a time and at least one value/);
    assert.match(faultsOf('time,a,a\n1,2,3'), /the column "a" is there twice/);
    assert.match(faultsOf('time,a,\n1,2,3'), /column 3 has no name/);
    assert.match(faultsOf('time,a\n\n'), /no row below the header/);
  });
});
