/** The project's own files as text, for the tests that hold sources, tables and documents together. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..', '..');

export interface SourceFile {
  /** Relative to the root, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Every file below the folders that has one of the endings; never none, which would check nothing. */
export function filesIn(
  folders: readonly string[],
  endings: readonly string[] = ['.ts'],
): readonly SourceFile[] {
  return folders.flatMap((folder) => {
    const found = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter((path) => endings.some((ending) => path.endsWith(ending)))
      .sort();
    assert.ok(found.length > 0, `${folder} has no file with ${endings.join(' or ')}`);
    return found.map(fileAt);
  });
}

export function fileAt(path: string): SourceFile {
  return { path, text: textOf(path) };
}

export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** What the pattern's first group (or else the whole pattern) finds, each once, sorted. */
export function namesIn(text: string, pattern: RegExp): readonly string[] {
  const found = [...text.matchAll(pattern)].map((match) => match[1] ?? match[0]);
  return [...new Set(found)].sort();
}
