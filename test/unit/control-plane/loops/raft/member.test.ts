import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { startRaftMember } from '../../../../../control-plane/loops/raft/member.ts';
import type { RaftMember } from '../../../../../control-plane/loops/raft/member.ts';
import type { RaftMemberOptions } from '../../../../../control-plane/loops/raft/member-options.ts';
import type { Command } from '../../../../../control-plane/model/command.ts';
import { ConsensusError } from '../../../../../control-plane/ports/consensus.ts';
import type { ConsensusFailure } from '../../../../../control-plane/model/consensus-failure.ts';
import { canonicalState } from '../../../../../control-plane/state/snapshot.ts';
import { AT_MS, numbered, registration } from '../../../../support/log-commands.ts';
import { MemoryDisk, openMemoryLog } from '../../../../support/memory-raft-log.ts';
import { pollUntil } from '../../../../support/process.ts';
import { PATIENT, votersOnly } from '../../../../support/raft-member-cluster.ts';

const started: RaftMember[] = [];

async function open(
  disk: MemoryDisk,
  options: Partial<RaftMemberOptions> = {},
): Promise<RaftMember> {
  const member = await startRaftMember({
    memberId: 'm1',
    log: openMemoryLog(disk),
    transport: null,
    bootstrap: votersOnly('m1'),
    ...options,
  });
  started.push(member);
  return member;
}

function failsWith(failure: ConsensusFailure): (error: unknown) => boolean {
  return (error) => error instanceof ConsensusError && error.failure === failure;
}

