import assert from 'node:assert/strict';
import { Applier, ApplyError } from '../../../../../control-plane/loops/raft/applier.ts';
import { encodeCommand } from '../../../../../control-plane/loops/raft/command-codec.ts';
import { MEMBER_LIMITS } from '../../../../../control-plane/loops/raft/member-options.ts';
import { Proposals } from '../../../../../control-plane/loops/raft/proposals.ts';
import type { LogEntry } from '../../../../../control-plane/model/log-entry.ts';
import { applyCommand } from '../../../../../control-plane/state/apply.ts';
import { canonicalState, encodeState } from '../../../../../control-plane/state/snapshot.ts';
import { numbered } from '../../../../support/log-commands.ts';

function entry(index: number): LogEntry {
  return { index, term: 1, type: 'command', payload: encodeCommand(numbered(index)).payload };
}

function range(from: number, to: number): readonly LogEntry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => entry(from + at));
}

function applierWith(monotonicMs: () => number = () => 0) {
  const told: number[] = [];
  const applier = new Applier({
    apply: applyCommand,
    proposals: new Proposals(MEMBER_LIMITS),
    monotonicMs,
    replayedThrough: 0,
    onApplied: (_command, { token }) => told.push(token.index),
    onCommitLatency: () => undefined,
    onApplyLatency: () => undefined,
    onEntry: () => undefined,
  });
  return { applier, told };
}

describe('applier', () => {
  it('applies in order, a few entries per call when the time is up, and goes on there', () => {
    let nowMs = 0;
    const { applier, told } = applierWith(() => (nowMs += 1));
    applier.add(range(1, 100), 0);
    applier.add(range(101, 110), 0);
    let calls = 0;
    for (; !applier.isIdle; calls += 1) applier.run(0);
    assert.equal(calls, 8);
    assert.deepEqual(
      told,
      range(1, 110).map(({ index }) => index),
    );
    assert.equal(applier.appliedIndex, 110);
  });

  it('takes a snapshot in place of what waits to be applied, and goes on behind it', () => {
    const { applier: other } = applierWith();
    other.add(range(1, 10), 0);
    other.run(1);
    const { applier, told } = applierWith();
    applier.add(range(1, 5), 0);
    applier.restore({ index: 10, term: 1 }, Buffer.from(encodeState(other.state)));
    applier.add(range(11, 12), 0);
    applier.run(1);
    other.add(range(11, 12), 0);
    other.run(1);
    assert.deepEqual(told, [11, 12]);
    assert.equal(canonicalState(applier.state), canonicalState(other.state));
  });

  it('reads a large snapshot in pieces, and shows the old state meanwhile', () => {
    const { applier: other } = applierWith();
    other.add(
      Array.from({ length: 4_096 }, (_, at) => entry(at + 1)),
      0,
    );
    other.run(1);
    const payload = Buffer.from(encodeState(other.state));
    assert(payload.length > 128 * 1024);
    let nowMs = 0;
    const { applier } = applierWith(() => (nowMs += 1));
    const before = applier.state;
    applier.restore({ index: 4_096, term: 1 }, payload);
    applier.run(0);
    assert.equal(applier.state, before);
    assert.equal(applier.appliedIndex, 0);
    while (!applier.isIdle) applier.run(0);
    assert.equal(canonicalState(applier.state), canonicalState(other.state));
  });

  it('stays before an entry that it cannot apply', () => {
    const { applier } = applierWith();
    const odd: LogEntry = { index: 2, term: 1, type: 'command', payload: Buffer.from('{}') };
    applier.add([entry(1), odd, entry(3)], 0);
    assert.throws(() => applier.run(1), ApplyError);
    assert.equal(applier.appliedIndex, 1);
    assert.throws(() => applier.run(1), ApplyError);
    assert.equal(applier.appliedIndex, 1);
  });
});
