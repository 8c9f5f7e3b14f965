/**
 * A decision in one paragraph for a person, made from nothing but its record: what it concluded,
 * what each signal asked for, which stages changed the number, and what the number would have been
 * without one thing or the other. It judges nothing and looks nothing up.
 */

import type {
  DecisionRecord,
  Proposal,
  ScaleInput,
  ScaleOutcome,
  StageRecord,
} from '../model/decision.ts';
import type { Reason } from '../model/reasons.ts';
import type { Counterfactual } from './plane.ts';

/** What each reason means to somebody who does not know the code; a sentence that follows its name. */
export const REASON_MEANINGS: Readonly<Record<Reason, string>> = {
  above_target: 'The signals ask for more replicas than are wanted now.',
  below_target: 'The signals ask for fewer replicas than are wanted now.',
  below_minimum: 'Fewer replicas were wanted than the policy’s minimum.',
  above_maximum: 'More replicas were wanted than the policy’s maximum.',
  signal_unavailable: 'The metrics source gave no answer, and no answer is not low load.',
  signal_malformed: 'The metrics source answered with something that is not its API.',
  signal_incomplete:
    'The metrics source says that its answer lacks some of its data, which is not low load.',
  signal_oversized: 'The answer was larger than the limit and was not read.',
  signal_rejected: 'The metrics source refused the query itself: the policy needs a look.',
  signal_absent: 'The query returned no series, and none is not zero.',
  signal_ambiguous: 'The query returned several series: it must return one.',
  signal_not_a_number: 'The value is NaN or infinite.',
  signal_out_of_range: 'The value is negative, which no load is.',
  signal_stale:
    'The oldest sample under the value is older than the policy allows, or of unknown age.',
  signal_partial:
    'Fewer replicas report than are ready, so that the value misses some of the load.',
  no_replica_ready: 'No replica is ready, so that a value per replica says nothing.',
  within_tolerance: 'The value is so close to its target that moving would not be worth it.',
  at_desired: 'The number that the signals ask for is the number wanted already.',
  stabilizing_down:
    'A recommendation within the stabilization window was higher; scale-in waits for it.',
  stabilizing_up:
    'A recommendation within the stabilization window was lower; scale-out waits for it.',
  cooldown_down: 'The last scale-in is too recent.',
  cooldown_up: 'The last scale-out is too recent.',
  action_in_flight: 'An earlier action has not come true yet.',
  at_maximum: 'The signals ask for more, and the policy’s maximum is reached.',
  at_minimum: 'The signals ask for less, and the policy’s minimum is reached.',
  signal_disagrees:
    'Two expressions of the same quantity lie too far apart, so that neither can be trusted.',
  request_unknown:
    'A replica does not say what it asks for, so that its utilization has no meaning.',
  formula_failed: 'The formula has no result for these values.',
  forecast_warming: 'The history behind the forecast is being read; nothing goes in before it was.',
  forecast_floor: 'The forecast of the load asks for more replicas than are wanted now.',
  forecast_holds: 'The forecast says that the replicas will be wanted again too soon.',
  schedule_floor: 'A schedule asks for at least so many at this time.',
  schedule_cap: 'A schedule allows no more than so many at this time.',
  schedule_holds: 'A schedule keeps the number where it is.',
  signals_lost: 'A signal has been lost for so long that the policy’s choice for it counts.',
  override_set: 'An operator has set the number by hand.',
  override_holds: 'An operator’s number is in force, and it is the number wanted.',
  rate_limited_up: 'The rate policies allow no more to be added now.',
  rate_limited_down: 'The rate policies allow no more to be taken away now.',
  budget_exhausted: 'A budget that several workloads share is used up.',
  budget_unknown: 'The policy shares a budget that does not exist.',
  paused_in: 'An operator has paused scale-in.',
  paused_out: 'An operator has paused scale-out.',
  flap_budget:
    'The direction has turned more often than the policy allows, so that scale-in waits longer.',
  actual_unknown: 'The scaling target did not say how many replicas there are.',
  mode_observe: 'It would have scaled; the mode is observe, which records only.',
  mode_advise: 'It would have scaled; the mode is advise, which records and notifies.',
  mode_stopped: 'It would have scaled; the stop is on.',
};

export function explainDecision(
  { input, outcome, shadow }: DecisionRecord,
  counterfactuals: readonly Counterfactual[],
): string {
  const told = explainOutcome(input, outcome, counterfactuals);
  if (shadow === undefined) return told;
  const { verdict } = shadow.outcome;
  return `${told} Its shadow, version ${shadow.version}, wants ${verdict.replicas} (${verdict.reason}).`;
}

/** The same of an outcome that no record holds. */
export function explainOutcome(
  input: ScaleInput,
  outcome: ScaleOutcome,
  counterfactuals: readonly Counterfactual[],
): string {
  return [
    conclusion(input, outcome),
    ...outcome.proposals.map((proposal) => asked(proposal, input.policy.metrics)),
    ...outcome.stages.filter((stage) => stage.before !== stage.after).map(changed),
    ...without(counterfactuals),
  ].join(' ');
}

type Metrics = ScaleInput['policy']['metrics'];

function conclusion(input: ScaleInput, { verdict }: ScaleOutcome): string {
  const { actual } = input;
  const seen =
    actual.kind === 'known'
      ? `${actual.ready} ready and ${actual.starting} starting`
      : `an unknown number of replicas (${actual.detail})`;
  const why = `Reason: ${verdict.reason}. ${REASON_MEANINGS[verdict.reason]}`;
  if (verdict.kind === 'hold') return `Held at ${verdict.replicas} with ${seen}. ${why}`;
  return `Scaled ${verdict.direction} from ${input.desired} to ${verdict.replicas} with ${seen}. ${why}`;
}

function asked(proposal: Proposal, metrics: Metrics): string {
  if (proposal.kind === 'none') {
    return `${proposal.metric} could not be used (${proposal.reason}): ${proposal.detail}.`;
  }
  const metric = metrics.find((one) => one.name === proposal.metric);
  const band = proposal.withinTolerance ? ', within tolerance' : '';
  const limited = proposal.limited === null ? '' : `, may not lower (${proposal.limited})`;
  const age = proposal.ageMs === null ? '' : `, ${(proposal.ageMs / 1000).toFixed(1)} s old,`;
  const asks = `asks for ${proposal.replicas}${band}${limited}.`;
  if (metric === undefined || proposal.ratio === null) {
    return `${proposal.metric}${age} ${asks.slice(0, -1)}${because(proposal.detail)}.`;
  }
  return `${proposal.metric}${age} is at ${proposal.ratio.toPrecision(4)} of its target ${metric.target} and ${asks}`;
}

function because(detail: string | undefined): string {
  return detail === undefined || detail === '' ? '' : ` (${detail})`;
}

function changed(stage: StageRecord): string {
  const reason = stage.reason === null ? '' : ` (${stage.reason})`;
  const detail = stage.detail === '' ? '' : `: ${stage.detail}`;
  return `The stage ${stage.stage} made ${stage.before} into ${stage.after}${reason}${detail}.`;
}

/** Alike ones together: “Without the cooldowns or the bounds it would be 7.” */
function without(counterfactuals: readonly Counterfactual[]): readonly string[] {
  const groups = Map.groupBy(counterfactuals, ({ replicas }) => replicas);
  return [...groups].map(([replicas, alike]) => {
    const named = alike.map((one) => one.without).join(' or ');
    return `Without ${named} it would be ${replicas}.`;
  });
}
