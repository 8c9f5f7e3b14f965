/**
 * Reads many queries that are asked in the same way: most of them merged, a few in each request. When
 * the server refuses a merged query, it is halved until the guilty one stands alone, so that one bad
 * query never costs the others their answer; a query that was guilty is asked alone from then on.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type ReadFailure, unreachable } from '../../model/reasons.ts';
import type { Answer, Failure } from './answer.ts';
import {
  groupQueries,
  type Labelled,
  mergeOperands,
  type MergeLimits,
  type Operand,
  operandOf,
  splitByMark,
} from './merge.ts';

/** How one request is sent: an instant query, or a range query of a certain span. */
export type Ask<S> = (query: string) => Promise<Answer<readonly S[]>>;

/** What came for one query: its part of an answer, or why there is none. */
export type Part<S> =
  | { readonly kind: 'read'; readonly parts: readonly S[] }
  | { readonly kind: 'failed'; readonly reason: ReadFailure; readonly detail: string };

export class MergedReader<S extends Labelled> {
  readonly #rememberedMax: number;
  readonly #operands = new Map<string, Operand>();
  readonly #apart = new Set<string>();

  /** @param rememberedMax queries remembered as parsed, and as guilty; beyond it the oldest are forgotten */
  constructor(rememberedMax: number) {
    this.#rememberedMax = rememberedMax;
  }

  /** What came for each of the queries, which are distinct. */
  async read(
    queries: readonly string[],
    limits: MergeLimits,
    ask: Ask<S>,
  ): Promise<ReadonlyMap<string, Part<S>>> {
    const round: Round<S> = { ask, found: new Map() };
    await this.#learn(queries);
    const groups = groupQueries(queries, (query) => this.#operand(query), limits);
    const reads: Promise<void>[] = [];
    for (const group of groups) {
      if (reads.length % GROUPS_PER_TURN === GROUPS_PER_TURN - 1) await nextTurn();
      reads.push(this.#readGroup(group, round));
    }
    await Promise.all(reads);
    return round.found;
  }

  /** Parses what is new, a little in each turn of the event loop: a fleet's first read has all of it. */
  async #learn(queries: readonly string[]): Promise<void> {
    let parsed = 0;
    for (const query of queries) {
      if (this.#apart.has(query) || this.#operands.has(query)) continue;
      this.#operand(query);
      parsed += 1;
      if (parsed % PARSED_PER_TURN === 0) await nextTurn();
    }
  }

  async #readGroup(group: readonly string[], round: Round<S>): Promise<void> {
    const [first] = group;
    if (first === undefined) return;
    if (group.length === 1) {
      await this.#readAlone(first, round);
      return;
    }
    const answer = await round.ask(mergeOperands(group.map((query) => this.#textOf(query))));
    if (answer.kind === 'ok') {
      settleGroup(group, answer.result, round);
      return;
    }
    if (answer.kind === 'rejected' || answer.kind === 'oversized') {
      const middle = group.length >> 1;
      await Promise.all([
        this.#readGroup(group.slice(0, middle), round),
        this.#readGroup(group.slice(middle), round),
      ]);
      return;
    }
    // One slow query holds up its whole group, and one that lacks data spoils it: next time they show
    // one by one which it is.
    if (answer.kind === 'timeout' || answer.kind === 'incomplete') {
      group.forEach((query) => this.#setApart(query));
    }
    group.forEach((query) => round.found.set(query, failedReading(answer)));
  }

  async #readAlone(query: string, round: Round<S>): Promise<void> {
    const answer = await round.ask(query);
    if (answer.kind === 'ok') {
      this.#apart.delete(query);
      round.found.set(query, { kind: 'read', parts: answer.result });
      return;
    }
    if (SPOILS_A_GROUP.includes(answer.kind)) this.#setApart(query);
    round.found.set(query, failedReading(answer));
  }

  #operand(query: string): Operand {
    if (this.#apart.has(query)) return { kind: 'alone' };
    const known = this.#operands.get(query);
    if (known !== undefined) return known;
    const operand = operandOf(query);
    forgetOldest(this.#operands, this.#rememberedMax - 1);
    this.#operands.set(query, operand);
    return operand;
  }

  /** Only asked for queries that were grouped, which are vectors. */
  #textOf(query: string): string {
    const operand = this.#operands.get(query) ?? operandOf(query);
    return operand.kind === 'vector' ? operand.text : `(\n${query}\n)`;
  }

  #setApart(query: string): void {
    forgetOldest(this.#apart, this.#rememberedMax - 1);
    this.#apart.add(query);
  }
}

/** A few milliseconds of a processor, each. */
const PARSED_PER_TURN = 200;
const GROUPS_PER_TURN = 16;

/** What a query that was asked alone must answer with to be asked alone again. */
const SPOILS_A_GROUP: readonly Failure['kind'][] = ['rejected', 'oversized', 'incomplete'];

interface Round<S> {
  readonly ask: Ask<S>;
  readonly found: Map<string, Part<S>>;
}

function settleGroup<S extends Labelled>(
  group: readonly string[],
  result: readonly S[],
  { found }: Round<S>,
): void {
  const split = splitByMark(result, group.length);
  group.forEach((query, index) => {
    const parts = split?.[index];
    found.set(query, parts === undefined ? failedReading(UNASKED) : { kind: 'read', parts });
  });
}

const UNASKED: Failure = {
  kind: 'malformed',
  detail: 'a sample that was not asked for',
  transport: false,
};

/** A failure of the exchange as what a decider may be told. */
export function failedReading(failure: Failure): {
  readonly kind: 'failed';
  readonly reason: ReadFailure;
  readonly detail: string;
} {
  return { kind: 'failed', reason: reasonOf(failure), detail: failure.detail };
}

function reasonOf({ kind }: Failure): ReadFailure {
  switch (kind) {
    case 'rejected':
      return 'signal_rejected';
    case 'malformed':
      return 'signal_malformed';
    case 'incomplete':
      return 'signal_incomplete';
    case 'oversized':
      return 'signal_oversized';
    case 'unavailable':
    case 'timeout':
    case 'aborted':
      return 'signal_unavailable';
    default:
      return unreachable(kind);
  }
}

/** Maps and sets keep insertion order, so the first is the oldest. */
function forgetOldest(
  remembered: { readonly size: number; keys(): Iterator<string>; delete(key: string): boolean },
  keep: number,
): void {
  while (remembered.size > keep) {
    const oldest = remembered.keys().next();
    if (oldest.done === true) return;
    remembered.delete(oldest.value);
  }
}
