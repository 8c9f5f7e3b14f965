import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import {
  claimDirectory,
  readRecord,
  releaseDirectory,
  writeRecord,
} from '../../../../demo/launcher/data-directory.ts';
import { isAlive, readProcess } from '../../../../demo/launcher/process-table.ts';

describe('the claim on a data directory', () => {
  let directory = '';

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'claim-test-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('is given once, and again after it was given back', () => {
    assert.deepEqual(claimDirectory(directory, 'one'), { kind: 'claimed', leftover: null });
    assert.deepEqual(claimDirectory(directory, 'two'), {
      kind: 'taken',
      ownerPid: process.pid,
    });
    releaseDirectory(directory, 'one');
    assert.equal(claimDirectory(directory, 'two').kind, 'claimed');
    releaseDirectory(directory, 'two');
    assert.deepEqual(readdirSync(directory), []);
  });

  it('is taken from an owner that is dead, with the record of what that one started', () => {
    const self = readProcess(process.pid);
    assert.ok(self !== null);
    // The id lives, but the process that had it when the lock was written does not.
    const dead = { pid: process.pid, startMark: 'another boot:1', runId: 'old' };
    writeFileSync(join(directory, 'lock'), JSON.stringify(dead));
    const left = {
      runId: 'old',
      processes: [{ name: 'stub', pid: 1, startMark: 'x' }],
      marks: [{ variable: 'MARK', file: '/f' }],
    };
    writeRecord(directory, left);
    assert.deepEqual(claimDirectory(directory, 'new'), { kind: 'claimed', leftover: left });
    assert.deepEqual(readdirSync(directory).sort(), ['lock', 'processes.json']);
  });

  it('is not given back by a run that no longer holds it', () => {
    claimDirectory(directory, 'one');
    writeRecord(directory, { runId: 'one', processes: [], marks: [] });
    releaseDirectory(directory, 'zero');
    assert.equal(claimDirectory(directory, 'two').kind, 'taken');
    assert.equal(readRecord(directory)?.runId, 'one');
  });

  it('survives a lock and a record that are not JSON', () => {
    writeFileSync(join(directory, 'lock'), 'half');
    writeFileSync(join(directory, 'processes.json'), '{');
    assert.deepEqual(claimDirectory(directory, 'one'), { kind: 'claimed', leftover: null });
  });

  it('never takes a process for another one that has its id now', () => {
    const self = readProcess(process.pid);
    assert.ok(self !== null);
    assert.equal(isAlive(self), true);
    assert.equal(isAlive({ pid: self.pid, startMark: `${self.startMark}0` }), false);
  });
});
