/**
 * The shape of every command. Held against a command before it is logged, so that the log never
 * carries what a member could not read back, and again on reading it.
 */

import type { Command, CommandKind, DecisionEntry, ShadowEntry } from '../model/command.ts';
import { FORMAT_MAX } from './format.ts';
import { memoryShape } from './memory-shape.ts';
import { budgetShape, electionShape, modeShape, overrideShape, pauseShape } from './model-shape.ts';
import { registrationShape, workloadShape } from './model-shape.ts';
import { policyShape } from './policy-shape.ts';
import { count, finite, kindOf, listOf, nullable, objectOf, oneOf, optional } from './shape.ts';
import { text, textOf, wholeFrom } from './shape.ts';
import type { Check } from './shape.ts';

type CommandOf<K extends CommandKind> = Extract<Command, { readonly kind: K }>;

/** Every field of a command but the three of its head. */
type Body<K extends CommandKind> = {
  readonly [F in Exclude<keyof CommandOf<K>, 'kind' | 'key' | 'atMs'>]-?: Check<CommandOf<K>[F]>;
};

/** Characters of an idempotency key. */
const KEY_LENGTH_MAX = 128;
const head = { key: textOf(1, KEY_LENGTH_MAX), atMs: finite };
const expectedVersion = nullable(count);

const entryShape = objectOf<DecisionEntry>({
  decisionId: text,
  workloadId: text,
  policyId: text,
  recommendation: nullable(count),
  action: nullable(
    objectOf<NonNullable<DecisionEntry['action']>>({
      fromReplicas: count,
      toReplicas: count,
      deadlineMs: finite,
      supersedes: optional(text),
    }),
  ),
  memory: optional(memoryShape),
  shadow: optional(
    objectOf<ShadowEntry>({
      version: count,
      desired: count,
      recommendation: nullable(count),
      direction: oneOf([-1, 0, 1]),
      memory: optional(memoryShape),
    }),
  ),
});

export const commandShape: Check<Command> = kindOf<Command>({
  register_node: command('register_node', { registration: registrationShape }),
  remove_node: command('remove_node', { nodeId: text }),
  put_workload: command('put_workload', {
    workload: workloadShape,
    source: oneOf(['file', 'api']),
    expectedVersion,
  }),
  remove_workload: command('remove_workload', { workloadId: text, expectedVersion }),
  put_policy: command('put_policy', { policy: policyShape, expectedVersion }),
  remove_policy: command('remove_policy', { policyId: text, expectedVersion }),
  put_shadow: command('put_shadow', { policy: policyShape }),
  remove_shadow: command('remove_shadow', { policyId: text }),
  promote_shadow: command('promote_shadow', { policyId: text, shadowVersion: nullable(count) }),
  set_pause: command('set_pause', { workloadId: text, pause: nullable(pauseShape) }),
  set_override: command('set_override', { workloadId: text, override: nullable(overrideShape) }),
  put_budget: command('put_budget', { budget: budgetShape, expectedVersion }),
  remove_budget: command('remove_budget', { budgetId: text, expectedVersion }),
  set_mode: command('set_mode', { mode: modeShape }),
  set_workload_mode: command('set_workload_mode', { workloadId: text, mode: modeShape }),
  record_decisions: command('record_decisions', {
    entries: listOf(entryShape),
    decidedInTerm: optional(count),
  }),
  finish_action: command('finish_action', {
    workloadId: text,
    decisionId: text,
    outcome: oneOf(['verified', 'failed']),
    readyReplicas: count,
  }),
  record_election: command('record_election', { election: electionShape }),
  raise_format: command('raise_format', { formatVersion: wholeFrom(1, FORMAT_MAX) }),
});

function command<K extends CommandKind>(kind: K, body: Body<K>): Check<CommandOf<K>> {
  return objectOf<object>({ ...head, kind: oneOf([kind]), ...body }) as Check<CommandOf<K>>;
}
