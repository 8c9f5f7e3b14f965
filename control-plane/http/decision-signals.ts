/** What each signal and strategy of a decision showed and asked for, as a table, with the one that counted. */

import type { DecisionRecord, Proposal, ScaleInput } from '../model/decision.ts';
import type { MetricSpec } from '../model/policy.ts';
import { unreachable } from '../model/reasons.ts';
import type { StrategySpec } from '../model/strategy.ts';
import { decisive } from './decision-words.ts';
import { REASON_MEANINGS } from './explanation.ts';
import { duration, figure, percent } from './figures.ts';
import { markup, NOTHING, type Markup } from './markup.ts';

export function signalsPart({ input, outcome }: DecisionRecord): Markup {
  const { proposals } = outcome;
  if (proposals.length === 0) {
    return markup`<h2 id="signals">What the signals asked for</h2>
<p>No signal was looked at: it was not known how many replicas there are.</p>`;
  }
  const counted = decisive(outcome);
  const rows = proposals.map((proposal) => signalRow(proposal, input, counted));
  return markup`<h2 id="signals">What the signals asked for</h2>
<div class="wide"><table>
<caption>${combinationInWords(input)} A sample older than ${duration(input.policy.signalAgeMaxMs)} is not used.</caption>
<thead><tr><th scope="col">Signal</th><th scope="col" class="n">Value</th><th scope="col" class="n">Target</th><th scope="col" class="n">Of target</th><th scope="col" class="n">Age</th><th scope="col" class="n">Asks for</th><th scope="col">What came of it</th></tr></thead>
<tbody>
${rows}
</tbody></table></div>`;
}

function combinationInWords({ policy: { combination } }: ScaleInput): string {
  switch (combination) {
    case undefined:
      return 'The largest number wins; a signal that cannot be used keeps it from going in.';
    case 'winner':
      return 'Up goes before stay, stay before down; of one direction the larger number wins.';
    case 'out_if_any':
      return 'Out as soon as one signal asks for it, in only when all do.';
    default:
      return unreachable(combination);
  }
}

function signalRow(proposal: Proposal, input: ScaleInput, counted: Proposal | null): Markup {
  const { metrics, strategies = [] } = input.policy;
  const metric = metrics.find(({ name }) => name === proposal.metric);
  const strategy = strategies.find(({ name }) => name === proposal.metric);
  const ratio = proposal.kind === 'replicas' ? proposal.ratio : null;
  return markup`<tr class="${proposal === counted ? 'mark' : ''}"><th scope="row" class="signal">${proposal.metric}<br>${source(metric, strategy)}</th>
<td class="n">${valueOf(proposal.metric, input)}</td><td class="n">${targetOf(metric, strategy)}</td>
<td class="n">${ratio === null ? '' : percent(ratio)}</td><td class="n">${proposal.ageMs === null ? '' : duration(proposal.ageMs)}</td>
<td class="n"><b>${proposal.kind === 'replicas' ? proposal.replicas : '–'}</b></td>
<td>${cameOf(proposal, counted)}</td></tr>
`;
}

function source(metric: MetricSpec | undefined, strategy: StrategySpec | undefined): Markup {
  if (metric !== undefined) return markup`<code class="soft">${metric.query}</code>`;
  if (strategy === undefined) return NOTHING;
  const query = 'query' in strategy ? strategy.query : '';
  return markup`<span class="soft">${strategy.kind}</span> <code class="soft">${query}</code>`;
}

function valueOf(name: string, { observations, readings = [] }: ScaleInput): string {
  const seen = observations.find(({ metric }) => metric === name);
  if (seen !== undefined) return seen.kind === 'sample' ? figure(seen.value) : '';
  const value = readings.find(({ strategy }) => strategy === name)?.parts['value'];
  return value?.kind === 'sample' && value.value !== null ? figure(value.value) : '';
}

function targetOf(metric: MetricSpec | undefined, strategy: StrategySpec | undefined): string {
  if (metric !== undefined) {
    const each = metric.kind === 'average_value' ? ' per replica' : '';
    return `${figure(metric.target)}${each}`;
  }
  return strategy !== undefined && 'target' in strategy ? figure(strategy.target) : '';
}

function cameOf(proposal: Proposal, counted: Proposal | null): Markup {
  const isCounted = proposal === counted;
  const { detail } = proposal;
  const said = detail === undefined || detail === '' ? '' : ` (${detail})`;
  if (proposal.kind === 'none') {
    const meaning = REASON_MEANINGS[proposal.reason];
    const tag = isCounted ? markup`<span class="tag bad">HOLDS THE NUMBER</span> ` : NOTHING;
    return markup`${tag}<span class="bad">Not used</span>: <code>${proposal.reason}</code> ${meaning}${said}`;
  }
  const { limited, withinTolerance } = proposal;
  const limits =
    limited === null
      ? NOTHING
      : markup` <span class="bad">May raise, not lower</span>: <code>${limited}</code> ${REASON_MEANINGS[limited]}`;
  return markup`${standing(isCounted, counted, limited !== null)}${withinTolerance ? ' within tolerance' : ''}${limits}${said}`;
}

function standing(isCounted: boolean, counted: Proposal | null, isLimited: boolean): Markup {
  if (isCounted && isLimited) return markup`<span class="tag bad">HOLDS THE NUMBER</span>`;
  if (isCounted) return markup`<span class="tag">WINS</span>`;
  const isOutvoted = counted?.kind === 'replicas';
  return isOutvoted ? markup`<span class="soft">outvoted</span>` : NOTHING;
}
