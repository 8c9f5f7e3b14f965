/** The names of the log's files. Indices have 20 digits, so that names sort as indices do. */

const DIGITS = 20;
const SEGMENT = /^segment-(\d{20})\.log$/;
const SNAPSHOT = /^snapshot-(\d{20})\.snap$/;
/** The snapshot that a leader sends; a restart begins it anew. */
export const STAGED_NAME = 'snapshot-staged.tmp';
const ASIDE = /^(?:segment-|snapshot-|hard-state).*\.tmp$/;

export function segmentName(firstIndex: number): string {
  return `segment-${String(firstIndex).padStart(DIGITS, '0')}.log`;
}

export function snapshotName(index: number): string {
  return `snapshot-${String(index).padStart(DIGITS, '0')}.snap`;
}

/** First indices of the segments among the names, ascending. */
export function segmentIndices(names: readonly string[]): readonly number[] {
  return indices(names, SEGMENT);
}

/** Indices of the snapshots among the names, ascending. */
export function snapshotIndices(names: readonly string[]): readonly number[] {
  return indices(names, SNAPSHOT);
}

/** Whether the file is one of the log's, left unfinished. The lock's own are not. */
export function isUnfinished(name: string): boolean {
  return ASIDE.test(name);
}

function indices(names: readonly string[], pattern: RegExp): readonly number[] {
  return names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b);
}
