/**
 * One policy through the whole history: the plant, the live plane, and what is kept of each step. Given
 * the same arguments it returns the same run, bit for bit.
 */

import { BACKTEST_LIMITS } from '../model/backtest.ts';
import type {
  BacktestPolicy,
  ChangeEntry,
  Kill,
  Outage,
  Point,
  PolicyRun,
  RunSeries,
} from '../model/backtest.ts';
import type { ScaleOutcome } from '../model/decision.ts';
import type { ActiveSchedule } from '../model/schedule.ts';
import { BandBuilder } from './downsample.ts';
import type { Buckets } from './downsample.ts';
import { WindowWalk } from './injections.ts';
import { LiveForecast } from './live-forecast.ts';
import { LivePlane } from './live-plane.ts';
import { Measuring } from './measures.ts';
import { MissKeeper, stageLines } from './misses.ts';
import { replicaFacts } from './replica-facts.ts';
import { Sensors } from './sensors.ts';
import type { Sensor } from './sensors.ts';
import { simulate } from './simulate.ts';
import type { Step, View, World } from './simulate.ts';

/** What all runs of a backtest have in common. */
export interface Stage {
  readonly world: World;
  readonly load: ArrayLike<number>;
  readonly outages: readonly Outage[];
  readonly kills: readonly Kill[];
  readonly buckets: Buckets;
}

/** One policy with what its signals recorded. */
export interface Actor {
  readonly policy: BacktestPolicy;
  readonly sensors: readonly Sensor[];
  /** Windows of the policy's schedules, in the order of their beginnings. */
  readonly schedules: readonly ActiveSchedule[];
  /** What its forecast's metric was before the beginning; empty where that is not known. */
  readonly before: readonly Point[];
}

export function runPolicy(stage: Stage, actor: Actor, memory: PolicyRun['memory']): PolicyRun {
  const { policy, label } = actor.policy;
  const keeper = new RunKeeper(stage, policy.replicasMax);
  const pilot = new Pilot(stage, actor, memory);
  const lateAtEnd = simulate(
    stage.world,
    stage.load,
    (view) => pilot.decide(view),
    (step) => keeper.take(step, pilot),
  );
  return {
    label: memory === 'kept' ? label : `${label}, memory lost at each kill`,
    policyId: policy.id,
    replicasMax: policy.replicasMax,
    memory,
    scaleInsDuringOutages: pilot.scaleInsDuringOutages,
    ...keeper.read(lateAtEnd),
  };
}

interface ScheduleWindow extends Kill {
  readonly schedule: ActiveSchedule;
}

/** Stands between plant and plane: who decides when, on what. */
class Pilot {
  outcome: ScaleOutcome | null = null;
  /** Wanted before the last decision. */
  before: number;
  scaleInsDuringOutages = 0;
  readonly #plane: LivePlane;
  readonly #sensors: Sensors;
  readonly #outages: WindowWalk<Outage>;
  readonly #kills: WindowWalk<Kill>;
  readonly #schedules: WindowWalk<ScheduleWindow>;
  readonly #forgets: boolean;
  readonly #looksAtReplicas: boolean;
  readonly #world: World;
  readonly #forecast: LiveForecast | null;
  #wasKilled = false;

