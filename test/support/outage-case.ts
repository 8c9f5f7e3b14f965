/**
 * One outage of the generated matrix: what befalls whom, for how long, under which load. Seeded and
 * covering: each kind meets each shape that it can befall, and over these pairs every kind sees every
 * duration and every load.
 */

import { OUTAGE_KINDS, SERVER_KINDS } from './outage-kinds.ts';
import type { OutageKind } from './outage-kinds.ts';
import { OUTAGE_SHAPES } from './outage-policies.ts';
import type { OutageShape } from './outage-policies.ts';
import { seededRandom } from './seeded-random.ts';

const MINUTE_MS = 60_000;

export const DURATIONS_MS = [1, 2, 5, 10, 20, 30].map((minutes) => minutes * MINUTE_MS);

/** What good data bring: each shape under each load, for longer than any outage. */
export function controlCases(): readonly OutageCase[] {
  return OUTAGE_SHAPES.flatMap((shape) =>
    loadsOf(shape).map((load) => ({
      id: controlIdOf(shape, load),
      kind: NOTHING,
      shape,
      load,
      durationMs: Math.max(...DURATIONS_MS),
    })),
  );
}

export function controlIdOf(shape: OutageShape, load: LoadName): string {
  return `control-${shape.name}-${load}`;
}

const NOTHING: OutageKind = { name: 'nothing', reasons: [], seen: 'none' };

/** By ms since the begin of the outage. */
export const LOADS = {
  flat: () => 50,
  rising: (sinceMs: number) => between(40, 90, (sinceMs + MINUTE_MS) / (8 * MINUTE_MS)),
  falling: (sinceMs: number) => between(90, 30, (sinceMs + MINUTE_MS) / (8 * MINUTE_MS)),
  trough: (sinceMs: number) =>
    sinceMs < 4 * MINUTE_MS
      ? between(80, 30, sinceMs / (4 * MINUTE_MS))
      : between(30, 80, (sinceMs - 4 * MINUTE_MS) / (4 * MINUTE_MS)),
  /** To nothing, for who may go to zero. */
  emptied: (sinceMs: number) => between(50, 0, (sinceMs + MINUTE_MS) / (2 * MINUTE_MS)),
  /** From nothing, a minute into the outage. */
  woken: (sinceMs: number) => (sinceMs < MINUTE_MS ? 0 : 60),
} as const;
export type LoadName = keyof typeof LOADS;

const ALWAYS = ['flat', 'rising', 'falling', 'trough'] as const;
const WITH_ZERO = ['emptied', 'woken', 'flat', 'falling'] as const;

export interface OutageCase {
  /** Also the workload's id. */
  readonly id: string;
  readonly kind: OutageKind;
  readonly shape: OutageShape;
  readonly load: LoadName;
  readonly durationMs: number;
}

/** What shares one plane: the same begin and end, and the same server. */
export interface OutageBatch {
  readonly title: string;
  readonly durationMs: number;
  /** Of the server; null while each workload has a fault of its own. */
  readonly serverKind: OutageKind | null;
  readonly cases: readonly OutageCase[];
}

export function loadsOf(shape: OutageShape): readonly LoadName[] {
  return shape.toZero === true ? WITH_ZERO : ALWAYS;
}

/** `rounds` outages of each pair of kind and shape. */
export function outageBatches(seed: number, rounds: number): readonly OutageBatch[] {
  const random = seededRandom(seed);
  const cases: OutageCase[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const kind of OUTAGE_KINDS) {
      const durations = dealer(DURATIONS_MS, random);
      const loads = { zero: dealer(WITH_ZERO, random), others: dealer(ALWAYS, random) };
      for (const shape of OUTAGE_SHAPES.filter((one) => kind.befalls?.(one) ?? true)) {
        const load = shape.toZero === true ? loads.zero() : loads.others();
        cases.push(caseOf(kind, shape, load, durations(), round));
      }
    }
  }
  const own = DURATIONS_MS.map((durationMs) => ({
    title: `of ${durationMs / MINUTE_MS} min`,
    durationMs,
    serverKind: null,
    cases: cases.filter((one) => one.durationMs === durationMs),
  }));
  return [...own, ...serverBatches(random)];
}

/** Each kind of the server once, over all shapes. */
function serverBatches(random: () => number): readonly OutageBatch[] {
  const durations = dealer(DURATIONS_MS, random);
  return SERVER_KINDS.map((kind) => {
    const durationMs = durations();
    const loads = { zero: dealer(WITH_ZERO, random), others: dealer(ALWAYS, random) };
    return {
      title: `${kind.name} of ${durationMs / MINUTE_MS} min`,
      durationMs,
      serverKind: kind,
      cases: OUTAGE_SHAPES.map((shape) => {
        const load = shape.toZero === true ? loads.zero() : loads.others();
        return caseOf(kind, shape, load, durationMs, 0);
      }),
    };
  });
}

function caseOf(
  kind: OutageKind,
  shape: OutageShape,
  load: LoadName,
  durationMs: number,
  round: number,
): OutageCase {
  const id = `${kind.name}-${shape.name}-${load}-${durationMs / MINUTE_MS}m-${round}`;
  return { id, kind, shape, load, durationMs };
}

/** Hands out all of them in a random order before any comes again. */
function dealer<T>(all: readonly T[], random: () => number): () => T {
  let left: T[] = [];
  return () => {
    if (left.length === 0) left = [...all];
    const [one] = left.splice(Math.floor(random() * left.length), 1);
    if (one === undefined) throw new Error('there is nothing to deal');
    return one;
  };
}

function between(from: number, to: number, share: number): number {
  return from + (to - from) * Math.min(1, Math.max(0, share));
}
