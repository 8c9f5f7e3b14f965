/**
 * What becomes of a number that was set by hand, and of a forecast, when the leader is killed: three
 * members as real processes, replicas that are real processes, a real Prometheus with two days of
 * history. Each test prints what the API, a panel and an alert said.
 */

import assert from 'node:assert/strict';
import process from 'node:process';
import { startAutoscalingRig, WITHIN_MS } from '../support/autoscaling-rig.ts';
import type { AutoscalingRig } from '../support/autoscaling-rig.ts';
import {
  forecastReturns,
  forecastTrusted,
  killLeader,
  overrideBegins,
  overrideEnds,
  writeHistory,
} from '../support/autoscaling-succession.ts';
import { skipWithout } from '../support/skip.ts';

type Told = Promise<readonly string[]>;

describe('autoscaling whose leader is killed', function () {
  this.timeout(4 * WITHIN_MS);
  /** Undone last first, as far as the start came. */
  const started: (() => unknown)[] = [];
  let told: { readonly foreseen: Told; readonly byHand: Told };

  before(async function () {
    skipWithout(this, 'prometheus');
    skipWithout(this, 'promtool');
    const rig = await startAutoscalingRig({ members: ['m1', 'm2', 'm3'], history: writeHistory });
    started.push(() => rig.end());
    const foreseen = await forecastTrusted(rig);
    const untilMs = await overrideBegins(rig);
    const killed = await killLeader(rig);
    told = {
      foreseen: forecastReturns(rig, killed).then((lines) => [...foreseen, ...lines]),
      byHand: overrideEnds(rig, untilMs, killed).then((lines) => quiet(rig, lines)),
    };
    // Each is awaited by its test; none may end the run before that.
    const both = Promise.allSettled(Object.values(told));
    started.push(() => both);
  });

  after(async () => {
    for (const stop of started.toReversed()) await stop();
  });

  it('honours a forecast: nothing goes in until the new leader has read the history', async () => {
    say(await told.foreseen);
  });

  it('honours the rest of an override, and its end, and acts once for each', async () => {
    say(await told.byHand);
  });
});

async function quiet(rig: AutoscalingRig, lines: readonly string[]): Told {
  assert.deepEqual(await rig.query('ALERTS{alertstate="firing",workload="by-hand"}'), []);
  return [...lines, 'alert: none'];
}

function say(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `      ${line}\n`).join(''));
}
