/**
 * Files that may not be there, and what a system error is called. What is missing is an answer; every
 * other failure is thrown.
 */

import { readFile } from 'node:fs/promises';

/** The file as UTF-8; null when there is none. @throws the system's error */
export function readIfThere(path: string): Promise<string | null> {
  return readUnless(['ENOENT'], path, 'utf8');
}

/** The file; null when reading fails with one of these codes. @throws the system's error otherwise */
export async function readUnless(
  codes: readonly string[],
  path: string,
  encoding: 'utf8' | 'latin1',
): Promise<string | null> {
  try {
    return await readFile(path, encoding);
  } catch (error) {
    if (codes.includes(codeOf(error))) return null;
    throw error;
  }
}

/** `ENOENT` and the like; empty for what is no system error. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
