/**
 * Commands are the entries of the replicated log: proposed, committed, applied. Each carries an
 * idempotency key, so that a retry is applied once, and the proposer's wall clock, so that apply
 * needs none.
 */

import type { Budget } from './budget.ts';
import type { FencingToken, PolicyMemory } from './decision.ts';
import type { Election } from './election.ts';
import type { Override, Pause } from './intervention.ts';
import type { Mode } from './mode.ts';
import type { NodeRegistration } from './node.ts';
import type { ScalePolicy } from './policy.ts';
import type { Workload } from './workload.ts';

interface CommandHead {
  /** 1 to 128 characters; the same key is applied once. */
  readonly key: string;
  readonly atMs: number;
}

/** What a tick decided for one policy and the state must remember. */
export interface DecisionEntry {
  readonly decisionId: string;
  readonly workloadId: string;
  readonly policyId: string;
  readonly recommendation: number | null;
  readonly action: {
    readonly fromReplicas: number;
    readonly toReplicas: number;
    readonly deadlineMs: number;
    /** The action under way whose place it takes: it goes further the same way. Since format 4. */
    readonly supersedes?: string;
  } | null;
  /** What the policy remembers from here on; absent: as before. Since format 4. */
  readonly memory?: PolicyMemory;
  /** The same of its shadow; since format 4. */
  readonly shadow?: ShadowEntry;
}

/** What the state must remember of a shadow's decision. */
export interface ShadowEntry {
  readonly version: number;
  /** Replicas that the shadow wants from here on. */
  readonly desired: number;
  readonly recommendation: number | null;
  /** +1 out, −1 in, 0 as it was. */
  readonly direction: -1 | 0 | 1;
  readonly memory?: PolicyMemory;
}

export type ActionOutcome = 'verified' | 'failed';

export type Command =
  | (CommandHead & { readonly kind: 'register_node'; readonly registration: NodeRegistration })
  | (CommandHead & { readonly kind: 'remove_node'; readonly nodeId: string })
  | (CommandHead & {
      readonly kind: 'put_workload';
      readonly workload: Workload;
      /**
       * Where the document comes from. A file that is read again at each start must not undo the
       * mode that an operator has set since: it changes the mode only when its own word changed.
       */
      readonly source: 'file' | 'api';
      /** Version that must be current: null for any, 0 for "must not exist". */
      readonly expectedVersion: number | null;
    })
  | (CommandHead & {
      readonly kind: 'remove_workload';
      readonly workloadId: string;
      readonly expectedVersion: number | null;
    })
  | (CommandHead & {
      readonly kind: 'put_policy';
      readonly policy: ScalePolicy;
      readonly expectedVersion: number | null;
    })
  | (CommandHead & {
      readonly kind: 'remove_policy';
      readonly policyId: string;
      readonly expectedVersion: number | null;
    })
  | (CommandHead & {
      readonly kind: 'put_shadow';
      /** The policy in force that it is a shadow of: the same id and workload. */
      readonly policy: ScalePolicy;
    })
  | (CommandHead & { readonly kind: 'remove_shadow'; readonly policyId: string })
  | (CommandHead & {
      readonly kind: 'promote_shadow';
      readonly policyId: string;
      /** Version of the shadow that is meant; null for any. */
      readonly shadowVersion: number | null;
    })
  | (CommandHead & {
      readonly kind: 'set_pause';
      readonly workloadId: string;
      /** Null takes it back. */
      readonly pause: Pause | null;
    })
  | (CommandHead & {
      readonly kind: 'set_override';
      readonly workloadId: string;
      /** Null takes it back. */
      readonly override: Override | null;
    })
  | (CommandHead & {
      readonly kind: 'put_budget';
      readonly budget: Budget;
      readonly expectedVersion: number | null;
    })
  | (CommandHead & {
      readonly kind: 'remove_budget';
      readonly budgetId: string;
      readonly expectedVersion: number | null;
    })
  | (CommandHead & { readonly kind: 'set_mode'; readonly mode: Mode })
  | (CommandHead & {
      readonly kind: 'set_workload_mode';
      readonly workloadId: string;
      readonly mode: Mode;
    })
  | (CommandHead & {
      readonly kind: 'record_decisions';
      readonly entries: readonly DecisionEntry[];
      /**
       * The term whose leader decided, since format 2: the entry counts in that term alone, so that
       * what a deposed leader decided is not done under its successor, and its actions start from the
       * number that is desired, or not at all. Absent: in any term, from any number.
       */
      readonly decidedInTerm?: number;
    })
  | (CommandHead & {
      readonly kind: 'finish_action';
      readonly workloadId: string;
      readonly decisionId: string;
      readonly outcome: ActionOutcome;
      /** Replicas found ready; the new desired number when the action failed. */
      readonly readyReplicas: number;
    })
  | (CommandHead & { readonly kind: 'record_election'; readonly election: Election })
  | (CommandHead & {
      readonly kind: 'raise_format';
      /** What the cluster may say and keep from here on (state/format.ts); it never falls. */
      readonly formatVersion: number;
    });

export type CommandKind = Command['kind'];

/** Why the state machine refused a command; a refusal changes nothing. */
export const COMMAND_REFUSALS = [
  'version_conflict',
  'workload_not_found',
  'policy_not_found',
  'node_not_found',
  'shadow_not_found',
  /** A shadow is for the workload of the policy in force. */
  'shadow_of_another_workload',
  'budget_not_found',
  /** Policies still share it. */
  'budget_in_use',
  'workload_has_policy',
  'workload_already_has_policy',
  'action_in_flight',
  'action_not_found',
  /** Decided in another term than the one in which it came into the log. */
  'stale_term',
  /** An action from another number than the one that is desired. */
  'stale_decision',
  /** Of a newer format than the one that every member is known to understand. */
  'format_not_in_force',
] as const;
export type CommandRefusal = (typeof COMMAND_REFUSALS)[number];

export type Applied =
  | {
      readonly kind: 'applied';
      /** New version of the noun that was put; 0 where the command has none. */
      readonly version: number;
      /** True when the key had been applied before; the state is as it was. */
      readonly repeated: boolean;
    }
  | { readonly kind: 'refused'; readonly refusal: CommandRefusal; readonly detail: string };

/** A command's place in the log and what became of it. */
export interface Committed {
  readonly token: FencingToken;
  readonly result: Applied;
}
