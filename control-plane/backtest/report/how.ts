/** How a backtest came to its numbers, in words: the plant, the signals, what was broken, the oracle. */

import { unreachable } from '../../model/reasons.ts';
import type { BacktestResult, SignalRule } from '../../model/backtest.ts';
import { duration, escapeHtml, figure } from './format.ts';

export function howItWorks(result: BacktestResult): string {
  return [
    '<h2>How this was reckoned</h2>',
    paragraph(plantText(result)),
    paragraph(overloadText(result)),
    paragraph(
      'The live decider decided at the end of each step, with its brakes, its actions in flight and their verification, through the same state machine that the cluster runs. Signals that follow the number of replicas are made anew from the plant; totals are replayed as recorded, with their age. Every replica that is ready counts as reporting.',
    ),
    signalTable(result),
    paragraph(injectionText(result)),
    paragraph(
      'The oracle knows the whole load in advance and pays the boot time like everybody: the fewest replica-hours that leave nothing unserved. It is a bound, not a policy.',
    ),
  ].join('\n');
}

function paragraph(text: string): string {
  return text === '' ? '' : `<p>${escapeHtml(text)}</p>`;
}

function plantText({ plant, stepMs, load, steps }: BacktestResult): string {
  const missing =
    load.missingSteps === 0
      ? ''
      : ` In ${figure(load.missingSteps)} of ${figure(steps)} steps the load was not recorded, and the last value was taken.`;
  return `Time runs in steps of ${duration(stepMs)}. One ready replica serves a load of ${figure(plant.replicaCapacity)}. A replica that is asked for serves ${duration(Math.max(plant.bootMs, stepMs))} later; one that is taken away is gone at the next step. ${figure(plant.replicasInitial)} were ready at the beginning.${missing}`;
}

function overloadText({ plant }: BacktestResult): string {
  const { overload } = plant;
  switch (overload.kind) {
    case 'lost':
      return 'Load beyond the ready capacity is lost.';
    case 'queue': {
      const timeout =
        overload.timeoutMs === null ? '' : ` and is given up after ${duration(overload.timeoutMs)}`;
      return `Load beyond the ready capacity waits, first come first served${timeout}; what is served later than ${duration(overload.lateAfterMs)} after it came is late.`;
    }
    default:
      return unreachable(overload);
  }
}

const RULES: Readonly<Record<SignalRule, string>> = {
  total: 'replayed as recorded',
  utilization: 'load ÷ ready capacity',
  busy: 'load served ÷ ready capacity, at most full',
  queue: 'work that waits, in load × seconds',
};

function signalTable({ signals }: BacktestResult): string {
  const rows = signals.map(({ policy, signal, rule, missingSteps }) => {
    const missing = rule === 'total' ? figure(missingSteps) : '–';
    return `<tr><td>${escapeHtml(policy)}</td><td>${escapeHtml(signal)}</td><td>${RULES[rule]}</td><td>${missing}</td></tr>`;
  });
  return `<div class="wide"><table class="left"><tr><th>policy</th><th>signal</th><th>how it follows</th><th>steps without a reading</th></tr>${rows.join('')}</table></div>`;
}

function injectionText({ outages, kills, seed, runs }: BacktestResult): string {
  if (outages.length + kills.length === 0) return 'Nothing was broken on purpose.';
  const kinds = [...Map.groupBy(outages, ({ kind }) => kind)].map(
    ([kind, list]) => `${list.length} × ${kind}`,
  );
  const broken = outages.length > 0 ? `Outages of metrics: ${kinds.join(', ')}. ` : '';
  const killed = kills.length > 0 ? `The leader was killed ${figure(kills.length)} times. ` : '';
  const ins = runs.map(
    ({ label, scaleInsDuringOutages }) => `${label} ${figure(scaleInsDuringOutages)}`,
  );
  const during =
    outages.length > 0 ? ` Scale-ins decided during an outage: ${ins.join('; ')}.` : '';
  return `${broken}${killed}Times and kinds were drawn from the seed ${seed}.${during}`;
}
