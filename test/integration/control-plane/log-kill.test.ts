import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openRaftLog } from '../../../control-plane/adapters/log/raft-log.ts';
import type { Command } from '../../../control-plane/model/command.ts';
import type { LogEntry } from '../../../control-plane/model/log-entry.ts';
import { canonicalState } from '../../../control-plane/state/snapshot.ts';
import { INITIAL_STATE } from '../../../control-plane/state/state.ts';
import type { PlaneState } from '../../../control-plane/state/state.ts';
import type { Random } from '../../support/log-disk.ts';
import { commandIn, lastIndexOf, replayedFrom, replayedLog } from '../../support/replayed-log.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const CHILD = new URL('../../support/log-child.ts', import.meta.url).pathname;
/** More than a process ever writes: what it applied is all there after its death. */
const KEEP_ALL = 100_000;

interface Round {
  readonly acknowledged: readonly { readonly number: number; readonly index: number }[];
  readonly term: number | null;
}

interface Found {
  readonly entries: readonly LogEntry[];
  readonly lastIndex: number;
  readonly snapshotIndex: number;
  /** The state that snapshot and entries give. */
  readonly state: PlaneState;
}

/** Every entry that was ever found, in order: older ones give way to snapshots over the restarts. */
class Gathered {
  readonly #entries: LogEntry[] = [];
  /** Index of each number's entry. */
  readonly indexOf = new Map<number, number>();

  add({ entries, lastIndex }: Found): void {
    for (const entry of entries) {
      const known = this.#entries[entry.index - 1];
      if (known !== undefined) {
        assert.deepEqual(entry, known, `entry ${entry.index} has changed`);
        continue;
      }
      assert.equal(entry.index, this.#entries.length + 1, 'no entry was lost unseen');
      this.#entries.push(entry);
      const command = commandIn(entry);
      if (command !== null) this.indexOf.set(numberOf(command), entry.index);
    }
    assert.equal(lastIndex, this.#entries.length);
  }

  /** The state without any snapshot. */
  replayed(): PlaneState {
    return replayedFrom(INITIAL_STATE, this.#entries);
  }
}

describe('log: a process that is killed', () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-kill-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  it(`keeps what it acknowledged over 25 kills, each command once (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const acknowledged = new Map<number, number>();
    const gathered = new Gathered();
    let next = 0;
    let snapshots = 0;
    let lastTerm = 0;
    for (let round = 0; round < 25; round += 1) {
      const { acknowledged: news, term } = await killed(directory, next, [50, KEEP_ALL], random);
      for (const { number, index } of news) acknowledged.set(number, index);
      const found = await inspect(directory);
      gathered.add(found);
      assert.equal(canonicalState(found.state), canonicalState(gathered.replayed()));
      assert(term === null || term > lastTerm, `term ${term} after ${lastTerm}`);
      lastTerm = term ?? lastTerm;
      for (const [number, index] of acknowledged) {
        assert.equal(
          gathered.indexOf.get(number),
          index,
          `round ${round}: ${number} was acknowledged`,
        );
      }
      snapshots = Math.max(snapshots, found.snapshotIndex);
      next = Math.max(-1, ...gathered.indexOf.keys()) + 1;
    }
    assert(acknowledged.size > 50, `only ${acknowledged.size} commands were acknowledged`);
    assert(snapshots > 0, 'no snapshot was ever made');
  });

  it(`keeps the numbers of a compacted log without a gap (seed ${seed})`, async () => {
    const random = seededRandom(seed + 1);
    let next = 0;
    let lastIndex = 0;
    for (let round = 0; round < 3; round += 1) {
      const { acknowledged } = await killed(directory, next, [50, 0], random);
      const found = await inspect(directory);
      const highest = Math.max(0, ...acknowledged.map(({ index }) => index));
      assert(found.lastIndex >= Math.max(highest, lastIndex));
      lastIndex = found.lastIndex;
      next += 1_000_000;
    }
  });
});

/** Runs the child, kills it at a random time, and returns what it had said by then. */
async function killed(
  directory: string,
  next: number,
  [snapshotEvery, entriesKept]: readonly [number, number],
  random: Random,
): Promise<Round> {
  const args = [CHILD, directory, String(next), String(snapshotEvery), String(entriesKept)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reading = createInterface({ input: child.stdout });
  const opened = Promise.withResolvers<undefined>();
  reading.on('line', (line) => {
    lines.push(line);
    opened.resolve(undefined);
  });
  const read = once(reading, 'close');
  const exited = once(child, 'exit');
  // Some are killed while they start, most while they write.
  const giveUp = setTimeout(() => child.kill('SIGKILL'), random() < 0.2 ? 400 * random() : 20_000);
  const exitedFirst = exited.then(() => undefined);
  await Promise.race([opened.promise, exitedFirst]);
  const kill = setTimeout(() => child.kill('SIGKILL'), 1 + 120 * random());
  await Promise.all([exited, read]);
  clearTimeout(giveUp);
  clearTimeout(kill);
  assert.equal(child.signalCode, 'SIGKILL', `the child ended by itself, code ${child.exitCode}`);
  const [, term] = /^open (\d+)$/.exec(lines[0] ?? '') ?? [];
  const acknowledged = lines.slice(1).map((line) => {
    const [number, index, fate] = line.split(' ');
    assert.equal(fate, 'applied', line);
    return { number: Number(number), index: Number(index) };
  });
  return { acknowledged, term: term === undefined ? null : Number(term) };
}

/** Opens what the killed process left, as the next one would, and checks it in itself. */
async function inspect(directory: string): Promise<Found> {
  const log = await openRaftLog({ directory, memberId: 'm1' });
  try {
    const { entries, snapshot } = log.recovered;
    let before = -1;
    for (const command of entries.map(commandIn)) {
      if (command === null) continue;
      const number = numberOf(command);
      assert(number > before, `${number} stands behind ${before}`);
      before = number;
    }
    const snapshotIndex = snapshot?.index ?? 0;
    return { entries, lastIndex: lastIndexOf(log), snapshotIndex, state: await replayedLog(log) };
  } finally {
    await log.close();
  }
}

function numberOf({ key }: Command): number {
  return Number(key.slice('key-'.length));
}
