/**
 * What a person is told when autoscaling meets trouble: a policy that flaps, one at its maximum, one
 * whose query is broken, a pause during scale-out, a shadow, a shared budget, a schedule's edges, a scale
 * to zero. A real member scales real processes on the loads that a real Prometheus scrapes, and each
 * scenario ends with what the API, a panel and an alert said, which it prints.
 *
 * Nearly all of it is waiting, so all scenarios run side by side, each with workloads of its own. The
 * windows and `for:` of the checked-in rules are shortened (support/quickened-rules.ts); nothing else of
 * them is changed.
 */

import assert from 'node:assert/strict';
import process from 'node:process';
import { startAutoscalingRig, WITHIN_MS } from '../support/autoscaling-rig.ts';
import type { AutoscalingRig } from '../support/autoscaling-rig.ts';
import { budgetShared, scheduleEdges, toZeroAndBack } from '../support/autoscaling-limits.ts';
import {
  atMaximum,
  flapping,
  pauseDuringScaleOut,
  queryBroken,
  shadowPromoted,
} from '../support/autoscaling-trouble.ts';
import { skipWithout } from '../support/skip.ts';

/** By the title of its test. */
const SCENARIOS: Readonly<Record<string, (rig: AutoscalingRig) => Promise<readonly string[]>>> = {
  'tells of a policy that flaps, and a flap budget ends it': flapping,
  'tells of a policy at its maximum, and what it would want without it': atMaximum,
  'refuses a policy whose query the source refuses, and holds where it was forced': queryBroken,
  'lets a scale-out end in a pause, and begins no other before the pause is over':
    pauseDuringScaleOut,
  'shows what a shadow wants, and follows it once it is promoted': shadowPromoted,
  'never grants more of a shared budget than there is': budgetShared,
  'follows a schedule to the second, at its beginning and at its end': scheduleEdges,
  'scales to zero, and wakes by what waits in the queue': toZeroAndBack,
};

describe('autoscaling in trouble', function () {
  this.timeout(4 * WITHIN_MS);
  let rig: AutoscalingRig | null = null;
  const told = new Map<string, Promise<readonly string[]>>();

  before(async function () {
    skipWithout(this, 'prometheus');
    rig = await startAutoscalingRig({ members: ['m1'] });
    for (const [title, scenario] of Object.entries(SCENARIOS)) told.set(title, scenario(rig));
    // Each is awaited by its test; none may end the run before that.
    void Promise.allSettled(told.values());
  });

  after(async () => {
    await Promise.allSettled(told.values());
    await rig?.end();
  });

  for (const title of Object.keys(SCENARIOS)) {
    it(title, async () => {
      const lines = await told.get(title);
      assert.ok(lines !== undefined);
      process.stdout.write(lines.map((line) => `      ${line}\n`).join(''));
    });
  }
});
