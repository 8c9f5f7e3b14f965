/**
 * What the scale loop shows of itself: durations per stage, replicas, proposals, ages, decisions by
 * reason, actions by outcome. Reads what the loop hands it and changes nothing.
 */

import type { ActionOutcome } from '../model/command.ts';
import type { DecisionRecord, InFlightAction, Proposal } from '../model/decision.ts';
import { MODES, weakerMode } from '../model/mode.ts';
import type { Clock } from '../ports/clock.ts';
import type { PlaneState } from '../state/state.ts';
import type { Series } from '../telemetry/series.ts';
import { actualOf } from './sight.ts';
import type { Sight } from './sight.ts';

export type ScaleStageName = 'observe' | 'verify' | 'decide' | 'commit' | 'act';

export class ScaleTelemetry {
  readonly #series: Series;
  readonly #clock: Clock;
  readonly #known = new Set<string>();

  constructor(series: Series, clock: Clock) {
    this.#series = series;
    this.#clock = clock;
  }

  async stage<T>(stage: ScaleStageName, work: () => Promise<T> | T): Promise<T> {
    const startMs = this.#clock.monotonicMs();
    try {
      return await work();
    } finally {
      const seconds = (this.#clock.monotonicMs() - startMs) / 1_000;
      this.#series.stageDuration.observe({ stage }, seconds);
    }
  }

  seen(state: PlaneState, sight: Sight): void {
    const series = this.#series;
    this.#introduce(Object.keys(state.workloads));
    series.workloads.set({}, Object.keys(state.workloads).length);
    series.policies.set({}, Object.keys(state.policies).length);
    for (const mode of MODES) series.planeMode.set({ mode }, mode === state.mode ? 1 : 0);
    for (const [workload, entry] of Object.entries(state.workloads)) {
      series.replicasDesired.set({ workload }, entry.desired);
      const effective = weakerMode(state.mode, entry.mode);
      for (const mode of MODES)
        series.workloadMode.set({ workload, mode }, mode === effective ? 1 : 0);
      const actual = actualOf(sight.replicas.get(workload));
      if (actual.kind === 'unknown') {
        series.replicasReady.remove({ workload });
        series.replicasStarting.remove({ workload });
      } else {
        series.replicasReady.set({ workload }, actual.ready);
        series.replicasStarting.set({ workload }, actual.starting);
      }
    }
    const inFlight = Object.values(state.workloads).filter((entry) => entry.inFlight !== null);
    series.actionsInFlight.set({}, inFlight.length);
  }

  decided(records: readonly DecisionRecord[]): void {
    const series = this.#series;
    for (const { workloadId: workload, outcome, atMs } of records) {
      const { kind, reason } = outcome.verdict;
      series.evaluations.inc({ workload, outcome: kind, reason });
      series.lastEvaluation.set({ workload }, atMs / 1_000);
      for (const proposal of outcome.proposals) this.#proposed(workload, proposal);
    }
  }

  /** Called once the targets have been told. */
  acted(records: readonly DecisionRecord[], nowMs: number): void {
    for (const record of records) {
      if (record.outcome.verdict.kind === 'hold') continue;
      const ages = record.outcome.proposals.flatMap((proposal) =>
        proposal.kind === 'replicas' ? [proposal.ageMs] : [],
      );
      if (ages.length === 0) continue;
      const sampledMs = record.atMs - Math.max(...ages);
      this.#series.sampleToAction.observe({}, Math.max(0, nowMs - sampledMs) / 1_000);
    }
  }

  finished(action: InFlightAction, outcome: ActionOutcome, atMs: number): void {
    const direction = action.toReplicas > action.fromReplicas ? 'out' : 'in';
    this.#series.actions.inc({ workload: action.workloadId, direction, outcome });
    const seconds = Math.max(0, atMs - action.startedAtMs) / 1_000;
    this.#series.actionDuration.observe({ outcome }, seconds);
  }

  #proposed(workload: string, proposal: Proposal): void {
    const series = this.#series;
    const labels = { workload, metric: proposal.metric };
    if (proposal.ageMs === null) {
      series.decisionInputAge.remove(labels);
    } else {
      const seconds = proposal.ageMs / 1_000;
      series.decisionInputAge.set(labels, seconds);
      series.decisionInputAgeDistribution.observe({}, Math.max(0, seconds));
    }
    if (proposal.kind === 'replicas') series.proposalReplicas.set(labels, proposal.replicas);
    else series.proposalReplicas.remove(labels);
  }

  #introduce(workloads: readonly string[]): void {
    const present = new Set(workloads);
    for (const workload of present) {
      if (this.#known.has(workload)) continue;
      this.#series.introduceWorkload(workload);
      this.#known.add(workload);
    }
    for (const workload of this.#known) {
      if (present.has(workload)) continue;
      this.#series.forgetWorkload(workload);
      this.#known.delete(workload);
    }
  }
}
