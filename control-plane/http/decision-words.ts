/**
 * A decision in a few words: its headline, how the number came about, which signal made it, and what
 * would have made it another. From the record alone; pages and lists say it alike.
 */

import {
  SCALE_STAGES,
  type DecisionRecord,
  type Proposal,
  type ScaleInput,
  type ScaleOutcome,
  type ScaleStage,
  type StageRecord,
} from '../model/decision.ts';
import { SIGNAL_REASONS, type Reason } from '../model/reasons.ts';
import type { Counterfactual } from './plane.ts';

/** What became of the number; the word is also the class that colours it. */
export type Turn = 'out' | 'in' | 'hold';

export function turnOf({ verdict }: ScaleOutcome): Turn {
  return verdict.kind === 'hold' ? 'hold' : verdict.direction;
}

/** “Scaled out from 4 to 7”, “Held at 4”. */
export function headline({ input, outcome }: Pick<DecisionRecord, 'input' | 'outcome'>): string {
  const { verdict } = outcome;
  if (verdict.kind === 'hold') return `Held at ${verdict.replicas}`;
  return `Scaled ${verdict.direction} from ${input.desired} to ${verdict.replicas}`;
}

/** The stages in words that are the subject of “made it 8”. */
export const STAGE_NAMES: Readonly<Record<ScaleStage, string>> = {
  combine: 'the signals',
  lost: 'the fallback for lost signals',
  forecast: 'the forecast',
  schedule: 'the schedules',
  stabilization: 'the stabilization windows',
  cooldown: 'the cooldowns',
  rates: 'the rate policies',
  pending_action: 'the action under way',
  bounds: 'the bounds',
  budget: 'the budgets',
  pause: 'the pause',
  override: 'the operator’s number',
  mode: 'the mode',
};

/** A record may come from a newer version: its word is better than none. */
export function stageName(stage: string): string {
  const known = SCALE_STAGES.find((one) => one === stage);
  return known === undefined ? stage : STAGE_NAMES[known];
}

export function capitalized(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

/** “The signals asked for 12; the rate policies made it 8.” */
export function course(input: ScaleInput, outcome: ScaleOutcome): string {
  const [first, ...later] = outcome.stages;
  if (first === undefined) return 'No stage is recorded.';
  const changes = later.filter(isChange).map((stage) => {
    const { after } = stage;
    const verb = after === input.desired ? 'kept it at' : 'made it';
    const note = NOTED.includes(stage.stage) ? because(stage) : '';
    return `; ${stageName(stage.stage)} ${verb} ${after}${note}`;
  });
  return `${beginning(input, outcome, first)}${because(first)}${changes.join('')}.`;
}

/** Whose detail is what an operator wrote: the others' is with the stages. */
const NOTED: readonly ScaleStage[] = ['override', 'pause'];

function beginning(
  { desired }: ScaleInput,
  outcome: ScaleOutcome,
  { after, reason }: StageRecord,
): string {
  if (after !== desired) return `The signals asked for ${after}`;
  const blocking = isSignalReason(reason) ? decisive(outcome) : null;
  if (blocking === null) return `Nothing in the signals asked for another number than ${desired}`;
  const wish = outcome.proposals
    .filter((one) => one.kind === 'replicas' && one !== blocking)
    .find((one) => one.kind === 'replicas' && one.replicas < desired);
  const asked = wish?.kind === 'replicas' ? `${wish.metric} asked for ${wish.replicas}, but ` : '';
  const known = blocking.kind === 'none' ? 'could not be used' : 'could not be relied on';
  return `${asked}${blocking.metric} ${known}, and that never lowers the number`;
}

export function isChange({ before, after }: StageRecord): boolean {
  return before !== after;
}

function because({ detail }: StageRecord): string {
  return detail === '' ? '' : ` (${detail})`;
}

/**
 * The proposal that the combination went by: the one that asked for the number it came to, or the one
 * that could not be used and so kept it. Null when none did.
 */
export function decisive({ proposals, stages }: ScaleOutcome): Proposal | null {
  const [combined] = stages;
  if (combined === undefined) return null;
  const { after, reason, detail } = combined;
  const fitting = proposals.filter((one) =>
    isSignalReason(reason)
      ? (one.kind === 'none' ? one.reason : one.limited) === reason
      : one.kind === 'replicas' && one.replicas === after,
  );
  const named = fitting.find(
    ({ metric }) => detail.startsWith(`${metric} `) || detail.startsWith(`${metric}: `),
  );
  return named ?? fitting[0] ?? null;
}

function isSignalReason(reason: Reason | null): boolean {
  return SIGNAL_REASONS.some((one) => one === reason);
}

export interface Otherwise {
  readonly replicas: number;
  /** Each alone would have been enough; words that follow “without”. */
  readonly without: readonly string[];
}

/** Those that come to the same number together, in the order of the pipeline. */
export function otherwise(counterfactuals: readonly Counterfactual[]): readonly Otherwise[] {
  const groups = Map.groupBy(counterfactuals, ({ replicas }) => replicas);
  return [...groups].map(([replicas, alike]) => ({
    replicas,
    without: alike.map((one) => one.without),
  }));
}
