/**
 * Turns the text of a formula into a tree, or says everything that is wrong with it. Total: whatever
 * the text, it ends in time proportional to its length, and within a bounded depth.
 *
 * From the loosest to the tightest: `a ? b : c` (from the right), `or`, `and`, `not`, comparisons
 * (which do not chain), `+ -`, `* / %`, the sign, `^` (from the right, before a sign: -2 ^ 2 is -4).
 *
 * Conditions and numbers are different things. A formula gives a number; `and`, `or`, `not` and `?`
 * want conditions, which comparisons give. So `queue or 0`, which elsewhere means "0 where there is
 * no queue", is refused: a lost metric must not look like low load. For the same reason there is no
 * coalesce.
 */

import { missingOperator, unknownFunction, unknownName } from './advice.ts';
import {
  FORMULA_DEPTH_MAX,
  FORMULA_LENGTH_MAX,
  FORMULA_NAME_LENGTH_MAX,
  FORMULA_NAMES_MAX,
  FORMULA_NODES_MAX,
} from './formula.ts';
import type { BinaryOperator, FormulaFault, FormulaNode, FormulaReading } from './formula.ts';
import {
  LEVEL,
  givesCondition,
  isBinaryOperator,
  isFormulaFunction,
  joinsConditions,
  operandLevels,
  operandsFault,
  operatorLevel,
} from './grammar.ts';
import { printFormula } from './print-formula.ts';
import { readTokens } from './tokens.ts';
import type { Token } from './tokens.ts';

/** More faults than these are not listed. */
const FAULTS_MAX = 20;

/**
 * Parses a formula.
 * @param known the names that there are; without it, any name is taken
 */
export function parseFormula(text: string, known: readonly string[] | null = null): FormulaReading {
  if (text.length > FORMULA_LENGTH_MAX) return tooLong(text.length);
  const reading = readTokens(text);
  if (reading.kind === 'faulty') return { kind: 'faulty', faults: [reading.fault] };
  const parser = new Parser(reading.tokens, known);
  const root = parser.parse();
  if (root === null) {
    return { kind: 'faulty', faults: parser.faults.toSorted((a, b) => a.position - b.position) };
  }
  const canonical = printFormula(root);
  if (canonical.length > FORMULA_LENGTH_MAX) return tooLong(canonical.length);
  return { kind: 'parsed', formula: { root, names: [...parser.names], text: canonical } };
}

/** Whether a formula can read a metric of this name: not a number, and not one of its own words. */
export function isFormulaName(name: string): boolean {
  const reading = parseFormula(name);
  if (reading.kind === 'faulty') return false;
  const { root } = reading.formula;
  return root.kind === 'name' && root.name === name;
}

function tooLong(length: number): FormulaReading {
  const message = `longer than ${FORMULA_LENGTH_MAX} characters: ${length}`;
  return { kind: 'faulty', faults: [{ position: FORMULA_LENGTH_MAX, offending: '', message }] };
}

type Type = 'number' | 'condition';

/** A tree, what it gives, and where its text begins. */
interface Part {
  readonly node: FormulaNode;
  readonly type: Type;
  readonly at: Token;
}

/** Thrown at a fault behind which nothing can be read; it is in `faults` already. */
class Unreadable extends Error {}

class Parser {
  readonly faults: FormulaFault[] = [];
  readonly names = new Set<string>();
  private readonly tokens: readonly Token[];
  private readonly known: readonly string[] | null;
  private next = 0;
  private depth = 0;
  private nodes = 0;

  constructor(tokens: readonly Token[], known: readonly string[] | null) {
    this.tokens = tokens;
    this.known = known;
  }

  /** The tree; null when there are faults. */
  parse(): FormulaNode | null {
    try {
      const part = this.expression(LEVEL.conditional);
      const left = this.token();
      if (left.kind !== 'end')
        this.stop(left, `expected an operator or the end${missingOperator(left)}`);
      this.wantType(part, 'number', 'the result of a formula is a number; write condition ? 1 : 0');
      return this.faults.length === 0 ? part.node : null;
    } catch (error) {
      if (error instanceof Unreadable) return null;
      throw error;
    }
  }

  /** Reads operators that bind at least as tightly as `level`, and their operands. */
  private expression(level: number): Part {
    let left = this.prefix(level);
    for (;;) {
      const token = this.token();
      if (token.text === '?' && level <= LEVEL.conditional) {
        left = this.conditional(left);
        continue;
      }
      if (token.kind === 'number' || !isBinaryOperator(token.text)) return left;
      if (operatorLevel(token.text) < level) return left;
      left = this.binary(left, token, token.text);
    }
  }

  private prefix(level: number): Part {
    const token = this.take();
    if (token.kind === 'number') {
      return {
        node: this.count(token, { kind: 'number', value: token.value }),
        type: 'number',
        at: token,
      };
    }
    if (token.kind === 'word') {
      if (token.text === 'not') return this.not(token, level);
      if (!isBinaryOperator(token.text)) return this.word(token);
    }
    if (token.text === '-') return this.sign(token);
    if (token.text === '(') return this.parenthesis(token);
    const unneeded = token.text === '+' ? '; a number needs no +' : '';
    return this.stop(token, `expected a number, a name, a function or (${unneeded}`);
  }

  private not(token: Token, level: number): Part {
    if (level > LEVEL.not) this.stop(token, 'put it in parentheses here: (not …)');
    const operand = this.nested(token, LEVEL.not);
    this.wantType(operand, 'condition', 'not wants a condition');
    return {
      node: this.count(token, { kind: 'not', operand: operand.node }),
      type: 'condition',
      at: token,
    };
  }

