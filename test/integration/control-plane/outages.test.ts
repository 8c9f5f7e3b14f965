/**
 * Generated outages of metrics, in simulated time and through everything that is real between a
 * Prometheus over HTTP and a decision: each kind of outage against each shape of policy, under flat,
 * rising, falling and vanishing load. A plane may hold, or go out on what it still knows; it goes in on
 * good data alone. OMNIMIND_TEST_SEED repeats a run.
 */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { alertExpected, checkAlerts } from '../../support/outage-alerts.ts';
import {
  controlCases,
  controlIdOf,
  DURATIONS_MS,
  outageBatches,
} from '../../support/outage-case.ts';
import type { OutageBatch } from '../../support/outage-case.ts';
import { runOutages } from '../../support/outage-plane.ts';
import type { OutageRun } from '../../support/outage-plane.ts';
import {
  badFromMs,
  lowerThanJustified,
  notServed,
  unexplained,
  wentIn,
  wrongReasons,
} from '../../support/outage-verdicts.ts';
import type { Suffered } from '../../support/outage-verdicts.ts';
import { skipWithout } from '../../support/skip.ts';

const SEED = Number(process.env['OMNIMIND_TEST_SEED'] ?? 20_261_122);
const BATCHES = outageBatches(SEED, 1);
const OUTAGES = BATCHES.reduce((sum, { cases }) => sum + cases.length, 0);
/** One run takes about a second of a quiet processor. */
const WITHIN_MS = 120_000;
/** Lines of a failure that are shown. */
const SHOWN = 12;

describe(`${OUTAGES} generated outages of metrics (seed ${SEED})`, function () {
  this.timeout(WITHIN_MS);
  let control: OutageRun;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'omnimind-outages-'));
    control = await runOutages({
      cases: controlCases(),
      durationMs: Math.max(...DURATIONS_MS),
      serverKind: null,
      isControl: true,
    });
  });

  after(() => rm(folder, { recursive: true, force: true }));

  it('are at least 250, of each duration and of more than two dozen kinds', () => {
    assert.ok(OUTAGES >= 250);
    const all = BATCHES.flatMap(({ cases }) => cases);
    assert.equal(new Set(all.map(({ id }) => id)).size, OUTAGES);
    assert.ok(new Set(all.map(({ kind }) => kind.name)).size > 24);
    assert.deepEqual(
      [...new Set(all.map(({ durationMs }) => durationMs))].sort((a, b) => a - b),
      DURATIONS_MS,
    );
  });

  it('are measured against a world that goes out and in, and to zero, by good data', () => {
    for (const load of ['rising', 'falling', 'trough', 'emptied'] as const) {
      const ticks = [...control.ticks].filter(([id]) => id.endsWith(`-${load}`));
      assert.ok(ticks.length > 0);
      for (const [id, of] of ticks) {
        const [first, last] = [of.at(23)?.desired ?? 0, of.at(-1)?.desired ?? 0];
        const least = Math.min(...of.map(({ desired }) => desired));
        if (load === 'rising') assert.ok(last > first, id);
        else if (load === 'emptied') assert.equal(last, 0, id);
        else assert.ok(least < first, id);
        assert.ok(
          of.slice(4).every(({ record }) => record.outcome.proposals.every(isUsable)),
          id,
        );
      }
    }
  });

  for (const batch of BATCHES) {
    describe(batch.title, () => {
      let run: OutageRun;

      before(async () => {
        run = await runOutages(batch);
      });

      it('bring no scale-in that good data would not have brought', () => {
        fails(batch, run, wentIn);
        fails(batch, run, lowerThanJustified);
      });

      it('are named in the record of each decision by the reason of their kind', () => {
        fails(batch, run, wrongReasons);
        fails(batch, run, unexplained);
      });

      it('leave a load that is served again soon after', () => {
        fails(batch, run, notServed);
      });

      it('are told by an alert within a minute of the first bad data', function () {
        skipWithout(this, 'promtool');
        const expected = batch.cases.flatMap((of) => {
          return alertExpected(of, run.ticks.get(of.id) ?? [], badFromMs(of)) ?? [];
        });
        assert.ok(expected.length > 0);
        assert.equal(checkAlerts(folder, run, expected), '');
      });
    });
  }

  function fails(
    { cases }: OutageBatch,
    run: OutageRun,
    judge: (suffered: Suffered) => readonly string[],
  ): void {
    const found = cases.flatMap((of) => {
      const ticks = run.ticks.get(of.id) ?? [];
      const twin = control.ticks.get(controlIdOf(of.shape, of.load)) ?? [];
      assert.ok(ticks.length > 0 && twin.length >= ticks.length, of.id);
      return judge({ of, ticks, control: twin });
    });
    assert.equal(found.slice(0, SHOWN).join('\n'), '', `${found.length} in all`);
  }
});

function isUsable(proposal: { readonly kind: string }): boolean {
  return proposal.kind === 'replicas';
}
