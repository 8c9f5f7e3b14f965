/**
 * The formats of commands and of the state, and how a cluster passes from one to the next while its
 * members are upgraded one by one.
 *
 * A format is a number that counts up with every change of what may stand in the log or in a
 * snapshot, and of what applying it means. Three things follow, and nothing is ever guessed:
 * - Every command says its format on the wire (command-text.ts), except those of format 1, which was
 *   not numbered. Commands of every earlier format are read and applied as they always were.
 * - A member that meets a newer format, or a kind or a field that it does not know, stops before
 *   that entry with a NewerFormatError or ShapeError. It neither skips nor half applies it: from
 *   there on its state would be another than everybody else's. Run with the newer program, it goes on
 *   where it stopped.
 * - The format in force is part of the replicated state. It begins at 1, is raised by the command
 *   `raise_format` and never falls. Commands newer than it are refused when applied, and snapshots
 *   are written in it: until it is raised, the log and the snapshots hold nothing that an older
 *   member could not read, so members may be upgraded, and taken back, in any order.
 *
 * The leader proposes `raise_format` unasked up to FORMAT_UNASKED; a member that does not read that
 * must not be added. Whoever proposes a command of a later format raises it first, with the command
 * of `raiseFor`: from then on every member must be of a program that reads it. A member proposes that
 * only once all others have told it that they do (loops/raft/format-guard.ts).
 * To bring in a new kind, field or meaning: raise FORMAT_MAX, say here from which format on it is,
 * have its proposers ask `isInForce` first (or raise it, if it is an operator's word),
 * and apply the old meaning while the state is of an older format.
 *
 * Format 1: the plane of one member. Format 2: elections, the term of decisions, `raise_format`.
 * Format 3: workloads whose target is `docker`. Format 4: workloads on `kubernetes`, `nomad` and
 * `webhook`; policies with any of POLICY_FIELDS_4, with no metric, with `replicasMin` 0 or with a
 * metric's `agreement` or `fromReplicas`; their past versions and shadows; pauses, overrides and
 * budgets; decisions with `memory`, of a shadow, and actions that supersede one under way. While it is
 * in force, a policy that is replaced is kept as a past version, and an action to no replicas that
 * failed may leave none desired.
 */

import type { Command, CommandKind, DecisionEntry } from '../model/command.ts';
import { POLICY_FIELDS_4 } from '../model/policy.ts';
import type { ScalePolicy } from '../model/policy.ts';
import { TARGET_FORMATS } from '../model/workload.ts';
import { applied, refused } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import type { PlaneState } from './state.ts';

/** The newest format that this program reads, writes and applies. */
export const FORMAT_MAX = 4;

/**
 * The format that a leader raises its cluster to unasked: every member of a cluster of several reads
 * it. A later one is raised by the first command that needs it (`raiseFor`), which no member of an
 * older program can follow, whoever asks for it: while there is one, it is refused.
 */
export const FORMAT_UNASKED = 2;

/** The format in which each kind came into use. */
const SINCE: Readonly<Record<CommandKind, number>> = {
  register_node: 1,
  remove_node: 1,
  put_workload: 1,
  remove_workload: 1,
  put_policy: 1,
  remove_policy: 1,
  put_shadow: 4,
  remove_shadow: 4,
  promote_shadow: 4,
  set_pause: 4,
  set_override: 4,
  put_budget: 4,
  remove_budget: 4,
  set_mode: 1,
  set_workload_mode: 1,
  record_decisions: 1,
  finish_action: 1,
  record_election: 2,
  raise_format: 2,
};

/** The oldest format that has everything that the command says. */
export function formatOf(command: Command): number {
  const since = SINCE[command.kind];
  if (command.kind === 'put_workload') return TARGET_FORMATS[command.workload.target.kind];
  if (command.kind === 'put_policy') return isOfFormat4(command.policy) ? 4 : since;
  if (command.kind === 'record_decisions') {
    if (command.entries.some(isEntryOfFormat4)) return 4;
    return command.decidedInTerm === undefined ? since : 2;
  }
  // Who does not know the format that is coming must stop here, and not a little later.
  return command.kind === 'raise_format' ? Math.max(since, command.formatVersion) : since;
}

function isOfFormat4(policy: ScalePolicy): boolean {
  const { metrics, replicasMin } = policy;
  return (
    POLICY_FIELDS_4.some((field) => policy[field] !== undefined) ||
    replicasMin === 0 ||
    metrics.length === 0 ||
    metrics.some((one) => one.agreement !== undefined || one.fromReplicas !== undefined)
  );
}

function isEntryOfFormat4({ memory, shadow, action }: DecisionEntry): boolean {
  return memory !== undefined || shadow !== undefined || action?.supersedes !== undefined;
}

/** Whether the command may be proposed to, and applied by, a cluster in this state. */
export function isInForce(state: PlaneState, command: Command): boolean {
  return command.kind === 'raise_format' || formatOf(command) <= state.formatVersion;
}

/** What is to be proposed before the command; null when it is in force. Of one format always the same. */
export function raiseFor(state: PlaneState, command: Command): Command | null {
  if (isInForce(state, command)) return null;
  const formatVersion = formatOf(command);
  const key = `raise-format/${formatVersion}`;
  return { kind: 'raise_format', key, atMs: command.atMs, formatVersion };
}

export function notInForce(state: PlaneState, command: Command): Outcome {
  const detail = `${command.kind} is of format ${formatOf(command)}, in force is ${state.formatVersion}`;
  return refused('format_not_in_force', detail);
}

/** A smaller one than that in force changes nothing: somebody was faster. */
export function raiseFormat(state: PlaneState, formatVersion: number): Outcome {
  return applied(formatVersion > state.formatVersion ? { ...state, formatVersion } : state);
}
