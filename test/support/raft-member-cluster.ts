/** Members on disks and a network in memory, with the real clock. */

import assert from 'node:assert/strict';
import { startRaftMember } from '../../control-plane/loops/raft/member.ts';
import type { RaftMember } from '../../control-plane/loops/raft/member.ts';
import type { RaftMemberOptions } from '../../control-plane/loops/raft/member-options.ts';
import { NO_CONFIGURATION } from '../../control-plane/model/configuration.ts';
import type { Configuration, MemberId } from '../../control-plane/model/configuration.ts';
import { MemoryDisk, openMemoryLog } from './memory-raft-log.ts';
import { MemoryNetwork } from './memory-raft-transport.ts';
import { pollUntil } from './process.ts';

export const PATIENT = new AbortController().signal;

export function votersOnly(...ids: MemberId[]): Configuration {
  const addresses = Object.fromEntries(ids.map((id) => [id, addressOf(id)] as const));
  return { voters: ids, outgoing: [], learners: [], addresses };
}

export function addressOf(memberId: MemberId): string {
  return `${memberId}:7500`;
}

export class MemoryCluster {
  readonly network = new MemoryNetwork();
  readonly disks = new Map<MemberId, MemoryDisk>();
  readonly members = new Map<MemberId, RaftMember>();
  readonly #bootstrap: Configuration;
  readonly #options: Partial<RaftMemberOptions>;

  constructor(voters: readonly MemberId[], options: Partial<RaftMemberOptions> = {}) {
    this.#bootstrap = votersOnly(...voters);
    this.#options = options;
  }

  async startAll(
    optionsOf: (memberId: MemberId) => Partial<RaftMemberOptions> = () => ({}),
  ): Promise<void> {
    await Promise.all(this.#bootstrap.voters.map((id) => this.start(id, optionsOf(id))));
  }

  async start(memberId: MemberId, options: Partial<RaftMemberOptions> = {}): Promise<RaftMember> {
    const disk = this.disk(memberId);
    const isFirst = this.#bootstrap.voters.includes(memberId);
    const member = await startRaftMember({
      memberId,
      log: openMemoryLog(disk),
      transport: this.network.transport(memberId),
      bootstrap: isFirst ? this.#bootstrap : NO_CONFIGURATION,
      ...this.#options,
      ...options,
    });
    this.members.set(memberId, member);
    return member;
  }

  disk(memberId: MemberId): MemoryDisk {
    const disk = this.disks.get(memberId) ?? new MemoryDisk();
    this.disks.set(memberId, disk);
    return disk;
  }

  member(memberId: MemberId): RaftMember {
    const member = this.members.get(memberId);
    assert(member !== undefined, `${memberId} runs`);
    return member;
  }

  /** As a crash: what was not on its disk is lost. */
  async kill(memberId: MemberId): Promise<void> {
    const member = this.member(memberId);
    this.members.delete(memberId);
    await member.abandon();
  }

  /** The member that may act, once there is one. */
  leader(): Promise<RaftMember> {
    return pollUntil('a leader with a lease', 5_000, () =>
      [...this.members.values()].find((member) => member.leaseTerm() !== null),
    );
  }

  async follower(): Promise<RaftMember> {
    const leader = await this.leader();
    const leaderId = leader.status().memberId;
    return pollUntil('a follower that knows the leader', 5_000, () =>
      [...this.members.values()].find(
        (member) => member !== leader && member.status().leadership.leaderId === leaderId,
      ),
    );
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.members.values()].map((member) => member.abandon()));
    this.members.clear();
  }
}

export function idOf(member: RaftMember): MemberId {
  return member.status().memberId;
}
