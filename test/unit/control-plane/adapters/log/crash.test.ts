import fc from 'fast-check';
import { CrashModel } from '../../../../support/log-crash.ts';
import type { LogShape } from '../../../../support/log-crash.ts';
import { numbered } from '../../../../support/log-commands.ts';
import { anyCommand } from '../../../../support/log-random.ts';
import { SimulatedDisk } from '../../../../support/log-disk.ts';
import type { DiskTrouble } from '../../../../support/log-disk.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

/** Small enough that every path is taken within a few dozen entries. */
const SHAPES: readonly LogShape[] = [
  { segmentBytesMax: 700, snapshotEveryEntries: 7, entriesKept: 0, concurrency: 1 },
  { segmentBytesMax: 2_000, snapshotEveryEntries: 9, entriesKept: 100, concurrency: 3 },
  { segmentBytesMax: 20_000, snapshotEveryEntries: 11, entriesKept: 3, concurrency: 5 },
];
const COMMANDS = Array.from({ length: 24 }, (_, number) => numbered(number));
const TEAR_SEEDS = [1, 2, 3];

describe('log: a crash at every single operation', () => {
  SHAPES.forEach((shape, number) => {
    it(`keeps what was acknowledged, in order and once (shape ${number})`, async () => {
      for (const seed of TEAR_SEEDS) {
        const operations = await operationsWithoutTrouble(shape);
        for (let atOperation = 1; atOperation <= operations; atOperation += 1) {
          await during(`power failure at ${atOperation}, seed ${seed}`, async () => {
            const disk = await crashed(shape, seed, { atOperation, kind: 'power_failure' });
            await disk.model.run(disk.disk, COMMANDS.slice(0, 3));
            await disk.model.verify(disk.disk.afterPowerFailure());
          });
        }
      }
    });
  });

  it('recovers from a crash during the recovery from a crash', async () => {
    const shape = SHAPES[0] ?? never();
    const operations = await operationsWithoutTrouble(shape);
    for (let first = 1; first <= operations; first += 7) {
      for (let second = 1; second <= 12; second += 1) {
        await during(`power failures at ${first} and ${second}`, async () => {
          const { disk, model } = await crashed(shape, first, {
            atOperation: first,
            kind: 'power_failure',
          });
          const again = disk.afterPowerFailure({ atOperation: second, kind: 'power_failure' });
          await model.run(again, COMMANDS.slice(0, 2));
          await model.verify(again.afterPowerFailure());
        });
      }
    }
  });

  it('loses nothing acknowledged when a write, sync or rename is refused', async () => {
    const shape = SHAPES[1] ?? never();
    const operations = await operationsWithoutTrouble(shape);
    for (const kind of ['EIO', 'ENOSPC'] as const) {
      for (let atOperation = 1; atOperation <= operations; atOperation += 1) {
        await during(`${kind} at ${atOperation}`, async () => {
          const disk = new SimulatedDisk(seededRandom(atOperation), { atOperation, kind });
          const model = new CrashModel(shape);
          await model.run(disk, COMMANDS);
          // A new process reads what the kernel still shows, also what the failed sync never wrote.
          const restarted = disk.afterProcessDeath();
          await model.verify(restarted);
          await model.run(restarted, COMMANDS.slice(0, 3));
          await model.verify(restarted.afterPowerFailure());
        });
      }
    }
  });

  it('agrees with a replay for random commands and crashes', async function () {
    const sessions = fc.array(
      fc.record({
        commands: fc.array(anyCommand, { maxLength: 30 }),
        atOperation: fc.integer({ min: 1, max: 90 }),
        kind: fc.constantFrom<DiskTrouble['kind']>('power_failure', 'EIO', 'ENOSPC'),
        powerFailsAfter: fc.boolean(),
      }),
      { minLength: 1, maxLength: 5 },
    );
    const property = fc.asyncProperty(
      fc.constantFrom(...SHAPES),
      fc.nat(),
      sessions,
      async (shape, seed, steps) => {
        const model = new CrashModel(shape);
        let disk = new SimulatedDisk(seededRandom(seed));
        for (const { commands, atOperation, kind, powerFailsAfter } of steps) {
          disk = disk.afterProcessDeath({ atOperation, kind });
          await model.run(disk, commands);
          disk =
            powerFailsAfter || kind === 'power_failure'
              ? disk.afterPowerFailure()
              : disk.afterProcessDeath();
          await model.verify(disk);
        }
      },
    );
    // The seed is part of the message when it fails.
    await fc.assert(property, { numRuns: 1_000 });
  });
});

interface Crashed {
  readonly disk: SimulatedDisk;
  readonly model: CrashModel;
}

async function crashed(shape: LogShape, seed: number, trouble: DiskTrouble): Promise<Crashed> {
  const disk = new SimulatedDisk(seededRandom(seed * 1_000 + trouble.atOperation), trouble);
  const model = new CrashModel(shape);
  await model.run(disk, COMMANDS);
  const after = disk.afterPowerFailure();
  await model.verify(after);
  return { disk: after, model };
}

async function operationsWithoutTrouble(shape: LogShape): Promise<number> {
  const disk = new SimulatedDisk(seededRandom(0));
  await new CrashModel(shape).run(disk, COMMANDS);
  return disk.operations;
}

/** Says at which of the many points it failed. */
async function during(point: string, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (cause) {
    throw new Error(`after ${point}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

function never(): never {
  throw new Error('unreachable');
}
