import assert from 'node:assert/strict';
import { proposeDocuments } from '../../../../control-plane/loops/documents.ts';
import type { Command } from '../../../../control-plane/model/command.ts';
import { ConsensusError } from '../../../../control-plane/ports/consensus.ts';
import { createMemoryConsensus } from '../../../support/http-fakes.ts';
import { workload } from '../../../support/log-commands.ts';
import { dockerWorkload } from '../../../support/docker-workload.ts';
import { policy } from '../../../support/scale-input.ts';
import { never } from '../../../support/scale-plane.ts';

const clock = { nowMs: () => 1_000, monotonicMs: () => 0 };
const signal = new AbortController().signal;

describe('documents at start', () => {
  const documents = {
    workloads: [workload('w')],
    policies: [policy()],
  };

  it('puts workloads before the policies that need them', async () => {
    const consensus = createMemoryConsensus();
    await proposeDocuments(documents, consensus, clock, 1_000, signal);
    const state = consensus.readState();
    assert.deepEqual(Object.keys(state.workloads), ['w']);
    assert.deepEqual(Object.keys(state.policies), ['p']);
  });

  it('changes nothing when they are there already, also with a clock that stands still', async () => {
    const consensus = createMemoryConsensus();
    await proposeDocuments(documents, consensus, clock, 1_000, signal);
    await proposeDocuments(documents, consensus, clock, 1_000, signal);
    assert.equal(consensus.readState().workloads['w']?.version, 1);
    const changed = { ...documents, policies: [policy({ replicasMax: 5 })] };
    await proposeDocuments(changed, consensus, clock, 1_000, signal);
    assert.equal(consensus.readState().policies['p']?.policy.replicasMax, 5);
  });

  it('takes more documents than are proposed together', async () => {
    const consensus = createMemoryConsensus();
    const workloads = Array.from({ length: 600 }, (_, at) => workload(`w${at}`));
    await proposeDocuments({ workloads, policies: [] }, consensus, clock, 5_000, signal);
    assert.equal(Object.keys(consensus.readState().workloads).length, 600);
  });

  it('names every document that is refused', async () => {
    const consensus = createMemoryConsensus();
    const policies = ['one', 'two'].map((id) => policy({ id, workloadId: `no-${id}` }));
    await assert.rejects(
      proposeDocuments({ workloads: [], policies }, consensus, clock, 1_000, signal),
      (error: Error) => {
        assert.equal(error.name, 'DocumentsRefusedError');
        assert.match(error.message, /policy one: .*no-one.*\n.*policy two: .*no-two/);
        return true;
      },
    );
  });

  it('raises the format first for a workload that needs a later one', async () => {
    const consensus = createMemoryConsensus();
    const workloads = [dockerWorkload('contained')];
    await proposeDocuments({ workloads, policies: [] }, consensus, clock, 1_000, signal);
    const { formatVersion, workloads: known } = consensus.readState();
    assert.equal(formatVersion, 3);
    assert.equal(known['contained']?.workload.target.kind, 'docker');
  });

  it('proposes none while a member does not read the format that one of them needs', async () => {
    const memory = createMemoryConsensus();
    const refusal = new ConsensusError('format_not_read', 'm3 reads up to 2');
    const consensus = {
      ...memory,
      propose: (command: Command, given: AbortSignal) =>
        command.kind === 'raise_format' ? Promise.reject(refusal) : memory.propose(command, given),
    };
    // More than are proposed together, and the one that needs it is the last.
    const plain = Array.from({ length: 300 }, (_, at) => workload(`w${at}`));
    const workloads = [...plain, dockerWorkload('contained')];
    await assert.rejects(
      proposeDocuments({ workloads, policies: [] }, consensus, clock, 1_000, signal),
      refusal,
    );
    assert.equal(memory.proposed(), 0);
  });

  it('gives up on a log that does not answer', async () => {
    const consensus = { ...createMemoryConsensus(), propose: () => never<never>() };
    await assert.rejects(proposeDocuments(documents, consensus, clock, 20, signal), {
      name: 'DeadlineError',
    });
  });
});
