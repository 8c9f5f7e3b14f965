/**
 * What a misspelt word was probably meant to be. Total; null where a guess would be a wild one, since
 * a wrong suggestion sends people further astray than none.
 */

/** Longer words are not compared: the time grows with the product of the lengths. */
const LENGTH_MAX = 64;

/** A third of the letters may differ, and one letter of a short word. */
const LETTERS_PER_SLIP = 3;

/**
 * The candidate with the fewest letters inserted, dropped, changed or swapped with their neighbour; the
 * first of equals. Upper and lower case are the same letter.
 */
export function nearestWord(word: string, candidates: readonly string[]): string | null {
  if (word === '' || word.length > LENGTH_MAX) return null;
  const slipsMax = Math.max(1, Math.floor(word.length / LETTERS_PER_SLIP));
  const wanted = word.toLowerCase();
  let nearest: string | null = null;
  let fewest = slipsMax + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= fewest) continue;
    const slips = slipsBetween(wanted, candidate.toLowerCase());
    if (slips >= fewest || slips >= candidate.length) continue;
    nearest = candidate;
    fewest = slips;
  }
  return nearest;
}

/** Optimal string alignment distance: Levenshtein's, and a swap of neighbours counts as one. */
function slipsBetween(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const changed = a[row - 1] === b[column - 1] ? 0 : 1;
      let slips = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + changed,
      );
      const swapped =
        row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) slips = Math.min(slips, at(beforeLast, column - 2) + 1);
      current.push(slips);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
