import assert from 'node:assert/strict';
import type { Core } from '../../../../control-plane/raft/core.ts';
import { Progress } from '../../../../control-plane/raft/progress.ts';
import type { ChunkWanted } from '../../../../control-plane/raft/ready.ts';
import {
  dueChunk,
  sendChunk,
  takeSnapshotReply,
} from '../../../../control-plane/raft/snapshot-sender.ts';
import { configurationOf, coreOf, messageOf, ofKind } from '../../../support/raft-core.ts';

const TIMEOUT_MS = 600;
const CHUNK = { bytes: new Uint8Array(4), totalBytes: 8 };

/** A leader whose follower b gets its snapshot of 20. */
class Sending {
  readonly core: Core = coreOf({
    snapshot: { index: 20, term: 3, configuration: configurationOf('a b c') },
    options: { snapshotChunkBytes: 4 },
  });
  readonly progress = new Progress('b', 1);
  readonly transfer = this.progress.startSnapshot(20);

  due(nowMs: number): ChunkWanted | null {
    return dueChunk(this.core, this.progress, nowMs, TIMEOUT_MS);
  }

  send(offset: number, index = 20, chunk: typeof CHUNK | null = CHUNK): readonly number[] {
    sendChunk(this.core, this.progress, { index, offset, chunk }, 1_000);
    return ofKind(this.core.outbox.takeMessages(), 'snapshot_chunk').map((one) => one.offset);
  }

  reply(nextOffset: number, index = 20): void {
    takeSnapshotReply(this.progress, messageOf(3, { kind: 'snapshot_reply', index, nextOffset }));
  }
}

describe('a snapshot that is sent', () => {
  it('7: is asked for chunk by chunk, each when the one before has been answered', () => {
    const sending = new Sending();
    assert.deepEqual(sending.due(0), { to: 'b', index: 20, offset: 0, lengthMax: 4 });
    assert.equal(sending.due(1), null);
    assert.deepEqual(sending.send(0), [0]);
    sending.reply(4);
    assert.equal(sending.due(2)?.offset, 4);
  });

  it('7: a chunk whose answer is overdue is asked for again', () => {
    const sending = new Sending();
    sending.due(0);
    assert.equal(sending.due(TIMEOUT_MS - 1), null);
    assert.equal(sending.due(TIMEOUT_MS)?.offset, 0);
  });

  it('7: begins anew when all of it was staged and its installation is not told', () => {
    const sending = new Sending();
    sending.due(0);
    sending.send(0);
    sending.reply(8);
    assert.equal(sending.due(1)?.offset, 0);
  });

  it('7: goes on where the follower is, also back, and ignores what it knows', () => {
    const sending = new Sending();
    sending.due(0);
    sending.reply(4);
    sending.due(1);
    sending.reply(4);
    assert.equal(sending.due(2), null);
    sending.reply(0);
    assert.equal(sending.due(3)?.offset, 0);
    sending.reply(4, 19);
    assert.equal(sending.due(4), null);
  });

  it('7: sends no bytes that were read for another place, or another snapshot', () => {
    const sending = new Sending();
    sending.due(0);
    assert.deepEqual(sending.send(4), []);
    assert.deepEqual(sending.send(0, 19), []);
    sending.progress.acknowledged(20);
    assert.deepEqual(sending.send(0), []);
  });

  it('7: begins with the newer one when its own was replaced, at once', () => {
    const sending = new Sending();
    sending.due(0);
    sending.core.snapshot = { index: 30, term: 3, configuration: configurationOf('a b') };
    assert.deepEqual(sending.send(0, 20, null), []);
    assert.deepEqual(sending.due(1), { to: 'b', index: 30, offset: 0, lengthMax: 4 });
  });

  it('7: tells of the snapshot what it is of', () => {
    const sending = new Sending();
    sending.due(0);
    sendChunk(sending.core, sending.progress, { index: 20, offset: 0, chunk: CHUNK }, 0);
    const [sent] = ofKind(sending.core.outbox.takeMessages(), 'snapshot_chunk');
    assert.deepEqual(
      [sent?.to, sent?.index, sent?.snapshotTerm, sent?.totalBytes, sent?.configuration],
      ['b', 20, 3, 8, configurationOf('a b c')],
    );
  });
});
