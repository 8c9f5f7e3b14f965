import assert from 'node:assert/strict';
import type { MessageOf, RaftMessage } from '../../../../control-plane/model/raft-message.ts';
import type { Core } from '../../../../control-plane/raft/core.ts';
import { takeAppend, takeChunk, takeHeartbeat } from '../../../../control-plane/raft/follower.ts';
import { IncomingSnapshot } from '../../../../control-plane/raft/incoming-snapshot.ts';
import { configurationOf, coreOf, entriesOf, messageOf } from '../../../support/raft-core.ts';

const ABC = configurationOf('a b c');

function append(
  previousIndex: number,
  previousTerm: number,
  terms: readonly number[],
  commitIndex = 0,
): MessageOf<'append'> {
  const entries = entriesOf(previousIndex + 1, terms);
  return messageOf(9, { kind: 'append', previousIndex, previousTerm, entries, commitIndex });
}

function chunk(index: number, snapshotTerm: number, text = 'x'): MessageOf<'snapshot_chunk'> {
  const bytes = new TextEncoder().encode(text);
  const place = { index, snapshotTerm, configuration: configurationOf('a b d') };
  return messageOf(9, {
    kind: 'snapshot_chunk',
    ...place,
    offset: 0,
    bytes,
    totalBytes: bytes.length,
  });
}

function terms({ log }: Core): readonly (number | null)[] {
  const { firstIndex, lastIndex } = log;
  return Array.from({ length: lastIndex - firstIndex + 1 }, (_, at) => log.termAt(firstIndex + at));
}

/** Makes everything durable, and gives what may be told then. */
function synced(core: Core): readonly RaftMessage[] {
  const before = core.outbox.takeMessages();
  const change = core.outbox.takeChange(0, core.log.lastIndex);
  const installed = change === null ? null : core.outbox.persisted(change.sequence);
  if (installed !== null) core.installed(installed);
  return [...before, ...core.outbox.takeMessages()];
}

function matchOf(core: Core): readonly (number | null)[] {
  return synced(core).map((one) => (one.kind === 'append_reply' ? one.matchIndex : -1));
}

describe('takeAppend', () => {
  it('5.3: refuses entries behind one that it does not have, with where the logs may be equal', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1, 4]) });
    takeAppend(core, append(7, 5, [5]));
    const [reply] = core.outbox.takeMessages();
    assert(reply?.kind === 'append_reply');
    const { matchIndex, previousIndex, hintIndex, hintTerm } = reply;
    assert.deepEqual([matchIndex, previousIndex, hintIndex, hintTerm], [null, 7, 3, 4]);
    assert.deepEqual(terms(core), [1, 1, 4]);
  });

  it('5.3: skips all of a term that the leader cannot have there', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1, 4, 4, 4]) });
    takeAppend(core, append(5, 3, [5]));
    const [reply] = core.outbox.takeMessages();
    assert(reply?.kind === 'append_reply');
    assert.deepEqual([reply.hintIndex, reply.hintTerm], [2, 1]);
  });

  it('5.3: hints at nothing behind the place that was asked about', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1, 2, 2, 2]) });
    takeAppend(core, append(3, 3, [5]));
    const [reply] = core.outbox.takeMessages();
    assert(reply?.kind === 'append_reply');
    assert.deepEqual([reply.hintIndex, reply.hintTerm], [3, 2]);
  });

  it('5.3: an entry that differs gives way, with all behind it', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1, 2, 2, 2]) });
    takeAppend(core, append(2, 1, [3]));
    assert.deepEqual(terms(core), [1, 1, 3]);
    assert.deepEqual(matchOf(core), [3]);
  });

  it('5.3: a late, short append cuts off nothing, and is acknowledged as far as it goes', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1, 2, 2, 2]) });
    takeAppend(core, append(1, 1, [1, 2]));
    assert.deepEqual(terms(core), [1, 1, 2, 2, 2]);
    assert.deepEqual(matchOf(core), [3]);
  });

  it('5.3: takes over only what is new of an append that overlaps', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1]) });
    takeAppend(core, append(1, 1, [1, 2, 2]));
    assert.deepEqual(terms(core), [1, 1, 2, 2]);
    const change = core.outbox.takeChange(0, core.log.lastIndex);
    assert(change !== null);
    assert.equal(change.truncateFrom, null);
    assert.deepEqual(
      change.entries.map(({ index }) => index),
      [3, 4],
    );
  });

  it('figure 2: commits no further than what the append has compared', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1, 2, 2]) });
    takeAppend(core, append(1, 1, [1], 9));
    assert.equal(core.commitIndex, 2);
    takeAppend(core, append(2, 1, [2], 1));
    assert.equal(core.commitIndex, 2);
    takeAppend(core, append(2, 1, [2, 2], 3));
    assert.equal(core.commitIndex, 3);
  });

  it('figure 2: acknowledges nothing before it is durable', () => {
    const core = coreOf();
    takeAppend(core, append(0, 0, [9]));
    assert.deepEqual(core.outbox.takeMessages(), []);
    assert.deepEqual(matchOf(core), [1]);
  });

  it('7: answers an append below what it has compacted with all that is committed', () => {
    const snapshot = { index: 5, term: 2, configuration: ABC };
    const core = coreOf({ snapshot, entries: entriesOf(6, [2, 2]) });
    takeAppend(core, append(3, 1, [2, 2, 2]));
    assert.deepEqual(matchOf(core), [5]);
    assert.deepEqual(terms(core), [2, 2]);
  });

  it('never gives up what is committed, whatever it is told', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1, 2]) });
    core.commitTo(3);
    takeAppend(core, append(1, 2, [3]));
    takeAppend(core, append(1, 1, [3]));
    takeAppend(core, append(2, 1, [3]));
    assert.deepEqual(terms(core), [1, 1, 2]);
    assert.deepEqual(core.outbox.takeMessages(), []);
    assert.equal(core.events.filter(({ kind }) => kind === 'message_ignored').length, 3);
  });

  it('ignores entries with a gap, with terms that go down, above the term, or unreadable', () => {
    const core = coreOf();
    const [one, two] = entriesOf(1, [1, 1]);
    assert(one !== undefined && two !== undefined);
    const bad = [
      { ...append(0, 0, []), entries: [two] },
      { ...append(0, 0, []), entries: [one, { ...two, index: 3 }] },
      { ...append(0, 0, []), entries: [{ ...one, term: 2 }, two] },
      { ...append(0, 0, []), entries: [{ ...one, term: 10 }] },
      { ...append(0, 0, []), entries: [{ ...one, type: 'configuration' as const }] },
    ];
    for (const message of bad) takeAppend(core, message);
    assert.equal(core.log.lastIndex, 0);
    assert.equal(core.events.filter(({ kind }) => kind === 'message_ignored').length, bad.length);
  });
});

