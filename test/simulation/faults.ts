/**
 * What goes wrong in a simulated world, as a list that is drawn from the seed before the world begins:
 * leaving out some of it and running again is how a failure is narrowed down. In swarm style every seed
 * draws which kinds it has and how often. Nothing here does anything to a world: trouble.ts does.
 */

import type { Draws } from './draws.ts';
import { TAILS } from './member-disk.ts';
import type { Tail } from './member-disk.ts';

/** A member by its number, or whoever leads when the fault strikes. */
export type Target = number | 'leader';

export const CRASH_MOMENTS = [
  'anywhere',
  /** Between a write and the end of its sync. */
  'while_syncing',
  /** After a sync, before the member has been told of it. */
  'after_sync',
  /** When messages have just left. */
  'after_sending',
  /** While a snapshot is being written aside. */
  'while_saving',
  /** After the new snapshot has its name, before old entries are dropped. */
  'after_renaming',
  /** While the sync runs that installs a snapshot. */
  'while_installing',
] as const;
export type CrashMoment = (typeof CRASH_MOMENTS)[number];

export type Transferee = 'any_member' | 'best' | 'lagging' | 'learner' | 'stranger';

export type Fault = { readonly atMs: number } & (
  | {
      readonly kind: 'crash';
      readonly member: Target;
      readonly moment: CrashMoment;
      readonly tail: Tail;
      readonly downMs: number;
    }
  | {
      readonly kind: 'crash_all';
      readonly tail: Tail;
      readonly downMs: number;
      readonly spreadMs: number;
    }
  | { readonly kind: 'cut_off'; readonly member: Target; readonly forMs: number }
  /** Bit n says on which side member n is. */
  | { readonly kind: 'split'; readonly sides: number; readonly forMs: number }
  | {
      readonly kind: 'cut_one_way';
      readonly member: Target;
      /** Null: from, or to, all others. */
      readonly peer: number | null;
      readonly direction: 'in' | 'out';
      readonly forMs: number;
    }
  | {
      readonly kind: 'cut_link';
      readonly member: Target;
      readonly peer: number;
      readonly forMs: number;
    }
  | {
      readonly kind: 'slow_link';
      readonly member: Target;
      readonly peer: number;
      readonly byMs: number;
      readonly forMs: number;
    }
  | { readonly kind: 'lose'; readonly share: number; readonly forMs: number }
  | { readonly kind: 'duplicate'; readonly share: number; readonly forMs: number }
  | {
      readonly kind: 'reorder';
      readonly share: number;
      readonly withinMs: number;
      readonly forMs: number;
    }
  | { readonly kind: 'delay'; readonly meanMs: number; readonly forMs: number }
  | {
      readonly kind: 'slow_disk';
      readonly member: Target;
      readonly factor: number;
      readonly forMs: number;
    }
  | { readonly kind: 'hanging_disk'; readonly member: Target; readonly forMs: number }
  | { readonly kind: 'clock_skew'; readonly member: number; readonly rate: number }
  /** The process stands still, and finds its clock far ahead afterwards. */
  | {
      readonly kind: 'stall';
      readonly member: Target;
      readonly forMs: number;
      readonly wakesBy: 'tick' | 'messages';
    }
  | { readonly kind: 'add_learner'; readonly roll: number }
  | { readonly kind: 'promote'; readonly roll: number }
  /** Skipped where fewer voters than `keep` would be left. */
  | { readonly kind: 'remove'; readonly member: Target; readonly keep: number }
  /** Several in one change, through one joint configuration. */
  | { readonly kind: 'change_several'; readonly roll: number; readonly keep: number }
  | { readonly kind: 'transfer'; readonly to: Transferee; readonly roll: number }
  | { readonly kind: 'snapshot'; readonly member: Target }
  | { readonly kind: 'snapshot_twice'; readonly member: Target; readonly gapMs: number }
);

export const FAULT_KINDS = [
  'crash',
  'crash_all',
  'cut_off',
  'split',
  'cut_one_way',
  'cut_link',
  'slow_link',
  'lose',
  'duplicate',
  'reorder',
  'delay',
  'slow_disk',
  'hanging_disk',
  'clock_skew',
  'stall',
  'add_learner',
  'promote',
  'remove',
  'change_several',
  'transfer',
  'snapshot',
  'snapshot_twice',
] as const satisfies readonly Fault['kind'][];
export type FaultKind = (typeof FAULT_KINDS)[number];

/** How often a kind is drawn beside the others, where a seed has it. */
const WEIGHTS: Readonly<Record<FaultKind, number>> = {
  crash: 6,
  crash_all: 1,
  cut_off: 3,
  split: 2,
  cut_one_way: 2,
  cut_link: 2,
  slow_link: 2,
  lose: 2,
  duplicate: 1,
  reorder: 1,
  delay: 1,
  slow_disk: 2,
  hanging_disk: 1,
  clock_skew: 2,
  stall: 2,
  add_learner: 4,
  promote: 4,
  remove: 3,
  change_several: 3,
  transfer: 3,
  snapshot: 3,
  snapshot_twice: 1,
};

/** A clock's greatest error of speed: two clocks stay within what the lease margin allows. */
export const CLOCK_ERROR_MAX = 0.04;

