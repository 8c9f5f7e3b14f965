/**
 * A Raft member's log on a simulated disk, and beside it a model of what it must hold: all that was
 * acknowledged, and of what was under way when it ended a beginning at most. Changes are made up at
 * random, as a core might ask for them.
 */

import assert from 'node:assert/strict';
import type { RaftLogOnDisk } from '../../control-plane/adapters/log/raft-log.ts';
import type {
  HardState,
  LogChange,
  LogEntry,
  SnapshotPlace,
} from '../../control-plane/model/log-entry.ts';
import { RaftLogError } from '../../control-plane/ports/raft-log.ts';
import type { Random, SimulatedDisk } from './log-disk.ts';
import { CONFIGURATION, append, change, configurationEntry, entry, openOn } from './log-raft.ts';

interface Held {
  readonly hardState: HardState;
  readonly snapshot: (SnapshotPlace & { readonly text: string }) | null;
  /** From index 1 or the installed snapshot on, compacted ones too: undefined where none can be. */
  readonly entries: readonly (LogEntry | undefined)[];
  /** Entries from here on must be readable. */
  readonly keptFrom: number;
}

const EMPTY: Held = {
  hardState: { term: 0, votedFor: null },
  snapshot: null,
  entries: [undefined],
  keptFrom: 1,
};

export class RaftCrashModel {
  /** What was acknowledged. */
  #held: Held = EMPTY;
  /** What may be found instead: each a step further. */
  #possible: Held[] = [];
  readonly #random: Random;
  #number = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Opens the log and asks of it `steps` things, until the disk fails. */
  async run(disk: SimulatedDisk, steps: number): Promise<void> {
    const log = await survived(openOn(disk, { segmentBytesMax: 4_096, reserveBytes: 1_024 }));
    if (log === null) return;
    // Only now is what was found durable: opening has seen to it.
    this.#acknowledge(await this.#found(log));
    for (let step = 0; step < steps && log.failure === null; step += 1) await this.#step(log);
    await survived(log.close());
  }

  /** Reads the disk as it stands, on a copy. */
  async verify(disk: SimulatedDisk): Promise<void> {
    const log = await openOn(disk.copy(), { segmentBytesMax: 4_096 });
    await this.#found(log);
    await log.close();
  }

  async #found(log: RaftLogOnDisk): Promise<Held> {
    const payload = await log.readSnapshot();
    const text = payload === null ? null : Buffer.from(payload).toString();
    const candidates = [this.#held, ...this.#possible];
    const found = candidates.findLast((held) => isHeldBy(log, text, held));
    assert(found, `nothing of what may be is held: ${described(log)}, not ${said(this.#held)}`);
    return found;
  }

