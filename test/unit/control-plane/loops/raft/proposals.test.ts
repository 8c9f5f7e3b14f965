import assert from 'node:assert/strict';
import { encodeCommand } from '../../../../../control-plane/loops/raft/command-codec.ts';
import { Proposals } from '../../../../../control-plane/loops/raft/proposals.ts';
import { numbered } from '../../../../support/log-commands.ts';
import { PATIENT } from '../../../../support/raft-member-cluster.ts';

describe('proposals', () => {
  it('are told that their fate is unknown when nobody will say what became of their entries', async () => {
    const proposals = new Proposals({
      waitingMax: 10,
      waitingBytesMax: 1_000_000,
      batchEntriesMax: 10,
      batchBytesMax: 1_000_000,
    });
    const add = (number: number) =>
      proposals.add({
        ...encodeCommand(numbered(number)),
        origin: 'here',
        proposedAtMs: 0,
        trace: null,
        signal: PATIENT,
      });
    const [committed, beyond] = [add(1), add(2)];
    proposals.place(proposals.takeBatch(), 1, 7);
    proposals.rejectPlacedBeyond(7);
    await assert.rejects(beyond, { failure: 'not_leader', message: /may or may not/ });
    const answer = {
      token: { term: 1, index: 7 },
      result: { kind: 'applied', version: 0, repeated: false },
    } as const;
    proposals.takePlaced(7, 1)?.resolve(answer);
    assert.deepEqual(await committed, answer);
    assert.equal(proposals.placedCount, 0);
  });
});
