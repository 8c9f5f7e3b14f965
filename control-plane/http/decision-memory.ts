/** What the brakes remembered when a decision was made, and the policy that it was made by, in words. */

import type { PolicyMemory, ScaleInput, ScaleOutcome } from '../model/decision.ts';
import type { RateRulesSpec } from '../model/policy.ts';
import { counted, duration, percent } from './figures.ts';
import { markup, type Markup } from './markup.ts';

/** Remembered things of one kind that are listed, the newest. */
const LISTED_MAX = 12;

export function memoryPart(input: ScaleInput, { recommendation }: ScaleOutcome): Markup {
  const { brakes, policy, nowMs } = input;
  const { memory, lastOutAtMs, lastInAtMs } = brakes;
  const runs = brakes.recommendations.map(
    ({ replicas, firstAtMs, lastAtMs }) =>
      `${replicas} (${span(nowMs - firstAtMs, nowMs - lastAtMs)})`,
  );
  return markup`<h2 id="memory">What was remembered</h2>
<dl>
${fact('Recommendations in the windows', newest(runs, 'none'))}
${fact('This one is remembered as', recommendation === null ? 'nothing' : String(recommendation))}
${fact('Last scale-out', lastAction(lastOutAtMs, policy.cooldownUpMs, nowMs))}
${fact('Last scale-in', lastAction(lastInAtMs, policy.cooldownDownMs, nowMs))}
${memory === undefined ? null : laterMemory(memory, nowMs)}
</dl>`;
}

function laterMemory(memory: PolicyMemory, nowMs: number): readonly Markup[] {
  const { events, reversalsAtMs, lastDirection, lostSinceMs, strategies } = memory;
  const changes = events.map(
    ({ atMs, change }) => `${change > 0 ? '+' : '−'}${Math.abs(change)} ${ago(atMs, nowMs)}`,
  );
  const lost = Object.entries(lostSinceMs).map(
    ([name, sinceMs]) => `${name} for ${duration(nowMs - sinceMs)}`,
  );
  const turns = reversalsAtMs.map((atMs) => ago(atMs, nowMs));
  const minds = Object.entries(strategies).map(([name, { kind }]) => `${name} (${kind})`);
  return [
    fact('Changes that the rate policies see', newest(changes, 'none')),
    fact('Turns of direction', newest(turns, 'none')),
    fact('Last direction', lastDirection ?? 'none yet'),
    ...(lost.length === 0 ? [] : [fact('Lost signals', newest(lost, 'none'))]),
    ...(minds.length === 0 ? [] : [fact('Strategies with a memory', newest(minds, 'none'))]),
  ];
}

export function policyPart({ policy }: ScaleInput): Markup {
  const { rates, flapBudget, onLost } = policy;
  return markup`<h2 id="policy">The policy it was decided by</h2>
<dl>
${fact('Replicas', `${policy.replicasMin} to ${policy.replicasMax}`)}
${fact('Tolerance', `+${percent(policy.toleranceUpRatio)}, −${percent(policy.toleranceDownRatio)}`)}
${fact('Stabilization windows', `out ${windowOf(policy.stabilizationUpMs)}, in ${windowOf(policy.stabilizationDownMs)}`)}
${fact('Cooldowns', `out ${windowOf(policy.cooldownUpMs)}, in ${windowOf(policy.cooldownDownMs)}`)}
${rates === undefined ? null : fact('Rate out', ratesOf(rates.out))}
${rates === undefined ? null : fact('Rate in', ratesOf(rates.in))}
${flapBudget === undefined ? null : fact('Flap budget', `${counted(flapBudget.reversalsMax, 'turn')} in ${duration(flapBudget.periodMs)}`)}
${onLost === undefined ? null : fact('When a signal is lost', `${onLost.kind} ${onLost.replicas} after ${duration(onLost.afterMs)}`)}
</dl>`;
}

export function fact(name: string, value: Markup | string): Markup {
  return markup`<div><dt>${name}</dt><dd>${value}</dd></div>
`;
}

function ratesOf({ select, policies }: RateRulesSpec): string {
  if (select === 'disabled') return 'never';
  if (policies.length === 0) return 'as fast as asked';
  const said = policies.map(({ kind, value, periodMs }) => {
    const amount = kind === 'percent' ? `${value} %` : counted(value, 'replica');
    return `${amount} in ${duration(periodMs)}`;
  });
  return said.length === 1 ? said.join('') : `the ${select} of ${said.join(', ')}`;
}

function windowOf(ms: number): string {
  return ms === 0 ? 'none' : duration(ms);
}

function lastAction(atMs: number | null, cooldownMs: number, nowMs: number): string {
  if (atMs === null) return 'none known';
  const leftMs = atMs + cooldownMs - nowMs;
  return `${ago(atMs, nowMs)}${leftMs > 0 ? `, ${duration(leftMs)} of its cooldown left` : ''}`;
}

function ago(atMs: number, nowMs: number): string {
  return `${duration(nowMs - atMs)} before`;
}

function span(firstAgoMs: number, lastAgoMs: number): string {
  if (firstAgoMs === lastAgoMs) return `${duration(firstAgoMs)} before`;
  return `${duration(firstAgoMs)} to ${duration(lastAgoMs)} before`;
}

/** @param said oldest first */
function newest(said: readonly string[], none: string): string {
  if (said.length === 0) return none;
  const shown = said.slice(-LISTED_MAX).toReversed().join(', ');
  const more = said.length - LISTED_MAX;
  return more > 0 ? `${shown}, and ${more} older` : shown;
}
