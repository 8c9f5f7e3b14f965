import assert from 'node:assert/strict';
import { tellProposal, tellRead } from '../../../../../control-plane/loops/raft/ending.ts';
import { ConsensusError } from '../../../../../control-plane/ports/consensus.ts';

describe('how work for the group ended', () => {
  let told: unknown[] = [];
  let nowMs = 1_000;
  const settings = {
    observer: {
      onReadEnded: (outcome: string, seconds: number) => void told.push([outcome, seconds]),
      onProposalRefused: (failure: string) => void told.push(failure),
    },
    monotonicMs: () => nowMs,
  };

  beforeEach(() => {
    told = [];
  });

  function failing(error: Error): () => Promise<never> {
    return () => {
      nowMs += 40;
      return Promise.reject(error);
    };
  }

  it('is told of a read with its duration when it was done', async () => {
    const read = (): Promise<number> => Promise.resolve((nowMs += 250));
    await tellRead(settings, read);
    assert.deepEqual(told, [['ok', 0.25]]);
  });

  it('is told with the failure of the group, which is thrown on', async () => {
    const failed = new ConsensusError('overloaded', 'too many');
    await assert.rejects(tellRead(settings, failing(failed)), failed);
    await assert.rejects(tellProposal(settings, failing(failed)), failed);
    assert.deepEqual(told, [['overloaded', 0.04], 'overloaded']);
  });

  it('is not told of a proposal that was committed', async () => {
    assert.equal(await tellProposal(settings, () => Promise.resolve(7)), 7);
    assert.deepEqual(told, []);
  });

  it('is not told when something else went wrong', async () => {
    const bug = new TypeError('a bug');
    await assert.rejects(tellRead(settings, failing(bug)), bug);
    await assert.rejects(tellProposal(settings, failing(bug)), bug);
    assert.deepEqual(told, []);
  });
});
