/**
 * Drives the only member of a cluster on a simulated disk through crashes and holds what is found
 * afterwards against a model: the list of entries that the log must or may have. The model knows each
 * entry's place beforehand, since a member that leads gives the proposals their indices in order.
 */

import assert from 'node:assert/strict';
import { startRaftMember } from '../../control-plane/loops/raft/member.ts';
import type { RaftMember } from '../../control-plane/loops/raft/member.ts';
import type { RaftMemberOptions } from '../../control-plane/loops/raft/member-options.ts';
import type { Command } from '../../control-plane/model/command.ts';
import { ConsensusError } from '../../control-plane/ports/consensus.ts';
import { applyCommand } from '../../control-plane/state/apply.ts';
import { canonicalJson } from '../../control-plane/state/canonical.ts';
import { canonicalState } from '../../control-plane/state/snapshot.ts';
import { INITIAL_STATE } from '../../control-plane/state/state.ts';
import type { SimulatedDisk } from './log-disk.ts';
import { openOn } from './log-raft.ts';
import { votersOnly } from './raft-member-cluster.ts';
import { commandIn, lastIndexOf, replayedLog } from './replayed-log.ts';

const PATIENT = new AbortController().signal;
/** Shorter than a lease, and a few of them are an election. */
const HURRIED_TICK_MS = 100;

export interface LogShape {
  readonly segmentBytesMax: number;
  readonly snapshotEveryEntries: number;
  readonly entriesKept: number;
  /** Proposals that wait at the same time. */
  readonly concurrency: number;
}

interface ModelEntry {
  readonly term: number;
  /** Null for the entry that opens a term. */
  readonly command: Command | null;
}

export class CrashModel {
  /** Entry i has index i + 1. */
  readonly entries: ModelEntry[] = [];
  /** Highest index that somebody was told of. */
  acknowledgedIndex = 0;
  readonly #shape: LogShape;

  constructor(shape: LogShape) {
    this.#shape = shape;
  }

  /** Opens a member on the disk and proposes; returns how many commands were handed in. */
  async run(disk: SimulatedDisk, commands: readonly Command[]): Promise<number> {
    const member = await this.#open(disk);
    if (member === null) return 0;
    const { leadership, appliedIndex } = member.status();
    this.entries.push({ term: leadership.term, command: null });
    assert.equal(appliedIndex, this.entries.length, 'an entry came out of nowhere');
    this.acknowledgedIndex = appliedIndex;
    let next = 0;
    const proposer = async (): Promise<void> => {
      for (let command = commands[next]; command !== undefined; command = commands[next]) {
        next += 1;
        this.entries.push({ term: leadership.term, command });
        const index = this.entries.length;
        if (!(await this.#propose(member, command, index))) return;
      }
    };
    await Promise.all(Array.from({ length: this.#shape.concurrency }, proposer));
    await member.stop().catch(() => undefined);
    return next;
  }

  /** Reads the disk as it stands, on a copy, and checks everything that a crash must not break. */
  async verify(disk: SimulatedDisk): Promise<void> {
    const log = await openOn(disk.copy());
    const { entries: held } = log.recovered;
    const lastIndex = lastIndexOf(log);
    assert(
      lastIndex >= this.acknowledgedIndex,
      `${this.acknowledgedIndex} was acknowledged, ${lastIndex} is left`,
    );
    // A crash while opening may leave the entry that opens a term, and nothing else of its own.
    if (lastIndex === this.entries.length + 1) {
      this.entries.push({ term: held.at(-1)?.term ?? 0, command: null });
    }
    assert(lastIndex <= this.entries.length, `entry ${lastIndex} was never proposed`);
    this.entries.length = lastIndex;
    for (const entry of held) {
      const expected = this.entries[entry.index - 1];
      assert.equal(entry.term, expected?.term);
      assert.equal(canonicalJson(commandIn(entry)), canonicalJson(expected?.command ?? null));
    }
    assert.equal(canonicalState(await replayedLog(log)), this.#replayed());
    await log.close();
  }

  async #open(disk: SimulatedDisk): Promise<RaftMember | null> {
    const { segmentBytesMax, snapshotEveryEntries, entriesKept } = this.#shape;
    try {
      const log = await openOn(disk, { segmentBytesMax });
      const member = await startRaftMember({
        memberId: 'm1',
        log,
        transport: null,
        bootstrap: votersOnly('m1'),
        limits: { snapshotEveryEntries, entriesKept, tickMs: HURRIED_TICK_MS },
        ...hurriedTime(),
      });
      return member;
    } catch (error) {
      if (wasPlanned(error)) return null;
      throw error;
    }
  }

  async #propose(member: RaftMember, command: Command, index: number): Promise<boolean> {
    try {
      const { token } = await member.propose(command, PATIENT);
      assert.equal(token.index, index, 'answered for another place in the log');
      this.acknowledgedIndex = Math.max(this.acknowledgedIndex, index);
      return true;
    } catch (error) {
      if (!(error instanceof ConsensusError)) throw error;
      assert.equal(error.failure, 'storage_failed');
      return false;
    }
  }

  /** The state by applying every entry of the model once, in order, without any log. */
  #replayed(): string {
    let state = INITIAL_STATE;
    this.entries.forEach(({ term, command }, at) => {
      if (command !== null) state = applyCommand(state, { term, index: at + 1 }, command).state;
    });
    return canonicalState(state);
  }
}

/** A clock that every turn of the event loop moves on: no election is waited for. */
function hurriedTime(): Required<Pick<RaftMemberOptions, 'clock' | 'every'>> {
  let nowMs = 0;
  const every = (intervalMs: number, run: () => void): (() => void) => {
    let next: NodeJS.Immediate | null = null;
    const turn = (): void => {
      next = setImmediate(turn);
      nowMs += intervalMs;
      run();
    };
    next = setImmediate(turn);
    return () => {
      if (next !== null) clearImmediate(next);
    };
  };
  return { clock: { monotonicMs: () => nowMs }, every };
}

/** Whether the error is, or was caused by, what the disk was told to do. */
function wasPlanned(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at.name === 'PowerFailure' || /^(EIO|ENOSPC): /.test(at.message)) return true;
  }
  return false;
}
