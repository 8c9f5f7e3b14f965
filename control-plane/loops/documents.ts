/**
 * Proposes what the document files say, at start. A document that is in the state already changes
 * nothing; one that the state machine refuses stops the start, because a plane that runs other
 * policies than its files say would mislead.
 */

import type { Command, Committed } from '../model/command.ts';
import type { ScalePolicy } from '../model/policy.ts';
import type { Workload } from '../model/workload.ts';
import type { Clock } from '../ports/clock.ts';
import type { Consensus } from '../ports/consensus.ts';

export interface Documents {
  readonly workloads: readonly Workload[];
  readonly policies: readonly ScalePolicy[];
}

/** @throws Error that names the document and why it was refused. */
export async function proposeDocuments(
  documents: Documents,
  consensus: Consensus,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const atMs = clock.nowMs();
  const head = (kind: string, id: string) => ({ key: `file/${kind}/${id}/${atMs}`, atMs });
  const anyVersion = { expectedVersion: null } as const;
  for (const workload of documents.workloads) {
    const command: Command = {
      ...head('workload', workload.id),
      ...anyVersion,
      kind: 'put_workload',
      source: 'file',
      workload,
    };
    accepted(`workload ${workload.id}`, await consensus.propose(command, signal));
  }
  for (const policy of documents.policies) {
    const command: Command = {
      ...head('policy', policy.id),
      ...anyVersion,
      kind: 'put_policy',
      policy,
    };
    accepted(`policy ${policy.id}`, await consensus.propose(command, signal));
  }
}

function accepted(what: string, committed: Committed): void {
  if (committed.result.kind === 'applied') return;
  const { refusal, detail } = committed.result;
  throw new Error(`${what} was refused (${refusal}): ${detail}`);
}
