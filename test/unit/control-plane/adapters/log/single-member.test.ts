import assert from 'node:assert/strict';
import { openSingleMember } from '../../../../../control-plane/adapters/log/single-member.ts';
import type {
  SingleMember,
  SingleMemberOptions,
} from '../../../../../control-plane/adapters/log/single-member.ts';
import type { Command, Committed } from '../../../../../control-plane/model/command.ts';
import { ConsensusError } from '../../../../../control-plane/ports/consensus.ts';
import type { ConsensusFailure } from '../../../../../control-plane/ports/consensus.ts';
import { canonicalState } from '../../../../../control-plane/state/snapshot.ts';
import { AT_MS, numbered, registration } from '../../../../support/log-commands.ts';
import { SimulatedDisk } from '../../../../support/log-disk.ts';
import type { DiskTrouble } from '../../../../support/log-disk.ts';
import { pollUntil } from '../../../../support/process.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

const PATIENT = new AbortController().signal;

function diskWith(trouble: DiskTrouble | null = null): SimulatedDisk {
  return new SimulatedDisk(seededRandom(1), trouble);
}

function open(
  disk: SimulatedDisk,
  options: Partial<SingleMemberOptions> = {},
): Promise<SingleMember> {
  return openSingleMember({ directory: '/log', memberId: 'm1', disk, ...options });
}

function failsWith(failure: ConsensusFailure): (error: unknown) => boolean {
  return (error) => error instanceof ConsensusError && error.failure === failure;
}

