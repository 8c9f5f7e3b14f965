/**
 * Keeps a format out of force that not every member of the configuration reads: a member of an older
 * program would stop before the entry, and most of them together would leave the cluster without a
 * quorum. A member that was not heard of since this one started may be of any program, so it counts as
 * one that does not read it. What it cannot see is a member that is taken back, or added, later on.
 */

import type { Command } from '../../model/command.ts';
import { membersOf, NO_CONFIGURATION } from '../../model/configuration.ts';
import type { Configuration, MemberId } from '../../model/configuration.ts';
import { ConsensusError } from '../../ports/consensus.ts';
import type { RaftTransport } from '../../ports/raft-transport.ts';
import { FORMAT_MAX, FORMAT_UNASKED } from '../../state/format.ts';
import type { Engine } from './engine.ts';
import type { Proposal } from './proposals.ts';

export class FormatGuard {
  readonly #engine: Engine;
  readonly #memberId: MemberId;
  readonly #transport: RaftTransport | null;

  constructor(engine: Engine, memberId: MemberId, transport: RaftTransport | null) {
    this.#engine = engine;
    this.#memberId = memberId;
    this.#transport = transport;
  }

  /** Null while the member was not heard of. */
  formatMax(memberId: MemberId): number | null {
    if (memberId === this.#memberId) return FORMAT_MAX;
    return this.#transport?.formatMax(memberId) ?? null;
  }

  /**
   * Those that may be proposed; the others are rejected. A leader asks it of all members; whoever carries
   * them to a leader, of that one alone, which asks the others itself.
   */
  admit(batch: readonly Proposal[]): readonly Proposal[] {
    return batch.filter((proposal) => {
      if (proposal.command.kind !== 'raise_format') return true;
      const error = formatNotRead(proposal.command, this.#known());
      if (error !== null) proposal.reject(error);
      return error === null;
    });
  }

  #known(): FormatsKnown {
    const { role, leaderId, configuration } = this.#engine.core.status();
    const leader = { ...NO_CONFIGURATION, voters: leaderId === null ? [] : [leaderId] };
    return {
      formatInForce: this.#engine.applier.state.formatVersion,
      configuration: role === 'leader' ? configuration : leader,
      formatMax: (memberId) => this.formatMax(memberId),
    };
  }
}

export interface FormatsKnown {
  readonly formatInForce: number;
  /** Whom to ask; of a joint one both halves, and the learners. */
  readonly configuration: Configuration;
  /** Of this member too; null: not heard of. */
  formatMax(memberId: MemberId): number | null;
}

/**
 * Why the command must not be proposed: a `format_not_read` that names the members and what to do; null
 * when it may. Every member reads the format that a leader raises unasked, and what is in force already.
 */
export function formatNotRead(command: Command, formats: FormatsKnown): ConsensusError | null {
  if (command.kind !== 'raise_format' || command.formatVersion <= FORMAT_UNASKED) return null;
  const { formatVersion } = command;
  if (formatVersion <= formats.formatInForce) return null;
  const [older, unknown]: [string[], string[]] = [[], []];
  for (const id of membersOf(formats.configuration)) {
    const reads = formats.formatMax(id);
    if (reads === null) unknown.push(id);
    else if (reads < formatVersion) older.push(`${id} reads up to ${reads}`);
  }
  if (older.length + unknown.length === 0) return null;
  return new ConsensusError('format_not_read', messageOf(formatVersion, older, unknown));
}

function messageOf(
  formatVersion: number,
  older: readonly string[],
  unknown: readonly string[],
): string {
  const said = [
    `This needs format ${formatVersion} of the log, and a member that does not read it would stop.`,
  ];
  if (older.length > 0) {
    said.push(`Of an older version: ${older.join(', ')}; upgrade them first, then try again.`);
  }
  if (unknown.length > 0) {
    said.push(
      `Not heard of yet: ${unknown.join(', ')}; start them, or remove them from the cluster, then try again.`,
    );
  }
  return said.join(' ');
}
