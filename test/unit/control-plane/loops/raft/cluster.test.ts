import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { encodeCommand } from '../../../../../control-plane/loops/raft/command-codec.ts';
import type { Committed } from '../../../../../control-plane/model/command.ts';
import { ConsensusError } from '../../../../../control-plane/ports/consensus.ts';
import type { ConsensusFailure } from '../../../../../control-plane/model/consensus-failure.ts';
import { MembershipError } from '../../../../../control-plane/ports/membership.ts';
import type { RaftEvent } from '../../../../../control-plane/raft/ready.ts';
import { canonicalState } from '../../../../../control-plane/state/snapshot.ts';
import { numbered } from '../../../../support/log-commands.ts';
import { pollUntil } from '../../../../support/process.ts';
import {
  MemoryCluster,
  PATIENT,
  addressOf,
  idOf,
} from '../../../../support/raft-member-cluster.ts';

const NOTHING = { add: [], promote: [], remove: [] };

function failsWith(failure: ConsensusFailure): (error: unknown) => boolean {
  return (error) => error instanceof ConsensusError && error.failure === failure;
}

function refusedAs(refusal: string, message = /./): (error: unknown) => boolean {
  return (error) =>
    error instanceof MembershipError && error.refusal === refusal && message.test(error.message);
}

async function settled(cluster: MemoryCluster, ids = [...cluster.members.keys()]): Promise<void> {
  await pollUntil('all have the same state', 5_000, () => {
    const members = ids.map((id) => cluster.member(id));
    const indexes = new Set(members.map((member) => member.status().appliedIndex));
    return indexes.size === 1;
  });
  const states = new Set(ids.map((id) => canonicalState(cluster.member(id).readState())));
  assert.equal(states.size, 1);
}

