/**
 * One decision as a page for people: at the top what was decided, why, and what it would have been
 * otherwise; below it everything that this follows from. Made from the record, the counterfactuals and
 * the ids of the neighbours; it decides nothing and reads no clock, so a page that is kept stays true.
 */

import type { DecisionRecord, Proposal } from '../model/decision.ts';
import { unreachable } from '../model/reasons.ts';
import { fact, memoryPart, policyPart } from './decision-memory.ts';
import { signalsPart } from './decision-signals.ts';
import { stagesPart } from './decision-stages.ts';
import { forecastPart, shadowPart, wordsPart } from './decision-standing.ts';
import { course, decisive, headline, otherwise, turnOf } from './decision-words.ts';
import { REASON_MEANINGS } from './explanation.ts';
import { duration, instant, isoInstant, percent } from './figures.ts';
import { markup, type Markup } from './markup.ts';
import { framed } from './page-frame.ts';
import type { Counterfactual } from './plane.ts';

/** A decision of the same workload beside one. */
export type Neighbour =
  | { readonly kind: 'found'; readonly decisionId: string }
  /** None is stored. */
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown' };

export interface Neighbours {
  readonly before: Neighbour;
  readonly after: Neighbour;
}

export interface DecisionView {
  readonly record: DecisionRecord;
  readonly counterfactuals: readonly Counterfactual[];
  readonly neighbours: Neighbours;
}

export function decisionPage({ record, counterfactuals, neighbours }: DecisionView): string {
  const { input, outcome } = record;
  const title = `${headline(record)}: ${record.workloadId}, ${instant(record.atMs)}`;
  return framed(
    title,
    markup`${navigation(record, neighbours)}
<main>
${hero(record)}
<div class="cards">
${whyCard(record)}
${otherwiseCard(record, counterfactuals)}
${replicasCard(record)}
</div>
${stagesPart(record)}
${signalsPart(record)}
${forecastPart(input)}
${wordsPart(input)}
${shadowPart(record)}
${memoryPart(input, outcome)}
${policyPart(input)}
${recordPart(record)}
</main>`,
  );
}

function pathOf(decisionId: string): string {
  return `/v1/decisions/${encodeURIComponent(decisionId)}`;
}

function navigation({ workloadId }: DecisionRecord, { before, after }: Neighbours): Markup {
  const all = `/v1/decisions?workload=${encodeURIComponent(workloadId)}`;
  return markup`<nav aria-label="Decisions">
<a href="${all}">All decisions of ${workloadId}</a>
${neighbour(before, 'prev', '← the one before', 'this is the oldest')}
${neighbour(after, 'next', 'the one after →', 'this is the newest')}
</nav>`;
}

function neighbour(one: Neighbour, rel: 'prev' | 'next', found: string, none: string): Markup {
  switch (one.kind) {
    case 'found':
      return markup`<a href="${pathOf(one.decisionId)}" rel="${rel}">${found}</a>`;
    case 'none':
      return markup`<span class="soft">${none}</span>`;
    case 'unknown':
      return markup`<span class="soft">${found}: look in the list</span>`;
    default:
      return unreachable(one);
  }
}

function hero(record: DecisionRecord): Markup {
  const { outcome, workloadId, policyId, policyVersion, atMs } = record;
  const { reason } = outcome.verdict;
  return markup`<header class="hero ${turnOf(outcome)}">
<h1>${headline(record)}</h1>
<p><b>${REASON_MEANINGS[reason]}</b> <code>${reason}</code></p>
<p class="soft">Workload <b>${workloadId}</b>, policy <b>${policyId}</b> version ${policyVersion}, <time datetime="${isoInstant(atMs)}">${instant(atMs)}</time></p>
</header>`;
}

function whyCard({ input, outcome }: DecisionRecord): Markup {
  const counted = decisive(outcome);
  return markup`<section class="card"><h3>Why</h3>
<p>${course(input, outcome)}</p>
${counted?.kind !== 'replicas' ? null : markup`<p class="soft">${signalInWords(counted)}</p>`}
</section>`;
}

function signalInWords(proposal: Extract<Proposal, { kind: 'replicas' }>): string {
  const age = proposal.ageMs === null ? '' : `, ${duration(proposal.ageMs)} old`;
  if (proposal.ratio === null) return `${proposal.metric}${age}: asks for ${proposal.replicas}`;
  return `${proposal.metric}${age}: ${percent(proposal.ratio)} of its target`;
}

function otherwiseCard(
  { input, outcome }: DecisionRecord,
  counterfactuals: readonly Counterfactual[],
): Markup {
  const groups = otherwise(counterfactuals);
  if (groups.length === 0) {
    const { metrics, strategies = [] } = input.policy;
    // Of one signal alone nothing can be taken out.
    const signals = metrics.length + strategies.length > 1 ? 'signals, ' : '';
    return markup`<section class="card"><h3>Otherwise</h3>
<p>It would have been ${outcome.verdict.replicas} as well without any one of its ${signals}brakes, limits or operators’ words.</p></section>`;
  }
  const lines = groups.map(
    ({ replicas, without }) =>
      markup`<li>without ${without.join(', or without ')}: <b>${replicas}</b></li>`,
  );
  return markup`<section class="card"><h3>It would have been</h3><ul>${lines}</ul></section>`;
}

function replicasCard({ input, outcome }: DecisionRecord): Markup {
  const { actual, desired, policy, mode } = input;
  const seen =
    actual.kind === 'known'
      ? markup`<b>${actual.ready}</b> ready, <b>${actual.starting}</b> starting`
      : markup`<span class="bad">not known</span>: ${actual.detail}`;
  return markup`<section class="card"><h3>Replicas</h3>
<p>There were: ${seen}</p>
<p>Wanted before: <b>${desired}</b>, now: <b>${outcome.verdict.replicas}</b></p>
<p>Allowed: <b>${policy.replicasMin}</b> to <b>${policy.replicasMax}</b>, mode <b>${mode}</b></p></section>`;
}

function recordPart(record: DecisionRecord): Markup {
  const { decisionId, policyId, token, traceId, outcome } = record;
  const path = pathOf(decisionId);
  const policyPath = `/v1/policies/${encodeURIComponent(policyId)}`;
  return markup`<h2 id="record">The record</h2>
<dl>
${fact('Decision', markup`<code>${decisionId}</code>`)}
${fact('Trace id', markup`<a href="/v1/decisions?traceId=${encodeURIComponent(traceId)}"><code>${traceId}</code></a>`)}
${fact('Fencing token', tokenInWords(token, outcome.verdict.kind))}
</dl>
<ul>
<li><a href="${path}?format=json">This decision as JSON</a>, with everything that was read and concluded</li>
<li><a href="${path}/replay">Decide it again</a> on the same input, and compare</li>
<li><a href="${policyPath}">The policy</a> as it is now, and <a href="${policyPath}/versions">its versions</a></li>
</ul>`;
}

function tokenInWords(token: DecisionRecord['token'], kind: 'act' | 'hold'): string {
  if (token !== null) return `term ${token.term}, index ${token.index}`;
  return kind === 'hold'
    ? 'none, as nothing was acted on'
    : 'none: it is not known to be committed';
}