/** Small clusters are worth some of the runs, not most. */
const VOTERS_KEPT = [0, 1, 2, 3, 3, 3];

export interface FaultPlan {
  /** Members of all kinds. */
  readonly members: number;
  readonly beginMs: number;
  readonly endMs: number;
}

/** The faults of a seed, by time. */
export function drawFaults(draws: Draws, plan: FaultPlan): readonly Fault[] {
  const share = draws.between(0.2, 0.9);
  const kinds = FAULT_KINDS.filter(() => draws.chance(share));
  if (kinds.length === 0) return [];
  const lottery = kinds.flatMap((kind) => Array<FaultKind>(WEIGHTS[kind]).fill(kind));
  const gapMs = draws.pick([60, 120, 200, 350, 600]);
  const faults: Fault[] = [];
  for (let atMs = plan.beginMs; ;) {
    atMs += draws.exponential(gapMs);
    if (atMs >= plan.endMs) return faults;
    faults.push(drawFault(draws, draws.pick(lottery), atMs, plan.members));
  }
}

function drawFault(draws: Draws, kind: FaultKind, at: number, members: number): Fault {
  const atMs = Math.round(at * 1000) / 1000;
  const anyone = (): number => draws.whole(0, members - 1);
  const target = (): Target => (draws.chance(0.45) ? 'leader' : anyone());
  const forMs = Math.round(draws.chance(0.5) ? draws.between(20, 400) : draws.between(400, 1500));
  switch (kind) {
    case 'crash': {
      const moment = draws.pick(CRASH_MOMENTS);
      const downMs = Math.round(draws.chance(0.4) ? draws.between(1, 60) : draws.between(60, 1200));
      // A leader installs nothing.
      const member = moment === 'while_installing' ? anyone() : target();
      return { atMs, kind, member, moment, tail: draws.pick(TAILS), downMs };
    }
    case 'crash_all': {
      const spreadMs = draws.pick([0, 5, 50, 300]);
      return { atMs, kind, tail: draws.pick(TAILS), downMs: draws.whole(1, 300), spreadMs };
    }
    case 'cut_off':
      return { atMs, kind, member: target(), forMs: draws.chance(0.2) ? forMs * 2 : forMs };
    case 'split':
      return { atMs, kind, sides: draws.whole(1, 2 ** members - 2), forMs };
    case 'cut_one_way': {
      const peer = draws.chance(0.5) ? null : anyone();
      return { atMs, kind, member: target(), peer, direction: draws.pick(['in', 'out']), forMs };
    }
    case 'cut_link':
      return { atMs, kind, member: target(), peer: anyone(), forMs };
    case 'slow_link':
      return {
        atMs,
        kind,
        member: target(),
        peer: anyone(),
        byMs: draws.pick([60, 200, 350, 500]),
        forMs: forMs + 600,
      };
    case 'lose':
      return { atMs, kind, share: draws.pick([0.02, 0.1, 0.3, 0.6]), forMs };
    case 'duplicate':
      return { atMs, kind, share: draws.pick([0.05, 0.2, 0.5]), forMs };
    case 'reorder':
      return {
        atMs,
        kind,
        share: draws.pick([0.1, 0.5]),
        withinMs: draws.pick([5, 50, 400]),
        forMs,
      };
    case 'delay':
      return { atMs, kind, meanMs: draws.pick([5, 20, 80]), forMs };
    case 'slow_disk':
      return { atMs, kind, member: target(), factor: draws.pick([5, 20, 100]), forMs };
    case 'hanging_disk':
      return { atMs, kind, member: target(), forMs: forMs * 2 };
    case 'clock_skew': {
      const error = draws.between(-CLOCK_ERROR_MAX, CLOCK_ERROR_MAX);
      return { atMs, kind, member: anyone(), rate: Math.round((1 + error) * 1e4) / 1e4 };
    }
    case 'stall':
      return { atMs, kind, member: target(), forMs, wakesBy: draws.pick(['tick', 'messages']) };
    case 'add_learner':
    case 'promote':
      return { atMs, kind, roll: draws.whole(0, 0xffff) };
    case 'change_several':
      return { atMs, kind, roll: draws.whole(0, 0xffff), keep: draws.pick(VOTERS_KEPT) };
    case 'remove':
      return { atMs, kind, member: target(), keep: draws.pick(VOTERS_KEPT) };
    case 'transfer': {
      const to = draws.pick<Transferee>(['any_member', 'best', 'lagging', 'learner', 'stranger']);
      return { atMs, kind, to, roll: draws.whole(0, 0xffff) };
    }
    case 'snapshot':
      return { atMs, kind, member: target() };
    case 'snapshot_twice':
      return { atMs, kind, member: target(), gapMs: draws.pick([1, 5, 20]) };
  }
}

/** One line for a person. */
export function describeFault(fault: Fault): string {
  const { atMs, kind, ...rest } = fault;
  const parameters = Object.entries(rest).map(([name, value]) => `${name}=${String(value)}`);
  return `${atMs.toFixed(1).padStart(8)} ms  ${kind}  ${parameters.join(' ')}`;
}
