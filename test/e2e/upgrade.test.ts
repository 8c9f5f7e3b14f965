/**
 * Three members are moved from an older build of the product to this one and back, one after the other,
 * while clients write and the members scale on a swinging load: nothing acknowledged is lost or applied
 * twice, the decisions are those of a plane that was never stopped, each has its record, and no action is
 * done twice. The builds differ in the format of commands that they read; none is raised on the way, so
 * that the way back stays open. What closes it is shown last, and that the newer members do not close it
 * while an older one is there.
 *
 * OMNIMIND_TEST_UPGRADE_FROM is the revision of the older build (the last one before the format was
 * changed; HEAD where that is not in the clone); OMNIMIND_TEST_UPGRADE_ROUNDS is how often the members are moved there and back (1), the
 * leader last and first in turn. One line of JSON tells the longest time without a leader, without an
 * acknowledgement, and that one writer waited.
 */

import assert from 'node:assert/strict';
import process from 'node:process';
import { TARGET_FORMATS } from '../../control-plane/model/workload.ts';
import { skipBecause } from '../support/skip.ts';
import { newBuild, NoOlderBuild, oldBuild, removeBuild } from '../support/upgrade-builds.ts';
import type { Build } from '../support/upgrade-builds.ts';
import { UpgradeCluster } from '../support/upgrade-cluster.ts';
import { assertWritesHeld, decisionsHeld, gather, stateHeld } from '../support/upgrade-evidence.ts';
import { refusesAlone, refusesInCluster, waitsForOthers } from '../support/upgrade-refused.ts';

const ROUNDS = Number(process.env['OMNIMIND_TEST_UPGRADE_ROUNDS'] ?? 1);
const FROM = process.env['OMNIMIND_TEST_UPGRADE_FROM'];

describe('three members upgraded and rolled back one by one, under load', function () {
  this.timeout(120_000 + ROUNDS * 120_000);
  let older: Build | null = null;
  let newer: Build;
  let cluster: UpgradeCluster | null = null;
  let isMoved = false;

  before(async function () {
    newer = await newBuild();
    try {
      older = await oldBuild(FROM);
    } catch (error) {
      if (!(error instanceof NoOlderBuild) || FROM !== undefined) throw error;
      skipBecause(this, `there is no older build to come from: ${error.message}`);
    }
    cluster = await UpgradeCluster.start(older);
  });
  after(async () => {
    await cluster?.end();
    if (older !== null) await removeBuild(older);
  });

  it('keep leading, deciding and acknowledging, and each says which build it is', async () => {
    assert.ok(cluster !== null && older !== null);
    for (let round = 0; round < ROUNDS; round += 1) {
      const [up, down] = ['leader last', 'leader first'] as const;
      await cluster.moveAll(newer, round % 2 === 0 ? up : down);
      await cluster.moveAll(older, round % 2 === 0 ? down : up);
    }
    isMoved = true;
  });

  it('lose and repeat no write, decision, record or action, and hold one state', async () => {
    assert.ok(cluster !== null && older !== null);
    assert.ok(isMoved, 'not all of them were moved');
    const { rig } = cluster;
    const left = await gather(cluster);
    await assertWritesHeld(cluster);
    const decisions = await decisionsHeld(rig, left);
    const state = await stateHeld(rig, [older, newer], left.commitIndex);
    assert.ok(state.formatVersion <= older.formatMax, 'the older build reads what is in force');
    const formats = {
      inForce: state.formatVersion,
      older: older.formatMax,
      newer: newer.formatMax,
    };
    const figures = { from: older.name, rounds: ROUNDS, formats, ...decisions };
    process.stdout.write(`      ${JSON.stringify({ ...figures, ...cluster.figures() })}\n`);
  });

  it('take no workload that a member could not read, say whom they wait for, and take it then', async function () {
    assert.ok(cluster !== null && older !== null);
    skipWhereAllIsRead(this, older);
    await waitsForOthers(cluster, older, newer);
  });

  it('cannot be rolled back once a workload needs a newer format, and the older build says so', async function () {
    assert.ok(cluster !== null && older !== null);
    skipWhereAllIsRead(this, older);
    await refusesAlone(older, newer);
    if (FROM !== undefined) await refusesInCluster(cluster, older, newer);
  });
});

function skipWhereAllIsRead(test: Mocha.Context, { name, formatMax }: Build): void {
  if (formatMax < TARGET_FORMATS.webhook) return;
  skipBecause(test, `${name} reads format ${formatMax}, the newest in use`);
}
