import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRaftLog } from '../../../control-plane/adapters/log/raft-log.ts';
import { createRaftTransport } from '../../../control-plane/adapters/raft/transport.ts';
import { startRaftMember } from '../../../control-plane/loops/raft/member.ts';
import type { RaftMember } from '../../../control-plane/loops/raft/member.ts';
import type { RaftMemberOptions } from '../../../control-plane/loops/raft/member-options.ts';
import { NO_CONFIGURATION } from '../../../control-plane/model/configuration.ts';
import type { Configuration, MemberId } from '../../../control-plane/model/configuration.ts';
import { FORMAT_MAX } from '../../../control-plane/state/format.ts';
import { canonicalState } from '../../../control-plane/state/snapshot.ts';
import { numbered } from '../../support/log-commands.ts';
import { freePort, pollUntil } from '../../support/process.ts';

const PATIENT = new AbortController().signal;
const SECRET = Buffer.from('a secret of the cluster in a test');
const NOTHING = { add: [], promote: [], remove: [] };

/** Members of one process, each with its own directory and its own listener on 127.0.0.1. */
class Cluster {
  readonly members = new Map<MemberId, RaftMember>();
  readonly #directory: string;
  readonly #ports = new Map<MemberId, number>();
  #bootstrap: Configuration = NO_CONFIGURATION;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async bootstrap(voters: readonly MemberId[], options: Partial<RaftMemberOptions> = {}) {
    const addresses: Record<MemberId, string> = {};
    for (const id of voters) addresses[id] = await this.address(id);
    this.#bootstrap = { voters, outgoing: [], learners: [], addresses };
    await Promise.all(voters.map((id) => this.start(id, options)));
  }

  async address(memberId: MemberId): Promise<string> {
    const port = this.#ports.get(memberId) ?? (await freePort());
    this.#ports.set(memberId, port);
    return `127.0.0.1:${port}`;
  }

  async start(memberId: MemberId, options: Partial<RaftMemberOptions> = {}): Promise<RaftMember> {
    await this.address(memberId);
    const member = await startRaftMember({
      memberId,
      log: await openRaftLog({ directory: join(this.#directory, memberId), memberId }),
      transport: createRaftTransport({
        clusterName: 'test',
        secret: SECRET,
        tls: null,
        memberId,
        clusterDigest: null,
        listen: { host: '127.0.0.1', port: this.#ports.get(memberId) ?? 0 },
        formatMax: FORMAT_MAX,
        apiUrl: `http://${memberId}.test`,
      }),
      bootstrap: this.#bootstrap.voters.includes(memberId) ? this.#bootstrap : NO_CONFIGURATION,
      ...options,
    });
    this.members.set(memberId, member);
    return member;
  }

  async kill(memberId: MemberId): Promise<void> {
    const member = this.members.get(memberId);
    this.members.delete(memberId);
    await member?.abandon();
  }

  leader(): Promise<RaftMember> {
    return pollUntil('a leader with a lease', 10_000, () =>
      [...this.members.values()].find((member) => member.leaseTerm() !== null),
    );
  }

  async follower(): Promise<RaftMember> {
    const leader = await this.leader();
    return pollUntil('a follower that knows the leader', 10_000, () =>
      [...this.members.values()].find(
        (member) => member !== leader && member.status().leadership.leaderId === idOf(leader),
      ),
    );
  }

  async settled(): Promise<void> {
    const members = [...this.members.values()];
    await pollUntil('all have applied the same', 10_000, () => {
      const indexes = members.map((member) => member.status().appliedIndex);
      return new Set(indexes).size === 1;
    });
    const states = new Set(members.map((member) => canonicalState(member.readState())));
    assert.equal(states.size, 1);
  }
}

function idOf(member: RaftMember): MemberId {
  return member.status().memberId;
}

function proposeMany(member: RaftMember, from: number, count: number): Promise<unknown> {
  const numbers = Array.from({ length: count }, (_, at) => from + at);
  return Promise.all(numbers.map((number) => member.propose(numbered(number), PATIENT)));
}

describe('members over TCP and disks', () => {
  let directory = '';
  let cluster = new Cluster('');

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'raft-member-'));
    cluster = new Cluster(directory);
  });

  afterEach(async () => {
    await Promise.all([...cluster.members.keys()].map((id) => cluster.kill(id)));
    await rm(directory, { recursive: true });
  });

  it('elect a leader, and commit what is proposed at any of them', async () => {
    await cluster.bootstrap(['m1', 'm2', 'm3']);
    const leader = await cluster.leader();
    const follower = await cluster.follower();
    await Promise.all([proposeMany(leader, 0, 300), proposeMany(follower, 300, 300)]);
    await follower.readBarrier(PATIENT);
    assert.equal(
      canonicalState(follower.readState()),
      canonicalState(leader.readState()),
      'a read at a follower sees it all',
    );
    await cluster.settled();
    assert.deepEqual(
      leader.members().map(({ memberId, apiUrl }) => [memberId, apiUrl]),
      ['m1', 'm2', 'm3'].map((id) => [id, `http://${id}.test`]),
    );
  });

  it('lose nothing that was acknowledged when the leader crashes, and take it back', async () => {
    await cluster.bootstrap(['m1', 'm2', 'm3']);
    for (let round = 0; round < 3; round += 1) {
      const leader = await cluster.leader();
      await proposeMany(leader, round * 10, 10);
      const gone = idOf(leader);
      await cluster.kill(gone);
      const next = await cluster.leader();
      const repeated = await next.propose(numbered(round * 10), PATIENT);
      assert(repeated.result.kind === 'applied' && repeated.result.repeated);
      await cluster.start(gone);
      await cluster.settled();
    }
  });

  it('bring a member up to date with a snapshot in chunks', async () => {
    const limits = { snapshotEveryEntries: 100, logPerSnapshot: 0, entriesKept: 10 };
    const options = { limits, raft: { snapshotChunkBytes: 1_000 } };
    await cluster.bootstrap(['m1', 'm2', 'm3'], options);
    const leader = await cluster.leader();
    const away = idOf(await cluster.follower());
    await cluster.kill(away);
    for (let batch = 0; batch < 5; batch += 1) await proposeMany(leader, batch * 100, 100);
    await pollUntil('a snapshot', 10_000, () => leader.status().snapshotIndex > 400);
    const kinds = new Set<string>();
    const observer = { onEvent: ({ kind }: { readonly kind: string }) => kinds.add(kind) };
    await cluster.start(away, { ...options, observer });
    await cluster.settled();
    assert(kinds.has('snapshot_installed'));
    await cluster.kill(away);
    await cluster.start(away, options);
    await proposeMany(leader, 1_000, 10);
    await cluster.settled();
  });

  it('grow from one to three, and give the first one leave', async () => {
    await cluster.bootstrap(['m1']);
    const first = await cluster.leader();
    await proposeMany(first, 0, 50);
    for (const memberId of ['m2', 'm3']) {
      await cluster.start(memberId);
      const add = [{ memberId, address: await cluster.address(memberId) }];
      await first.change({ ...NOTHING, add }, PATIENT);
      await pollUntil(`${memberId} has caught up`, 10_000, () =>
        first.members().find((one) => one.memberId === memberId && one.lagEntries === 0),
      );
      await first.change({ ...NOTHING, promote: [memberId] }, PATIENT);
    }
    await cluster.members.get('m2')?.change({ ...NOTHING, remove: ['m1'] }, PATIENT);
    const next = await pollUntil('another leads', 10_000, () =>
      [...cluster.members.values()].find((one) => one !== first && one.leaseTerm() !== null),
    );
    await proposeMany(next, 50, 50);
    assert.deepEqual(
      next.members().map(({ memberId, membership }) => [memberId, membership]),
      [
        ['m2', 'voter'],
        ['m3', 'voter'],
      ],
    );
  });

  it('are restarted one after the other while commands are committed', async () => {
    await cluster.bootstrap(['m1', 'm2', 'm3']);
    await cluster.leader();
    const stopping = new AbortController();
    let number = 0;
    let longestMs = 0;
    const load = (async () => {
      for (; !stopping.signal.aborted; number += 1) {
        const beganMs = performance.now();
        for (;;) {
          const member = [...cluster.members.values()][number % cluster.members.size];
          const done = await member?.propose(numbered(number), PATIENT).catch(() => null);
          if (done?.result.kind === 'applied') break;
        }
        longestMs = Math.max(longestMs, performance.now() - beganMs);
      }
    })();
    for (const id of ['m1', 'm2', 'm3']) {
      const member = cluster.members.get(id);
      cluster.members.delete(id);
      await member?.stop();
      await cluster.start(id);
      await cluster.leader();
      const before = number;
      await pollUntil('it goes on', 10_000, () => number > before + 20);
    }
    stopping.abort();
    await load;
    await cluster.settled();
    assert(longestMs < 1_500, `one command took ${longestMs} ms`);
  });
});
