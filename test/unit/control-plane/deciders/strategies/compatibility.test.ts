import assert from 'node:assert/strict';
import { filesIn, namesIn, textOf } from '../../../../support/source-tree.ts';

const TABLE = 'control-plane/deciders/strategies/compatibility.ts';
const ROWS = namesIn(textOf(TABLE), /^ \* \| ([A-Z]) \|/gm);

/** The rows that a file refers to: `row A`, `rows A, C to F and P`. */
function rowsIn(text: string): readonly string[] {
  const flat = text.replaceAll(/\s*\n\s*(?:\*|\/\/) /g, ' ');
  return namesIn(flat, /\b[Rr]ows? ((?:[A-Z](?:, | and | to )?)+)/g).flatMap((list) =>
    namesIn(list, /([A-Z] to [A-Z]|[A-Z])/g).flatMap(spanOf),
  );
}

function spanOf(part: string): readonly string[] {
  const [first, last] = [ROWS.indexOf(part.charAt(0)), ROWS.indexOf(part.charAt(part.length - 1))];
  return first < 0 || last < 0 ? [part] : ROWS.slice(first, last + 1);
}

describe('the table of deviations', () => {
  it('has the rows A to P', () => {
    assert.equal(ROWS.join(''), 'ABCDEFGHIJKLMNOP');
  });

  it('has each row in the code, and the code has no other', () => {
    const code = filesIn(['control-plane/deciders']).filter(({ path }) => path !== TABLE);
    const referred = new Set(code.flatMap(({ text }) => rowsIn(text)));
    assert.deepEqual([...referred].toSorted(), ROWS);
  });
});
