import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import {
  findOwned,
  signalProcess,
} from '../../../control-plane/adapters/local-process/processes.ts';
import { createLocalProcessTarget } from '../../../control-plane/adapters/local-process/target.ts';
import type { FencingToken } from '../../../control-plane/model/decision.ts';
import {
  CRASH_LIMITS,
  crashWorkload,
  recordFile,
  startsFile,
} from '../../support/local-process-crash.ts';
import { pollUntil } from '../../support/process.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { skipBecause } from '../../support/skip.ts';

const DRIVER = fileURLToPath(new URL('../../support/local-process-driver.ts', import.meta.url));
const ROUNDS = 32;
/** Every so many rounds the next plane is not killed at once but looked at. */
const LOOK_EVERY = 8;
const seed = Number(process.env['CRASH_SEED'] ?? Date.now() % 1_000_000);

interface CommandLine {
  readonly token: FencingToken;
  readonly replicas: number;
}

/** What a driver wrote: the command that it found in force, or one that it was about to send. */
interface DriverLine {
  readonly found?: CommandLine;
  readonly sent?: CommandLine;
}

interface StartLine {
  readonly kind: 'start' | 'end';
  readonly replicaId: string;
  readonly slotId: number;
  readonly cause: string;
  readonly token: FencingToken;
  readonly port: number;
}

const supported = process.platform === 'linux';

describe('local-process target killed at random points', () => {
  let directory: string;

  before(async function () {
    if (!supported) skipBecause(this, 'needs /proc');
    directory = await mkdtemp(join(tmpdir(), 'omnimind-crash-'));
  });
  after(async () => {
    if (!supported) return;
    for (const { identity } of await findOwned(await owner())) {
      await signalProcess(identity, 'SIGKILL');
    }
    await rm(directory, { recursive: true, force: true });
  });

  const owner = async (): Promise<string> =>
    (await readFile(join(directory, 'owner'), 'utf8').catch(() => 'none')).trim();
  const lines = async <T>(file: string): Promise<readonly T[]> =>
    (await readFile(file, 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as T);

  it(`runs what the last command said, starts nothing twice and leaves no orphan (seed ${seed})`, async function () {
    this.timeout(60_000);
    const random = seededRandom(seed);
    const commands = join(directory, 'commands.jsonl');
    const seen = { adopted: 0, orphans: 0 };
    for (let round = 1; round <= ROUNDS; round += 1) {
      await killDriver(directory, commands, round, random);
      if (round % LOOK_EVERY === 0) await look(directory, commands, seen);
    }
    assert.ok(seen.adopted > 0, 'no replica ever outlived its plane: the test tests nothing');
    const journal = await lines<StartLine>(join(directory, 'journal.jsonl'));
    assert.ok(journal.length > ROUNDS, `${journal.length} journal lines`);
  });

  async function look(
    place: string,
    commands: string,
    seen: { adopted: number; orphans: number },
  ): Promise<void> {
    const target = createLocalProcessTarget({
      directory: place,
      portsFrom: 25_000,
      portsTo: 25_999,
      nowMs: Date.now,
      limits: CRASH_LIMITS,
      onEvent(event) {
        if (event.kind === 'adopted') seen.adopted += 1;
        if (event.kind === 'orphan_killed') seen.orphans += 1;
        if (event.kind === 'trouble') throw event.error;
      },
    });
    await target.start();
    try {
      const told = JSON.parse(await readFile(recordFile(place), 'utf8')) as CommandLine;
      await pollUntil(`${told.replicas} replicas run`, 10_000, async () => {
        const replicas = await target.readReplicas(
          crashWorkload(place),
          AbortSignal.timeout(5_000),
        );
        const found = await findOwned(await owner());
        return replicas.length === told.replicas && found.length === told.replicas;
      });
      const found = await findOwned(await owner());
      assert.equal(new Set(found.map((each) => each.replicaId)).size, found.length);
      await checkJournal(place, commands, told);
    } finally {
      await target.stop('keep');
    }
  }

  async function checkJournal(place: string, file: string, told: CommandLine): Promise<void> {
    const starts = (await lines<StartLine>(join(place, 'journal.jsonl'))).filter(
      (line) => line.kind === 'start',
    );
    const journaled = starts.map((line) => line.replicaId);
    assert.equal(new Set(journaled).size, journaled.length, 'a start is in the journal twice');
    const real = (await readFile(startsFile(place), 'utf8')).trim().split('\n');
    assert.equal(new Set(real).size, real.length, 'a replica was started twice');
    for (const replicaId of real) assert.ok(journaled.includes(replicaId), `${replicaId} unknown`);

    const taken = commandsTaken([...(await lines<DriverLine>(file)), { found: told }]);
    let before = 0;
    const added = new Map<string, number>();
    for (const { token, replicas } of taken) {
      added.set(tokenText(token), Math.max(0, replicas - before));
      before = replicas;
    }
    const slots = new Map<number, StartLine>();
    for (const line of starts) {
      const first = slots.get(line.slotId);
      if (first === undefined) slots.set(line.slotId, line);
      else assert.notEqual(line.cause, 'scale', `slot ${line.slotId} was added twice`);
    }
    const perToken = new Map<string, number>();
    for (const { token } of slots.values()) {
      perToken.set(tokenText(token), (perToken.get(tokenText(token)) ?? 0) + 1);
    }
    for (const [token, count] of perToken) {
      const most = added.get(token) ?? 0;
      assert.ok(count <= most, `token ${token} added ${most} replicas and started ${count}`);
    }
  }
});

/**
 * The commands that took effect. A driver sends the next one only after the last one was answered;
 * the last before its end took effect if the next plane found it in force.
 */
function commandsTaken(all: readonly DriverLine[]): readonly CommandLine[] {
  const taken: CommandLine[] = [];
  let open: CommandLine | null = null;
  for (const { found, sent } of all) {
    const answered = found === undefined || tokenText(found.token) === tokenText(open?.token);
    if (open !== null && answered) taken.push(open);
    open = sent ?? null;
  }
  return taken;
}

function tokenText(token: FencingToken | undefined): string {
  return `${token?.term ?? '-'}/${token?.index ?? '-'}`;
}

/** Starts a plane and kills it at a random point of its life. */
async function killDriver(
  directory: string,
  commands: string,
  term: number,
  random: () => number,
): Promise<void> {
  const child = spawn(
    process.execPath,
    [DRIVER, directory, commands, `${term}`, `${seed + term}`],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const errors: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
  const ended = once(child, 'exit');
  // Points of its life, not of time, so that a slow machine kills at the same ones: while it takes
  // up the directory, or while it carries out one of its first commands.
  const linesBeforeKill = 1 + Math.floor(random() * 7);
  let written = 0;
  await Promise.race([
    new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        written += chunk.toString().split('\n').length - 1;
        if (written >= linesBeforeKill) resolve();
      });
    }),
    ended,
  ]);
  await new Promise((resolve) => setTimeout(resolve, random() * 50));
  assert.equal(child.exitCode, null, errors.join(''));
  child.kill('SIGKILL');
  await ended;
}
