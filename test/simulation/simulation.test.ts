import assert from 'node:assert/strict';
import { REGRESSIONS } from './regressions.ts';
import type { Fault } from './faults.ts';
import { describeFailure, runSeed } from './seed-run.ts';
import { drawSettings } from './settings.ts';
import { runWorld } from './world.ts';

/** Fixed, so that a change that breaks them breaks them at once; many more are run by the command. */
const SEEDS = 60;

describe('the simulated cluster', () => {
  for (const { seed, faults, found, cause } of REGRESSIONS) {
    it(`keeps ${found} with seed ${seed}: ${cause}`, () => {
      assertHolds(seed, faults);
    });
  }

  it(`keeps every invariant with seeds 1 to ${SEEDS}`, () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) assertHolds(seed, null);
  });

  it('keeps every invariant with a seed of its own', () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    assertHolds(seed, null);
  });

  it('runs the same way each time, event for event', () => {
    for (const seed of [7, 10, 23]) {
      const { hash, counts } = runSeed(seed, null);
      const again = runSeed(seed, null);
      assert.equal(again.hash, hash);
      assert.deepEqual(again.counts, counts);
    }
    assert.notEqual(runSeed(8, null).hash, runSeed(9, null).hash);
  });

  it('sees two leases at once when clocks are further apart than the margin allows', () => {
    const rates = [0.5, 1.6, 1.6].map((rate, member): Fault => {
      return { atMs: 0, kind: 'clock_skew', member, rate };
    });
    const cuts = [500, 2_000].map((atMs): Fault => {
      return { atMs, kind: 'cut_off', member: 'leader', forMs: 1_000 };
    });
    const seeds = Array.from({ length: 40 }, (_, at) => at + 1);
    const seen = seeds.some((seed) => {
      const settings = { ...drawSettings(seed), voters: 3, members: 3, latencyMs: 0.1 };
      return runWorld(settings, [...rates, ...cuts]).violation?.invariant === 'lease';
    });
    assert.ok(seen);
  });

  it('meets elections, commits, snapshots, changes of members and reads', () => {
    const { counts } = runSeed(4, null);
    assert.ok(counts.electionsWon > 0 && counts.commits > 100 && counts.writesAcknowledged > 50);
    assert.ok(counts.snapshotsTaken > 0 && counts.readsByIndex > 0 && counts.readsByLease > 0);
    assert.ok(Object.keys(counts.faults).length > 5);
  });
});

function assertHolds(seed: number, faults: readonly number[] | null): void {
  if (runSeed(seed, faults).violation === null) return;
  assert.fail(describeFailure(seed, faults, null));
}
