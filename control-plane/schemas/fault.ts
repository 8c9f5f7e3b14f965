/**
 * What is wrong with a document, all of it at once. A fault names the field as a JSON Pointer
 * (RFC 6901) and says in one sentence what is wrong and what would be right.
 */

import type { z } from 'zod';

export interface Fault {
  /** JSON Pointer; empty for the document itself. */
  readonly pointer: string;
  readonly message: string;
}

export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  /** At least one. */
  readonly faults: readonly Fault[];

  constructor(faults: readonly Fault[]) {
    super(faults.map((fault) => `${fault.pointer || '/'}: ${fault.message}`).join('; '));
    this.faults = faults;
  }
}

/**
 * Parses a value with a schema.
 * @throws SchemaError with every fault.
 */
export function parseWith<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new SchemaError(result.error.issues.flatMap(faultsOfIssue));
}

/** The JSON Pointer of a path. */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path
    .map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}

function faultsOfIssue(issue: z.core.$ZodIssue): readonly Fault[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: pointerOf([...issue.path, key]),
      message: 'unknown field; remove it or check its spelling',
    }));
  }
  return [{ pointer: pointerOf(issue.path), message: issue.message }];
}
