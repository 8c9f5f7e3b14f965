/** A page of decisions for people, newest first: each with its reason and a link to its own page. */

import type { DecisionRecord } from '../model/decision.ts';
import { turnOf } from './decision-words.ts';
import { REASON_MEANINGS } from './explanation.ts';
import { instant, isoInstant } from './figures.ts';
import { markup, type Markup } from './markup.ts';
import { framed } from './page-frame.ts';

export interface DecisionListView {
  readonly records: readonly DecisionRecord[];
  /** The query as it was asked, without its question mark. */
  readonly search: string;
  /** Path and query of the next page; null on the last. */
  readonly next: string | null;
}

const PATH = '/v1/decisions';

export function decisionListPage({ records, search, next }: DecisionListView): string {
  const query = new URLSearchParams(search);
  const workload = query.get('workload');
  const title = workload === null ? 'Decisions' : `Decisions of ${workload}`;
  return framed(
    title,
    markup`<nav aria-label="Filters">${filters(query)}</nav>
<main>
<h1>${title}</h1>
<p class="soft">Newest first. ${inForce(query)}</p>
${records.length === 0 ? markup`<p>There is no such decision.</p>` : table(records)}
<p>${next === null ? 'These are all.' : markup`<a href="${next}" rel="next">Older ones →</a>`}</p>
<p><a href="${linkTo(query, { format: 'json' })}">This list as JSON</a></p>
</main>`,
  );
}

/** The same query with something else in it, from its first page. */
function linkTo(query: URLSearchParams, change: Readonly<Record<string, string | null>>): string {
  const changed = new URLSearchParams(query);
  changed.delete('cursor');
  for (const [name, value] of Object.entries(change)) {
    if (value === null) changed.delete(name);
    else changed.set(name, value);
  }
  const text = changed.toString();
  return text === '' ? PATH : `${PATH}?${text}`;
}

const NARROWED: readonly (readonly [name: string, Readonly<Record<string, string | null>>])[] = [
  ['All', { verdict: null, direction: null }],
  ['Scaled', { verdict: 'act', direction: null }],
  ['Scaled out', { verdict: 'act', direction: 'out' }],
  ['Scaled in', { verdict: 'act', direction: 'in' }],
  ['Held', { verdict: 'hold', direction: null }],
];

function filters(query: URLSearchParams): readonly Markup[] {
  const links = NARROWED.map(([name, change]) => {
    const isOn = Object.entries(change).every(([key, value]) => query.get(key) === value);
    const href = linkTo(query, change);
    return markup`<a href="${href}"${isOn ? markup` aria-current="page"` : null}>${isOn ? markup`<b>${name}</b>` : name}</a>
`;
  });
  if (!query.has('workload')) return links;
  return [...links, markup`<a href="${linkTo(query, { workload: null })}">Of all workloads</a>`];
}

const NO_FILTERS = ['cursor', 'limit', 'format'];

function inForce(query: URLSearchParams): string {
  const said = [...query].filter(([name]) => !NO_FILTERS.includes(name));
  if (said.length === 0) return '';
  return `Only those with ${said.map(([name, value]) => `${name} ${value}`).join(', ')}.`;
}

function table(records: readonly DecisionRecord[]): Markup {
  return markup`<div class="wide"><table>
<thead><tr><th scope="col">Time</th><th scope="col">Workload</th><th scope="col">Decision</th><th scope="col" class="n">Replicas</th><th scope="col">Reason</th><th scope="col">Policy</th></tr></thead>
<tbody>${records.map(row)}</tbody></table></div>`;
}

const TURNS = { out: '▲ scaled out', in: '▼ scaled in', hold: '= held' } as const;

function row({ decisionId, atMs, workloadId, policyId, policyVersion, ...rest }: DecisionRecord) {
  const { input, outcome } = rest;
  const { replicas, reason } = outcome.verdict;
  const turn = turnOf(outcome);
  const number = turn === 'hold' ? replicas : `${input.desired} → ${replicas}`;
  const workload = `${PATH}?workload=${encodeURIComponent(workloadId)}`;
  return markup`<tr><th scope="row" class="nowrap"><a href="${PATH}/${encodeURIComponent(decisionId)}"><time datetime="${isoInstant(atMs)}">${instant(atMs)}</time></a></th><td><a href="${workload}">${workloadId}</a></td><td class="nowrap ${turn}">${TURNS[turn]}</td><td class="n">${number}${asked(input.desired, rest)}</td><td><code>${reason}</code> ${REASON_MEANINGS[reason]}</td><td>${policyId} <span class="soft">v${policyVersion}</span></td></tr>
`;
}

/** What the signals asked for, where it is not what came of it. */
function asked(desired: number, { outcome }: Pick<DecisionRecord, 'outcome'>): Markup | null {
  const wish = outcome.stages[0]?.after;
  if (wish === undefined || wish === desired || wish === outcome.verdict.replicas) return null;
  return markup`<br><span class="soft">asked: ${wish}</span>`;
}
