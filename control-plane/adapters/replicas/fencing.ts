/** Which command counts when two leaders, of which one does not know yet that it was replaced, give one each. */

import { compareTokens } from '../../model/decision.ts';
import type { FencingToken } from '../../model/decision.ts';
import { ScaleTargetError } from '../../ports/scale-target.ts';

/**
 * False for a command that came before.
 * @param known the newest token that the workload saw; null before any
 * @throws ScaleTargetError `stale_token`
 */
export function isNewer(
  workloadId: string,
  token: FencingToken,
  known: FencingToken | null,
): boolean {
  if (known === null) return true;
  const order = compareTokens(token, known);
  if (order >= 0) return order > 0;
  throw new ScaleTargetError(
    'stale_token',
    `${workloadId}: token ${token.term}/${token.index} is older than ${known.term}/${known.index}`,
  );
}

/** As it is written down where an orchestrator keeps it: term.index. */
export function tokenText({ term, index }: FencingToken): string {
  return `${term}.${index}`;
}

/** Null where the text is none. */
export function tokenIn(text: string): FencingToken | null {
  const parts = /^(\d{1,15})\.(\d{1,15})$/.exec(text);
  return parts === null ? null : { term: Number(parts[1]), index: Number(parts[2]) };
}
