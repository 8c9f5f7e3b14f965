/**
 * The committed entries of a cluster, put together from the logs of its members over a whole test, since
 * each member drops what its snapshots contain. An entry counts as committed when it lies at or below
 * one whose place an acknowledgement named, in a log that has that very entry (log matching: all before
 * it is the same in every such log). Whatever is gathered a second time must be the same again. Applied
 * in their order, without any snapshot, the entries give the state that every member must have.
 */

import { createHash } from 'node:crypto';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { tmpdir } from 'node:os';
import { openRaftLog } from '../../control-plane/adapters/log/raft-log.ts';
import type { RaftLogOnDisk } from '../../control-plane/adapters/log/raft-log.ts';
import type { LogEntry } from '../../control-plane/model/log-entry.ts';
import { applyCommand } from '../../control-plane/state/apply.ts';
import { parseCommandText } from '../../control-plane/state/command-text.ts';
import { canonicalState, decodeState } from '../../control-plane/state/snapshot.ts';
import { INITIAL_STATE } from '../../control-plane/state/state.ts';
import type { PlaneState } from '../../control-plane/state/state.ts';

/** Copying a log that is being written may catch it between two files. */
const COPIES_MAX = 5;

export interface MemberLog {
  readonly memberId: string;
  /** Of its log. */
  readonly directory: string;
}

export interface Place {
  readonly index: number;
  readonly term: number;
}

/** One put of a workload whose description is a number, as it stands in the log. */
export interface Write extends Place {
  readonly workloadId: string;
  readonly number: number;
  /** False for a repeat that changed nothing. */
  readonly applied: boolean;
}

interface HeldLog {
  readonly memberId: string;
  readonly entries: readonly LogEntry[];
  readonly snapshotIndex: number;
  readonly snapshot: Uint8Array | null;
  readonly lastIndex: number;
}

interface Chained {
  readonly term: number;
  readonly digest: string;
}

export class CommittedChain {
  readonly writes: Write[] = [];
  readonly #chained: Chained[] = [];
  #state: PlaneState = INITIAL_STATE;

  /** Entries 1 to here are known. */
  get length(): number {
    return this.#chained.length;
  }

  /** @param acknowledged places of entries that were acknowledged; those that the log lacks are passed over */
  async gather(log: MemberLog, acknowledged: readonly Place[]): Promise<void> {
    const held = await heldIn(log);
    const terms = new Map(held.entries.map(({ index, term }) => [index, term]));
    const known = acknowledged.filter(({ index, term }) => terms.get(index) === term);
    this.#extend(held, Math.max(0, ...known.map(({ index }) => index)));
  }

  /**
   * Holds the logs of all members, which have stopped, against each other and against the chain.
   * @throws Error that says where they differ
   */
  async finish(logs: readonly MemberLog[]): Promise<void> {
    const held = await Promise.all(logs.map(heldIn));
    // What all of them have is committed; what only some have, at the very end, need not be.
    const common = Math.min(...held.map(({ lastIndex }) => lastIndex));
    for (const log of held) this.#extend(log, common);
    const longest = held.toSorted((a, b) => b.lastIndex - a.lastIndex)[0];
    const bySnapshot = held.toSorted((a, b) => a.snapshotIndex - b.snapshotIndex);
    for (const log of bySnapshot) {
      const through = Math.max(common, log.snapshotIndex);
      if (longest !== undefined) this.#extend(longest, through);
      if (canonicalState(stateOf(log, through)) === canonicalState(this.#state)) continue;
      throw new Error(
        `${log.memberId} has another state at entry ${through} than its entries give`,
      );
    }
  }

  #extend({ memberId, entries }: HeldLog, through: number): void {
    for (const entry of entries) {
      const { index, term, payload } = entry;
      if (index > through) return;
      const digest = `${entry.type} ${createHash('sha1').update(payload).digest('base64')}`;
      const known = this.#chained[index - 1];
      if (known === undefined) {
        if (index !== this.length + 1) {
          const detail = `begins with ${index}, and ${this.length} are known`;
          throw new Error(`entries were dropped before they were gathered: ${memberId} ${detail}`);
        }
        this.#chained.push({ term, digest });
        this.#apply(entry);
      } else if (known.term !== term || known.digest !== digest) {
        const detail = `${term} ${digest} is not ${known.term} ${known.digest}`;
        throw new Error(`${memberId} has another committed entry ${index}: ${detail}`);
      }
    }
  }

  #apply({ index, term, type, payload }: LogEntry): void {
    if (type !== 'command') return;
    const command = parseCommandText(Buffer.from(payload).toString());
    const { state, result } = applyCommand(this.#state, { term, index }, command);
    this.#state = state;
    if (command.kind !== 'put_workload') return;
    const { id: workloadId, description } = command.workload;
    const applied = result.kind === 'applied' && !result.repeated;
    this.writes.push({ index, term, workloadId, number: Number(description), applied });
  }
}

function stateOf({ entries, snapshot, snapshotIndex }: HeldLog, through: number): PlaneState {
  let state = snapshot === null ? INITIAL_STATE : decodeState(Buffer.from(snapshot).toString());
  for (const { index, term, type, payload } of entries) {
    if (index <= snapshotIndex || index > through || type !== 'command') continue;
    const command = parseCommandText(Buffer.from(payload).toString());
    state = applyCommand(state, { term, index }, command).state;
  }
  return state;
}

async function heldIn(log: MemberLog): Promise<HeldLog> {
  for (let tried = 1; ; tried += 1) {
    const home = await mkdtemp(join(tmpdir(), 'omnimind-log-'));
    try {
      const directory = join(home, 'log');
      // Without its lock: whoever has it may be alive.
      const filter = (path: string): boolean => !/^(?:lock|free)\.\d+$/.test(basename(path));
      await cp(log.directory, directory, { recursive: true, filter });
      return await heldOf(await openRaftLog({ directory, memberId: log.memberId }), log.memberId);
    } catch (error) {
      if (tried >= COPIES_MAX) throw error;
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  }
}

async function heldOf(log: RaftLogOnDisk, memberId: string): Promise<HeldLog> {
  try {
    const { entries, snapshot } = log.recovered;
    const snapshotIndex = snapshot?.index ?? 0;
    const lastIndex = entries.at(-1)?.index ?? snapshotIndex;
    return { memberId, entries, snapshotIndex, lastIndex, snapshot: await log.readSnapshot() };
  } finally {
    await log.close();
  }
}
