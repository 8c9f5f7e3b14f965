/**
 * A formula as text: one way to write each tree, with the parentheses that it needs and no others.
 * Parsing the text gives an equal tree.
 */

import { unreachable } from '../../model/reasons.ts';
import type { FormulaNode } from './formula.ts';
import { LEVEL, levelOf, operandLevels } from './grammar.ts';

export function printFormula(node: FormulaNode): string {
  switch (node.kind) {
    case 'number':
      return String(node.value);
    case 'name':
      return node.name;
    case 'sign':
      return `-${within(node.operand, LEVEL.sign)}`;
    case 'not':
      return `not ${within(node.operand, LEVEL.not)}`;
    case 'binary': {
      const [left, right] = operandLevels(node.operator);
      return `${within(node.left, left)} ${node.operator} ${within(node.right, right)}`;
    }
    case 'conditional': {
      const condition = within(node.condition, LEVEL.or);
      return `${condition} ? ${printFormula(node.then)} : ${printFormula(node.otherwise)}`;
    }
    case 'call':
      return `${node.callee}(${node.operands.map(printFormula).join(', ')})`;
    default:
      return unreachable(node);
  }
}

function within(node: FormulaNode, level: number): string {
  const text = printFormula(node);
  return levelOf(node) < level ? `(${text})` : text;
}
