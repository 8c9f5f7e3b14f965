/**
 * What stood beside the signals of a decision: the forecast, schedules, what operators did by hand,
 * budgets, an action under way, and the shadow policy's wish. Absent parts are left out.
 */

import type { DecisionRecord, ScaleInput } from '../model/decision.ts';
import type { ForecastInput, ForecastReading, ForecastRule } from '../model/forecast.ts';
import { isInEffect } from '../model/intervention.ts';
import { course, turnOf } from './decision-words.ts';
import { REASON_MEANINGS } from './explanation.ts';
import { counted, duration, figure, instant, percent } from './figures.ts';
import { markup, NOTHING, type Markup } from './markup.ts';

export function forecastPart({ forecast }: ScaleInput): Markup {
  if (forecast === undefined) return NOTHING;
  return markup`<h2 id="forecast">What was foreseen</h2>
${forecast.kind === 'warming' ? markup`<p>${REASON_MEANINGS.forecast_warming} ${forecast.detail}</p>` : forecastTable(forecast)}`;
}

function forecastTable({ forecasts, rules }: Extract<ForecastInput, { kind: 'ready' }>): Markup {
  if (forecasts.length === 0) return markup`<p>There was no forecast.</p>`;
  const rows = forecasts.map((one) => forecastRow(one, rules));
  return markup`<div class="wide"><table>
<caption>Load that the model expects not to be exceeded, and what the policy’s rules make of it. Skill: 100 % is perfect, 0 no better than the last value.</caption>
<thead><tr><th scope="col" class="n">In</th><th scope="col">Model</th><th scope="col">Load, by quantile</th><th scope="col" class="n">Skill</th><th scope="col">Rules</th></tr></thead>
<tbody>${rows}</tbody></table></div>`;
}

function forecastRow(reading: ForecastReading, rules: readonly ForecastRule[]): Markup {
  const horizon = markup`<th scope="row" class="n">${duration(reading.horizonMs)}</th>`;
  if (reading.kind === 'none') {
    const why = {
      forecast_stale: 'its data are too old',
      forecast_unproven: 'too few of its forecasts have come true so far to be relied on',
    }[reading.reason];
    return markup`<tr class="quiet">${horizon}<td colspan="4">No forecast: <code>${reading.reason}</code>, ${why}</td></tr>`;
  }
  const { quantiles, model, skillRatio, scored } = reading;
  const loads = quantiles.map(({ level, load }) => `${percent(level)}: ${figure(load)}`);
  const said = rules
    .filter(({ horizonMs }) => horizonMs === reading.horizonMs)
    .map((rule) => ruleInWords(rule, reading));
  return markup`<tr>${horizon}<td>${model}</td><td>${loads.join(', ')}</td><td class="n">${percent(skillRatio)}<br><span class="soft">${scored} compared</span></td><td>${said.join('; ')}</td></tr>`;
}

function ruleInWords(
  { kind, level, target }: ForecastRule,
  { quantiles }: Extract<ForecastReading, { kind: 'forecast' }>,
): string {
  const load = quantiles.find((one) => one.level === level)?.load;
  const held = `at ${percent(level)}, ${figure(target)} per replica`;
  if (load === undefined) return `${kind} (${held})`;
  return `${kind} to ${figure(load / target, 3)} replicas (${held})`;
}

/** Everything in force that is no reading: a list of sentences. */
export function wordsPart(input: ScaleInput): Markup {
  const words = [
    ...scheduleWords(input),
    ...handWords(input),
    ...budgetWords(input),
    ...flightWords(input),
    ...modeWords(input),
  ];
  if (words.length === 0) return NOTHING;
  return markup`<h2 id="words">What else was in force</h2>
<ul>${words.map((word) => markup`<li>${word}</li>`)}</ul>`;
}

function scheduleWords({ schedules = [] }: ScaleInput): readonly Markup[] {
  return schedules.map(({ name, kind, replicas, untilMs }) => {
    const bound = kind === 'floor' ? 'at least' : 'at most';
    return markup`<b>Schedule ${name}</b>: ${bound} ${counted(replicas, 'replica')} until ${instant(untilMs)}`;
  });
}

function handWords({ pause, override, nowMs }: ScaleInput): readonly Markup[] {
  const end = ({ untilMs }: { readonly untilMs: number | null }): string =>
    untilMs === null ? 'until it is taken back' : `until ${instant(untilMs)}`;
  const quoted = (note: string): string => (note === '' ? '' : ` “${note}”`);
  const words: Markup[] = [];
  if (override !== undefined && isInEffect(override, nowMs)) {
    words.push(
      markup`<b>An operator’s number</b>: ${override.replicas}, ${end(override)}, for ${duration(nowMs - override.sinceMs)} so far.${quoted(override.note)}`,
    );
  }
  if (pause !== undefined && isInEffect(pause, nowMs)) {
    const what = { in: 'Scale-in', out: 'Scale-out', both: 'All scaling' }[pause.direction];
    words.push(markup`<b>${what} is paused</b> ${end(pause)}.${quoted(pause.note)}`);
  }
  return words;
}

function budgetWords({ budgets = [] }: ScaleInput): readonly Markup[] {
  return budgets.map(({ budgetId, limit, usedByOthers, unitsPerReplica }) => {
    if (limit === null) return markup`<b>Budget ${budgetId}</b>: there is none of that name`;
    const room = Math.max(0, Math.floor((limit - usedByOthers) / unitsPerReplica + 1e-9));
    return markup`<b>Budget ${budgetId}</b>: others have ${figure(usedByOthers)} of ${figure(limit)}, a replica takes ${figure(unitsPerReplica)}: room for ${counted(room, 'replica')} of this workload`;
  });
}

function flightWords({ inFlight, nowMs }: ScaleInput): readonly Markup[] {
  if (inFlight === null) return [];
  const { decisionId, fromReplicas, toReplicas, startedAtMs } = inFlight;
  const since = duration(nowMs - startedAtMs);
  return [
    markup`<b>An action under way</b> for ${since}: ${fromReplicas} → ${toReplicas}, by <a href="/v1/decisions/${encodeURIComponent(decisionId)}">${decisionId}</a>`,
  ];
}

function modeWords({ mode }: ScaleInput): readonly Markup[] {
  if (mode === 'act') return [];
  const meaning = {
    observe: 'decisions are recorded, not acted on',
    advise: 'decisions are recorded and notified, not acted on',
    stopped: 'nothing is acted on',
  }[mode];
  return [markup`<b>Mode ${mode}</b>: ${meaning}`];
}

export function shadowPart({ shadow, input, outcome }: DecisionRecord): Markup {
  if (shadow === undefined) return NOTHING;
  const { verdict } = shadow.outcome;
  const agrees = verdict.replicas === outcome.verdict.replicas;
  return markup`<h2 id="shadow">What the shadow policy wanted</h2>
<p>The shadow, version ${shadow.version}, is decided by and never acted on. It wanted <b class="${turnOf(shadow.outcome)}">${verdict.replicas}</b>${agrees ? ', the same' : markup`, where the policy in force decided ${outcome.verdict.replicas}`}: <code>${verdict.reason}</code> ${REASON_MEANINGS[verdict.reason]}</p>
<p class="soft">It wanted ${shadow.desired} before. ${course({ ...input, desired: shadow.desired }, shadow.outcome)}</p>`;
}
