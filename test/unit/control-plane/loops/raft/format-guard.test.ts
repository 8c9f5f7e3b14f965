import assert from 'node:assert/strict';
import { formatNotRead } from '../../../../../control-plane/loops/raft/format-guard.ts';
import type { Command } from '../../../../../control-plane/model/command.ts';
import type { Configuration, MemberId } from '../../../../../control-plane/model/configuration.ts';
import { ConsensusError } from '../../../../../control-plane/ports/consensus.ts';
import { FORMAT_MAX, raiseFor } from '../../../../../control-plane/state/format.ts';
import { numbered } from '../../../../support/log-commands.ts';
import { MemoryCluster, PATIENT, idOf } from '../../../../support/raft-member-cluster.ts';

const THREE: Configuration = {
  voters: ['m1', 'm2', 'm3'],
  outgoing: [],
  learners: [],
  addresses: {},
};

function raise(formatVersion: number): Command {
  return { kind: 'raise_format', key: `raise-format/${formatVersion}`, atMs: 1, formatVersion };
}

interface Case {
  readonly told?: Readonly<Record<MemberId, number | null>>;
  readonly configuration?: Partial<Configuration>;
  readonly formatInForce?: number;
  readonly command?: Command;
}

/** Why it is refused, in words; null when it is not. Who is not named reads format 3. */
function refusal({ told = {}, configuration = {}, ...more }: Case): string | null {
  const error = formatNotRead(more.command ?? raise(3), {
    formatInForce: more.formatInForce ?? 2,
    configuration: { ...THREE, ...configuration },
    formatMax: (id) => (Object.hasOwn(told, id) ? (told[id] ?? null) : 3),
  });
  assert.equal(error?.failure ?? 'format_not_read', 'format_not_read');
  return error?.message ?? null;
}

describe('the guard of formats', () => {
  it('lets a format into force that every member reads', () => {
    assert.equal(refusal({}), null);
    assert.equal(refusal({ told: { m2: 4 } }), null);
  });

  it('refuses one that a member does not read, and names the member and what to do', () => {
    const said = refusal({ told: { m2: 2 } });
    assert.match(said ?? '', /Of an older version: m2 reads up to 2; upgrade them first/);
    assert.doesNotMatch(said ?? '', /m1|m3|Not heard of/);
  });

  it('refuses while a member was not heard of, and names it', () => {
    const said = refusal({ told: { m1: 2, m2: 1, m3: null } });
    assert.match(said ?? '', /m1 reads up to 2, m2 reads up to 1;/);
    assert.match(said ?? '', /Not heard of yet: m3; start them, or remove them/);
  });

  it('asks learners, and both halves of a joint configuration', () => {
    const told = { m4: 2 };
    assert.equal(refusal({ told }), null, 'm4 is no member');
    for (const part of ['learners', 'outgoing', 'voters'] as const) {
      assert.match(refusal({ told, configuration: { [part]: ['m4'] } }) ?? '', /m4/, part);
    }
  });

  it('asks nobody for what is in force, what a leader raises unasked, and other commands', () => {
    const told = { m2: 1, m3: null };
    assert.equal(refusal({ told, formatInForce: 3 }), null);
    assert.equal(refusal({ told, formatInForce: 1, command: raise(2) }), null);
    assert.equal(refusal({ told, command: numbered(1) }), null);
  });
});

describe('members of a group of two versions', () => {
  const cluster = new MemoryCluster(['m1', 'm2', 'm3']);

  before(() => cluster.startAll());
  after(() => cluster.stopAll());

  const refuses = (told: RegExp) => (error: unknown) =>
    error instanceof ConsensusError &&
    error.failure === 'format_not_read' &&
    told.test(error.message);

  it('refuse the format at the leader, at a follower and to a client, and go on', async () => {
    const leader = await cluster.leader();
    const follower = await cluster.follower();
    // Of itself it knows that it reads it: its proposal is refused by the leader.
    const older = idOf(follower);
    cluster.network.formats.set(older, 2);
    const { lastIndex } = leader.status();
    await assert.rejects(leader.propose(raise(3), PATIENT), refuses(new RegExp(older)));
    await assert.rejects(follower.propose(raise(3), PATIENT), refuses(new RegExp(older)));
    const payload = Buffer.from(JSON.stringify({ ...raise(3), format: 3 }));
    const answer = await cluster.network.ask(idOf(leader), payload, PATIENT);
    assert.match(Buffer.from(answer).toString(), /^\{"failure":"format_not_read"/);
    // What a leader does not read is not even carried to it.
    const { requests } = cluster.network;
    cluster.network.formats.set(idOf(leader), 2);
    const notCarried = refuses(new RegExp(`${idOf(leader)} reads up to 2`));
    await assert.rejects(follower.propose(raise(3), PATIENT), notCarried);
    cluster.network.formats.delete(idOf(leader));
    assert.equal(cluster.network.requests, requests);
    assert.equal(leader.status().lastIndex, lastIndex, 'nothing was written');
    assert.equal(leader.readState().formatVersion, 1);
    await follower.propose(numbered(1), PATIENT);
    const seen = leader.members().map(({ memberId, formatMax }) => [memberId, formatMax]);
    assert.deepEqual(
      seen,
      ['m1', 'm2', 'm3'].map((id) => [id, id === older ? 2 : FORMAT_MAX]),
    );
  });

  it('put it in force once all have told that they read it', async () => {
    const leader = await cluster.leader();
    const follower = await cluster.follower();
    const unheard = idOf(follower);
    cluster.network.formats.clear();
    cluster.network.formats.set(unheard, null);
    const away = refuses(new RegExp(`Not heard of yet: ${unheard}`));
    await assert.rejects(leader.propose(raise(3), PATIENT), away);
    cluster.network.formats.clear();
    await follower.propose(raise(3), PATIENT);
    assert.equal(leader.readState().formatVersion, 3);
  });

  it('are sent nothing of format 4 while one reads up to 3; what all read goes on', async () => {
    const leader = await cluster.leader();
    const follower = await cluster.follower();
    const older = idOf(follower);
    cluster.network.formats.set(older, 3);
    const pause = { direction: 'in', sinceMs: 1, untilMs: null, note: '' } as const;
    const head = { key: 'pause', atMs: 1, workloadId: 'w' };
    const command: Command = { ...head, kind: 'set_pause', pause };
    const first = raiseFor(leader.readState(), command);
    assert(first?.kind === 'raise_format' && first.formatVersion === 4);
    const { lastIndex } = leader.status();
    const told = refuses(new RegExp(`needs format 4 .* ${older} reads up to 3; upgrade`));
    await assert.rejects(leader.propose(first, PATIENT), told);
    assert.equal(leader.status().lastIndex, lastIndex, 'nothing was written');
    await leader.propose(numbered(2), PATIENT);
    cluster.network.formats.clear();
    await leader.propose(first, PATIENT);
    const { result } = await leader.propose(command, PATIENT);
    assert.equal(result.kind === 'refused' && result.refusal, 'workload_not_found');
  });

  it('need nobody else where a member runs alone', async () => {
    const alone = new MemoryCluster(['m1'], { transport: null });
    await alone.startAll();
    try {
      const sole = alone.member('m1');
      await sole.propose(raise(3), PATIENT);
      assert.equal(sole.readState().formatVersion, 3);
      assert.deepEqual(
        sole.members().map(({ formatMax }) => formatMax),
        [FORMAT_MAX],
      );
    } finally {
      await alone.stopAll();
    }
  });
});