  private sign(token: Token): Part {
    const operand = this.nested(token, LEVEL.sign);
    this.wantType(operand, 'number', 'a sign wants a number');
    return {
      node: this.count(token, { kind: 'sign', operand: operand.node }),
      type: 'number',
      at: token,
    };
  }

  private parenthesis(token: Token): Part {
    const inner = this.nested(token, LEVEL.conditional);
    this.close(token);
    return { ...inner, at: token };
  }

  private word(token: Token): Part {
    if (this.token().text === '(') return this.call(token);
    this.checkName(token);
    const { text } = token;
    return { node: this.count(token, { kind: 'name', name: text }), type: 'number', at: token };
  }

  private checkName(token: Token): void {
    const { text } = token;
    if (text.length > FORMULA_NAME_LENGTH_MAX) {
      this.fault(token, `a name has at most ${FORMULA_NAME_LENGTH_MAX} characters`);
    }
    if (this.known?.includes(text) === false) this.fault(token, unknownName(text, this.known));
    if (this.names.size >= FORMULA_NAMES_MAX && !this.names.has(text)) {
      this.stop(token, `a formula has at most ${FORMULA_NAMES_MAX} names`);
    }
    this.names.add(text);
  }

  private call(token: Token): Part {
    const { text } = token;
    const open = this.take();
    const operands: FormulaNode[] = [];
    if (this.token().text === ')') {
      this.take();
    } else {
      do {
        const operand = this.nested(open, LEVEL.conditional);
        if (isFormulaFunction(text)) this.wantType(operand, 'number', `${text} wants numbers`);
        operands.push(operand.node);
      } while (this.takeIf(','));
      this.close(open);
    }
    if (!isFormulaFunction(text)) {
      this.fault(token, unknownFunction(text));
      return { node: this.count(token, { kind: 'name', name: text }), type: 'number', at: token };
    }
    const wrong = operandsFault(text, operands.length);
    if (wrong !== null) this.fault(token, wrong);
    const node = this.count(token, { kind: 'call', callee: text, operands });
    return { node, type: 'number', at: token };
  }

  private conditional(condition: Part): Part {
    const mark = this.take();
    this.wantType(condition, 'condition', '? wants a condition before it');
    const then = this.nested(mark, LEVEL.conditional);
    const colon = this.take();
    if (colon.text !== ':') {
      this.stop(colon, `expected : and the other value of the ? at character ${mark.from + 1}`);
    }
    const otherwise = this.nested(mark, LEVEL.conditional);
    this.wantType(
      otherwise,
      then.type,
      `both sides of : give the same; the first is a ${then.type}`,
    );
    const node = this.count(mark, {
      kind: 'conditional',
      condition: condition.node,
      then: then.node,
      otherwise: otherwise.node,
    });
    return { node, type: then.type, at: condition.at };
  }

  private binary(left: Part, token: Token, operator: BinaryOperator): Part {
    this.take();
    const level = operatorLevel(operator);
    const [, rightLevel] = operandLevels(operator);
    const right =
      level === LEVEL.power ? this.nested(token, rightLevel) : this.expression(rightLevel);
    const wanted: Type = joinsConditions(operator) ? 'condition' : 'number';
    const message = `${operator} joins ${wanted}s`;
    this.wantType(left, wanted, message);
    this.wantType(right, wanted, message);
    const after = this.token();
    if (level === LEVEL.comparison && after.kind === 'symbol' && isComparison(after.text)) {
      this.stop(after, 'comparisons do not chain; write a < b and b < c');
    }
    const node = this.count(token, {
      kind: 'binary',
      operator,
      left: left.node,
      right: right.node,
    });
    return { node, type: givesCondition(operator) ? 'condition' : 'number', at: left.at };
  }

  /** An expression within another one, at the cost of one step of depth. */
  private nested(token: Token, level: number): Part {
    this.depth += 1;
    if (this.depth > FORMULA_DEPTH_MAX) {
      this.stop(token, `nested deeper than ${FORMULA_DEPTH_MAX}; split it into several formulas`);
    }
    const part = this.expression(level);
    this.depth -= 1;
    return part;
  }

  private count(token: Token, node: FormulaNode): FormulaNode {
    this.nodes += 1;
    if (this.nodes > FORMULA_NODES_MAX) {
      this.stop(token, `more than ${FORMULA_NODES_MAX} numbers, names and operators`);
    }
    return node;
  }

  private close(open: Token): void {
    const token = this.take();
    if (token.text === ')') return;
    this.stop(token, `expected ) for the ( at character ${open.from + 1}${missingOperator(token)}`);
  }

  private wantType(part: Part, type: Type, message: string): void {
    if (part.type === type) return;
    const got = type === 'number' ? 'a condition' : 'a number; compare it, as in x > 0';
    this.fault(part.at, `${message}; this is ${got}`);
  }

  private token(): Token {
    return this.tokens[this.next] ?? { kind: 'end', text: '', from: 0 };
  }

  private take(): Token {
    const token = this.token();
    // The end stays where it is.
    if (token.kind !== 'end') this.next += 1;
    return token;
  }

  private takeIf(text: string): boolean {
    if (this.token().text !== text) return false;
    this.take();
    return true;
  }

  private fault(token: Token, advice: string): void {
    const what = token.kind === 'end' ? 'the end' : JSON.stringify(token.text);
    const message = `at character ${token.from + 1}, ${what}: ${advice}`;
    if (this.faults.length >= FAULTS_MAX) return;
    this.faults.push({ position: token.from, offending: token.text, message });
  }

  private stop(token: Token, advice: string): never {
    this.fault(token, advice);
    throw new Unreadable();
  }
}

function isComparison(text: string): boolean {
  return isBinaryOperator(text) && operatorLevel(text) === LEVEL.comparison;
}