describe('single member', () => {
  it('leads from the start, in a term above every earlier one', async () => {
    const disk = diskWith();
    for (const term of [1, 2, 3]) {
      const member = await open(disk);
      assert.deepEqual(member.status().leadership, { kind: 'leader', term, leaderId: 'm1' });
      await member.stop();
    }
  });

  it('answers with the place in the log and applies before it answers', async () => {
    const member = await open(diskWith());
    const committed = await member.propose(numbered(1), PATIENT);
    assert.deepEqual(committed, {
      token: { term: 1, index: 2 },
      result: { kind: 'applied', version: 0, repeated: false },
    });
    assert.equal(member.readState().nodes['node-1']?.registration.hostname, 'host-1');
    const { commitIndex, appliedIndex } = member.status();
    assert.deepEqual([commitIndex, appliedIndex], [2, 2]);
    await member.stop();
  });

  it('resolves a command that the state machine refuses', async () => {
    const member = await open(diskWith());
    const command: Command = { kind: 'remove_node', key: 'k', atMs: AT_MS, nodeId: 'x' };
    const { result } = await member.propose(command, PATIENT);
    assert.equal(result.kind === 'refused' && result.refusal, 'node_not_found');
    await member.stop();
  });

  it('shares one sync among the commands that wait, and keeps their order', async () => {
    const disk = diskWith();
    const fsyncs: number[] = [];
    const applied: string[] = [];
    const member = await open(disk, {
      onFsync: (seconds) => fsyncs.push(seconds),
      onApplied: ({ key }) => applied.push(key),
    });
    fsyncs.length = 0;
    const commands = Array.from({ length: 100 }, (_, number) => numbered(number));
    const results = await Promise.all(commands.map((command) => member.propose(command, PATIENT)));
    assert.equal(fsyncs.length, 1);
    assert(fsyncs.every((seconds) => seconds >= 0 && seconds < 5));
    assert.deepEqual(
      results.map(({ token }) => token.index),
      commands.map((_, at) => at + 2),
    );
    assert.deepEqual(
      applied,
      commands.map(({ key }) => key),
    );
    await member.stop();
  });

  it('keeps a batch within its bounds', async () => {
    const fsyncs: number[] = [];
    const member = await open(diskWith(), {
      batchEntriesMax: 7,
      onFsync: (seconds) => fsyncs.push(seconds),
    });
    fsyncs.length = 0;
    const commands = Array.from({ length: 20 }, (_, number) => numbered(number));
    await Promise.all(commands.map((command) => member.propose(command, PATIENT)));
    assert.equal(fsyncs.length, 3);
    await member.stop();
  });

  it('has the same state after a restart, from a snapshot and the entries behind it', async () => {
    const disk = diskWith();
    const member = await open(disk, { snapshotEveryEntries: 10, segmentBytesMax: 2_000 });
    for (let number = 0; number < 25; number += 1) {
      await member.propose(numbered(number), PATIENT);
    }
    const before = canonicalState(member.readState());
    await member.stop();
    const again = await open(disk);
    assert.equal(canonicalState(again.readState()), before);
    assert(again.status().snapshotIndex >= 10);
    const { result } = await again.propose(numbered(3), PATIENT);
    assert(result.kind === 'applied' && result.repeated);
    await again.stop();
  });

  it('keeps its log from growing without end', async () => {
    const disk = diskWith();
    const member = await open(disk, { snapshotEveryEntries: 20 });
    const sizes: number[] = [];
    for (let number = 0; number < 400; number += 1) {
      await member.propose({ ...numbered(number % 5), key: `k${number % 30}` }, PATIENT);
      sizes.push(member.status().logBytes);
    }
    assert(Math.max(...sizes.slice(200)) <= Math.max(...sizes.slice(0, 200)) * 1.2);
    await member.stop();
  });

  it('refuses as overloaded what is beyond the bound, and has room again afterwards', async () => {
    const member = await open(diskWith(), { waitingMax: 3 });
    const waiting = [1, 2, 3].map((number) => member.propose(numbered(number), PATIENT));
    await assert.rejects(member.propose(numbered(4), PATIENT), failsWith('overloaded'));
    await Promise.all(waiting);
    await member.propose(numbered(4), PATIENT);
    await member.stop();
  });

  it('bounds the waiting bytes too', async () => {
    const member = await open(diskWith(), { waitingBytesMax: 600 });
    const waiting = member.propose(numbered(1), PATIENT);
    await assert.rejects(member.propose(numbered(2), PATIENT), failsWith('overloaded'));
    await waiting;
    await member.stop();
  });

  it('does not write a command whose proposer gave up before', async () => {
    const member = await open(diskWith());
    const given = AbortSignal.abort(new Error('too late'));
    await assert.rejects(member.propose(numbered(1), given), failsWith('aborted'));
    const giver = new AbortController();
    const proposed = member.propose(numbered(2), giver.signal);
    giver.abort(new Error('gave up'));
    await assert.rejects(proposed, failsWith('aborted'));
    const { token } = await member.propose(numbered(3), PATIENT);
    assert.equal(token.index, 2);
    assert.deepEqual(Object.keys(member.readState().nodes), ['node-3']);
    await member.stop();
  });

  it('lets a proposer go whose command is being written, and says that it may be committed', async () => {
    const giver = new AbortController();
    const disk = diskWith();
    const member = await open(disk, { waitingMax: 1 });
    const hang = Promise.withResolvers<undefined>();
    disk.stall = hang.promise;
    const before = disk.operations;
    const proposed = member.propose(numbered(1), giver.signal);
    await pollUntil('the disk is at work', 5_000, () => disk.operations > before);
    giver.abort();
    await assert.rejects(proposed, /may still be committed/);
    await assert.rejects(member.propose(numbered(2), PATIENT), failsWith('overloaded'));
    hang.resolve(undefined);
    await pollUntil('it is applied', 5_000, () => member.status().appliedIndex === 2);
    await member.propose(numbered(2), PATIENT);
    await member.stop();
  });

  it('refuses a command that could not be read back, and logs nothing of it', async () => {
    const member = await open(diskWith());
    const bad: Command = {
      kind: 'finish_action',
      key: 'k',
      atMs: AT_MS,
      workloadId: 'w',
      decisionId: 'd',
      outcome: 'failed',
      readyReplicas: Number.NaN,
    };
    await assert.rejects(member.propose(bad, PATIENT), /command\.readyReplicas: null/);
    await assert.rejects(member.propose({ ...numbered(1), key: '' }, PATIENT), /1 to 128/);
    assert.equal(member.status().commitIndex, 1);
    await member.stop();
  });

  it('applies what was logged, whatever the proposer does to the command afterwards', async () => {
    const member = await open(diskWith());
    const mutable = registration('a');
    const proposed = member.propose(
      { kind: 'register_node', key: 'k', atMs: AT_MS, registration: mutable },
      PATIENT,
    );
    Object.assign(mutable, { hostname: 'changed' });
    await proposed;
    assert.equal(member.readState().nodes['a']?.registration.hostname, 'a');
    await member.stop();
  });

  for (const kind of ['ENOSPC', 'EIO'] as const) {
    it(`fails closed on ${kind}: nothing is acknowledged, it leads no more, and says why`, async () => {
      const healthy = diskWith();
      const first = await open(healthy);
      const before = healthy.operations;
      await first.stop();
      for (const step of [1, 2]) {
        const disk = diskWith({ kind, atOperation: before + step });
        const member = await open(disk);
        const waiting = [1, 2, 3].map((number) => member.propose(numbered(number), PATIENT));
        for (const one of waiting) await assert.rejects(one, failsWith('storage_failed'));
        await assert.rejects(member.propose(numbered(4), PATIENT), failsWith('storage_failed'));
        assert.match(member.failure() ?? '', new RegExp(`member m1 has failed: .*${kind}`));
        assert.deepEqual(member.status().leadership, { kind: 'follower', term: 1, leaderId: null });
        assert.equal(member.status().appliedIndex, 1);
        await member.stop();
        assert.match(member.failure() ?? '', new RegExp(kind));
        await (await open(disk.afterPowerFailure())).stop();
      }
    });
  }

  it('fails closed when a snapshot cannot be written', async () => {
    const healthy = diskWith();
    const first = await open(healthy);
    for (let number = 0; number < 3; number += 1) await first.propose(numbered(number), PATIENT);
    const disk = diskWith({ kind: 'ENOSPC', atOperation: healthy.operations + 1 });
    await first.stop();
    const member = await open(disk, { snapshotEveryEntries: 4 });
    for (let number = 0; number < 3; number += 1) await member.propose(numbered(number), PATIENT);
    await pollUntil('the failure', 5_000, () => member.failure() !== null);
    await assert.rejects(member.propose(numbered(9), PATIENT), failsWith('storage_failed'));
    await member.stop();
  });

  it('finishes what is being written when it stops, and refuses what waits behind it', async () => {
    const disk = diskWith();
    const member = await open(disk, { batchEntriesMax: 1 });
    const hang = Promise.withResolvers<undefined>();
    disk.stall = hang.promise;
    const before = disk.operations;
    const first = member.propose(numbered(1), PATIENT);
    const second = assert.rejects(member.propose(numbered(2), PATIENT), failsWith('aborted'));
    await pollUntil('the disk is at work', 5_000, () => disk.operations > before);
    const stopped = member.stop();
    hang.resolve(undefined);
    await stopped;
    const committed: Committed = await first;
    assert.equal(committed.token.index, 2);
    await second;
    await assert.rejects(member.propose(numbered(3), PATIENT), failsWith('aborted'));
    await member.stop();
  });
});
