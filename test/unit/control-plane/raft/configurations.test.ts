import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Configurations, isReadable } from '../../../../control-plane/raft/configurations.ts';
import type { Configuration } from '../../../../control-plane/model/configuration.ts';
import { command, configurationEntry, configurationOf } from '../../../support/raft-core.ts';

const ABC = configurationOf('a b c');
const JOINT = configurationOf('a b c d', 'a b c');
const ABCD = configurationOf('a b c d');

describe('Configurations', () => {
  it('6: the newest configuration in the log is in force, committed or not', () => {
    const all = new Configurations(null, ABC, [configurationEntry(3, 1, JOINT)]);
    assert.deepEqual(all.latest, JOINT);
    assert.equal(all.latestIndex, 3);
    assert.equal(all.append([command(4, 1)]), false);
    assert.equal(all.append([command(5, 1), configurationEntry(6, 1, ABCD)]), true);
    assert.deepEqual(all.latest, ABCD);
    assert.equal(all.latestIndex, 6);
  });

  it('6: the one before it is in force again when its entry is truncated', () => {
    const entries = [configurationEntry(3, 1, JOINT), configurationEntry(6, 1, ABCD)];
    const all = new Configurations(null, ABC, entries);
    assert.equal(all.truncateFrom(7), false);
    assert.equal(all.truncateFrom(6), true);
    assert.deepEqual(all.latest, JOINT);
    assert.equal(all.truncateFrom(2), true);
    assert.deepEqual(all.latest, ABC);
    assert.equal(all.latestIndex, 0);
  });

  it('7: as of an index it is the last one at or before that index', () => {
    const entries = [configurationEntry(3, 1, JOINT), configurationEntry(6, 1, ABCD)];
    const all = new Configurations(null, ABC, entries);
    assert.deepEqual(
      [0, 2, 3, 5, 6, 9].map((index) => all.at(index)),
      [ABC, ABC, JOINT, JOINT, ABCD, ABCD],
    );
  });

  it('7: a start from a snapshot goes by the snapshot’s, and by what came behind it', () => {
    const snapshot = { index: 5, term: 2, configuration: JOINT };
    const kept = [configurationEntry(4, 1, ABC), command(5, 2)];
    assert.deepEqual(new Configurations(snapshot, ABC, kept).latest, JOINT);
    const more = [...kept, configurationEntry(6, 2, ABCD)];
    assert.deepEqual(new Configurations(snapshot, ABC, more).latest, ABCD);
  });

  it('knows whether any configuration came through the log', () => {
    assert.equal(new Configurations(null, ABC, [command(1, 1)]).isReplicated, false);
    assert.equal(new Configurations(null, ABC, [configurationEntry(1, 1, ABC)]).isReplicated, true);
    const old = { index: 5, term: 2, configuration: null };
    const all = new Configurations(old, ABC, []);
    assert.equal(all.isReplicated, false);
    assert.deepEqual(all.latest, ABC);
    all.resetTo({ index: 7, term: 2, configuration: null });
    assert.equal(all.isReplicated, false);
    all.resetTo({ index: 9, term: 2, configuration: ABCD });
    assert.equal(all.isReplicated, true);
    assert.deepEqual([all.latest, all.latestIndex], [ABCD, 9]);
  });

  it('7: an installed snapshot’s takes the place of all', () => {
    const all = new Configurations(null, ABC, [configurationEntry(3, 1, JOINT)]);
    all.resetTo({ index: 9, term: 2, configuration: ABCD });
    assert.deepEqual(all.at(0), ABCD);
    assert.equal(all.truncateFrom(10), false);
    assert.deepEqual(all.latest, ABCD);
  });

  it('7: forgetting what no index needs changes nothing from that index on', () => {
    const steps = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(steps, fc.nat(14), (isConfiguration, below) => {
        const made: Configuration[] = [ABC, JOINT, ABCD];
        const entries = isConfiguration.map((is, at) =>
          is ? configurationEntry(at + 1, 1, made[at % 3] ?? ABC) : command(at + 1, 1),
        );
        const whole = new Configurations(null, ABC, entries);
        const dropped = new Configurations(null, ABC, entries);
        dropped.dropBelow(below);
        for (let index = below; index <= 14; index += 1) {
          assert.deepEqual(dropped.at(index), whole.at(index));
        }
        assert.deepEqual(dropped.latest, whole.latest);
        assert.equal(dropped.latestIndex, Math.max(whole.latestIndex, below));
      }),
    );
  });
});

describe('isReadable', () => {
  it('takes any command, and only a configuration that can be understood', () => {
    const payload = new Uint8Array([0xff, 0xfe]);
    assert.equal(isReadable({ index: 1, term: 1, type: 'command', payload }), true);
    assert.equal(isReadable({ index: 1, term: 1, type: 'configuration', payload }), false);
    assert.equal(isReadable(configurationEntry(1, 1, ABC)), true);
    // A member's id that is not UTF-8 would not read the same everywhere.
    const whole = configurationEntry(1, 1, ABC);
    const broken = whole.payload.map((byte) => (byte === 'b'.charCodeAt(0) ? 0xff : byte));
    assert.equal(isReadable({ ...whole, payload: broken }), false);
    const short = { ...configurationEntry(1, 1, ABC), payload: new TextEncoder().encode('{}') };
    assert.equal(isReadable(short), false);
  });
});