describe('takeHeartbeat', () => {
  it('commits what it is told, and answers a round at once, whatever the disk does', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1]) });
    core.append(entriesOf(3, [1]));
    takeHeartbeat(core, messageOf(9, { kind: 'heartbeat', commitIndex: 2, round: 7 }));
    assert.equal(core.commitIndex, 2);
    const [reply] = core.outbox.takeMessages();
    assert(reply?.kind === 'heartbeat_reply');
    assert.deepEqual([reply.round, reply.lastIndex], [7, 2]);
  });

  it('does not answer round 0, which only tells a commit index', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1]) });
    takeHeartbeat(core, messageOf(9, { kind: 'heartbeat', commitIndex: 9, round: 0 }));
    assert.equal(core.commitIndex, 2);
    assert.deepEqual(core.outbox.takeMessages(), []);
  });
});

describe('takeChunk', () => {
  it('7: installs a snapshot of entries that it does not have, and tells it when that is durable', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1, 1]) });
    const staged = takeChunk(core, new IncomingSnapshot(), chunk(20, 4));
    assert.deepEqual([staged?.index, staged?.offset], [20, 0]);
    assert.deepEqual([core.log.firstIndex, core.log.lastIndex, core.commitIndex], [21, 20, 20]);
    assert.deepEqual(core.configuration, configurationOf('a b d'));
    assert.deepEqual(core.outbox.takeMessages(), []);
    assert.deepEqual(matchOf(core), [20]);
    assert.equal(core.takeReady(0, []).restore?.index, 20);
  });

  it('7: a snapshot whose last entry differs from the log’s replaces the log', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1, 1, 1]) });
    takeChunk(core, new IncomingSnapshot(), chunk(3, 4));
    assert.deepEqual([core.log.lastIndex, core.log.lastTerm], [3, 4]);
  });

  it('7: with the snapshot’s last entry it keeps its log, and only commits', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1, 4, 4, 4]) });
    assert.equal(takeChunk(core, new IncomingSnapshot(), chunk(3, 4)), null);
    assert.equal(core.commitIndex, 3);
    assert.deepEqual(terms(core), [1, 1, 4, 4, 4]);
    assert.deepEqual(matchOf(core), [3]);
  });

  it('7: a snapshot below what is committed changes nothing, and is answered', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1, 1]) });
    core.commitTo(3);
    assert.equal(takeChunk(core, new IncomingSnapshot(), chunk(2, 1)), null);
    assert.equal(takeChunk(core, new IncomingSnapshot(), chunk(3, 4)), null);
    assert.deepEqual(terms(core), [1, 1, 1]);
    assert.deepEqual(matchOf(core), [3, 3]);
  });

  it('7: asks for the next chunk, and for the one that was missed', () => {
    const core = coreOf();
    const incoming = new IncomingSnapshot();
    const half = { ...chunk(20, 4, 'half'), totalBytes: 8 };
    assert.equal(takeChunk(core, incoming, half)?.bytes.length, 4);
    assert.equal(takeChunk(core, incoming, { ...half, offset: 6 }), null);
    const offsets = core.outbox
      .takeMessages()
      .map((one) => (one.kind === 'snapshot_reply' ? one.nextOffset : -1));
    assert.deepEqual(offsets, [4, 4]);
    assert.equal(core.log.lastIndex, 0);
  });

  it('7: stages nothing while a snapshot waits for the disk to be installed', () => {
    const core = coreOf();
    const incoming = new IncomingSnapshot();
    takeChunk(core, incoming, chunk(20, 4));
    assert.equal(takeChunk(core, incoming, chunk(30, 4)), null);
    assert.equal(core.log.lastIndex, 20);
    assert.deepEqual(matchOf(core), [20]);
    assert.equal(takeChunk(core, incoming, chunk(30, 4))?.index, 30);
  });

  it('7: hands out nothing to apply until the state is to be restored from it', () => {
    const core = coreOf({ entries: entriesOf(1, [1, 1, 1]) });
    takeChunk(core, new IncomingSnapshot(), chunk(20, 4));
    core.append(entriesOf(21, [9]));
    core.commitTo(21);
    assert.deepEqual(core.takeReady(0, []).committed, []);
    core.outbox.persisted(1);
    assert(core.snapshot !== null);
    core.installed(core.snapshot);
    const ready = core.takeReady(0, []);
    assert.equal(ready.restore?.index, 20);
    assert.deepEqual(
      ready.committed.map(({ index }) => index),
      [21],
    );
  });
});
