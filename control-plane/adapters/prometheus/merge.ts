/**
 * Many queries in few requests: each is marked with a label of its own and all are united with `or`,
 * which copies samples, NaN included, and leaves out nothing since the marks differ; of range queries
 * that holds at each step, where they have the same steps. The union is a balanced tree: as a chain its cost on the server grows with the square of its length.
 * Pure.
 */

import { parsePromql } from '../../schemas/promql.ts';

/** The mark; removed from what readers get. */
export const QUERY_LABEL = 'omnimind_query';

/** A sample or a series. */
export interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
}

export interface MergeLimits {
  readonly queriesMax: number;
  /** Characters of one merged query, before form encoding. */
  readonly charactersMax: number;
}

/** Whether and how a query may stand in a union: as a vector, or alone because it is neither. */
export type Operand =
  { readonly kind: 'vector'; readonly text: string } | { readonly kind: 'alone' };

/**
 * How a query goes into a union. Only what parses: text with an odd parenthesis could otherwise
 * borrow one from its neighbours. Scalars become vectors, since label_replace takes nothing else.
 */
export function operandOf(query: string): Operand {
  const reading = parsePromql(query);
  if (reading.kind === 'faulty') return { kind: 'alone' };
  // The line feeds end a comment that would swallow the closing parenthesis.
  if (reading.type === 'vector') return { kind: 'vector', text: `(\n${query}\n)` };
  if (reading.type === 'scalar') return { kind: 'vector', text: `vector(\n${query}\n)` };
  return { kind: 'alone' };
}

/** Groups queries for as few requests as the limits allow; each group is asked as one. */
export function groupQueries(
  queries: readonly string[],
  operand: (query: string) => Operand,
  limits: MergeLimits,
): readonly (readonly string[])[] {
  const groups: string[][] = [];
  let open: string[] = [];
  let characters = 0;
  for (const query of queries) {
    const one = operand(query);
    if (one.kind === 'alone') {
      groups.push([query]);
      continue;
    }
    const length = one.text.length + MARK_LENGTH;
    const full = open.length >= limits.queriesMax || characters + length > limits.charactersMax;
    if (full && open.length > 0) {
      groups.push(open);
      open = [];
      characters = 0;
    }
    open.push(query);
    characters += length;
  }
  return open.length > 0 ? [...groups, open] : groups;
}

/** The union of several operands; the n-th is marked with n. */
export function mergeOperands(operands: readonly string[]): string {
  const marked = operands.map(
    (text, index) => `label_replace(${text}, "${QUERY_LABEL}", "${index}", "", "")`,
  );
  return unite(marked);
}

/**
 * Takes a union's answer apart, in the operands' order; an operand without samples has an empty
 * list. Null when a sample or series bears no mark of ours: then nothing of the answer can be trusted.
 */
export function splitByMark<S extends Labelled>(
  answer: readonly S[],
  operands: number,
): readonly (readonly S[])[] | null {
  const parts = Array.from({ length: operands }, (): S[] => []);
  for (const one of answer) {
    const { [QUERY_LABEL]: mark, ...labels } = one.labels;
    const part = mark !== undefined && /^\d+$/.test(mark) ? parts[Number(mark)] : undefined;
    if (part === undefined) return null;
    part.push({ ...one, labels });
  }
  return parts;
}

/** About what `label_replace(…)` and ` or ` add to an operand. */
const MARK_LENGTH = 56;

function unite(operands: readonly string[]): string {
  if (operands.length <= 1) return operands.join('');
  const middle = operands.length >> 1;
  return `(${unite(operands.slice(0, middle))} or ${unite(operands.slice(middle))})`;
}
