/**
 * The pipeline of a decision as a waterfall: one row per stage with the number before it, after it, and
 * a bar for the difference. The bars repeat what the table says; the table is whole without them.
 */

import type { DecisionRecord, StageRecord } from '../model/decision.ts';
import { capitalized, isChange, stageName, turnOf, type Turn } from './decision-words.ts';
import { REASON_MEANINGS } from './explanation.ts';
import { markup, type Markup } from './markup.ts';

export function stagesPart({ input, outcome }: DecisionRecord): Markup {
  const { desired } = input;
  const { stages, verdict } = outcome;
  const scale = scaleOf([desired, ...stages.flatMap(({ before, after }) => [before, after])]);
  const rows = stages.map((stage) => stageRow(stage, desired, scale));
  return markup`<h2 id="stages">How the number came about</h2>
<div class="wide"><table>
<caption>Each stage takes the number of the one above. Grey is the number that goes on, green is added, blue is taken away; the thin line is at ${desired}, the number wanted before.</caption>
<thead><tr><th scope="col">Stage</th><th scope="col">0 to ${scale.max} replicas</th><th scope="col" class="n">Number</th><th scope="col">Why</th></tr></thead>
<tbody>
<tr><th scope="row">Wanted before</th><td class="bar">${bar({ from: desired, to: desired, desired, scale })}</td><td class="n">${desired}</td><td></td></tr>
${rows}
<tr class="sum"><th scope="row">Decided</th><td class="bar">${bar({ from: desired, to: verdict.replicas, desired, scale })}</td><td class="n ${turnOf(outcome)}">${verdict.replicas}</td><td><code>${verdict.reason}</code></td></tr>
</tbody></table></div>`;
}

interface Scale {
  readonly max: number;
}

/** Beyond every bound that a policy may have; a number that is none draws nothing. */
function scaleOf(numbers: readonly number[]): Scale {
  return { max: Math.max(1, ...numbers.filter((number) => Number.isFinite(number))) };
}

function stageRow(stage: StageRecord, desired: number, scale: Scale): Markup {
  const { before, after } = stage;
  const changed = isChange(stage);
  const spoke = changed || stage.reason !== null;
  const number = changed
    ? markup`${before} → <b class="${after > before ? 'out' : 'in'}">${after}</b>`
    : after;
  return markup`<tr class="${changed ? 'mark' : spoke ? '' : 'quiet'}"><th scope="row" class="nowrap">${capitalized(stageName(stage.stage))}</th><td class="bar">${bar({ from: before, to: after, desired, scale })}</td><td class="n">${number}</td><td class="why">${why(stage)}</td></tr>
`;
}

function why({ reason, detail, before, after }: StageRecord): Markup {
  if (reason === null) {
    return detail === '' && before === after ? markup`no change` : markup`${detail}`;
  }
  const meaning = REASON_MEANINGS[reason];
  const said = detail === '' ? meaning : detail;
  return markup`<code title="${meaning}">${reason}</code> ${said}`;
}

interface Bar {
  readonly from: number;
  readonly to: number;
  readonly desired: number;
  readonly scale: Scale;
}

const WIDTH = 1_000;
const HEIGHT = 20;
const LINE_WIDTH = 3;

function bar({ from, to, desired, scale }: Bar): Markup {
  const x = (replicas: number): number => Math.round((replicas / scale.max) * WIDTH);
  const low = x(Math.min(from, to));
  const high = x(Math.max(from, to));
  const turn: Turn = to > from ? 'out' : 'in';
  const line = Math.min(x(desired), WIDTH - LINE_WIDTH);
  return markup`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true"><rect class="f-track" width="${WIDTH}" height="${HEIGHT}"/><rect class="f-stay" width="${low}" height="${HEIGHT}"/>${high > low ? markup`<rect class="f-${turn}" x="${low}" width="${high - low}" height="${HEIGHT}"/>` : null}<rect class="f-line" x="${line}" width="${LINE_WIDTH}" height="${HEIGHT}"/></svg>`;
}
