import assert from 'node:assert/strict';
import type { Fault } from '../../simulation/faults.ts';
import { noCounts } from '../../simulation/counters.ts';
import { drawSettings } from '../../simulation/settings.ts';
import { narrow } from '../../simulation/shrink.ts';
import { Violation } from '../../simulation/violation.ts';
import type { RunOutcome } from '../../simulation/world.ts';

const settings = drawSettings(2);
const all = settings.faults.map((_, number) => number);
const bounds = { runsMax: 500, msMax: 60_000 };

/** Fails when every one of `needed` strikes. */
function failsWith(needed: readonly Fault[], other = false) {
  return (_: unknown, faults: readonly Fault[]): RunOutcome & { violation: Violation | null } => {
    const fails = needed.every((fault) => faults.includes(fault));
    const violation = fails
      ? new Violation('lease', 'made by a test')
      : other
        ? new Violation('liveness', 'another one')
        : null;
    return { counts: noCounts(), hash: 0, violation, endedMs: 1e6 };
  };
}

function failed(run: ReturnType<typeof failsWith>): RunOutcome & { violation: Violation } {
  const outcome = run(null, settings.faults);
  const { violation } = outcome;
  assert.ok(violation !== null);
  return { ...outcome, violation };
}

describe('narrowing a failure down', () => {
  it('leaves the faults that it needs, wherever they are', () => {
    assert.ok(all.length > 12);
    for (const wanted of [[0], [all.length - 1], [2, 3], [1, 5, all.length - 2], []]) {
      const needed = settings.faults.filter((_, number) => wanted.includes(number));
      const run = failsWith(needed);
      assert.deepEqual(narrow(settings, all, failed(run), bounds, run).faults, wanted);
    }
  });

  it('does not take another violation for the same', () => {
    const run = failsWith(settings.faults.slice(4, 5), true);
    assert.deepEqual(narrow(settings, all, failed(run), bounds, run).faults, [4]);
  });

  it('leaves out at once what was to strike after the end', () => {
    const run = failsWith([]);
    const endedMs = settings.faults[3]?.atMs ?? 0;
    const { faults } = narrow(
      settings,
      all,
      { ...failed(run), endedMs },
      { ...bounds, runsMax: 0 },
      run,
    );
    assert.deepEqual(faults, [0, 1, 2, 3]);
  });

  it('stops at its bound', () => {
    const run = failsWith(settings.faults.slice(0, 9));
    const { runs, faults } = narrow(settings, all, failed(run), { ...bounds, runsMax: 3 }, run);
    assert.equal(runs, 3);
    assert.ok(faults.length >= 9);
  });
});