describe('members of a group', () => {
  let cluster = new MemoryCluster([]);
  const three = async (options: ConstructorParameters<typeof MemoryCluster>[1] = {}) => {
    cluster = new MemoryCluster(['m1', 'm2', 'm3'], options);
    await cluster.startAll();
    return cluster.leader();
  };

  afterEach(async () => {
    await cluster.stopAll();
  });

  it('elect one leader, and only it has a lease', async () => {
    const leader = await three();
    const holders = [...cluster.members.values()].filter((one) => one.leaseTerm() !== null);
    assert.deepEqual(holders, [leader]);
    assert.equal(leader.leaseTerm(), leader.status().leadership.term);
  });

  it('commit what is proposed at the leader, and all apply it', async () => {
    const leader = await three();
    const commands = Array.from({ length: 200 }, (_, number) => numbered(number));
    const committed = await Promise.all(commands.map((one) => leader.propose(one, PATIENT)));
    const indexes = committed.map(({ token }) => token.index);
    assert.deepEqual(
      indexes,
      indexes.map((_, at) => (indexes[0] ?? 0) + at),
    );
    await settled(cluster);
  });

  it('share append messages among the commands of one turn', async () => {
    const leader = await three();
    const follower = await cluster.follower();
    await settled(cluster);
    cluster.network.sent.length = 0;
    await Promise.all(
      Array.from({ length: 100 }, (_, number) => leader.propose(numbered(number), PATIENT)),
    );
    const appends = cluster.network.sent.filter(
      (message) =>
        message.kind === 'append' && message.to === idOf(follower) && message.entries.length > 0,
    );
    assert.equal(appends.length, 1);
  });

  it('forward what is proposed at a follower, which has applied it when it answers', async () => {
    await three();
    const follower = await cluster.follower();
    const { token, result } = await follower.propose(numbered(7), PATIENT);
    assert.equal(result.kind, 'applied');
    assert.equal(follower.readState().nodes['node-7']?.registration.hostname, 'host-7');
    assert(follower.status().appliedIndex >= token.index);
  });

  it('answer a client of the leader in JSON, and refuse one of a follower', async () => {
    const leader = await three();
    const follower = await cluster.follower();
    const { payload } = encodeCommand(numbered(1));
    const answer = await cluster.network.ask(idOf(leader), payload, PATIENT);
    const committed = JSON.parse(Buffer.from(answer).toString()) as Committed;
    assert.deepEqual(committed.result, { kind: 'applied', version: 0, repeated: false });
    const refusal = await cluster.network.ask(idOf(follower), payload, PATIENT);
    const { failure, message } = JSON.parse(Buffer.from(refusal).toString()) as {
      failure: string;
      message: string;
    };
    assert.equal(failure, 'not_leader');
    assert.match(message, new RegExp(idOf(leader)));
    assert.equal(cluster.network.requests, 0, 'it is not carried on');
  });

  it('reject a request that is not understood, and go on', async () => {
    const leader = await three();
    const garbage = [
      'no json',
      '{}',
      '{"type":"unknown"}',
      '{"type":"transfer","to":"no such id!"}',
      '{"type":"change","change":{"add":[],"promote":[]}}',
      '{"kind":"set_mode","key":"k","atMs":1,"mode":"act","more":1}',
    ];
    for (const payload of garbage) {
      await assert.rejects(cluster.network.ask(idOf(leader), Buffer.from(payload), PATIENT));
    }
    await leader.propose(numbered(1), PATIENT);
  });

  it('let another lead when the leader has gone, and lose nothing', async () => {
    const leader = await three();
    await leader.propose(numbered(1), PATIENT);
    const { term } = leader.status().leadership;
    await cluster.kill(idOf(leader));
    const next = await cluster.leader();
    assert((next.leaseTerm() ?? 0) > term);
    const { result } = await next.propose(numbered(1), PATIENT);
    assert(result.kind === 'applied' && result.repeated);
    await cluster.start(idOf(leader));
    await next.propose(numbered(2), PATIENT);
    await settled(cluster);
  });

  it('carry a proposal to the next leader when the first has gone', async () => {
    const leader = await three();
    const follower = await cluster.follower();
    cluster.network.isolate(idOf(leader));
    const { result } = await follower.propose(numbered(3), PATIENT);
    assert.equal(result.kind, 'applied');
    cluster.network.heal();
    await settled(cluster);
  });

  it('carry a proposal to the next leader when the first took it and cannot answer', async () => {
    const leader = await three();
    const follower = await cluster.follower();
    for (const id of cluster.members.keys()) {
      if (id !== idOf(leader)) cluster.network.cut(idOf(leader), id);
    }
    const { result } = await follower.propose(numbered(3), PATIENT);
    assert.equal(result.kind, 'applied');
  });

  it('refuse with no_leader when a majority is away, and serve old reads', async () => {
    await three({ limits: { leaderWaitMs: 200 } });
    const follower = await cluster.follower();
    const others = [...cluster.members.keys()].filter((id) => id !== idOf(follower));
    await follower.propose(numbered(1), PATIENT);
    for (const id of others) await cluster.kill(id);
    await pollUntil('it suspects', 5_000, () => follower.status().leadership.leaderId === null);
    await assert.rejects(follower.propose(numbered(2), PATIENT), failsWith('no_leader'));
    await assert.rejects(follower.readBarrier(PATIENT), failsWith('no_leader'));
    await assert.rejects(
      follower.change({ ...NOTHING, remove: ['m1'] }, PATIENT),
      failsWith('no_leader'),
    );
    assert.equal(follower.leaseTerm(), null);
    assert.equal(follower.readState().nodes['node-1']?.registration.hostname, 'host-1');
  });

  it('say that the fate of an entry is unknown when that of another leader took its place', async () => {
    const leader = await three();
    cluster.network.isolate(idOf(leader));
    const lost = assert.rejects(leader.propose(numbered(1), PATIENT), (error) => {
      assert(failsWith('not_leader')(error));
      return /may or may not have been committed .* retry with the same key/.test(String(error));
    });
    await pollUntil('it steps down', 5_000, () => leader.leaseTerm() === null);
    const next = await cluster.leader();
    await next.propose(numbered(2), PATIENT);
    cluster.network.heal();
    await lost;
    await settled(cluster);
    assert.equal(next.readState().nodes['node-1'], undefined);
  });

  it('answer a read at any member behind what was acknowledged at another', async () => {
    const leader = await three();
    for (let number = 0; number < 20; number += 1) {
      const { token } = await leader.propose(numbered(number), PATIENT);
      for (const member of cluster.members.values()) {
        await Promise.all([member.readBarrier(PATIENT), member.readBarrier(PATIENT)]);
        assert(member.status().appliedIndex >= token.index);
      }
    }
  });

  it('answer no read at a leader that is cut off, until it finds out who leads', async () => {
    const leader = await three({ limits: { leaderWaitMs: 5_000 } });
    cluster.network.isolate(idOf(leader));
    let answered = false;
    const read = leader.readBarrier(PATIENT).then(() => (answered = true));
    const next = await pollUntil('another leads', 5_000, () =>
      [...cluster.members.values()].find((one) => one !== leader && one.leaseTerm() !== null),
    );
    const { token } = await next.propose(numbered(1), PATIENT);
    assert.equal(answered, false);
    cluster.network.heal();
    await read;
    assert(leader.status().appliedIndex >= token.index);
  });

  it('bring a member that was away for long up to date by a snapshot', async () => {
    const limits = { snapshotEveryEntries: 50, logPerSnapshot: 0, entriesKept: 5 };
    const leader = await three({ limits, raft: { snapshotChunkBytes: 700 } });
    const away = await cluster.follower();
    await cluster.kill(idOf(away));
    for (let batch = 0; batch < 4; batch += 1) {
      await Promise.all(
        Array.from({ length: 60 }, (_, at) => leader.propose(numbered(batch * 60 + at), PATIENT)),
      );
    }
    await pollUntil('a snapshot', 5_000, () => leader.status().snapshotIndex > 150);
    const events: RaftEvent[] = [];
    const back = await cluster.start(idOf(away), {
      observer: { onEvent: (event) => events.push(event) },
    });
    await settled(cluster);
    assert(events.some(({ kind }) => kind === 'snapshot_installed'));
    await back.propose(numbered(1_000), PATIENT);
    await settled(cluster);
    await cluster.kill(idOf(back));
    await cluster.start(idOf(back));
    await settled(cluster);
  });

  it('bring a member that was away for a while up to date from the entries that are kept', async () => {
    const leader = await three({
      limits: { snapshotEveryEntries: 50, logPerSnapshot: 0, entriesKept: 200 },
    });
    const away = await cluster.follower();
    await cluster.kill(idOf(away));
    for (let number = 0; number < 120; number += 1) await leader.propose(numbered(number), PATIENT);
    await pollUntil('a snapshot', 5_000, () => leader.status().snapshotIndex > 50);
    const kinds = new Set<string>();
    const observer = { onEvent: ({ kind }: RaftEvent) => kinds.add(kind) };
    await cluster.start(idOf(away), { observer });
    await settled(cluster);
    assert(!kinds.has('snapshot_installed'));
  });

  it('grow from one to three and shrink again, with the leader leaving', async () => {
    cluster = new MemoryCluster(['m1']);
    await cluster.startAll();
    const first = await cluster.leader();
    await first.propose(numbered(0), PATIENT);
    for (const memberId of ['m2', 'm3']) {
      await cluster.start(memberId);
      const leader = await cluster.leader();
      await leader.change(
        { ...NOTHING, add: [{ memberId, address: addressOf(memberId) }] },
        PATIENT,
      );
      await pollUntil(`${memberId} has caught up`, 5_000, () =>
        leader.members().find((one) => one.memberId === memberId && one.lagEntries === 0),
      );
      await cluster.member(memberId).change({ ...NOTHING, promote: [memberId] }, PATIENT);
    }
    assert.deepEqual(
      first
        .members()
        .map(({ memberId, membership, role, address }) => [memberId, membership, role, address]),
      [
        ['m1', 'voter', 'leader', 'm1:7500'],
        ['m2', 'voter', 'follower', 'm2:7500'],
        ['m3', 'voter', 'follower', 'm3:7500'],
      ],
    );
    await first.propose(numbered(1), PATIENT);
    await settled(cluster);
    await first.change({ ...NOTHING, remove: ['m1'] }, PATIENT);
    assert.deepEqual(
      first.members().map(({ memberId, membership }) => [memberId, membership]),
      [
        ['m2', 'voter'],
        ['m3', 'voter'],
      ],
      'the change is over when it is answered',
    );
    await cluster.kill('m1');
    const next = await cluster.leader();
    await next.propose(numbered(2), PATIENT);
    assert.deepEqual(
      next.members().map(({ memberId }) => memberId),
      ['m2', 'm3'],
    );
    await settled(cluster);
  });

  it('wait for no leader once they are removed, and say so', async () => {
    const leader = await three({ limits: { leaderWaitMs: 60_000 } });
    const isOutside = (error: unknown): boolean =>
      failsWith('no_leader')(error) && /not a member of the cluster/.test(String(error));
    const numbers = Array.from({ length: 50 }, (_, number) => number);
    const before = numbers.map((number) => leader.propose(numbered(number), PATIENT));
    const removed = leader.change({ ...NOTHING, remove: [idOf(leader)] }, PATIENT);
    const ends = await Promise.allSettled([...before, removed]);
    assert(ends.every(({ status }) => status === 'fulfilled'));
    assert.equal(leader.status().standing, 'outside');
    await assert.rejects(leader.propose(numbered(51), PATIENT), isOutside);
    await assert.rejects(leader.readBarrier(PATIENT), isOutside);
    await assert.rejects(leader.change(NOTHING, PATIENT), isOutside);
    const next = await pollUntil('another leads', 5_000, () =>
      [...cluster.members.values()].find((one) => one !== leader && one.leaseTerm() !== null),
    );
    assert.equal(next.status().standing, 'member');
  });

  it('answer every proposal of a leader that is removed under load, and apply none twice', async () => {
    const leader = await three({ limits: { leaderWaitMs: 60_000 } });
    const numbers = Array.from({ length: 400 }, (_, number) => number);
    const removed = leader.change({ ...NOTHING, remove: [idOf(leader)] }, PATIENT);
    const ends: Promise<PromiseSettledResult<Committed>[]>[] = [];
    for (const number of numbers) {
      ends.push(Promise.allSettled([leader.propose(numbered(number), PATIENT)]));
      if (number % 20 === 0) await nextTurn();
    }
    await removed;
    const next = await cluster.leader();
    for (const [number, [end]] of (await Promise.all(ends)).entries()) {
      assert(end !== undefined);
      const again = await next.propose(numbered(number), PATIENT);
      if (end.status === 'rejected') {
        assert(failsWith('not_leader')(end.reason) || failsWith('no_leader')(end.reason));
      } else assert.deepEqual(again.result, { ...end.value.result, repeated: true });
    }
  });

  it('wait for no leader before they are added', async () => {
    cluster = new MemoryCluster(['m1']);
    await cluster.startAll();
    const waiting = await cluster.start('m2', { limits: { leaderWaitMs: 60_000 } });
    const isWaiting = (error: unknown): boolean =>
      failsWith('no_leader')(error) && /waits to be added/.test(String(error));
    await assert.rejects(waiting.propose(numbered(1), PATIENT), isWaiting);
    await assert.rejects(waiting.readBarrier(PATIENT), isWaiting);
    assert.equal(waiting.status().standing, 'waiting');
    const leader = await cluster.leader();
    const add = [{ memberId: 'm2', address: addressOf('m2') }];
    await leader.change({ ...NOTHING, add }, PATIENT);
    await pollUntil('it is a member', 5_000, () => waiting.status().standing === 'member');
    const { result } = await waiting.propose(numbered(1), PATIENT);
    assert.equal(result.kind, 'applied');
  });

  it('refuse changes that make no sense, and say why', async () => {
    const leader = await three();
    const follower = await cluster.follower();
    for (const member of [leader, follower]) {
      await assert.rejects(member.change(NOTHING, PATIENT), refusedAs('nothing_to_change'));
      await assert.rejects(
        member.change({ ...NOTHING, promote: ['m1'] }, PATIENT),
        refusedAs('not_a_learner', /m1/),
      );
      await assert.rejects(
        member.change({ ...NOTHING, remove: ['stranger'] }, PATIENT),
        refusedAs('member_unknown', /stranger/),
      );
      await assert.rejects(member.transfer('stranger', PATIENT), refusedAs('member_unknown'));
    }
    await leader.change({ ...NOTHING, add: [{ memberId: 'm9', address: 'm9:1' }] }, PATIENT);
    await assert.rejects(
      leader.change({ ...NOTHING, promote: ['m9'] }, PATIENT),
      refusedAs('learner_lags', /m9 has not been heard of/),
    );
    await assert.rejects(leader.transfer('m9', PATIENT), refusedAs('not_a_voter'));
    await assert.rejects(leader.transfer(idOf(leader), PATIENT), refusedAs('already_leader'));
  });

  it('hand over to the member that is asked for, also through a follower', async () => {
    const leader = await three();
    const follower = await cluster.follower();
    const others = [...cluster.members.values()].filter((one) => one !== leader);
    const [to] = others.filter((one) => one !== follower);
    assert(to !== undefined);
    assert.deepEqual(await follower.transfer(idOf(to), PATIENT), { leaderId: idOf(to) });
    assert.equal(await cluster.leader(), to);
    const anybody = await to.transfer(null, PATIENT);
    assert.notEqual(anybody.leaderId, idOf(to));
  });

  it('hand over before they stop, so that proposals go on without a gap', async () => {
    const causes: string[] = [];
    const leader = await three({
      observer: {
        onEvent: (event) => {
          if (event.kind === 'campaign_started') causes.push(event.cause);
        },
      },
    });
    const follower = await cluster.follower();
    causes.length = 0;
    const proposing = new AbortController();
    let committed = 0;
    let longestMs = 0;
    const proposer = (async () => {
      for (let number = 0; !proposing.signal.aborted; number += 1) {
        const beganMs = performance.now();
        await follower.propose(numbered(number), PATIENT);
        longestMs = Math.max(longestMs, performance.now() - beganMs);
        committed += 1;
      }
    })();
    await pollUntil('some are committed', 5_000, () => committed > 20);
    await leader.stop();
    cluster.members.delete(idOf(leader));
    const before = committed;
    await pollUntil('it goes on', 5_000, () => committed > before + 20);
    proposing.abort();
    await proposer;
    assert(causes.includes('transfer'), `campaigns: ${causes.join(', ')}`);
    assert(longestMs < 1_000, `one took ${longestMs} ms`);
  });

  it('go on without a member whose disk has failed, and it says so', async () => {
    const leader = await three();
    cluster.disk(idOf(leader)).trouble = new Error('EIO');
    await assert.rejects(leader.propose(numbered(1), PATIENT), failsWith('storage_failed'));
    assert.match(leader.failure() ?? '', /EIO/);
    const next = await cluster.leader();
    assert.notEqual(next, leader);
    await next.propose(numbered(2), PATIENT);
    assert.equal(leader.leaseTerm(), null);
    await assert.rejects(leader.readBarrier(PATIENT), failsWith('storage_failed'));
  });

  it('tell an observer how long things take, and pass on the traces of messages', async () => {
    const seen = new Map<string, number[]>();
    const note = (name: string) => (seconds: number) => {
      seen.set(name, [...(seen.get(name) ?? []), seconds]);
    };
    const heard: string[] = [];
    const leader = await three({
      observer: {
        currentTrace: () => 'of the proposer',
        onCommitLatency: (seconds, trace) => {
          assert.equal(trace, 'of the proposer');
          note('commit')(seconds);
        },
        onAppendLatency: note('append'),
        onApplyLatency: note('apply'),
        onLoopLag: note('lag'),
        traceFor: ({ kind }) => (kind === 'vote' ? 'of the candidate' : null),
        onMessage: ({ kind }, trace) => heard.push(`${kind} ${trace ?? ''}`),
      },
    });
    await leader.propose(numbered(1), PATIENT);
    assert.deepEqual([...seen.keys()].sort(), ['append', 'apply', 'commit', 'lag']);
    for (const seconds of [...seen.values()].flat()) assert(seconds >= 0 && seconds < 5);
    assert(heard.length > 0);
    assert(heard.every((one) => one === 'vote of the candidate'));
  });

  it('heartbeat on while a disk is slow', async () => {
    const leader = await three();
    const stall = Promise.withResolvers<undefined>();
    cluster.disk(idOf(leader)).stall = stall.promise;
    const term = leader.leaseTerm();
    let answered = false;
    const proposed = leader.propose(numbered(1), PATIENT).then(() => (answered = true));
    const since = performance.now();
    await pollUntil('a second', 5_000, () => performance.now() - since > 1_000);
    assert.equal(leader.leaseTerm(), term);
    assert.equal(answered, false);
    stall.resolve(undefined);
    await proposed;
  });
});

