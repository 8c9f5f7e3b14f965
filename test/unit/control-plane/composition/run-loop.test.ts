import assert from 'node:assert/strict';
import { startLoop } from '../../../../control-plane/composition/run-loop.ts';
import { StopStack } from '../../../../control-plane/composition/stop-stack.ts';
import { reportedRun } from '../../../../control-plane/loops/reported-run.ts';
import { createScalePlane, never } from '../../../support/scale-plane.ts';
import type { ScalePlane } from '../../../support/scale-plane.ts';

describe('a started loop', () => {
  let p: ScalePlane;
  let stops: StopStack;
  const late: string[] = [];
  const clock = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };
  beforeEach(() => {
    p = createScalePlane();
    late.splice(0);
    stops = new StopStack((name) => late.push(name));
  });
  afterEach(() => p.stop());

  it('runs again after a failure, which is counted and logged once', async () => {
    const thrice = Promise.withResolvers<undefined>();
    let runs = 0;
    startLoop({ clock, series: p.series, stops }, 'scale', 1, (signal) =>
      reportedRun({ loop: 'scale', clock, series: p.series, logger: p.logger }, signal, () => {
        runs += 1;
        if (runs === 3) thrice.resolve(undefined);
        if (runs === 1) throw new Error('the first');
      }),
    );
    await thrice.promise;
    await stops.unwind();
    assert.equal(p.warnings().length, 1);
    const [failed] = await p.metrics('omnimind_loop_runs_total{loop="scale",outcome="failed"}');
    assert.equal(failed, 'omnimind_loop_runs_total{loop="scale",outcome="failed"} 1');
    const [lag] = await p.metrics('omnimind_loop_lag_seconds_count{loop="scale"}');
    assert.equal(lag, `omnimind_loop_lag_seconds_count{loop="scale"} ${runs}`);
  });

  it('tells the run under way to end, and ends with it', async () => {
    const begun = Promise.withResolvers<undefined>();
    startLoop({ clock, series: p.series, stops }, 'scale', 1, async (signal) => {
      begun.resolve(undefined);
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve());
      });
    });
    await begun.promise;
    await stops.unwind();
    assert.deepEqual(late, []);
  });

  it('is given up when its run does not end', async () => {
    const bounded = {
      push: (name: string, stop: () => Promise<void> | void) => stops.push(name, stop, 20),
    };
    startLoop({ clock, series: p.series, stops: bounded }, 'scale', 1, () => never());
    await stops.unwind();
    assert.deepEqual(late, ['loop scale']);
  });
});
