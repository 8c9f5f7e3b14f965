/**
 * Which of several checks wins, as in nomad-autoscaler: up before stay before down; in the same
 * direction the larger number. In a named group the checks that stay do not count, unless all of
 * them do: their metrics belong together, and most of them have nothing to say at a time. Says of
 * each check why it won or lost. Deviations: compatibility.ts, row L.
 */

import type { NomadCompatibility } from './compatibility.ts';
import { none } from './strategy-proposal.ts';
import type { NoProposal, StrategyProposal, StrategyReason } from './strategy-proposal.ts';

export interface Check {
  /** Unique. */
  readonly name: string;
  /** Null for a check that stands alone. */
  readonly group: string | null;
  readonly proposal: StrategyProposal;
}

export type Direction = 'up' | 'stay' | 'down';

export type Standing =
  | 'winner'
  /** It lost to another check of its group. */
  | 'outvoted_in_group'
  /** It lost to another group, or to a check that stands alone. */
  | 'outvoted'
  /** It stays and others of its group do not. */
  | 'abstained'
  /** It has no proposal, or an incomplete one: it counts as staying and does not abstain. */
  | 'failed';

export interface CheckStanding {
  readonly name: string;
  readonly group: string | null;
  readonly direction: Direction;
  readonly standing: Standing;
  readonly detail: string;
}

export type Winner =
  | {
      readonly kind: 'replicas';
      readonly replicas: number;
      readonly direction: Direction;
      /** The check that decided. */
      readonly check: string;
      /** Set when that check failed: the number stands because of it. */
      readonly limited: StrategyReason | null;
      /** By name. */
      readonly standings: readonly CheckStanding[];
    }
  | NoProposal;

interface Vote {
  readonly check: Check;
  readonly direction: Direction;
  readonly replicas: number;
  /** Why it failed; null when it did not. */
  readonly failed: StrategyReason | null;
}

const RANK: Readonly<Record<Direction, number>> = { down: 0, stay: 1, up: 2 };

/** Picks the winner. `current` is the number of replicas wanted now. */
export function pickWinner(
  checks: readonly Check[],
  current: number,
  compatibility: NomadCompatibility,
): Winner {
  const byName = checks.toSorted((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
  const votes = byName.map((check) => voteOf(check, current));
  const aborting = votes.find(({ check }) => check.proposal.kind === 'none');
  if (compatibility === 'nomad' && aborting !== undefined) return abortedBy(aborting); // row L
  const groupWinners = winnersOfGroups(votes);
  const winner = best(groupWinners);
  if (winner === null) return none('signal_absent', 'there are no checks');
  if (winner.check.proposal.kind === 'none' && votes.every(({ failed }) => failed !== null)) {
    return abortedBy(winner);
  }
  return {
    kind: 'replicas',
    replicas: winner.replicas,
    direction: winner.direction,
    check: winner.check.name,
    limited: winner.failed,
    standings: votes.map((vote) => standingOf(vote, winner, groupWinners)),
  };
}

function abortedBy({ check }: Vote): NoProposal {
  const { proposal } = check;
  const reason = proposal.kind === 'none' ? proposal.reason : 'signal_absent';
  return none(reason, `${check.name}: ${proposal.detail}`);
}

/** A proposal that was made from incomplete inputs may go up; otherwise it counts as failed. */
function voteOf(check: Check, current: number): Vote {
  const { proposal } = check;
  if (proposal.kind === 'none') {
    return { check, direction: 'stay', replicas: current, failed: proposal.reason };
  }
  const { replicas, limited } = proposal;
  if (replicas > current) return { check, direction: 'up', replicas, failed: null };
  if (limited !== null) return { check, direction: 'stay', replicas: current, failed: limited };
  const direction = replicas < current ? 'down' : 'stay';
  return { check, direction, replicas, failed: null };
}

function winnersOfGroups(votes: readonly Vote[]): readonly Vote[] {
  const alone = votes.filter(({ check }) => check.group === null);
  const names = new Set(votes.flatMap(({ check }) => check.group ?? []));
  const winners = [...names].toSorted().map((name) => {
    const members = votes.filter(({ check }) => check.group === name);
    return best(members.filter((vote) => !abstains(vote))) ?? best(members);
  });
  return [...alone, ...winners.filter((winner) => winner !== null)];
}

function abstains({ direction, failed }: Vote): boolean {
  return direction === 'stay' && failed === null;
}

/** Of equals the first; the votes come by name. */
function best(votes: readonly Vote[]): Vote | null {
  let winner: Vote | null = null;
  for (const vote of votes) {
    if (winner === null || beats(vote, winner)) winner = vote;
  }
  return winner;
}

function beats(vote: Vote, winner: Vote): boolean {
  const distance = RANK[vote.direction] - RANK[winner.direction];
  return distance > 0 || (distance === 0 && vote.replicas > winner.replicas);
}

function standingOf(vote: Vote, winner: Vote, groupWinners: readonly Vote[]): CheckStanding {
  const { check, direction } = vote;
  const { name, group, proposal } = check;
  const told = (standing: Standing) => ({
    name,
    group,
    direction,
    standing,
    detail: proposal.detail,
  });
  if (vote === winner) return told('winner');
  if (vote.failed !== null) return told('failed');
  if (groupWinners.includes(vote)) return told('outvoted');
  return told(abstains(vote) ? 'abstained' : 'outvoted_in_group');
}
