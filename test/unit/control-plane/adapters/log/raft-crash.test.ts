import fc from 'fast-check';
import { SimulatedDisk } from '../../../../support/log-disk.ts';
import type { DiskTrouble } from '../../../../support/log-disk.ts';
import { RaftCrashModel } from '../../../../support/log-raft-crash.ts';
import { seededRandom } from '../../../../support/seeded-random.ts';

const STEPS = 14;

describe('raft log: crashes', () => {
  for (const kind of ['power_failure', 'EIO', 'ENOSPC'] as const) {
    it(`holds what was acknowledged after ${kind} at every single operation`, async () => {
      for (const seed of [1, 2, 3, 4]) {
        const operations = await operationsWithoutTrouble(seed);
        for (let atOperation = 1; atOperation <= operations; atOperation += 1) {
          await during(`${kind} at ${atOperation}, seed ${seed}`, async () => {
            const model = new RaftCrashModel(seededRandom(seed));
            const disk = new SimulatedDisk(seededRandom(atOperation), { atOperation, kind });
            await model.run(disk, STEPS);
            const after =
              kind === 'power_failure' ? disk.afterPowerFailure() : disk.afterProcessDeath();
            await model.verify(after);
            await model.run(after, 2);
            await model.verify(after.afterPowerFailure());
          });
        }
      }
    });
  }

  it('holds it over random sessions, each ended by another trouble', async function () {
    const sessions = fc.array(
      fc.record({
        steps: fc.integer({ min: 1, max: 12 }),
        atOperation: fc.integer({ min: 1, max: 80 }),
        kind: fc.constantFrom<DiskTrouble['kind']>('power_failure', 'EIO', 'ENOSPC'),
        powerFailsAfter: fc.boolean(),
      }),
      { minLength: 1, maxLength: 6 },
    );
    const property = fc.asyncProperty(fc.nat(), sessions, async (seed, list) => {
      const model = new RaftCrashModel(seededRandom(seed));
      let disk = new SimulatedDisk(seededRandom(seed + 1));
      for (const { steps, atOperation, kind, powerFailsAfter } of list) {
        disk = disk.afterProcessDeath({ atOperation, kind });
        await model.run(disk, steps);
        const failed = powerFailsAfter || kind === 'power_failure';
        disk = failed ? disk.afterPowerFailure() : disk.afterProcessDeath();
        await model.verify(disk);
      }
    });
    // The seed is part of the message when it fails.
    await fc.assert(property, { numRuns: 400 });
  });
});

async function operationsWithoutTrouble(seed: number): Promise<number> {
  const disk = new SimulatedDisk(seededRandom(0));
  await new RaftCrashModel(seededRandom(seed)).run(disk, STEPS);
  return disk.operations;
}

/** Says at which of the many points it failed. */
async function during(point: string, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`after ${point}: ${why}`, { cause });
  }
}