  constructor({ world, outages, kills }: Stage, actor: Actor, memory: PolicyRun['memory']) {
    const { policy } = actor.policy;
    this.#world = world;
    this.#plane = new LivePlane(policy, world.replicasInitial);
    this.#sensors = new Sensors(world, policy, actor.sensors);
    this.#outages = new WindowWalk(outages);
    this.#kills = new WindowWalk(kills);
    this.#schedules = new WindowWalk(
      actor.schedules.map((schedule) => ({ ...schedule, toMs: schedule.untilMs, schedule })),
    );
    this.#forgets = memory === 'forgotten';
    this.#looksAtReplicas = (policy.strategies ?? []).some((spec) => 'replicaLabel' in spec);
    const { forecast } = policy;
    this.#forecast =
      forecast === undefined ? null : new LiveForecast(policy, forecast, actor.before);
    this.before = world.replicasInitial;
  }

  decide(view: View): number {
    const { nowMs, ready, booting: starting, cohorts } = view;
    const outages = this.#outages.at(nowMs);
    const replicas = this.#looksAtReplicas ? replicaFacts(this.#world, cohorts()) : null;
    const sensed = this.#sensors.read(view, outages, replicas);
    this.#forecast?.observe(nowMs, sensed.observations);
    this.before = this.#plane.desired;
    if (this.#kills.at(nowMs).length > 0) {
      this.#wasKilled = true;
      this.outcome = null;
      return this.before;
    }
    if (this.#wasKilled && this.#forgets) this.#plane.forget(ready, starting);
    this.#wasKilled = false;
    const schedules = this.#schedules.at(nowMs).map(({ schedule }) => schedule);
    const forecast = this.#forecast?.read(nowMs) ?? null;
    const tick = { nowMs, ready, starting, sensed, replicas, schedules, forecast };
    const { input, outcome } = this.#plane.tick(tick);
    this.before = input.desired;
    this.outcome = outcome;
    if (outages.length > 0 && outcome.verdict.replicas < input.desired) {
      this.scaleInsDuringOutages += 1;
    }
    return this.#plane.desired;
  }
}

/** What is kept of a run while it goes. */
class RunKeeper {
  readonly #measuring: Measuring;
  readonly #misses: MissKeeper;
  readonly #series: SeriesKeeper;
  readonly #holds = new Map<string, number>();
  readonly #changes: ChangeEntry[] = [];
  #changed = 0;

  constructor({ world, buckets }: Stage, maximum: number) {
    this.#measuring = new Measuring(world, maximum);
    this.#misses = new MissKeeper(world);
    this.#series = new SeriesKeeper(buckets);
  }

  take(step: Step, { outcome, before }: Pick<Pilot, 'outcome' | 'before'>): void {
    this.#measuring.take(step);
    this.#misses.take(step, outcome, before);
    this.#series.take(step);
    if (outcome === null) return;
    const { verdict, stages } = outcome;
    if (verdict.kind === 'hold') {
      this.#holds.set(verdict.reason, (this.#holds.get(verdict.reason) ?? 0) + 1);
      return;
    }
    this.#changed += 1;
    if (this.#changes.length >= BACKTEST_LIMITS.changesMax) return;
    this.#changes.push({
      atMs: step.nowMs,
      fromReplicas: before,
      toReplicas: verdict.replicas,
      reason: verdict.reason,
      stages: stageLines(stages),
    });
  }

  read(lateAtEnd: number) {
    const { misses, omitted } = this.#misses.read();
    const holds = [...this.#holds].map(([reason, ticks]) => ({ reason, ticks }));
    return {
      measures: this.#measuring.read(lateAtEnd),
      holds: holds.sort((a, b) => b.ticks - a.ticks || (a.reason < b.reason ? -1 : 1)),
      changes: this.#changes,
      changesOmitted: this.#changed - this.#changes.length,
      misses,
      missesOmitted: omitted,
      series: this.#series.read(),
    };
  }
}

/** The series of one run, of a policy or of the oracle. */
export class SeriesKeeper {
  readonly #ready: BandBuilder;
  readonly #desired: BandBuilder;
  readonly #missed: BandBuilder;
  readonly #waiting: BandBuilder;

  constructor(buckets: Buckets) {
    this.#ready = new BandBuilder(buckets);
    this.#desired = new BandBuilder(buckets);
    this.#missed = new BandBuilder(buckets);
    this.#waiting = new BandBuilder(buckets);
  }

  take({ at, ready, desired, lost, late, waiting }: Step): void {
    this.#ready.take(at, ready);
    this.#desired.take(at, desired);
    this.#missed.take(at, lost + late);
    this.#waiting.take(at, waiting);
  }

  read(): RunSeries {
    return {
      ready: this.#ready.band(),
      desired: this.#desired.band(),
      missed: this.#missed.band().max,
      waiting: this.#waiting.band().max,
    };
  }
}