describe('a member alone', () => {
  afterEach(async () => {
    await Promise.all(started.splice(0).map((member) => member.abandon()));
  });

  it('leads when it has started, in a term above every earlier one', async () => {
    const disk = new MemoryDisk();
    for (const term of [1, 2, 3]) {
      const member = await open(disk);
      assert.deepEqual(member.status().leadership, { kind: 'leader', term, leaderId: 'm1' });
      assert.equal(member.leaseTerm(), term);
      await member.stop();
      assert.equal(member.leaseTerm(), null);
    }
  });

  it('answers with the place in the log and applies before it answers', async () => {
    const member = await open(new MemoryDisk());
    const committed = await member.propose(numbered(1), PATIENT);
    assert.deepEqual(committed, {
      token: { term: 1, index: 2 },
      result: { kind: 'applied', version: 0, repeated: false },
    });
    assert.equal(member.readState().nodes['node-1']?.registration.hostname, 'host-1');
    const { commitIndex, appliedIndex, lastIndex } = member.status();
    assert.deepEqual([commitIndex, appliedIndex, lastIndex], [2, 2, 2]);
  });

  it('acknowledges nothing before it is on disk', async () => {
    const disk = new MemoryDisk();
    const member = await open(disk);
    const stall = Promise.withResolvers<undefined>();
    disk.stall = stall.promise;
    let answered = false;
    const proposed = member.propose(numbered(1), PATIENT).then(() => (answered = true));
    await pollUntil('the entry is made', 5_000, () => member.status().lastIndex === 2);
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    assert.equal(answered, false);
    assert.equal(member.status().appliedIndex, 1);
    stall.resolve(undefined);
    await proposed;
    assert.equal(disk.entries.length, 2);
  });

  it('shares one write among the commands of a turn, and another among those that come during it', async () => {
    const disk = new MemoryDisk();
    const member = await open(disk);
    disk.persists.length = 0;
    const stall = Promise.withResolvers<undefined>();
    disk.stall = stall.promise;
    const results = Array.from({ length: 100 }, (_, n) => member.propose(numbered(n), PATIENT));
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    for (let more = 100; more < 110; more += 1) {
      results.push(member.propose(numbered(more), PATIENT));
      await nextTurn();
    }
    stall.resolve(undefined);
    const committed = await Promise.all(results);
    assert.equal(disk.persists.length, 2);
    assert.deepEqual(
      committed.map(({ token }) => token.index),
      committed.map((_, at) => at + 2),
    );
  });

  it('resolves a command that the state machine refuses', async () => {
    const member = await open(new MemoryDisk());
    const command: Command = { kind: 'remove_node', key: 'k', atMs: AT_MS, nodeId: 'x' };
    const { result } = await member.propose(command, PATIENT);
    assert.equal(result.kind === 'refused' && result.refusal, 'node_not_found');
  });

  it('refuses a command that could not be read back, and logs nothing of it', async () => {
    const member = await open(new MemoryDisk());
    await assert.rejects(member.propose({ ...numbered(1), key: '' }, PATIENT), /1 to 128/);
    assert.equal(member.status().lastIndex, 1);
  });

  it('applies what was logged, whatever the proposer does to the command afterwards', async () => {
    const member = await open(new MemoryDisk());
    const mutable = registration('a');
    const proposed = member.propose(
      { kind: 'register_node', key: 'k', atMs: AT_MS, registration: mutable },
      PATIENT,
    );
    Object.assign(mutable, { hostname: 'changed' });
    await proposed;
    assert.equal(member.readState().nodes['a']?.registration.hostname, 'a');
  });

  it('has the same state after a restart, from a snapshot and the entries behind it', async () => {
    const disk = new MemoryDisk();
    const limits = { snapshotEveryEntries: 10, logPerSnapshot: 0, entriesKept: 3 };
    const member = await open(disk, { limits });
    for (let number = 0; number < 25; number += 1) {
      await member.propose(numbered(number), PATIENT);
    }
    await pollUntil('a snapshot', 5_000, () => member.status().snapshotIndex >= 20);
    const before = canonicalState(member.readState());
    const { snapshotIndex } = member.status();
    await member.stop();
    assert.equal(disk.snapshot?.place.index, snapshotIndex);
    assert.equal(disk.entries[0]?.index, snapshotIndex - 2);
    const applied: string[] = [];
    const again = await open(disk, {
      observer: { onApplied: ({ key }) => applied.push(key) },
    });
    assert.equal(canonicalState(again.readState()), before);
    const { result } = await again.propose({ ...numbered(3), atMs: 1 }, PATIENT);
    assert(result.kind === 'applied' && result.repeated);
    assert.deepEqual(applied, ['key-3'], 'what is replayed is not counted again');
  });

  it('makes a snapshot after enough bytes too, and keeps few entries when they are large', async () => {
    const disk = new MemoryDisk();
    const bytes = 3 * JSON.stringify(numbered(100)).length;
    const limits = { snapshotEveryBytes: bytes, entriesKeptBytes: bytes };
    const member = await open(disk, { limits });
    for (let number = 100; number < 120; number += 1) {
      await member.propose(numbered(number), PATIENT);
    }
    await pollUntil('a snapshot', 5_000, () => member.status().snapshotIndex >= 18);
    assert(disk.entries.length <= 6, `${disk.entries.length} entries are kept`);
  });

  it('refuses as overloaded what is beyond the bounds, and has room again afterwards', async () => {
    for (const limits of [{ waitingMax: 3 }, { waitingBytesMax: 1_300 }]) {
      const member = await open(new MemoryDisk(), { limits });
      const waiting = [1, 2, 3].map((number) => member.propose(numbered(number), PATIENT));
      await assert.rejects(member.propose(numbered(4), PATIENT), failsWith('overloaded'));
      await Promise.all(waiting);
      await member.propose(numbered(4), PATIENT);
    }
  });

  it('does not write a command whose proposer gave up before', async () => {
    const member = await open(new MemoryDisk());
    const given = AbortSignal.abort(new Error('too late'));
    await assert.rejects(member.propose(numbered(1), given), failsWith('aborted'));
    const giver = new AbortController();
    const proposed = member.propose(numbered(2), giver.signal);
    giver.abort(new Error('gave up'));
    await assert.rejects(proposed, /was not written/);
    const { token } = await member.propose(numbered(3), PATIENT);
    assert.equal(token.index, 2);
  });

  it('lets a proposer go whose command is being written, and keeps its place until it is', async () => {
    const disk = new MemoryDisk();
    const member = await open(disk, { limits: { waitingMax: 1 } });
    const stall = Promise.withResolvers<undefined>();
    disk.stall = stall.promise;
    const giver = new AbortController();
    const proposed = member.propose(numbered(1), giver.signal);
    await pollUntil('the entry is made', 5_000, () => member.status().lastIndex === 2);
    giver.abort();
    await assert.rejects(proposed, /may still be committed/);
    await assert.rejects(member.propose(numbered(2), PATIENT), failsWith('overloaded'));
    stall.resolve(undefined);
    await pollUntil('it is applied', 5_000, () => member.status().appliedIndex === 2);
    await member.propose(numbered(2), PATIENT);
  });

  it('answers a read behind every command that was answered before', async () => {
    const member = await open(new MemoryDisk());
    await member.propose(numbered(1), PATIENT);
    await member.readBarrier(PATIENT);
    assert.equal(member.status().appliedIndex, 2);
    await assert.rejects(member.readBarrier(AbortSignal.abort()), failsWith('aborted'));
  });

  it('applies a long log in slices, and lets others work in between', async () => {
    const disk = new MemoryDisk();
    const first = await open(disk);
    await Promise.all(
      Array.from({ length: 2_000 }, (_, number) => first.propose(numbered(number), PATIENT)),
    );
    const before = canonicalState(first.readState());
    await first.stop();
    let turns = 0;
    const count = setInterval(() => (turns += 1), 1);
    const again = await open(disk, { limits: { applySliceMs: 1 } });
    clearInterval(count);
    assert.equal(canonicalState(again.readState()), before);
    assert(turns > 3, `the event loop turned ${turns} times`);
  });

  it('fails closed when the disk fails: nothing is acknowledged, it leads no more, and says why', async () => {
    const disk = new MemoryDisk();
    const failed: string[] = [];
    const observer = { onFailed: (message: string) => failed.push(message) };
    const member = await open(disk, { observer });
    await member.propose(numbered(0), PATIENT);
    disk.trouble = new Error('ENOSPC: no space left on device');
    const waiting = [1, 2, 3].map((number) => member.propose(numbered(number), PATIENT));
    for (const one of waiting) await assert.rejects(one, failsWith('storage_failed'));
    await assert.rejects(member.propose(numbered(4), PATIENT), failsWith('storage_failed'));
    await assert.rejects(member.readBarrier(PATIENT), failsWith('storage_failed'));
    assert.match(member.failure() ?? '', /log of member m1 has failed: .*ENOSPC/);
    assert.deepEqual(failed, [member.failure()]);
    assert.deepEqual(member.status().leadership, { kind: 'follower', term: 1, leaderId: null });
    assert.equal(member.leaseTerm(), null);
    assert.equal(member.readState().nodes['node-0']?.registration.hostname, 'host-0');
    await member.stop();
    assert.match(member.failure() ?? '', /ENOSPC/);
  });

  it('fails closed when a snapshot cannot be written', async () => {
    const disk = new MemoryDisk();
    const member = await open(disk, { limits: { snapshotEveryEntries: 3, logPerSnapshot: 0 } });
    await member.propose(numbered(0), PATIENT);
    const proposed = member.propose(numbered(1), PATIENT);
    await proposed;
    disk.trouble = new Error('EIO');
    await pollUntil('the failure', 5_000, () => member.failure());
  });

  it('stops before an entry that it does not understand, and names it and the cure', async () => {
    for (const payload of ['{"kind":"from_the_future"}', '{"format":99,"kind":"x"}', 'no json']) {
      const disk = new MemoryDisk();
      const first = await open(disk);
      await first.propose(numbered(1), PATIENT);
      await first.stop();
      disk.entries.push({ index: 3, term: 1, type: 'command', payload: Buffer.from(payload) });
      await assert.rejects(
        open(disk),
        (error) =>
          failsWith('storage_failed')(error) &&
          /entry 3 of term 1 is not understood .* or a newer one/.test(String(error)),
      );
      assert.equal(disk.open, false, 'the log is given back');
    }
  });

  it('does not start from a snapshot that it does not understand', async () => {
    const disk = new MemoryDisk();
    const place = { index: 5, term: 1, configuration: null };
    disk.snapshot = { place, payload: Buffer.from('{"formatVersion":99,\n') };
    await assert.rejects(open(disk), /the snapshot at entry 5 is not understood/);
    assert.equal(disk.open, false);
  });

  it('finishes what is being written when it stops, and refuses what waits behind it', async () => {
    const disk = new MemoryDisk();
    const member = await open(disk);
    const stall = Promise.withResolvers<undefined>();
    disk.stall = stall.promise;
    const first = member.propose(numbered(1), PATIENT);
    await pollUntil('the entry is made', 5_000, () => member.status().lastIndex === 2);
    const second = assert.rejects(member.propose(numbered(2), PATIENT), failsWith('aborted'));
    const stopped = member.stop();
    await second;
    stall.resolve(undefined);
    await stopped;
    assert.equal((await first).token.index, 2);
    await assert.rejects(member.propose(numbered(3), PATIENT), failsWith('aborted'));
    await member.stop();
    assert.equal(disk.open, false);
  });

  it('does nothing in a turn in which nothing happened', async () => {
    const disk = new MemoryDisk();
    const member = await open(disk);
    const before = process.cpuUsage();
    await pollUntil(
      'half a second',
      5_000,
      (
        (from) => () =>
          performance.now() - from > 500
      )(performance.now()),
    );
    const { user, system } = process.cpuUsage(before);
    assert(user + system < 250_000, `${(user + system) / 1_000} ms of CPU in 500 ms`);
    assert.equal(member.status().lastIndex, 1);
  });
});
