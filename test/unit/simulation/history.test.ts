import assert from 'node:assert/strict';
import type { LogEntry } from '../../../control-plane/model/log-entry.ts';
import type { RaftStatus } from '../../../control-plane/raft/ready.ts';
import { HeldLog } from '../../simulation/held-log.ts';
import { History } from '../../simulation/history.ts';
import { ListMachine, decodeWrite, encodeWrite } from '../../simulation/machine.ts';
import { Violation, noChecks } from '../../simulation/violation.ts';
import { CommittedLog } from '../../simulation/watch/committed-log.ts';
import { simulatedSubject, statusOf } from './subjects.ts';

/** A history over a log that is committed as the test says. */
class Told {
  readonly committed = new CommittedLog(
    new ListMachine(),
    (entry) => decodeWrite(entry.payload),
    noChecks(),
  );
  readonly history = new History(this.committed, noChecks());
  readonly machine = new ListMachine();
  readonly #log = new HeldLog();

  commit(key: number, value: number): number {
    const entry: LogEntry = {
      index: this.#log.lastIndex + 1,
      term: 1,
      type: 'command',
      payload: encodeWrite({ key, value }, 0),
    };
    this.#log.append(entry);
    const status: RaftStatus = { ...statusOf('a'), commitIndex: entry.index };
    this.committed.observe(simulatedSubject('a', this.#log), status, 1);
    return this.machine.apply(entry).position;
  }
}

function violates(invariant: string, action: () => void): void {
  assert.throws(action, (error) => error instanceof Violation && error.invariant === invariant);
}

describe('the history of the clients', () => {
  it('takes writes at their places and reads of what was written', () => {
    const told = new Told();
    const write = told.history.askWrite(0, 1, 0);
    const read = told.history.askRead(0, 0);
    const position = told.commit(0, 1);
    told.history.writeTold(write, position);
    told.history.readTold(read, told.machine.read(0), 'by index');
    told.history.readTold(told.history.askRead(1, 5), told.machine.read(1), 'by index');
  });

  it('refuses a read that is older than what somebody was told of before', () => {
    const told = new Told();
    const before = told.machine.read(0);
    const write = told.history.askWrite(0, 1, 0);
    told.history.writeTold(write, told.commit(0, 1));
    const late = told.history.askRead(0, 9);
    violates('linearizability', () => {
      told.history.readTold(late, before, 'by lease');
    });
  });

  it('allows the older read when it was asked for while the write was under way', () => {
    const told = new Told();
    const before = told.machine.read(0);
    const write = told.history.askWrite(0, 1, 0);
    const concurrent = told.history.askRead(0, 1);
    told.history.writeTold(write, told.commit(0, 1));
    told.history.readTold(concurrent, before, 'by index');
  });

  it('refuses a read of writes that were never made in that order', () => {
    const told = new Told();
    told.commit(0, 1);
    const read = told.history.askRead(0, 0);
    violates('linearizability', () => {
      told.history.readTold(read, { position: 1, mark: 12345 }, 'by index');
    });
  });

  it('refuses an acknowledgement of a write that is not committed', () => {
    const told = new Told();
    const write = told.history.askWrite(0, 1, 0);
    violates('linearizability', () => {
      told.history.writeTold(write, 1);
    });
  });

  it('leaves a write of unknown outcome open, but not before what was over when it was asked', () => {
    const told = new Told();
    const open = told.history.askWrite(0, 1, 0);
    const second = told.history.askWrite(0, 2, 0);
    told.history.writeTold(second, told.commit(0, 2));
    told.commit(0, 1);
    assert.equal(told.committed.positionOf(open.value), 2);
  });

  it('gives a repeated write the place that it has', () => {
    const told = new Told();
    assert.equal(told.commit(0, 1), 1);
    assert.equal(told.commit(0, 1), 1);
    assert.equal(told.commit(0, 2), 2);
  });
});
