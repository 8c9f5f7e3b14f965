/**
 * The numbers of one simulated world, drawn from its seed: how many members it has, how its network and
 * its disks are when nothing is wrong, and with which options the cores run. Small bounds are drawn
 * often, for that is where bounds are met.
 */

import { RAFT_DEFAULTS } from '../../control-plane/raft/options.ts';
import type { RaftOptions } from '../../control-plane/raft/options.ts';
import { Draws } from './draws.ts';
import { drawFaults } from './faults.ts';
import type { Fault } from './faults.ts';

export interface WorldSettings {
  readonly seed: number;
  /** Members of the bootstrap configuration; the ones behind them wait to be added. */
  readonly voters: number;
  readonly members: number;
  readonly machine: 'lists' | 'plane';
  readonly options: Omit<RaftOptions, 'memberId'>;
  readonly tickMs: number;
  readonly latencyMs: number;
  readonly jitterMs: number;
  /** Share of messages into a cut that arrive late instead of never, as a connection that retries. */
  readonly heldShare: number;
  readonly syncMs: number;
  readonly applyMs: number;
  /** Whether proposals wait for the next tick, to be proposed together. */
  readonly batches: boolean;
  readonly snapshotEvery: number;
  readonly entriesKept: number;
  readonly clients: number;
  readonly thinkMs: number;
  readonly keys: number;
  readonly paddingMax: number;
  /** Faults end here, and healing begins. */
  readonly faultsEndMs: number;
  readonly faults: readonly Fault[];
}

const STREAM = 1;
const FAULT_STREAM = 2;
const NOTICE_STREAM = 3;

export function drawSettings(seed: number): WorldSettings {
  const draws = new Draws(seed, STREAM);
  const voters = draws.pick([1, 3, 3, 3, 5, 5]);
  const members = Math.max(voters + draws.pick([0, 1, 2, 2]), 2);
  const faultsEndMs = draws.whole(3_000, 9_000);
  return {
    seed,
    voters,
    members,
    machine: seed % 10 === 0 ? 'plane' : 'lists',
    options: {
      ...drawOptions(draws),
      commitNoticeDelayMs: new Draws(seed, NOTICE_STREAM).pick([0, 0, 5, 30]),
    },
    tickMs: 10,
    latencyMs: draws.pick([0.1, 0.5, 1, 3]),
    jitterMs: draws.pick([0.1, 0.5, 2]),
    heldShare: draws.pick([0, 0, 0.1, 0.4]),
    syncMs: draws.pick([0.05, 0.3, 1, 4]),
    applyMs: draws.pick([0, 0, 0.5, 5]),
    batches: draws.chance(0.3),
    snapshotEvery: draws.pick([8, 20, 50, 200]),
    entriesKept: draws.pick([0, 3, 20, 100]),
    clients: draws.whole(3, 7),
    thinkMs: draws.pick([5, 15, 30]),
    keys: draws.whole(1, 4),
    paddingMax: draws.pick([0, 20, 300]),
    faultsEndMs,
    faults: drawFaults(new Draws(seed, FAULT_STREAM), {
      members,
      beginMs: draws.pick([0, 300]),
      endMs: faultsEndMs,
    }),
  };
}

function drawOptions(draws: Draws): Omit<RaftOptions, 'memberId' | 'commitNoticeDelayMs'> {
  return {
    ...RAFT_DEFAULTS,
    diskStallMs: draws.pick([300, 800, 2_000]),
    appendEntriesMax: draws.pick([1, 3, 20, 1_024]),
    appendBytesMax: draws.pick([200, 2_000, 1_048_576]),
    inFlightMax: draws.pick([1, 2, 8, 64]),
    inFlightBytesMax: draws.pick([500, 4_000, 16_777_216]),
    uncommittedMax: draws.pick([8, 32, 1_024]),
    uncommittedBytesMax: draws.pick([4_000, 64_000, 67_108_864]),
    snapshotChunkBytes: draws.pick([50, 200, 1_000, 65_536]),
    readsMax: draws.pick([4, 64, 1_024]),
    promotionLagMax: draws.pick([0, 10, 1_000]),
  };
}
