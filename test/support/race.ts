/**
 * Leaders that do not know of each other, each with a scale target of its own on the same object, whose
 * requests arrive in a random order. What they were told must come out as if the newest of them alone
 * had ever spoken.
 */

import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';

import fc from 'fast-check';
import type { Workload } from '../../control-plane/model/workload.ts';
import { ScaleTargetError } from '../../control-plane/ports/scale-target.ts';
import type { ScaleTarget } from '../../control-plane/ports/scale-target.ts';
import { pollUntil } from './process.ts';
import { holdRequests, lateWrites } from './held-requests.ts';
import type { RaceEvent, RacingCommand } from './held-requests.ts';

export interface Raced {
  /** Awaited by the fake before each request that reads once or writes; told what that needs. */
  readonly hold: (access: string) => Promise<void>;
  /** Told by the fake of each number that has come to stand. */
  readonly written: (replicas: number) => void;
}

export interface RaceField {
  readonly workload: Workload;
  readonly targets: readonly ScaleTarget[];
  count(): number;
  close(): Promise<void>;
}

const LEADERS = 3;

/** Terms of their own, and indexes that grow with each command of one leader. */
export const racingCommands: fc.Arbitrary<readonly RacingCommand[]> = fc
  .array(
    fc.record({
      leader: fc.nat({ max: LEADERS - 1 }),
      givesUpAfter: fc.option(fc.integer({ min: 1, max: 60 }), { freq: 3 }),
    }),
    { minLength: 2, maxLength: 6 },
  )
  .map((commands) =>
    commands.map((command, index) => ({
      ...command,
      term: command.leader + 1,
      index: index + 1,
      replicas: index + 2,
    })),
  );

export function describeRace(name: string, open: (raced: Raced) => Promise<RaceField>): void {
  it(`lets no older command of ${name} come after a newer one, whatever the order of their requests`, async function () {
    this.timeout(60_000);
    const order = fc.array(fc.nat({ max: 1_000 }), { minLength: 40, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(racingCommands, order, (commands, choices) => race(open, commands, choices)),
      { numRuns: 25, endOnFailure: true },
    );
  });
}

/** The one write that a deposed leader had sent before it was deposed, and that comes last. */
export function describeLateWrite(
  access: string,
  open: (raced: Raced) => Promise<RaceField>,
): void {
  it(`refuses a late "${access}" of a deposed leader`, async () => {
    const arrived = Promise.withResolvers<undefined>();
    const released = Promise.withResolvers<undefined>();
    let isHeld = false;
    const field = await open({
      hold: async (asked) => {
        if (isHeld || asked !== access) return;
        isHeld = true;
        arrived.resolve(undefined);
        await released.promise;
      },
      written: () => undefined,
    });
    try {
      const old = { leader: 0, term: 1, index: 9, replicas: 5, givesUpAfter: null };
      const newer = { leader: 1, term: 2, index: 1, replicas: 7, givesUpAfter: null };
      const signal = AbortSignal.timeout(10_000);
      const late = assert.rejects(tell(field, old, signal), { failure: 'stale_token' });
      await arrived.promise;
      await tell(field, newer, signal);
      assert.equal(field.count(), newer.replicas);
      released.resolve(undefined);
      await late;
      assert.equal(field.count(), newer.replicas);
      await tell(field, newer, signal);
      assert.equal(field.count(), newer.replicas);
    } finally {
      released.resolve(undefined);
      await field.close();
    }
  });
}

async function race(
  open: (raced: Raced) => Promise<RaceField>,
  commands: readonly RacingCommand[],
  choices: readonly number[],
): Promise<void> {
  const events: RaceEvent[] = [];
  const held = holdRequests();
  let isRacing = false;
  const field = await open({
    hold: () => (isRacing ? held.hold() : Promise.resolve()),
    written: (replicas) => void events.push({ kind: 'written', replicas }),
  });
  try {
    isRacing = true;
    let chosen = 0;
    await held.drain(runAll(field, commands, events), (waiting) => {
      chosen += 1;
      return waiting === 0 ? 0 : (choices[chosen % choices.length] ?? 0) % waiting;
    });
    held.open();
    assert.deepEqual(lateWrites(commands, events), []);
    // Each leader ticks on: the newest command of all is what stands then, and the others are refused.
    const newest = commands.toSorted((a, b) => a.term - b.term || a.index - b.index).at(-1);
    assert.ok(newest !== undefined);
    await tell(field, newest, AbortSignal.timeout(10_000));
    for (const command of commands.filter((one) => one !== newest)) {
      await pollUntil('the refusal of an older command', 10_000, () => isRefused(field, command));
    }
    assert.equal(field.count(), newest.replicas);
  } finally {
    held.open();
    await field.close();
  }
}

async function runAll(
  field: RaceField,
  commands: readonly RacingCommand[],
  events: RaceEvent[],
): Promise<void> {
  await Promise.all(
    commands.map(async (command) => {
      const caller = new AbortController();
      const { givesUpAfter, replicas } = command;
      if (givesUpAfter !== null) void after(givesUpAfter, () => caller.abort());
      try {
        await tell(field, command, caller.signal);
        events.push({ kind: 'acknowledged', replicas });
      } catch (error) {
        assert.ok(error instanceof ScaleTargetError, String(error));
        assert.notEqual(error.failure, 'rejected', error.message);
      }
    }),
  );
}

function tell(field: RaceField, command: RacingCommand, signal: AbortSignal): Promise<void> {
  const { leader, replicas, term, index } = command;
  const target = field.targets[leader];
  if (target === undefined) throw new Error(`there is no leader ${leader}`);
  return target.setReplicas(field.workload, replicas, { term, index }, signal);
}

/** Who repeats what it was told before is not refused until it has heard of the newer one. */
async function isRefused(field: RaceField, command: RacingCommand): Promise<true | null> {
  try {
    await tell(field, command, AbortSignal.timeout(10_000));
    return null;
  } catch (error) {
    assert.ok(error instanceof ScaleTargetError && error.failure === 'stale_token', String(error));
    return true;
  }
}

async function after(turns: number, work: () => void): Promise<void> {
  for (let count = 0; count < turns; count += 1) await turn();
  work();
}
