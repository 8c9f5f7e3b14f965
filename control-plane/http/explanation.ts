/**
 * A decision in one paragraph for a person, made from nothing but its record: what it concluded,
 * what each metric asked for, which stages changed the number, and what the number would have been
 * without the last of them. It judges nothing and looks nothing up.
 */

import type { DecisionRecord, Proposal, StageRecord } from '../model/decision.ts';

export function explainDecision(record: DecisionRecord): string {
  const { input, outcome } = record;
  return [
    conclusion(record),
    ...outcome.proposals.map((proposal) => asked(proposal, input.policy.metrics)),
    ...outcome.stages.filter((stage) => stage.before !== stage.after).map(changed),
    ...counterfactual(outcome.stages, input.desired),
  ].join(' ');
}

type Metrics = DecisionRecord['input']['policy']['metrics'];

function conclusion({ input, outcome }: DecisionRecord): string {
  const { verdict } = outcome;
  const { actual } = input;
  const seen =
    actual.kind === 'known'
      ? `${actual.ready} ready and ${actual.starting} starting`
      : `an unknown number of replicas (${actual.detail})`;
  const why = `Reason: ${verdict.reason}.`;
  if (verdict.kind === 'hold') return `Held at ${verdict.replicas} with ${seen}. ${why}`;
  return `Scaled ${verdict.direction} from ${input.desired} to ${verdict.replicas} with ${seen}. ${why}`;
}

function asked(proposal: Proposal, metrics: Metrics): string {
  if (proposal.kind === 'none') {
    return `${proposal.metric} could not be used (${proposal.reason}): ${proposal.detail}.`;
  }
  const metric = metrics.find((one) => one.name === proposal.metric);
  const target = metric === undefined ? 'its target' : `its target ${metric.target}`;
  const band = proposal.withinTolerance ? ', within tolerance' : '';
  const limited = proposal.limited === null ? '' : `, may not lower (${proposal.limited})`;
  const age = `${(proposal.ageMs / 1000).toFixed(1)} s old`;
  return `${proposal.metric}, ${age}, is at ${proposal.ratio.toPrecision(4)} of ${target} and asks for ${proposal.replicas}${band}${limited}.`;
}

function changed(stage: StageRecord): string {
  const reason = stage.reason === null ? '' : ` (${stage.reason})`;
  const detail = stage.detail === '' ? '' : `: ${stage.detail}`;
  return `The stage ${stage.stage} made ${stage.before} into ${stage.after}${reason}${detail}.`;
}

/** The last stage that took a wish back says what would be without it. */
function counterfactual(stages: readonly StageRecord[], desired: number): readonly string[] {
  const last = stages.findLast((stage) => stage.before !== stage.after);
  if (last === undefined || last.stage === 'combine' || last.before === desired) return [];
  return [`Without ${last.stage} it would be ${last.before}.`];
}
