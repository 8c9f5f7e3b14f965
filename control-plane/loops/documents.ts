/**
 * Proposes what the document files say, at start. A document that is in the state already changes
 * nothing; one that the state machine refuses stops the start, because a plane that runs other
 * policies than its files say would mislead. Every refusal is named, not the first alone. While a member
 * does not read the format that one of them needs, none is proposed: they say one thing together.
 */

import { randomUUID } from 'node:crypto';
import type { Command } from '../model/command.ts';
import type { ScalePolicy } from '../model/policy.ts';
import type { Workload } from '../model/workload.ts';
import type { Clock } from '../ports/clock.ts';
import type { Consensus } from '../ports/consensus.ts';
import { raiseFor } from '../state/format.ts';
import { within } from './deadline.ts';

export interface Documents {
  readonly workloads: readonly Workload[];
  readonly policies: readonly ScalePolicy[];
}

/** One line for each document that was refused. */
export class DocumentsRefusedError extends Error {
  override readonly name = 'DocumentsRefusedError';
  readonly refusals: readonly string[];

  constructor(refusals: readonly string[]) {
    super(`documents were refused\n${refusals.map((line) => `  ${line}`).join('\n')}`);
    this.refusals = refusals;
  }
}

/** Proposals that wait for one flush of the log together. */
const TOGETHER_MAX = 256;

/**
 * Workloads first: a policy needs its own.
 * @throws DocumentsRefusedError | DeadlineError | ConsensusError; `format_not_read` before the first one
 */
export async function proposeDocuments(
  documents: Documents,
  consensus: Consensus,
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const atMs = clock.nowMs();
  const proposer = new Proposer(consensus);
  const workloads = documents.workloads.map((workload) => ({
    what: `workload ${workload.id}`,
    command: {
      kind: 'put_workload' as const,
      key: `file/workload/${randomUUID()}`,
      atMs,
      source: 'file' as const,
      expectedVersion: null,
      workload,
    },
  }));
  const policies = documents.policies.map((policy) => ({
    what: `policy ${policy.id}`,
    command: {
      kind: 'put_policy' as const,
      key: `file/policy/${randomUUID()}`,
      atMs,
      expectedVersion: null,
      policy,
    },
  }));
  await within(timeoutMs, signal, async (deadline) => {
    await proposer.raiseFormat([...workloads, ...policies], deadline);
    await proposer.propose(workloads, deadline);
    await proposer.propose(policies, deadline);
  });
  if (proposer.refusals.length > 0) throw new DocumentsRefusedError(proposer.refusals);
}

interface Proposed {
  readonly what: string;
  readonly command: Command;
}

class Proposer {
  readonly refusals: string[] = [];
  readonly #consensus: Consensus;

  constructor(consensus: Consensus) {
    this.#consensus = consensus;
  }

  /** To what they need, one after the other: what a file says is an operator's word. */
  async raiseFormat(documents: readonly Proposed[], signal: AbortSignal): Promise<void> {
    for (const { command } of documents) {
      const raise = raiseFor(this.#consensus.readState(), command);
      if (raise !== null) await this.#consensus.propose(raise, signal);
    }
  }

  async propose(documents: readonly Proposed[], signal: AbortSignal): Promise<void> {
    for (let from = 0; from < documents.length; from += TOGETHER_MAX) {
      const group = documents.slice(from, from + TOGETHER_MAX);
      await Promise.all(group.map((one) => this.#proposeOne(one, signal)));
    }
  }

  async #proposeOne({ what, command }: Proposed, signal: AbortSignal): Promise<void> {
    const { result } = await this.#consensus.propose(command, signal);
    if (result.kind === 'applied') return;
    this.refusals.push(`${what}: ${result.detail} (${result.refusal})`);
  }
}
