/**
 * One YAML document as a plain value, with the way back from a JSON Pointer to line and column.
 * Knows nothing of what the document says.
 */

import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
} from 'yaml';

export interface Position {
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

export interface YamlFault extends Position {
  readonly message: string;
}

export interface YamlDocument {
  /** Undefined when the document has faults. */
  readonly value: unknown;
  readonly faults: readonly YamlFault[];
  /** Where a pointer's field stands, or the nearest field around it that there is. */
  locate(pointer: string): Position;
}

/** Aliases that a document may unfold to; more is an attack or a mistake. */
const ALIASES_MAX = 100;

/** The documents of a file that are not empty. Total: what is wrong is in the faults. */
export function parseYaml(text: string): readonly YamlDocument[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
  });
  if (!Array.isArray(documents)) return [];
  return documents.filter(isNotEmpty).map((document) => documentOf(document, lines));
}

function isNotEmpty(document: Document): boolean {
  const empty =
    document.contents === null || (isScalar(document.contents) && document.contents.value === null);
  return !empty || document.errors.length > 0;
}

function documentOf(document: Document, lines: LineCounter): YamlDocument {
  const positionOf = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const faults = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    ...positionOf(pos[0]),
    message: `not valid YAML: ${message}`,
  }));
  const start = positionOf(startOf(document.contents) ?? 0);
  const value = faults.length > 0 ? undefined : valueOf(document, start, faults);
  const locate = (pointer: string) => positionOf(offsetOf(document.contents, pointer));
  return { value, faults, locate };
}

function valueOf(document: Document, start: Position, faults: YamlFault[]): unknown {
  try {
    return document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    faults.push({ ...start, message: `not valid YAML: ${message}` });
    return undefined;
  }
}

/** Offset of the key, where the pointer ends in a map; of the element, in a list. */
function offsetOf(root: unknown, pointer: string): number {
  let node = root;
  let offset = startOf(root) ?? 0;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const step = stepInto(node, name);
    if (step === null) return offset;
    offset = startOf(step.at) ?? offset;
    node = step.node;
  }
  return offset;
}

function stepInto(node: unknown, name: string): { at: unknown; node: unknown } | null {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === name);
    return pair === undefined ? null : { at: pair.key, node: pair.value };
  }
  if (isSeq(node)) {
    const element = node.items[Number(name)];
    return element === undefined ? null : { at: element, node: element };
  }
  return null;
}

function startOf(node: unknown): number | null {
  return isNode(node) && node.range ? node.range[0] : null;
}
