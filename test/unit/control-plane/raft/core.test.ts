import assert from 'node:assert/strict';
import type { Core } from '../../../../control-plane/raft/core.ts';
import {
  configurationEntry,
  configurationOf,
  coreOf,
  entriesOf,
} from '../../../support/raft-core.ts';

const ABC = configurationOf('a b c');

/** A core that holds five entries, all of them committed and applied. */
function applied(): Core {
  const core = coreOf({ entries: entriesOf(1, [1, 1, 2, 2, 3]) });
  core.commitTo(5);
  core.takeReady(0, []);
  core.appliedIndex = 5;
  return core;
}

function sync(core: Core): void {
  const change = core.outbox.takeChange(0, core.log.lastIndex);
  const installed = change === null ? null : core.outbox.persisted(change.sequence);
  if (installed !== null) core.installed(installed);
}

describe('Core', () => {
  it('figure 2: commits up to the end of its log at most, and takes nothing back', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1]) });
    core.commitTo(9);
    assert.equal(core.commitIndex, 2);
    core.commitTo(1);
    assert.equal(core.commitIndex, 2);
  });

  it('tells once that the configuration in force is committed', () => {
    const joint = configurationEntry(2, 1, configurationOf('a b', 'a b c'));
    const core = coreOf({ entries: [...entriesOf(1, [1]), joint, ...entriesOf(3, [1])] });
    for (const index of [1, 2, 2, 3]) core.commitTo(index);
    const stages = core.events.map((event) =>
      event.kind === 'configuration' ? [event.stage, event.index] : [],
    );
    assert.deepEqual(stages, [['committed', 2]]);
  });

  it('hands out what is committed and durable, once', () => {
    const core = coreOf({ entries: entriesOf(1, [1]) });
    core.append(entriesOf(2, [1, 1]));
    core.commitTo(2);
    const indexes = (): readonly number[] =>
      core.takeReady(0, []).committed.map(({ index }) => index);
    assert.deepEqual(indexes(), [1]);
    assert.equal(core.hasReady, false);
    core.outbox.persisted(1);
    assert.equal(core.hasReady, true);
    assert.deepEqual(indexes(), [2]);
    assert.deepEqual(indexes(), []);
  });

  it('7: begins behind the snapshot that it is started with', () => {
    const snapshot = { index: 3, term: 2, configuration: ABC };
    const core = coreOf({ snapshot, entries: entriesOf(2, [1, 2, 2]) });
    assert.deepEqual([core.commitIndex, core.appliedIndex, core.emittedIndex], [3, 3, 3]);
    core.commitTo(4);
    assert.deepEqual(
      core.takeReady(0, []).committed.map(({ index }) => index),
      [4],
    );
  });

  it('7: a snapshot of its own state lets entries go, as far as they are in it', () => {
    const core = applied();
    core.compacted(4, 3);
    assert.deepEqual([core.log.firstIndex, core.log.lastIndex], [3, 5]);
    assert.deepEqual(core.snapshot, { index: 4, term: 2, configuration: ABC });
    const eager = applied();
    eager.compacted(4, 99);
    assert.deepEqual([eager.log.firstIndex, eager.log.lastIndex], [5, 5]);
    assert.equal(eager.log.termAt(4), 2);
  });

  it('7: a snapshot is of the configuration as of its last entry', () => {
    const joint = configurationOf('a b', 'a b c');
    const core = coreOf({ entries: [...entriesOf(1, [1, 1]), configurationEntry(3, 1, joint)] });
    core.commitTo(2);
    core.appliedIndex = 2;
    core.compacted(2, 3);
    assert.deepEqual(core.snapshot?.configuration, ABC);
    assert.deepEqual(core.configuration, joint);
  });

  it('7: takes no note of a snapshot that is not newer, not applied, or of nothing it knows', () => {
    const core = applied();
    core.compacted(4, 5);
    const before = core.snapshot;
    core.compacted(4, 6);
    core.compacted(3, 4);
    assert.equal(core.snapshot, before);
    assert.equal(core.log.firstIndex, 5);
    core.appliedIndex = 4;
    core.compacted(5, 6);
    assert.equal(core.snapshot, before);
    core.appliedIndex = 9;
    core.compacted(9, 10);
    assert.equal(core.snapshot, before);
  });

  it('7: goes on applying behind a snapshot that was installed', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1]) });
    core.commitTo(2);
    core.takeReady(0, []);
    core.install({ index: 4, term: 2, configuration: ABC });
    core.append(entriesOf(5, [2, 2, 2, 2, 2]));
    core.commitTo(9);
    assert.equal(core.hasReady, true);
    sync(core);
    assert.deepEqual([core.appliedIndex, core.commitIndex], [4, 9]);
    const ready = core.takeReady(0, []);
    assert.equal(ready.restore?.index, 4);
    assert.deepEqual(
      ready.committed.map(({ index }) => index),
      [5, 6, 7, 8, 9],
    );
    assert.equal(core.takeReady(0, []).restore, null);
  });

  it('7: of two snapshots close together only the newer is restored', () => {
    const core = coreOf();
    core.install({ index: 4, term: 1, configuration: ABC });
    const first = core.outbox.takeChange(0, 4);
    core.install({ index: 8, term: 1, configuration: ABC });
    core.outbox.takeChange(0, 8);
    const place = first === null ? null : core.outbox.persisted(first.sequence);
    assert(place !== null);
    core.installed(place);
    assert.equal(core.takeReady(0, []).restore, null);
    assert.equal(core.installing, true);
    assert(core.snapshot !== null);
    core.installed(core.snapshot);
    assert.equal(core.takeReady(0, []).restore?.index, 8);
  });

  it('is the only voter only where no other has a vote, in either half', () => {
    const alone = (voters: string, outgoing = '', learners = ''): boolean =>
      coreOf({ bootstrap: configurationOf(voters, outgoing, learners) }).isSoleVoter;
    assert.deepEqual(
      [alone('a'), alone('a', '', 'b'), alone('b'), alone('a b'), alone('a', 'a b'), alone('')],
      [true, true, false, false, false, false],
    );
  });

  it('takes a disk for stalled when a change waits for longer than the bound', () => {
    const core = coreOf({ options: { diskStallMs: 100 } });
    core.append(entriesOf(1, [1]));
    core.takeReady(50, []);
    assert.deepEqual([core.isDiskStalled(150), core.isDiskStalled(151)], [false, true]);
    assert.deepEqual([core.mayCampaign(150), core.mayCampaign(151)], [true, false]);
    core.outbox.persisted(1);
    assert.equal(core.isDiskStalled(151), false);
  });
});