  async #step(log: RaftLogOnDisk): Promise<void> {
    const roll = this.#random();
    if (roll < 0.15) return this.#saveSnapshot(log);
    if (roll < 0.3) return this.#install(log);
    const { steps, after, changes } = this.#changes();
    this.#possible.push(...steps);
    if ((await survived(log.persist(changes).then(() => true))) === true) this.#acknowledge(after);
  }

  #acknowledge(after: Held): void {
    this.#held = after;
    this.#possible = [];
  }

  /** A few random changes, the states that the disk may go through, and the one at the end. */
  #changes(): { changes: LogChange[]; steps: Held[]; after: Held } {
    let held = this.#held;
    let lowest = held.entries.length;
    const changes: LogChange[] = [];
    for (let left = 1 + this.#below(4); left > 0; left -= 1) {
      const made = this.#change(held);
      lowest = Math.min(lowest, made.truncateFrom ?? Infinity);
      held = after(held, made);
      changes.push(made);
    }
    const steps = between(this.#held, held, lowest);
    return { changes, steps, after: held };
  }

  #change(held: Held): LogChange {
    const { term } = held.hardState;
    const roll = this.#random();
    if (term === 0 || roll < 0.25) {
      const next = term + 1 + this.#below(2);
      return change({ hardState: { term: next, votedFor: roll < 0.1 ? 'm2' : null } });
    }
    const first = (held.snapshot?.index ?? 0) + 1;
    const cuts = roll > 0.8 && held.entries.length > first;
    const from = cuts ? first + this.#below(held.entries.length - first) : held.entries.length;
    const entries = Array.from({ length: this.#below(5) }, (_, at) => this.#entry(from + at, term));
    return cuts ? change({ truncateFrom: from, entries }) : append(...entries);
  }

  #entry(index: number, term: number): LogEntry {
    this.#number += 1;
    const roll = this.#random();
    if (roll < 0.1) return configurationEntry(index, term);
    if (roll < 0.2) return entry(index, term, '', 'term_start');
    const zeros = roll < 0.3 ? Buffer.alloc(this.#below(2_000)) : Buffer.alloc(0);
    const text = Buffer.from(`number ${this.#number} `.repeat(1 + this.#below(30)));
    return entry(index, term, Buffer.concat([text, zeros]));
  }

  /** Of the log's own state, beside a change. */
  async #saveSnapshot(log: RaftLogOnDisk): Promise<void> {
    const { snapshot, entries, keptFrom } = this.#held;
    const first = (snapshot?.index ?? 0) + 1;
    if (first >= entries.length) return;
    const index = first + this.#below(entries.length - first);
    const term = entries[index]?.term ?? 0;
    const kept = this.#below(4);
    const place = { index, term, configuration: this.#random() < 0.5 ? null : CONFIGURATION };
    const pieces = ['own ', `state at ${index} `.repeat(1 + this.#below(100))];
    const saved = { ...place, text: pieces.join('') };
    const withSnapshot = (held: Held): Held => ({
      ...held,
      snapshot: saved,
      keptFrom: Math.max(keptFrom, index - kept + 1),
    });
    const added = append(...[0, 1].map((at) => this.#entry(entries.length + at, this.#term)));
    const appended = after(this.#held, added);
    const steps = between(this.#held, appended, Infinity);
    const buffers = pieces.map((piece) => Buffer.from(piece));
    this.#possible.push(...steps, ...[this.#held, ...steps].map(withSnapshot));
    const [saving, appending] = await Promise.all([
      survived(log.saveSnapshot(place, buffers, kept).then(() => true)),
      survived(log.persist([added]).then(() => true)),
    ]);
    if (saving === true && appending === true) {
      this.#acknowledge(withSnapshot(appended));
      return;
    }
    if (appending === true) {
      this.#held = appended;
      this.#possible = [withSnapshot(appended)];
    }
    if (saving === true) {
      this.#held = withSnapshot(this.#held);
      this.#possible = steps.map(withSnapshot);
    }
  }

  get #term(): number {
    return this.#held.hardState.term;
  }

  async #install(log: RaftLogOnDisk): Promise<void> {
    const { snapshot, entries } = this.#held;
    const index = (snapshot?.index ?? 0) + 1 + this.#below(entries.length + 3);
    const term = this.#term + this.#below(2);
    if (term === 0) return;
    const text = `leader's state at ${index} `.repeat(1 + this.#below(200));
    const half = this.#below(text.length);
    const staged = await survived(
      log
        .stageSnapshot(index, 0, Buffer.from(text.slice(0, half)))
        .then(() => log.stageSnapshot(index, half, Buffer.from(text.slice(half))))
        .then(() => true),
    );
    if (staged === null) return;
    const place = { index, term, configuration: CONFIGURATION };
    const behind = Array.from({ length: this.#below(3) }, (_, at) =>
      this.#entry(index + 1 + at, term),
    );
    const hardState = {
      term,
      votedFor: term === this.#term ? this.#held.hardState.votedFor : null,
    };
    const bare = (count: number): Held => ({
      hardState,
      snapshot: { ...place, text },
      entries: [...Array.from({ length: index + 1 }, () => undefined), ...behind.slice(0, count)],
      keptFrom: index + 1,
    });
    this.#possible.push({ ...this.#held, hardState });
    for (let count = 0; count < behind.length; count += 1) this.#possible.push(bare(count));
    this.#possible.push(bare(behind.length));
    const install = change({ hardState, snapshot: place, entries: behind });
    if ((await survived(log.persist([install]).then(() => true))) === true) {
      this.#acknowledge(bare(behind.length));
    }
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

/** One change on top of another, as simply as can be. */
function after(held: Held, { hardState, truncateFrom, entries }: LogChange): Held {
  const kept = held.entries.slice(0, truncateFrom ?? held.entries.length);
  return { ...held, hardState: hardState ?? held.hardState, entries: [...kept, ...entries] };
}

/** What several changes as one may leave half done: first the vote, then the cut, then entries. */
function between(before: Held, end: Held, lowestCut: number): Held[] {
  const voted = { ...before, hardState: end.hardState };
  const steps: Held[] = [voted];
  const base = Math.min(lowestCut, before.entries.length);
  for (let length = before.entries.length - 1; length >= base; length -= 1) {
    steps.push({ ...voted, entries: before.entries.slice(0, length) });
  }
  for (let length = base; length <= end.entries.length; length += 1) {
    steps.push({ ...end, entries: end.entries.slice(0, length) });
  }
  return steps;
}

function isHeldBy(log: RaftLogOnDisk, text: string | null, held: Held): boolean {
  const { hardState, snapshot, entries } = log.recovered;
  const place = held.snapshot;
  const isSame =
    JSON.stringify(hardState) === JSON.stringify(held.hardState) &&
    text === (place?.text ?? null) &&
    snapshot?.index === place?.index &&
    snapshot?.term === place?.term &&
    JSON.stringify(snapshot?.configuration) === JSON.stringify(place?.configuration);
  if (!isSame) return false;
  const end = (entries[0]?.index ?? (snapshot?.index ?? 0) + 1) + entries.length;
  if (end !== held.entries.length) return false;
  const first = entries[0]?.index ?? end;
  if (first > held.keptFrom && first > (snapshot?.index ?? 0) + 1) return false;
  if (first > held.keptFrom && held.entries[held.keptFrom] !== undefined) return false;
  return entries.every((one) => {
    const expected = held.entries[one.index];
    return (
      one.term === expected?.term &&
      one.type === expected.type &&
      Buffer.compare(one.payload, expected.payload) === 0
    );
  });
}

function described(log: RaftLogOnDisk): string {
  const { hardState, snapshot, entries } = log.recovered;
  const ends = [entries[0]?.index, entries.at(-1)?.index];
  return JSON.stringify({ hardState, snapshot: snapshot?.index, ends });
}

function said({ hardState, snapshot, entries, keptFrom }: Held): string {
  const last = entries.length - 1;
  return JSON.stringify({ hardState, snapshot: snapshot?.index, last, keptFrom });
}

/** Null when it failed as the disk was told to. */
async function survived<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    for (let at: unknown = error; at instanceof Error; at = at.cause) {
      const planned = at.name === 'PowerFailure' || /^(EIO|ENOSPC): /.test(at.message);
      if (planned) return null;
    }
    if (error instanceof RaftLogError && /nothing more is written/.test(error.message)) return null;
    throw error;
  }
}
