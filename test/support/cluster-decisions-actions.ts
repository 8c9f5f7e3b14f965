/**
 * Holds what the scaling target did against what the cluster decided: the journal of starts against
 * the committed actions. A start that no command allowed, or one too many, is named.
 */

import { readFile } from 'node:fs/promises';
import type { JournalLine } from '../../control-plane/adapters/local-process/journal.ts';
import { compareTokens } from '../../control-plane/model/decision.ts';
import type { FencingToken } from '../../control-plane/model/decision.ts';
import { applyCommand } from '../../control-plane/state/apply.ts';
import { INITIAL_STATE } from '../../control-plane/state/state.ts';
import type { CommittedCommand } from './cluster-decisions-log.ts';

type Start = Extract<JournalLine, { kind: 'start' }>;

export interface ActionsHeld {
  readonly faults: readonly string[];
  /** Committed. */
  readonly actions: number;
  /** Of a committed action. */
  readonly starts: number;
  /** Of replicas that had to be started anew: a kill between their record and their process. */
  readonly restarts: number;
}

/** What a command let the target add, and whether it was seen to have come true. */
interface Allowed {
  readonly token: FencingToken;
  readonly added: number;
  readonly isAction: boolean;
  verified: boolean;
}

export async function readJournal(path: string): Promise<readonly JournalLine[]> {
  const text = await readFile(path, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as JournalLine);
}

export function holdActions(
  journal: readonly JournalLine[],
  commands: readonly CommittedCommand[],
): ActionsHeld {
  const faults: string[] = [];
  const allowed = allowedBy(commands);
  const starts = journal.filter((line) => line.kind === 'start');
  for (const [replicaId, count] of countBy(starts, ({ replicaId }) => replicaId)) {
    if (count > 1) faults.push(`replica ${replicaId} was started ${count} times`);
  }
  const added = starts.filter(({ cause }) => cause === 'scale');
  for (const [slot, count] of countBy(added, ({ slotId }) => `${slotId}`)) {
    if (count > 1) faults.push(`slot ${slot} was added ${count} times`);
  }
  faults.push(...goneBack(added));
  // A start may have been recorded and not announced when its leader was killed: slots are counted.
  const slots = new Map(starts.map((start) => [start.slotId, start]));
  const counted = countBy([...slots.values()], ({ token }) => keyOf(token));
  const [first] = starts;
  for (const [token, count] of counted) {
    const one = allowed.get(token);
    // The first command that a target hears of starts from no replica at all.
    const most = first !== undefined && keyOf(first.token) === token ? Infinity : (one?.added ?? 0);
    if (one === undefined) faults.push(`${count} replicas were started by ${token}, no action`);
    else if (count > most) faults.push(`action ${token} started ${count} and added ${one.added}`);
  }
  for (const [token, { added: wanted, verified }] of allowed) {
    const count = counted.get(token) ?? 0;
    if (!verified || count >= wanted) continue;
    faults.push(`action ${token} came true with ${count} starts of ${wanted}`);
  }
  return {
    faults,
    actions: [...allowed.values()].filter(({ isAction }) => isAction).length,
    starts: added.length,
    restarts: starts.length - added.length,
  };
}

/** By token: the actions, and the documents and failures that set the number wanted. */
function allowedBy(commands: readonly CommittedCommand[]): ReadonlyMap<string, Allowed> {
  const allowed = new Map<string, Allowed>();
  const byDecision = new Map<string, Allowed>();
  let state = INITIAL_STATE;
  for (const { token, command } of commands) {
    const applied = applyCommand(state, token, command);
    state = applied.state;
    if (applied.result.kind === 'refused' || applied.result.repeated) continue;
    if (command.kind === 'record_decisions') {
      for (const { action, decisionId } of command.entries) {
        if (action === null) continue;
        const added = Math.max(0, action.toReplicas - action.fromReplicas);
        const one = { token, added, isAction: true, verified: false };
        allowed.set(keyOf(token), one);
        byDecision.set(decisionId, one);
      }
    } else if (command.kind === 'finish_action' && command.outcome === 'verified') {
      const one = byDecision.get(command.decisionId);
      if (one !== undefined) one.verified = true;
    } else if (command.kind === 'put_workload' || command.kind === 'finish_action') {
      allowed.set(keyOf(token), { token, added: 0, isAction: false, verified: false });
    }
  }
  return allowed;
}

/** A target that has heard of a token adds nothing for an older one. */
function goneBack(added: readonly Start[]): readonly string[] {
  return added.flatMap(({ replicaId, token }, at) => {
    const before = added[at - 1];
    if (before === undefined || compareTokens(before.token, token) <= 0) return [];
    return [`${replicaId} was added by ${keyOf(token)} after ${keyOf(before.token)}`];
  });
}

function countBy<T>(items: readonly T[], keyOfItem: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) {
    const key = keyOfItem(item);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

function keyOf({ term, index }: FencingToken): string {
  return `${term}/${index}`;
}
