/**
 * The policies of one YAML file that somebody named, each with its text as it was written. Documents of
 * other kinds beside them are passed over, as one file may hold a workload and its policy; a file without
 * any policy is refused.
 */

import { readFile, stat } from 'node:fs/promises';
import type { ScalePolicy } from '../../model/policy.ts';
import { SchemaError } from '../../schemas/fault.ts';
import { parsePolicy } from '../../schemas/policy.ts';
import { parseYaml } from './yaml-document.ts';
import type { YamlDocument } from './yaml-document.ts';
import { DOCUMENT_FILES_LIMITS } from './yaml-files.ts';

export interface PolicyInFile {
  readonly policy: ScalePolicy;
  readonly text: string;
}

/** What is wrong with the file, with lines. */
export class PolicyFileError extends Error {
  override readonly name = 'PolicyFileError';
  /** At least one. */
  readonly faults: readonly string[];

  constructor(faults: readonly string[], options?: ErrorOptions) {
    super(faults.join('\n'), options);
    this.faults = faults;
  }
}

/** Other kinds of documents that a file may hold. */
const PASSED_OVER = ['Workload', 'Budget'];

/** @throws PolicyFileError with every fault of the file */
export async function readPolicyFile(path: string): Promise<readonly PolicyInFile[]> {
  const text = await readText(path);
  const documents = parseYaml(text);
  const faults: string[] = [];
  const found = documents.flatMap((document) => {
    if (isPassedOver(document.value)) return [];
    const policy = policyOf(path, document, faults);
    return policy === null ? [] : [{ policy, text: documents.length === 1 ? text : shown(policy) }];
  });
  if (faults.length === 0 && found.length === 0) faults.push(`${path}: there is no policy in it`);
  if (faults.length > 0) throw new PolicyFileError(faults);
  return found;
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    const { fileBytesMax } = DOCUMENT_FILES_LIMITS;
    if (size > fileBytesMax) {
      throw new PolicyFileError([`${path}: is larger than ${fileBytesMax} bytes: ${size}`]);
    }
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof PolicyFileError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PolicyFileError([`${path}: cannot be read: ${why}`], { cause });
  }
}

function policyOf(path: string, document: YamlDocument, faults: string[]): ScalePolicy | null {
  for (const { line, column, message } of document.faults) {
    faults.push(`${path}:${line}:${column} ${message}`);
  }
  if (document.faults.length > 0) return null;
  try {
    return parsePolicy(withoutKind(document.value));
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    for (const { pointer, message } of error.faults) {
      const { line, column } = document.locate(pointer);
      faults.push(`${path}:${line}:${column} ${pointer === '' ? '/' : pointer} ${message}`);
    }
    return null;
  }
}

function isPassedOver(value: unknown): boolean {
  return isRecord(value) && PASSED_OVER.some((kind) => kind === value['kind']);
}

/** Files say which kind a document is; the document itself does not. */
function withoutKind(value: unknown): unknown {
  if (!isRecord(value) || value['kind'] !== 'ScalePolicy') return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'kind'));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One of several documents of a file has no text of its own that could be cut out surely. */
function shown(policy: ScalePolicy): string {
  return JSON.stringify(policy, null, 2);
}
