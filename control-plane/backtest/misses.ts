/**
 * When load was missed, and what had been decided by then. Steps with missed load that are less than a
 * boot time apart are one miss; of all misses the largest are kept, each with the ticks from one boot
 * time before it on, as runs of equal verdicts. It explains nothing: the reasons are the decider's.
 */

import { BACKTEST_LIMITS } from '../model/backtest.ts';
import type { Episode, Miss } from '../model/backtest.ts';
import type { ScaleOutcome, StageRecord } from '../model/decision.ts';
import type { Step } from './simulate.ts';

/** What was decided in a step; null when nobody did. */
export type Decided = Pick<ScaleOutcome, 'verdict' | 'stages'> | null;

interface OpenEpisode {
  readonly fromMs: number;
  toMs: number;
  ticks: number;
  readonly verdict: Episode['verdict'];
  readonly reason: string;
  readonly fromReplicas: number;
  toReplicas: number;
  stages: readonly StageRecord[];
}

interface OpenMiss {
  readonly fromMs: number;
  toMs: number;
  missed: number;
  peakLoad: number;
  readyThen: number;
  readonly episodes: OpenEpisode[];
}

/** Episodes before a miss that are remembered, at most. */
const REMEMBERED_MAX = 64;

export class MissKeeper {
  readonly #bootMs: number;
  readonly #capacity: number;
  #recent: OpenEpisode[] = [];
  #open: OpenMiss | null = null;
  #kept: OpenMiss[] = [];
  #closed = 0;
  #all = 0;

  constructor(world: { readonly bootMs: number; readonly replicaCapacity: number }) {
    this.#bootMs = world.bootMs;
    this.#capacity = world.replicaCapacity;
  }

  take(step: Step, decided: Decided, before: number): void {
    this.#remember(step, decided, before);
    const missed = step.lost + step.late;
    if (missed <= 0) {
      if (this.#open !== null && step.nowMs - this.#open.toMs > this.#bootMs) this.#close();
      return;
    }
    this.#all += missed;
    this.#open ??= this.#begin(step);
    const miss = this.#open;
    miss.toMs = step.nowMs;
    miss.missed += missed;
    if (step.load <= miss.peakLoad) return;
    miss.peakLoad = step.load;
    miss.readyThen = step.ready;
  }

  /** The largest misses, largest first, and how many more there were. */
  read(): { readonly misses: readonly Miss[]; readonly omitted: number } {
    this.#close();
    const misses = this.#kept.map((miss): Miss => {
      const { fromMs, toMs, missed, peakLoad, readyThen } = miss;
      return {
        ...{ fromMs, toMs, missed, peakLoad, readyThen },
        shareOfAll: this.#all === 0 ? 0 : missed / this.#all,
        replicasNeeded: Math.ceil(peakLoad / this.#capacity - 1e-9),
        episodes: miss.episodes.slice(0, BACKTEST_LIMITS.episodesMax).map(closedEpisode),
      };
    });
    return { misses, omitted: this.#closed - misses.length };
  }

  #remember({ nowMs }: Step, decided: Decided, before: number): void {
    const verdict = decided === null ? 'nobody' : decided.verdict.kind;
    const reason = decided === null ? 'leader_killed' : decided.verdict.reason;
    const toReplicas = decided === null ? before : decided.verdict.replicas;
    const stages = decided?.stages ?? [];
    const last = this.#recent.at(-1);
    if (last?.reason === reason && last.verdict === verdict && verdict !== 'act') {
      Object.assign(last, { toMs: nowMs, ticks: last.ticks + 1, toReplicas, stages });
      return;
    }
    const about = { verdict, reason, fromReplicas: before, toReplicas, stages } as const;
    const episode: OpenEpisode = { fromMs: nowMs, toMs: nowMs, ticks: 1, ...about };
    this.#recent.push(episode);
    if (this.#recent.length > REMEMBERED_MAX)
      this.#recent = this.#recent.slice(-REMEMBERED_MAX / 2);
    const open = this.#open;
    if (open === null || open.episodes.length >= REMEMBERED_MAX) return;
    open.episodes.push(episode);
  }

  #begin({ nowMs, load, ready }: Step): OpenMiss {
    const sinceMs = nowMs - this.#bootMs;
    const episodes = this.#recent.filter(({ toMs }) => toMs >= sinceMs);
    const about = { missed: 0, peakLoad: load, readyThen: ready };
    return { fromMs: nowMs, toMs: nowMs, ...about, episodes };
  }

  #close(): void {
    const miss = this.#open;
    if (miss === null) return;
    this.#open = null;
    this.#closed += 1;
    const within = miss.episodes.filter(({ fromMs }) => fromMs <= miss.toMs);
    this.#kept.push({ ...miss, episodes: within.map((episode) => ({ ...episode })) });
    this.#kept.sort((a, b) => b.missed - a.missed || a.fromMs - b.fromMs);
    this.#kept = this.#kept.slice(0, BACKTEST_LIMITS.missesMax);
  }
}

function closedEpisode({ stages, ...episode }: OpenEpisode): Episode {
  return { ...episode, stages: stageLines(stages) };
}

/** The stages that had something to say, one line each. */
export function stageLines(stages: readonly StageRecord[]): readonly string[] {
  return stages
    .filter(({ reason, before, after }) => reason !== null || before !== after)
    .map(({ stage, before, after, reason, detail }) => {
      const moved = before === after ? `${after}` : `${before} → ${after}`;
      return `${stage}: ${moved}, ${reason ?? 'no reason'}${detail === '' ? '' : ` (${detail})`}`;
    });
}