describe('a leader that hears nobody', () => {
  it('may not act any more, before it gives up leading', async () => {
    const cluster = new MemoryCluster(['m1', 'm2', 'm3']);
    const offsetsMs = new Map<string, number>();
    await cluster.startAll((id) => ({
      clock: { monotonicMs: () => performance.now() + (offsetsMs.get(id) ?? 0) },
    }));
    try {
      const leader = await cluster.leader();
      // No turn of the event loop lies in between, so nobody can have answered.
      for (const offsetMs of [100, 200]) {
        offsetsMs.set(idOf(leader), offsetMs);
        leader.leaseTerm();
      }
      assert.equal(leader.leaseTerm(), null);
      assert.equal(leader.status().leadership.kind, 'leader');
    } finally {
      await cluster.stopAll();
    }
  });
});

describe('a member whose process stood still', () => {
  it('knows that it may not act before it does anything else', async () => {
    const cluster = new MemoryCluster(['m1', 'm2', 'm3']);
    const offsetsMs = new Map<string, number>();
    const events: RaftEvent[] = [];
    await cluster.startAll((id) => ({
      clock: { monotonicMs: () => performance.now() + (offsetsMs.get(id) ?? 0) },
      observer: { onEvent: (event) => events.push(event) },
    }));
    try {
      const leader = await cluster.leader();
      offsetsMs.set(idOf(leader), 140);
      assert.equal(leader.leaseTerm(), null);
      const stalled = (event: RaftEvent): boolean =>
        event.kind === 'stepped_down' && event.reason === 'stalled';
      await pollUntil('it says so', 5_000, () => events.some(stalled));
    } finally {
      await cluster.stopAll();
    }
  });
});
